"""Sign-in rounds 签到: opened with a message into groups, joined once by a member, closed.

Rounds of one series 打卡, such as one a day of a course, make streaks: how many in a row a member has joined. A round that
the show never opened breaks no streak: nobody could join it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from coordinator.core import games, rounds
from coordinator.core.kernel import Command, Id, Key, Refusal, Turn, command, decides, evolves
from coordinator.core.readings import count, things
from coordinator.core.rounds import OpenRound, PlayRound, Round, RoundClosed, RoundOpened, RoundPlayed

if TYPE_CHECKING:
    from coordinator.core.state import State


class Checkin(Round, kw_only=True):
    series: str | None = None
    number: int = 1
    """Of its series, from 1."""
    streak: int = 1
    """Whose streak is as long gets its coupon."""
    longest: int = 0
    """The longest streak of those who joined."""
    members: set[str] = set()


class CheckinOpened(RoundOpened, tag="checkin.opened", kw_only=True):
    checkin: str
    series: str | None = None
    streak: int = 1


class CheckinClosed(RoundClosed, tag="checkin.closed", kw_only=True):
    checkin: str


class CheckinJoined(RoundPlayed, tag="checkin.joined", kw_only=True):
    checkin: str
    streak: int = 1  # rounds of the series in a row, this one among them


@command("checkin.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "checkin.opened"))
class CheckinOpen(OpenRound):
    """A sign-in round, announced in groups, open for `until`. Who joins is given a `coupon`, where one is named; with `streak`,
    who has joined so many rounds of the series in a row.
    """

    series: Id | None = None
    streak: Annotated[int, Field(ge=1, le=1000)] | None = None


@command("checkin.close", button=True, events=("checkin.closed",))
class CheckinClose(Command):
    """Ends the round that is open."""


@command("checkin.join", events=("checkin.joined", "coupon.claimed", "coupon.ran_out"))
class CheckinJoin(PlayRound):
    """A member signs in, once a round. The result is their streak in the round's series."""

    checkin: Id | None = None


def _ready_text(fields: dict[str, Any]) -> str:
    streak = fields.get("streak") or 1
    gift = f", {f'连续 {streak} 次' if streak > 1 else '签到'}送 {{prize}}" if fields.get("coupon") else ""
    return f"签到开始, 在群里回复 1, 或点 {{link}}{gift}"


def _streak_of_a_series(_: State, fields: dict[str, Any]) -> None:
    if fields.get("streak") is not None and not (fields.get("coupon") and fields.get("series")):
        raise Refusal("invalid", "a streak is for a coupon and of a series: name both", {"field": "streak"})


def the_open_one(state: State) -> Checkin | None:
    return rounds.newest(state.checkins)


def _need_none(turn: Turn) -> None:
    """A hand opens one at a time."""
    found = the_open_one(turn.state)
    if found is not None:
        raise Refusal("stale", "a sign-in round is open already", {"current": found.id})
    if (coming := games.about_to_open(turn.state, "checkin")) is not None:
        raise Refusal("stale", "a sign-in round is about to open", {"current": coming})


rounds.round_kind(
    "checkin", "checkins", takes="members", ready_text=_ready_text, check=_streak_of_a_series, before=_need_none,
    opens=CheckinOpen, opened=lambda f, common: CheckinOpened(series=f.get("series"), streak=f.get("streak", 1), **common),
    plays=CheckinJoined, says=lambda e: {"streak": e.streak},
    closes=CheckinClose, ends=CheckinClosed, closed=lambda checkin, why: CheckinClosed(checkin=checkin.id, why=why),
)  # fmt: skip
things("checkin", "checkins", joined=count("members who have signed in", get=lambda checkin: checkin.count))


@decides(CheckinJoin)
def join(turn: Turn, c: CheckinJoin) -> None:
    member = rounds.taking_part(turn, c.member, c.group)
    found = rounds.meant_in(turn, turn.state.checkins, c.checkin, "checkin", c.group)
    if rounds.took_part(turn.state, found.members, member) is not None:
        raise Refusal("already", "this member signed in already", {"field": "member"})
    streak = 1 + streak_of(turn.state, found, member)
    event = CheckinJoined(checkin=found.id, member=member, group=c.group, streak=streak)
    earned = streak >= found.streak or 1 + _before(turn.state, found, member) >= needed(turn.state, found)
    rounds.played(turn, found, event, earned=earned)


def streak_of(state: State, checkin: Checkin, member: str) -> int:
    """How many rounds in a row of its series a member's person has joined before this one, and after it.

    After it: yesterday's may be open for a while beside today's, and is then joined last.
    """
    if checkin.series is None:
        return 0
    after = _series(state, checkin)[checkin.number :]
    return _before(state, checkin, member) + _in_a_row(state, after, member)


def needed(state: State, checkin: Checkin) -> int:
    """How many rounds in a row bring a round's coupon: of the last so many that the sheet has, those that were opened."""
    if checkin.streak == 1 or checkin.series is None:
        return checkin.streak
    opened = [(c.at, True) for c in _series(state, checkin)[: checkin.number - 1]]
    missed = [(at, False) for at in _never_opened(state, checkin.series) if at < checkin.at]
    last = sorted(opened + missed)[-(checkin.streak - 1) :]
    return checkin.streak - sum(not was_opened for _, was_opened in last)


def _never_opened(state: State, series: str) -> Iterable[int]:
    """When rounds of a series were to open that the show has not opened."""
    for name, (_, plan) in state.index.cues.items():
        if plan.do == "checkin.open" and plan.fields.get("series") == series:
            cue = state.cues[name]
            if cue.status != "fired" and cue.at is not None:
                yield cue.at


def _series(state: State, checkin: Checkin) -> list[Checkin]:
    return [c for c in state.checkins.values() if c.series == checkin.series]


def _before(state: State, checkin: Checkin, member: str) -> int:
    before = _series(state, checkin)[: checkin.number - 1] if checkin.series is not None else []
    return _in_a_row(state, reversed(before), member)


def _in_a_row(state: State, series: Iterable[Checkin], member: str) -> int:
    joined = itertools.takewhile(lambda c: rounds.took_part(state, c.members, member) is not None, series)
    return sum(1 for _ in joined)


@evolves(CheckinOpened)
def opened(state: State, e: CheckinOpened) -> Iterable[Key]:
    state.count("checkin")
    number = 1 + sum(c.series == e.series for c in state.checkins.values()) if e.series else 1
    state.checkins[e.checkin] = Checkin(
        id=e.checkin, at=e.at, drop=e.drop, until=e.until, coupon=e.coupon, series=e.series, number=number, streak=e.streak
    )  # fmt: skip
    return [("checkins", e.checkin)]


@evolves(CheckinJoined)
def joined(state: State, e: CheckinJoined) -> Iterable[Key]:
    checkin = state.checkins[e.checkin]
    checkin.members.add(e.member)
    checkin.count += 1
    checkin.longest = max(checkin.longest, e.streak)
    return [("checkins", e.checkin)]
