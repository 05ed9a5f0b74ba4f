"""Support and cheer: clocks, leases, phrases, the end of a shift."""

from __future__ import annotations

from coordinator.core import Actor
from tests.core.driver import MINUTE, SECOND, Sale, segment, sheet

DAN = Actor("support", "dan")
PHRASES = [{"id": "price", "title": "价格", "text": "现在 {price}, 还剩 {stock} 件", "product": "pan"}]


def played() -> Sale:
    """A shift of support: what was taken, lost, handed over and answered."""
    sale = Sale(sheet(segment(lasts="2h"), phrases=PHRASES, service={"lease": "40s"}))
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
    return sale
