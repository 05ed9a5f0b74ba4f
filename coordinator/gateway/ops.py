"""For those who run it: health, readiness, metrics."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from coordinator.core import CODES
from coordinator.gateway.api import reply
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.delivery_metrics import deliveries
from coordinator.waiting import CLASSES

LATE_BUCKETS_MS = (1, 3, 5, 10, 20, 50, 100, 500, 1_000, 10_000)


async def healthz(_: web.Request) -> web.Response:
    """The process answers."""
    return reply({"ok": True})


async def readyz(request: web.Request) -> web.Response:
    """It takes connections and can write: 503 with the reason where it cannot."""
    gateway = request.app[GATEWAY]
    reasons = [f"{s.id}: {s.conductor.unavailable}" for s in gateway.registry.here() if s.conductor.unavailable]
    if (cut := getattr(gateway.registry, "cut", None)) is not None:
        reasons.append(f"the store is not reached: {cut}")
    if not gateway.ready:
        reasons.append("starting or stopping")
    return reply({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)


class _Sales(Collector):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> list[Metric]:
        from coordinator.core.cues import Cue

        buckets = dict.fromkeys(LATE_BUCKETS_MS, 0)
        total, sum_ = 0, 0
        for sale in self._gateway.registry.here():
            cues: list[Cue] = list(sale.conductor.state.cues.values())
            for late in [c.late_ms for c in cues if c.late_ms is not None]:
                total, sum_ = total + 1, sum_ + late
                for bucket in LATE_BUCKETS_MS:
                    buckets[bucket] += late <= bucket
        late_ms = HistogramMetricFamily("dropcue_cue_late_ms", "How late cues fired, in ms.")
        late_ms.add_metric([], [*((str(b), n) for b, n in buckets.items()), ("+Inf", total)], sum_)
        return [late_ms, self._waiting(), self._refused(), self._turned_away(), *deliveries(self._gateway)]

    def _waiting(self) -> Metric:
        waiting = GaugeMetricFamily("dropcue_commands_waiting", "Commands that wait to be decided.", labels=["class"])
        for of, name in enumerate(CLASSES):
            waiting.add_metric([name], sum(s.conductor.waiting_by_class[of] for s in self._gateway.registry.here()))
        return waiting

    def _refused(self) -> Metric:
        refused = CounterMetricFamily("dropcue_commands_refused", "Commands that were refused.", labels=["code"])
        for code in CODES:
            refused.add_metric([code], self._gateway.registry.refusals[code])
        return refused

    def _turned_away(self) -> Metric:
        turned_away = CounterMetricFamily(
            "dropcue_greetings_turned_away", "Connections that were told to come back later."
        )
        turned_away.add_metric([], self._gateway.door.turned_away)
        return turned_away


def metrics_registry(gateway: Gateway) -> CollectorRegistry:
    registry = CollectorRegistry()
    here = gateway.registry.here

    def gauge(name: str, text: str, value: object) -> None:
        Gauge(name, text, registry=registry).set_function(value)  # type: ignore[arg-type]  # its stub asks for float()

    gauge("dropcue_connections", "Websockets that are open.", lambda: len(gateway.connections))
    gauge("dropcue_sales", "Sales that are conducted here.", lambda: len(here()))
    gauge("dropcue_events", "Events in the journals conducted here.", lambda: sum(s.hub.head for s in here()))
    gauge("dropcue_greetings", "Connections that are being greeted.", lambda: gateway.door.under_way)
    gauge("dropcue_loop_late_seconds", "How late the service's own loop is.", lambda: gateway.door.late)
    gauge("dropcue_connections_lagging", "Connections that read too slowly.",
          lambda: sum(c.outbox.lagging for c in gateway.connections))  # fmt: skip
    gauge("dropcue_clicks_shed", "Clicks that were not recorded under overload.", lambda: gateway.shed_clicks)
    registry.register(_Sales(gateway))
    return registry


_METRICS: web.AppKey[CollectorRegistry] = web.AppKey("metrics")


async def metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(request.app[_METRICS]), headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_routes(app: web.Application) -> None:
    app[_METRICS] = metrics_registry(app[GATEWAY])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
