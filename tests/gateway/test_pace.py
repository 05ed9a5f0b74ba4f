"""Pages that wait ask again in turn: soon when they are few, and never more a second than a node can answer beside its work."""

from __future__ import annotations

from unittest import mock

from coordinator import clock
from coordinator.gateway.pace import A_SECOND, LATEST_SECONDS, SOONEST_SECONDS, Pace


def test_a_few_ask_again_soon_and_thousands_in_turn() -> None:
    pace = Pace()
    with mock.patch.object(clock, "monotonic", return_value=1000.0):
        assert pace.again_ms() == SOONEST_SECONDS * 1000
        turns = [pace.again_ms() for _ in range(5_000)]
    assert turns == sorted(turns)
    for second in range(3, 20):
        assert sum(second * 1000 <= turn < (second + 1) * 1000 for turn in turns) <= A_SECOND + 1


def test_nobody_waits_for_ever_and_the_rush_is_forgotten_when_it_is_over() -> None:
    pace = Pace()
    with mock.patch.object(clock, "monotonic", return_value=1000.0):
        assert max(pace.again_ms() for _ in range(20_000)) == LATEST_SECONDS * 1000
    with mock.patch.object(clock, "monotonic", return_value=1100.0):
        assert pace.again_ms() == SOONEST_SECONDS * 1000
