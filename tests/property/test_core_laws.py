"""The laws of the core, on whatever may happen in a sale."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Decided, State, evolve
from coordinator.core.deliveries import FINAL
from coordinator.core.groups import Said
from coordinator.core.state import decode, encode
from coordinator.journal import codec
from coordinator.journal.base import Entry
from tests.core.driver import Sale
from tests.property.steps import STEPS, begun, sheets, take

SHEETS = st.lists(sheets(), min_size=2, max_size=2)
PHASE = st.sampled_from([3, 3, 3, 2, 1, 0])


class Laws:
    """Looks at each step of a sale."""

    def __init__(self, sale: Sale) -> None:
        self.sale = sale
        self.replayed, self.erased = State(sale="kitchen"), State(sale="kitchen")
        self.at = self.seen = 0
        self.fired: set[str] = set()
        self.codes: set[str] = set()
        self.look(Decided(sale.events, set(), None))
        sale.after.append(self.look)

    def look(self, decided: Decided) -> None:
        events, state = decided.events, self.sale.state
        for e in events:
            assert e.seq == self.seen + 1, "a number is left out"
            assert e.at >= self.at, "time runs backwards"
            self.seen, self.at = e.seq, e.at
            body, private = codec.encode(e)
            evolve(self.replayed, codec.decode(Entry(e.seq, body, private)))
            evolve(self.erased, codec.decode(Entry(e.seq, body, None)))
            self.once(e)
        live = encode(state)
        assert encode(self.replayed) == live, "replay gives another state"
        assert encode(decode(live)) == live
        assert encode(self.erased) == encode(without_words(live)), "erasing words changed more than words"
        self.coupons()
        self.deliveries()

    def once(self, e: Any) -> None:
        kind = str(e.__struct_config__.tag)
        if kind == "cue.fired":
            assert e.run not in self.fired, f"run {e.run} fired twice"
            self.fired.add(e.run)
        elif kind == "coupon.claimed":
            assert e.code not in self.codes
            self.codes.add(e.code)

    def coupons(self) -> None:
        state = self.sale.state
        for c in state.coupons.values():
            assert 0 <= c.claimed <= c.quantity
            assert c.left == c.quantity - c.claimed
            assert c.claimed == sum(1 for code in state.codes.values() if code.coupon == c.id)
            assert all(len(codes) <= c.per_member for codes in state.claims.get(c.id, {}).values())
            for d in state.drops.values():
                assert d.what != c.id or d.quantity is None or d.claimed <= d.quantity

    def deliveries(self) -> None:
        state = self.sale.state
        for d in state.deliveries.values():
            assert (d.id in state.opened) is (d.status not in FINAL and d.status != "unknown")
            drop = state.drops[d.drop]
            assert not (drop.status == "withdrawn" and d.id in state.opened), "what is withdrawn is on its way"
            assert not (state.the.halted and d.id in state.opened), "something is on its way in a halt"
            assert d.relay == "" or d.relay in state.groups[d.group].relay
        for drop in state.drops.values():
            of = [state.deliveries[d].status for d in state.by_drop.get(drop.id, {}).values()]
            assert drop.sent == of.count("sent")
            assert drop.failed == of.count("failed") + of.count("expired")
            assert drop.unknown == of.count("unknown")
            assert len(of) == len(set(state.by_drop.get(drop.id, {}))), "a group gets a drop once"


def without_words(data: bytes) -> State:
    state = decode(data)
    for group in state.groups.values():
        group.last = [Said(at=s.at, member=s.member, staff=s.staff) for s in group.last]
    for question in state.questions.values():
        question.text = None
    state.asked = {}
    state.posted = {}
    state.seeds = {}  # a draw's seed is private until it is run: who erases takes it too, and the draw cannot be run
    return state


def run(of: list[dict[str, Any]], phase: int, steps: list[tuple[str, int, int]]) -> None:
    sale = begun(of[0], phase)
    Laws(sale)
    for step in steps:
        take(sale, step, of)


@given(SHEETS, PHASE, STEPS)
@settings(max_examples=150)
def test_whatever_happens_the_laws_hold(
    of: list[dict[str, Any]], phase: int, steps: list[tuple[str, int, int]]
) -> None:
    run(of, phase, steps)


@pytest.mark.long
@given(SHEETS, PHASE, STEPS)
@settings(max_examples=3_000)
def test_whatever_happens_the_laws_hold_for_long(
    of: list[dict[str, Any]], phase: int, steps: list[tuple[str, int, int]]
) -> None:
    run(of, phase, steps)
