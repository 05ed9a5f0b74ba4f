"""Relays tell their rate windows; what waits for one is forecast, and counted by platform."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale


def played() -> Sale:
    sale = Sale().live()
    step = sale.do
    limits = [{"count": 1, "per_ms": MINUTE}, {"count": 5, "per_ms": 5 * MINUTE}]
    robot = {"credential": "robot", "platform": "wecom", "limits": limits}
    groups = {"g1": "robot", "g2": "robot", "elsewhere": "robot"}
    step("r1", "relay.limits", credentials=[robot], groups=groups)
    step("controller", "link.drop", product="pan", groups="tier:vip | tier:member")
    sale.advance(START + 2 * SECOND)
    step("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=sale.now + 40)
    step("r1", "delivery.report", delivery="d2", attempt=1, outcome="waiting", until=sale.now + MINUTE)
    step("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * MINUTE)
    step("r1", "delivery.report", delivery="d2", attempt=1, outcome="unknown")
    used = [START + MINUTE, START + 2 * MINUTE - SECOND, START + 2 * MINUTE]
    step("r1", "relay.limits", credentials=[robot | {"used": used}], groups=groups)
    bot = {"credential": "bot", "platform": "telegram", "limits": [{"count": 30, "per_ms": SECOND}]}
    bot |= {"group_limits": [{"count": 1, "per_ms": SECOND}, {"count": 20, "per_ms": MINUTE}]}
    step("r2", "relay.limits", credentials=[bot], groups={"g3": "bot"}, used={"g3": [sale.now - SECOND]})
    step("controller", "link.drop", product="pan", groups="all")
    return sale
