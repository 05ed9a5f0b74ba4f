"""Sign-ins: once a round for a member; rounds of a series make streaks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
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


OVERLAPPING = [
    {"at": f"+{day}m", "do": "checkin.open", "series": "daily", "until": "90s", "coupon": "c20", "streak": 3}
    for day in (1, 2, 3)
]


def test_yesterdays_round_may_be_joined_after_todays_and_breaks_no_streak() -> None:
    sale = Sale(sheet(segment(*OVERLAPPING, lasts="30m"))).live()
    sale.advance(START + 2 * MINUTE)
    assert sale.do("r1", "checkin.join", member="m1", group="g1")["streak"] == 1
    assert sale.do("r1", "checkin.join", member="m1", group="g1", checkin="checkin1")["streak"] == 2
    sale.advance(START + 3 * MINUTE)
    third = sale.do("r1", "checkin.join", member="m1", group="g1")
    assert (third["streak"], third["coupon"]) == (3, "c20")


SEVEN = [*DAYS[:6], {**DAYS[6], "coupon": "c20", "streak": 7}]


def joined(sale: Sale, *days: int) -> dict[str, Any]:
    """What the last of these days' sign-ins says."""
    said: dict[str, Any] = {}
    for day in days:
        sale.advance(START + day * MINUTE)
        said = sale.do("r1", "checkin.join", member="m1", group="g1")
    return said


@pytest.mark.parametrize("how", ["cue.skip", "cue.hold"])
def test_a_sign_in_that_the_show_never_opened_breaks_no_streak(how: str) -> None:
    """Seven in a row were asked for, the show skipped one, and nobody could earn them."""
    sale = Sale(sheet(segment(*SEVEN, lasts="30m"))).live()
    sale.do("controller", how, cue="intro.4")
    assert joined(sale, 1, 2, 3, 5, 6, 7)["coupon"] == "c20"


def test_who_has_missed_one_that_was_opened_has_not_earned_it_by_one_that_was_not() -> None:
    sale = Sale(sheet(segment(*SEVEN, lasts="30m"))).live()
    sale.do("controller", "cue.skip", cue="intro.4")
    assert joined(sale, 1, 2, 5, 6, 7) == {"streak": 3}


def test_only_a_sign_in_among_those_that_are_asked_for_makes_it_less() -> None:
    last = {**DAYS[6], "coupon": "c20", "streak": 3}
    sale = Sale(sheet(segment(*DAYS[:6], last, lasts="30m"))).live()
    sale.do("controller", "cue.skip", cue="intro.2")
    assert joined(sale, 6, 7) == {"streak": 2}
    sale = Sale(sheet(segment(*DAYS[:6], last, lasts="30m"))).live()
    sale.do("controller", "cue.skip", cue="intro.5")
    assert joined(sale, 6, 7)["coupon"] == "c20"


def test_days_that_a_person_joined_under_two_pseudonyms_are_one_streak() -> None:
    sale = Sale(sheet(segment(*DAYS, lasts="30m"))).live()
    for day, member in ((1, "m1"), (2, "phone1"), (3, "m1")):
        sale.advance(START + day * MINUTE)
        sale.do("r1", "checkin.join", member=member, group="g1")
    sale.do("shop", "member.link", a="m1", b="phone1")
    sale.advance(START + 4 * MINUTE)
    assert sale.do("r1", "checkin.join", member="phone1", group="g1") == {"streak": 4}


@pytest.mark.parametrize(
    ("zone", "start", "days"),
    [
        ("America/New_York", "2026-10-30 23:30", 3),  # the clocks go back on 1 November: one of the days has 25 hours
        ("Europe/Berlin", "2027-03-26 00:00", 4),  # they go forward on 28 March
        ("Asia/Shanghai", "2026-12-31 23:59", 3),
    ],
)
def test_a_streak_of_days_goes_on_over_midnight_and_over_a_change_of_the_clocks(
    zone: str, start: str, days: int
) -> None:
    rounds = [
        {"at": f"D+{n} 23:30", "do": "checkin.open", "series": "daily", "until": "1h", "groups": "all"}
        for n in range(days)
    ]
    sale = Sale(sheet(segment(*rounds, lasts="200h"), timezone=zone, start=start), check=False)
    sale.do("owner", "show.arm")
    sale.advance(sale.state.p.start)
    sale.do("controller", "show.start")
    for day in range(days):
        opens = sale.state.cues[f"intro.{day + 1}"].at
        assert opens is not None
        local = datetime.fromtimestamp(opens / 1000, ZoneInfo(zone))
        assert (local.hour, local.minute) == (23, 30)
        sale.advance(
            opens + (55 * MINUTE if day % 2 else 0)
        )  # every other day after midnight: it is the evening's round
        assert sale.do("r1", "checkin.join", member="m1", group="g1") == {"streak": day + 1}


@given(st.lists(st.booleans(), min_size=1, max_size=7))
def test_a_streak_is_as_long_as_the_last_run_of_days_joined(joined: list[bool]) -> None:
    sale = Sale(sheet(segment(*DAYS, lasts="30m")), check=False).live()
    streak = 0
    for day, here in enumerate(joined, 1):
        sale.advance(START + day * MINUTE)
        streak = streak + 1 if here else 0
        if here:
            assert sale.do("r1", "checkin.join", member="m1") == {"streak": streak}
