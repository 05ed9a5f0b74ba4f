"""What `/metrics` says of deliveries: how they stand and how late they were sent, by relay and platform."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from coordinator.core.traffic import Traffic
from coordinator.gateway.context import Gateway

STANDINGS = ("waiting", "limited", "sent", "failed", "unknown")
LATE_BUCKETS_MS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000)
"""At most two digits each, as `core.traffic` counts: no time falls on the wrong side of one."""
MOST_RELAYS = 50  # with a label of their own; a label for each of many would be more than a scrape can bear
OTHERS = "others"


def deliveries(gateway: Gateway) -> list[Metric]:
    """Of the sales that are conducted here. Beyond MOST_RELAYS, relays are counted together."""
    found: dict[tuple[str, str], list[Traffic]] = {}
    relays: dict[str, str] = {}
    for sale in gateway.registry.here():
        for each in sale.conductor.state.traffic.values():
            relay = relays.setdefault(each.relay, each.relay if len(relays) < MOST_RELAYS else OTHERS)
            found.setdefault((relay, each.platform), []).append(each)
    standing = GaugeMetricFamily(
        "dropcue_deliveries", "Deliveries as they stand; limited: they wait for a platform's rate window.",
        labels=["relay", "platform", "standing"],
    )  # fmt: skip
    late = HistogramMetricFamily(
        "dropcue_delivery_late_ms", "Real ms from a drop's moment to its sending.", labels=["relay", "platform"]
    )
    for labels, traffic in sorted(found.items()):
        for name in STANDINGS:
            standing.add_metric([*labels, name], sum(getattr(each, name) for each in traffic))
        times = [pair for each in traffic for pair in each.late]
        counts = [(str(most), sum(n for ms, n in times if ms <= most)) for most in LATE_BUCKETS_MS]
        total = sum(n for _, n in times)
        late.add_metric(list(labels), [*counts, ("+Inf", total)], sum(ms * n for ms, n in times))
    return [standing, late]
