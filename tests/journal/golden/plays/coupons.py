"""Coupons of every kind: paid for, lapsed, shared, earned, redeemed, over linked pseudonyms, until their window ends."""

from __future__ import annotations

from typing import Any

from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet

KINDS: list[dict[str, Any]] = [
    {"id": "dep", "kind": "deposit", "title": "付10抵30", "pay": "10.00", "worth": "30.00", "pay_within": "10m", "quantity": 2, "products": ["pan"]},
    {"id": "tenth", "kind": "percent", "title": "9折", "percent": "9折", "at_most": "30.00", "quantity": 5, "until": "+1h"},
    {"id": "pool", "kind": "pool", "title": "瓜分100元", "pool": "100.00", "quantity": 3},
    {"id": "hot", "kind": "flash", "title": "秒杀", "price": "99.00", "products": ["pan"], "quantity": 5, "from": "+1m", "until": "+30m"},
    {"id": "share", "kind": "share_reward", "title": "分享有礼", "shares": 1, "off": "3.00", "quantity": 5},
    {"id": "bought", "kind": "pay_reward", "title": "支付有礼", "spend": "50.00", "off": "5.00", "quantity": 5},
]  # fmt: skip


def played() -> Sale:
    sale = Sale(sheet(segment(lasts="20m"), coupons=KINDS)).live()
    step = sale.do
    for each in KINDS:
        step("controller", "coupon.drop", coupon=each["id"], groups="all")
    sale.advance(START + 2 * MINUTE)
    code = {}
    for coupon in ("dep", "tenth", "pool", "hot"):
        for member in ("m1", "m2"):
            code[coupon, member] = step("r1", "coupon.claim", coupon=coupon, member=member, group="g1")["code"]
    lines = [{"product": "dep", "price": 1000}]
    for status in ("placed", "paid"):
        step(
            "shop",
            "order.report",
            order="o1",
            status=status,
            member="m1",
            coupon=code["dep", "m1"],
            lines=lines,
            amount=1000,
        )
    sale.advance(START + 15 * MINUTE)
    step("shop", "order.report", order="o2", status="paid", coupon=code["dep", "m2"], lines=lines, amount=1000)
    step("shop", "order.report", order="o2", status="refunded", amount=1000)
    step("r1", "group.observe", group="g1", what="joined", member="m9", channel="member:m1")
    step("r1", "coupon.claim", coupon="share", member="m1", group="g1")
    pan = [{"product": "pan", "price": 12900}]
    step("shop", "order.report", order="o3", status="paid", member="m1", lines=pan, amount=12900)
    step("r1", "coupon.claim", coupon="bought", member="m1", group="g1")
    step("shop", "member.link", a="m1", b="m2")
    step("shop", "coupon.redeem", code=code["tenth", "m2"], order="o4", lines=pan)
    step("shop", "coupon.redeem", code=code["dep", "m1"], order="o4", lines=pan)
    step("shop", "coupon.redeem", code=code["pool", "m1"], order="o5", lines=pan)
    sale.advance(START + 2 * HOUR + SECOND)
    return sale
