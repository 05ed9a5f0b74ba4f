"""The law of live edits, on whatever may have happened before: what the difference says is what the events show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Refusal
from tests.core.edits import foretold, replaced_as_foretold
from tests.property.steps import STEPS, begun, sheets, take

SHEETS = st.lists(sheets(), min_size=2, max_size=2)
PHASE = st.sampled_from([3, 3, 3, 2, 1, 0])
BY = st.sampled_from(["owner", "controller"])
PRICES = st.tuples(st.sampled_from(["129.00", "99.00"]), st.sampled_from([300, 20, None]))
Steps = list[tuple[str, int, int]]


def run(of: list[dict[str, Any]], phase: int, steps: Steps, by: str, figures: tuple[str, int | None]) -> None:
    sale = begun(of[0], phase)
    for step in steps:
        take(sale, step, of)
    new = of[1]
    new["products"][0]["price"] = figures[0]
    new["products"][0]["stock"] = figures[1]
    try:
        foretold(sale, new, by=by)
    except Refusal as refusal:
        with pytest.raises(Refusal, match=refusal.code):
            sale.replace(new, by=by)
        return
    replaced_as_foretold(sale, new, by=by)


@given(SHEETS, PHASE, STEPS, BY, PRICES)
@settings(max_examples=100)
def test_what_the_difference_says_is_what_the_events_show(
    of: list[dict[str, Any]], phase: int, steps: Steps, by: str, figures: tuple[str, int | None]
) -> None:
    run(of, phase, steps, by, figures)


@pytest.mark.long
@given(SHEETS, PHASE, STEPS, BY, PRICES)
@settings(max_examples=3_000)
def test_what_the_difference_says_is_what_the_events_show_for_long(
    of: list[dict[str, Any]], phase: int, steps: Steps, by: str, figures: tuple[str, int | None]
) -> None:
    run(of, phase, steps, by, figures)
