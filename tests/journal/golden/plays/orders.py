"""Orders: lives out of order, corrections, flags, and what led to them."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Actor, Sale, segment, sheet


def played() -> Sale:
    sale = Sale(sheet(segment(lasts="1h"), attribution={"window": "30m", "rule": "last_touch"})).live()
    step = sale.do

    def order(name: str, status: str, **fields: object) -> None:
        step("shop", "order.report", order=name, status=status, **fields)

    step("controller", "link.drop", product="pan", groups="all")
    step("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 3 * SECOND)
    key = next(k for k, a in sale.state.keys.items() if (a.drop, a.group) == ("drop1", "g2"))
    step(Actor("audience", "m1"), "link.click", link=key)
    code = step("r1", "coupon.claim", coupon="c20", member="m2", group="g1")["code"]
    lines = [{"product": "pan", "quantity": 2, "price": 12900}, {"product": "knife", "quantity": 1, "price": 5900}]
    order("clicked", "placed", member="m1", lines=lines, happened_at=START + 3 * SECOND)
    order("named", "paid", member="m1", link=key, amount=31700, lines=lines)
    order("claimed", "paid", member="m2", lines=lines)
    order("coupon", "refunded", member="m2", coupon=code, lines=[lines[1]])
    order("coupon", "shipped")
    order("coupon", "paid", amount=29700, lines=lines)
    step("shop", "coupon.redeem", code=code, order="coupon")
    order("group", "placed", group="g3", amount=1)
    order("nothing", "paid", amount=100)
    order("nothing", "paid", amount=200, member="m9")
    order("nothing", "paid", amount=300, member="m8")
    order("nothing", "refunded", amount=500)
    order("odd", "paid", amount=1, link="elsewhere", coupon="NOTHING", lines=lines)
    order("late", "paid", amount=100, happened_at=START + 2)
    order("late", "paid", amount=50, happened_at=START + 1)
    order("clicked", "cancelled")
    step("controller", "link.drop", product="pan", groups="all", text="{price} {stock} {link}")
    sale.advance(sale.now + 3 * SECOND)
    for d in [d for d in sale.state.deliveries.values() if d.drop == "drop3"]:
        step(d.relay, "delivery.report", delivery=d.id, attempt=1, outcome="sent", sent_at=sale.now)
    step("controller", "product.reprice", product="pan", price=9900)
    step("controller", "product.restock", product="pan", stock=10)
    step("controller", "correction.send", correction="x1")
    step("controller", "correction.dismiss", correction="x2")
    step("controller", "audience.report", viewers=300, views=1000, likes=5)
    step("r1", "audience.report", viewers=200)
    step("shop", "channel.expose", channel="海报", count=500)
    step("owner", "cost.report", what="红包", amount=60_000)
    sale.advance(sale.now + MINUTE)
    step("owner", "show.end")
    step("owner", "show.close")
    order("named", "refunded")
    return sale
