"""How deliveries ended and how late they were sent, by the platforms that relays told."""

from __future__ import annotations

from coordinator.journal import codec
from coordinator.journal.base import Entry
from replay.metrics import figures_of
from replay.tables import Tables
from tests.core.driver import MINUTE, SECOND, START, Sale


def sent(sale: Sale, relay: str, delivery: str, late_ms: int) -> None:
    at = START + 2 * SECOND + late_ms
    sale.do(relay, "delivery.report", delivery=delivery, attempt=1, outcome="sent", sent_at=at)


def test_the_review_tells_platforms_apart_and_says_nothing_of_those_that_nobody_told() -> None:
    sale = Sale().live()
    for relay, group, platform in (("r1", "g1", "wecom"), ("r1", "g2", "dingtalk")):
        known = sale.state.windows.get(relay)
        credentials = [
            {"credential": n, "platform": c.platform} for n, c in (known.credentials if known else {}).items()
        ]
        groups = dict(known.groups) if known else {}
        entry = {"credential": platform, "platform": platform}
        sale.do(relay, "relay.limits", credentials=[*credentials, entry], groups=groups | {group: platform})
    sale.do("controller", "link.drop", product="pan", groups="all")
    sale.advance(START + MINUTE)
    sent(sale, "r1", "d1", 100)
    sale.do("r1", "delivery.report", delivery="d2", attempt=1, outcome="rejected")
    sent(sale, "r2", "d3", 900)

    tables = Tables("kitchen")
    tables.take(Entry(e.seq, *codec.encode(e)) for e in sale.events)
    tables.finish()
    found = {
        (f.name, (f.scope or {}).get("platform") or (f.scope or {}).get("group")): f.value
        for f in figures_of(tables)
        if f.name in {"late_sent_p99_ms", "deliveries_sent", "deliveries_lost"}
    }
    assert found["late_sent_p99_ms", "wecom"] == 100
    assert (found["deliveries_sent", "wecom"], found["deliveries_lost", "wecom"]) == (1, 0)
    assert (found["deliveries_sent", "dingtalk"], found["deliveries_lost", "dingtalk"]) == (0, 1)
    assert (found["deliveries_sent", "g3"], found["deliveries_sent", None]) == (1, 2)
    assert not {name for name, of in found if of == ""}
