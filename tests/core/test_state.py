"""The state: a fold of the events, however it was come by."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from coordinator.core import COMMANDS, TOPICS, Refusal, evolve, kernel, pieces
from coordinator.core import state as states
from coordinator.core.notes import NoteAdded
from coordinator.core.state import Index, State
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


@pytest.mark.parametrize("entries", [1, 3, 40])
def test_a_large_state_is_read_again_a_few_entries_at_a_time(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    """One of half a million claims held up all other sales of its node for more than a second while it was read."""
    sale = long_sale()
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(sale.now + 2_000)
    for i in range(10):
        sale.do("r1", "coupon.claim", coupon="c20", member=f"m{i}", group="g1")
    whole = states.decode(states.encode(sale.state))
    monkeypatch.setattr(pieces, "PIECE_ENTRIES", entries)
    saved = states.encode(sale.state)

    def entries_of(state: State) -> int:
        fields = (getattr(state, name) for name in State.__struct_fields__)
        return sum(
            len(x) + sum(len(y) for y in x.values() if isinstance(y, dict)) for x in fields if isinstance(x, dict)
        )

    steps = [(entries_of(state), state) for state in states.reading(saved)]
    more = [after[0] - before[0] for before, after in itertools.pairwise(steps)]
    assert max(more) <= 2 * entries + 1
    assert sum(more[:3]) > 0
    read = steps[-1][1]
    assert states.encode(read) == saved
    assert read == whole
    assert list(read.claims["c20"]) == list(whole.claims["c20"])
    for topic in TOPICS:
        assert list(getattr(read, topic)) == list(getattr(whole, topic)), topic


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


def test_look_ups_that_took_up_cues_one_by_one_are_those_that_are_made_anew() -> None:
    """They were made anew with each press: in a large sale each keyword that was answered held up all else for 5 ms."""
    sale = Sale(
        sheet(segment({"id": "few", "when": "coupon c20 left <= 1", "prompt": "host", "text": "x"}, lasts="20m"))
    ).live()
    before = sale.state.index
    sale.do("controller", "message.send", content="稍等", groups=["g1"])
    for when in ("orders >= 2", "member joined", "segment intro over by 9m"):
        sale.do("controller", "cue.add", when=when, do="prompt.send", fields={"to": "host"}, text="y")
    assert sale.state.index is before
    anew = Index(sale.state)
    for name in ("cues", "conditions", "watched", "happenings", "timed", "timed_topics"):
        assert getattr(before, name) == getattr(anew, name), name
    assert list(before.cues) == list(anew.cues)


def test_a_command_that_is_refused_after_it_has_begun_is_a_fault_and_not_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it has folded is in no journal: whoever conducts the sale must not go on from there."""

    def late(turn: kernel.Turn, _: Any) -> None:
        turn.emit(NoteAdded(note="n1", text="x"))
        raise Refusal("invalid", "too late to say so")

    monkeypatch.setitem(kernel._DECIDERS, COMMANDS["note.add"], late)
    sale = Sale().live()
    with pytest.raises(RuntimeError, match=r"note\.add was refused after it had begun"):
        sale.do("controller", "note.add", text="x")


def test_who_asked_in_whichever_order_is_followed_up_by_the_same_number_after_a_kept_state() -> None:
    """Those who asked stood in the order of their asking, and by name once the state had been kept: a node that took a sale
    up from there numbered their follow-ups otherwise than the one before it."""
    sale = Sale(sheet(segment(lasts="30m"))).live()
    for member in ("wang", "an"):
        question = sale.do("r1", "question.raise", group="g1", member=member, text="包邮吗")["question"]
    kept = states.decode(states.encode(sale.state))
    mark = len(sale.events)
    sale.do("support", "question.answer", question=question, content="包邮")
    assert len(sale.state.followups) == 2
    for event in sale.events[mark:]:
        evolve(kept, event)
    assert states.encode(kept) == states.encode(sale.state)
