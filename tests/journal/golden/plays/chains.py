"""Chains that are completed and that fail."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def played() -> Sale:
    """A chain of the sheet that unlocks a price, one by hand that unlocks a coupon, one that its deadline ends."""
    cue = {
        "id": "chain",
        "at": "start",
        "do": "chain.open",
        "product": "pan",
        "target": 2,
        "until": "5m",
        "unlocks": {"price": "99.00"},
    }
    sale = Sale(sheet(segment(cue, lasts="30m"))).live()
    step = sale.do
    sale.advance(START + 2 * SECOND)
    for member, group in (("m1", "g1"), ("m2", "g2")):
        step("r1", "chain.join", member=member, group=group)
    step("controller", "chain.open", product="knife", target=1, until=MINUTE, unlocks={"coupon": "c20"}, groups=["g1"])
    sale.advance(sale.now + 3 * SECOND)
    step("audience", "chain.join", group="g1")
    step("cheer", "chain.open", product="knife", target=5, until=MINUTE)
    sale.advance(sale.now + 2 * MINUTE)
    return sale
