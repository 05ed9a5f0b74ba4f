"""The spine: the show, its cues and drops, coupons, questions, orders, deliveries."""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

CUES: list[dict[str, Any]] = [
    {"id": "say", "at": "+30s", "prompt": "host", "text": "还剩 {coupon.left} 张"},
    {"id": "show", "at": "start", "do": "product.show", "product": "pan"},
    {"id": "link", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "all", "text": "{price} {link}"},
    {"id": "held", "at": "+90s", "do": "link.drop", "link": "room", "groups": "tier:vip"},
    {"id": "skipped", "at": "+4m", "do": "checkin.open", "groups": "all"},
    {"id": "asked", "at": "+2m", "do": "coupon.drop", "coupon": "c20", "groups": "all", "confirm": "controller"},
    {"id": "low", "when": "coupon vip5 left <= 34%", "prompt": "controller", "text": "快没了", "again after": "1s"},
    {
        "id": "stock",
        "when": "product pan stock < 20",
        "prompt": "host",
        "text": "只剩 {stock} 件",
        "again after": "10s",
    },
    {"id": "cheer", "at": "+10s", "task": "cheer", "text": ["{这个|这口}锅好吗", "包邮吗"]},
]


def played() -> Sale:
    """A sale in which as many kinds of events as possible happen."""
    sale = Sale(sheet(segment(*CUES, lasts="20m"), segment(id="next", lasts="20m")))
    step = sale.do
    step("controller", "group.freeze", group="g3")
    step("controller", "group.thaw", group="g3")
    step("host", "person.ready")
    step("clock", "presence.person", person="lin", role="host", here=True)
    sale.live()
    sale.advance(START + 35 * SECOND)
    step("host", "prompt.ack", prompt="p1")
    step("cheer", "task.done", task="t1", proof="p.png")
    step("host", "note.add", text="开场好")
    sale.advance(START + MINUTE + SECOND)
    for delivery, outcome, more in (
        ("d1", "sent", {"platform_id": "x1", "sent_at": START + MINUTE}), ("d2", "waiting", {"until": START + 2 * MINUTE}),
        ("d2", "awaiting", {}), ("d2", "retry", {"after_ms": 500}),
    ):  # fmt: skip
        attempt = sale.state.deliveries[delivery].attempt
        step("r1", "delivery.report", delivery=delivery, attempt=attempt, outcome=outcome, **more)
    step("r2", "delivery.report", delivery="d3", attempt=1, outcome="unknown")
    step("controller", "delivery.resolve", delivery="d3", choice="resend")
    step("r2", "delivery.report", delivery="d3", attempt=2, outcome="rejected", why="frequency")
    step("controller", "delivery.retry", delivery="d3", from_="2")
    step("r2", "delivery.report", delivery="d3", attempt=3, outcome="expired")
    key = sale.state.deliveries["d1"].content.link or ""
    step("audience", "link.click", link=key.rpartition("/")[2])
    step("controller", "product.reprice", product="pan", price=9900)
    for stock in (10, 30):
        step("controller", "product.restock", product="pan", stock=stock)
    sale.advance(START + 89 * SECOND)
    step("controller", "cue.hold", cue="held", from_=sale.cue("held").run)
    step("controller", "cue.release", cue="held")
    step("controller", "cue.skip", cue="skipped")
    step("controller", "product.restock", product="pan", stock=9)
    sale.advance(START + 3 * MINUTE)
    step("controller", "cue.confirm", cue="asked")
    step("controller", "coupon.drop", coupon="vip5", groups="tier:vip", quantity=3)
    step("controller", "checkin.open", groups="all")
    step("controller", "message.send", content="大家好", groups="group:g2")
    sale.advance(START + 4 * MINUTE)
    codes = [step("r1", "coupon.claim", coupon="vip5", member=f"m{i}", group="g1")["code"] for i in range(3)]
    step("shop", "coupon.redeem", code=codes[0], order="o1")
    step("controller", "coupon.stop", coupon="vip5")
    step("r1", "checkin.join", member="m1", group="g1")
    step("controller", "checkin.close")
    for what in ("joined", "left", "removed"):
        step("r1", "group.observe", group="g1", what=what, member="m1", channel="poster")
    step("r1", "group.observe", group="g1", what="message", member="m1", text="这锅真好", name="小王")
    for group in ("g1", "g2"):
        step("r1", "question.raise", group=group, member="m1", text="包邮吗", name="小李")
    for kind, fields in (
        ("take", {}),
        ("pick", {}),
        ("escalate", {"to": "host"}),
        ("answer", {"content": "包邮"}),
        ("close", {}),
    ):
        step("support", f"question.{kind}", question="q1", **fields)
    lines = [{"product": "pan", "quantity": 2, "price": 9900}]
    for status in ("placed", "paid", "shipped", "cancelled", "refunded"):
        step("shop", "order.report", order="o1", status=status, member="m1", amount=19800, lines=lines, coupon=codes[0])
    step("controller", "cue.add", at=sale.now + MINUTE, do="prompt.send", fields={"to": "host"}, text="加的")
    sale.replace(sheet(segment(*CUES, lasts="21m"), segment(id="next", lasts="20m")), by="controller")
    step("owner", "sheet.approve", version=2)
    step("controller", "show.pause")
    sale.advance(sale.now + MINUTE)
    step("controller", "show.resume")
    step("controller", "show.shift", by_ms=10 * SECOND)
    step("controller", "show.halt", reason="断流")
    step("controller", "show.unhalt")
    step("controller", "segment.extend", by_ms=MINUTE)
    step("clock", "clock.step", by_ms=400)
    step("controller", "segment.next")
    step("controller", "product.hide", product="pan")
    step("clock", "presence.person", person="lin", role="host", here=False)
    sale.relay("r2", here=False)
    step("owner", "show.end")
    step("owner", "show.close")
    return sale
