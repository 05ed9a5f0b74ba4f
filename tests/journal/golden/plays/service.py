"""Support and cheer: clocks, leases, phrases, the end of a shift."""

from __future__ import annotations

from typing import Any

from coordinator.core import Actor
from tests.core.driver import MINUTE, SECOND, Sale, segment, sheet

DAN = Actor("support", "dan")
PHRASES = [{"id": "price", "title": "价格", "text": "现在 {price}, 还剩 {stock} 件", "product": "pan"}]


def played() -> Sale:
    """A shift of support: what was taken, lost, handed over and answered."""
    golden = [{"at": "15:00", "lasts": "1h"}, {"at": "+1h", "lasts": "30m", "minutes": 5}]
    sale = Sale(sheet(segment(lasts="2h"), phrases=PHRASES, service={"lease": "40s"}, golden=golden))
    step = sale.do
    step("clock", "presence.person", person="dan", role="support", here=True)
    sale.live()
    for n, words in enumerate(("包邮吗", "多少钱", "几号发货", "能用燃气灶吗"), 1):
        step("r1", "question.raise", group="g1", member=f"m{n}", text=words, name="小李")
    step("support", "question.take", question="q1")
    sale.advance(sale.now + 30 * SECOND)
    step("support", "question.take", question="q1")
    step("support", "question.take", question="q2")
    step("support", "shift.hand", to="dan")
    step(DAN, "question.answer", question="q2", phrase="price")
    step("support", "question.take", question="q3")
    step("support", "shift.hand", to="support")
    sale.advance(sale.now + 4 * MINUTE)
    step("support", "question.chat", question="q4")
    step("support", "question.answer", question="q1", content="包邮")
    for person, groups in (("mei", None), ("an", ["g2", "g3"])):
        step("clock", "presence.person", person=person, role="cheer", here=True, groups=groups)
    step("controller", "task.assign", who="cheer", groups="all", text="{好|真好}用", within=MINUTE)
    step("controller", "task.assign", who="cheer", text="只有一句")
    step("controller", "task.assign", who="cheer", what="thank", groups="tier:vip")
    step("cheer", "task.done", task="t1", proof="p.png")
    sale.advance(sale.now + 2 * MINUTE)
    for staff, text in (("mei", "这锅真好"), ("an", "这锅真好!"), ("an", sale.state.tasks["t2"].text)):
        step("r1", "group.observe", group="g2", what="message", staff=staff, text=text)
    followed_up(sale)
    return sale


def followed_up(sale: Sale) -> None:
    """Who showed interest and did not buy, and what was made of it."""
    step = sale.do
    paid: dict[str, Any] = {"order": "o1", "member": "m5", "amount": 12900}
    step("shop", "order.report", status="placed", **paid)
    step("audience", "link.click", link="pan")
    step("r1", "member.link", a="m1", b="m9")
    step("r1", "group.observe", group="g1", what="liked", member="m8")
    sale.advance(sale.now + 11 * MINUTE)
    names = {f.member: f.id for f in sale.state.followups.values()}
    for member in ("m5", "m1"):
        step("support", "followup.take", followup=names[member])
    step("support", "member.reveal", followup=names["m5"], why="催付")
    step("support", "followup.message", followup=names["m5"])
    step("shop", "order.report", status="paid", **paid)
    step("support", "followup.close", followup=names["m5"], outcome="bought", reason="忘了付款")
    sale.advance(sale.now + 11 * MINUTE)
    step("support", "member.optout", followup=names["m1"])
    step("support", "member.optin", followup=names["m1"], reason="在群里又问了")
    step("support", "followup.take", followup=names["m2"])
    step("support", "shift.hand", to="support")
