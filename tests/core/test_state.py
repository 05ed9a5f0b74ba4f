"""The state: a fold of the events, however it was come by."""

from __future__ import annotations

from coordinator.core import TOPICS, evolve
from coordinator.core import state as states
from coordinator.core.state import State
from coordinator.journal import codec
from coordinator.journal.base import Entry
from tests.core.driver import MINUTE, START, Sale, refolded, segment, sheet

CUES = [{"id": f"c{i}", "at": f"+{i}s", "do": "message.send", "groups": "all", "text": "x"} for i in range(1, 15)]


def long_sale() -> Sale:
    groups = [{"id": f"g{i}", "relay": "r1", "members": 1} for i in range(1, 13)]
    sale = Sale(sheet(segment(*CUES, lasts="30m"), groups=groups), check=False).live()
    for i in range(210):
        sale.do("controller", "prompt.send", to="host", text=f"{i}")
    sale.advance(START + 5 * MINUTE)
    return sale


def test_a_state_that_was_kept_is_the_state_with_its_things_in_their_order() -> None:
    sale = long_sale()
    kept = states.decode(states.encode(sale.state))
    assert states.encode(kept) == states.encode(sale.state)
    for topic in TOPICS:
        assert list(getattr(kept, topic)) == list(getattr(sale.state, topic)), topic


def test_events_after_a_kept_state_fold_as_if_it_had_never_been_put_away() -> None:
    sale = long_sale()
    kept = states.decode(states.encode(sale.state))
    mark = len(sale.events)
    for _ in range(3):
        sale.do("controller", "prompt.send", to="host", text="x")
        sale.do("host", "note.add", text="x")
    sale.replace(sheet(segment(lasts="20m")))
    for event in sale.events[mark:]:
        body, part = codec.encode(event)
        evolve(kept, codec.decode(Entry(event.seq, body, part)))
    assert states.encode(kept) == states.encode(sale.state)


def test_events_out_of_their_order_are_not_folded() -> None:
    import pytest

    sale = Sale()
    with pytest.raises(ValueError, match="cannot follow"):
        evolve(State(sale="kitchen"), sale.events[1])


def test_what_people_said_can_be_gone_and_all_else_is_the_same() -> None:
    sale = Sale().live()
    sale.do("r1", "group.observe", group="g1", what="message", member="m1", text="我的电话", name="小王")
    sale.do("r1", "question.raise", group="g1", text="包邮吗", name="小王")
    sale.do("r1", "question.raise", group="g2", text="包邮吗", name="小李")
    erased = refolded(sale.events, private=False)
    assert [s.text for s in erased.groups["g1"].last] == [None]
    assert erased.questions["q1"].text is None
    assert erased.questions["q1"].count == 2
    assert erased.figures == sale.state.figures
