"""What the ready sheets really send, filled in, when they are run from end to end: no rule is broken by it."""

from __future__ import annotations

import re

import pytest

from coordinator import rules
from coordinator.core.matching import folded
from coordinator.core.wording import Use, judged
from coordinator.runsheet.ready import KINDS, ready_sheet
from coordinator.runsheet.source import from_yaml
from tests.core.driver import HOUR, MINUTE, START, Sale

DAYS = 24 * HOUR
OWN_PAGE = re.compile(r"https://d\.example/[lcg]/\w+")  # of a link, a coupon, a game
FILLED_IN = frozenset({"SCARCE", "FAKE-COUNT"})  # a number that was filled in reads like one that was typed


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_a_ready_sheet_sends_breaks_a_rule(kind: str) -> None:
    sheet = from_yaml(ready_sheet(kind, now_ms=START)).value
    assert isinstance(sheet, dict)
    sale = Sale(sheet, relays=False, check=False)
    sale.do("owner", "show.arm")
    plan = sale.state.p
    sale.advance(plan.start)
    sale.do("controller", "show.start")
    sale.advance(plan.start + 10 * DAYS)
    sale.do("controller", "show.end")
    sale.advance(plan.start + 20 * DAYS)
    sent = [(e.content.text, False) for e in sale.of("delivery.requested")] + [
        (e.text, True) for e in sale.of("task.assigned")
    ]
    assert len(sent) > 20, "the sheet sent hardly anything"
    known = sale.state.index.addresses
    for text, posted in sent:
        plain = OWN_PAGE.sub("{link}", text)
        found = judged(rules.judge(), plain, Use(known=known, posted=posted))
        assert [(f.rule, f.term) for f in found if f.rule not in FILLED_IN] == [], text
        assert not posted or [f.rule for f in found] == [], text
    last: dict[tuple[str, str], int] = {}
    for e in sale.of("delivery.requested"):
        key = (e.group, folded(e.content.text.partition("https://")[0]))
        assert e.fire_at - last.get(key, 0) >= 10 * MINUTE, f"{e.content.text} twice within ten minutes"
        last[key] = e.fire_at
