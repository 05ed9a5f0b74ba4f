"""The law of saved states: wherever a sale was put away and taken up again, it goes on as if it never had been."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Refusal, evolve, pieces
from coordinator.core.state import State, decode, encode
from tests.core.driver import refolded
from tests.property.steps import STEPS, begun, sheets, take

SHEETS = st.lists(sheets(), min_size=2, max_size=2)
Steps = list[tuple[str, int, int]]


def run(of: list[dict[str, Any]], steps: Steps, every: int, entries: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_ENTRIES", entries)
        put_away(of, steps, every)


def put_away(of: list[dict[str, Any]], steps: Steps, every: int) -> None:
    sale = begun(of[0], 3)
    for member in ("m9", "m8"):  # what comes of a map's order shows where it is not the order of names
        question = sale.do("r1", "question.raise", group="g1", member=member, text="多少钱")["question"]
    for step in steps:
        take(sale, step, of)
    with contextlib.suppress(Refusal):  # somebody has answered, or the sale is closed
        sale.do("support", "question.answer", question=question, content="129")
    whole = refolded(sale.events)
    state = State(sale=whole.sale)
    for event in sale.events:
        evolve(state, event)
        if event.seq % every == 0:
            state = decode(encode(state))
    assert encode(state) == encode(whole)


@given(SHEETS, STEPS, st.sampled_from([1, 2, 5, 20]), st.sampled_from([1, 2, 5, pieces.PIECE_ENTRIES]))
@settings(max_examples=60)
def test_a_state_that_was_put_away_anywhere_goes_on_as_the_one_that_was_not(
    of: list[dict[str, Any]], steps: Steps, every: int, entries: int
) -> None:
    run(of, steps, every, entries)


@pytest.mark.long
@given(SHEETS, STEPS, st.sampled_from([1, 2, 5, 20]), st.sampled_from([1, 2, 5, pieces.PIECE_ENTRIES]))
@settings(max_examples=2_000)
def test_a_state_that_was_put_away_anywhere_goes_on_as_the_one_that_was_not_for_long(
    of: list[dict[str, Any]], steps: Steps, every: int, entries: int
) -> None:
    run(of, steps, every, entries)
