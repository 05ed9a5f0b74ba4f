"""Sign-ins: once a round for a member; rounds of a series make streaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

DAYS = [{"at": f"+{day}m", "do": "checkin.open", "series": "daily", "until": "30s"} for day in range(1, 8)]


def test_a_streak_counts_the_rounds_of_a_series_in_a_row() -> None:
    sale = Sale(sheet(segment(*DAYS, lasts="30m"))).live()
    streaks = []
    for day in (1, 2, 4, 5, 6):
        sale.advance(START + day * MINUTE)
        streaks.append(sale.do("r1", "checkin.join", member="m1", group="g1")["streak"])
    assert streaks == [1, 2, 1, 2, 3]
    assert sale.state.checkins["checkin6"].longest == 3


def test_a_round_between_that_is_no_part_of_the_series_breaks_no_streak() -> None:
    sale = Sale(sheet(segment(*DAYS[:2], {"at": "+90s", "do": "checkin.open"}, lasts="30m"))).live()
    sale.advance(START + MINUTE)
    sale.do("r1", "checkin.join", member="m1")
    sale.advance(START + 2 * MINUTE)
    assert sale.do("r1", "checkin.join", member="m1", checkin="checkin3") == {"streak": 2}


def test_a_round_ends_by_itself_at_its_deadline() -> None:
    sale = Sale(sheet(segment(DAYS[0], lasts="30m"))).live()
    sale.advance(START + MINUTE + 30 * SECOND)
    assert [(e.why, e.at) for e in sale.of("checkin.closed")] == [("until", START + MINUTE + 30 * SECOND)]
    assert (
        sale.state.checkins["checkin1"].closed_at == START + MINUTE + 30 * SECOND
    )  # screens keep it in view for a while
    assert sale.refused("r1", "checkin.join", member="m1") == "too_late"


@given(st.lists(st.booleans(), min_size=1, max_size=7))
def test_a_streak_is_as_long_as_the_last_run_of_days_joined(joined: list[bool]) -> None:
    sale = Sale(sheet(segment(*DAYS, lasts="30m")), check=False).live()
    streak = 0
    for day, here in enumerate(joined, 1):
        sale.advance(START + day * MINUTE)
        streak = streak + 1 if here else 0
        if here:
            assert sale.do("r1", "checkin.join", member="m1") == {"streak": streak}
