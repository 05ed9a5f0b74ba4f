"""Sign-in rounds 签到: opened with a message into groups, joined once by a member, closed.

Rounds of one series 打卡, such as one a day of a course, make streaks: how many in a row a member has joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from coordinator.core import members, rounds
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Length,
    Member,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)
from coordinator.core.readings import count, things, truth, until

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State


class Checkin(msgspec.Struct, kw_only=True):
    id: str
    open: bool = True
    at: int
    drop: str
    until: int | None = None
    closed_at: int | None = None
    series: str | None = None
    number: int = 1
    """Of its series, from 1."""
    count: int = 0
    longest: int = 0
    """The longest streak of those who joined."""
    members: set[str] = set()


things(
    "checkin", "checkins", current=lambda state: f"checkin{state.counts.get('checkin', 0)}",
    joined=count("members who have signed in", get=lambda checkin: checkin.count), open=truth("it takes members"),
    left=until("to its end, while it is open", get=lambda checkin: checkin.until if checkin.open else None),
)  # fmt: skip


class CheckinOpened(Event, tag="checkin.opened", kw_only=True):
    checkin: str
    drop: str
    series: str | None = None
    until: int | None = None


class CheckinClosed(Event, tag="checkin.closed", kw_only=True):
    checkin: str
    why: str = "closed"  # closed, until


class CheckinJoined(Event, tag="checkin.joined", kw_only=True):
    checkin: str
    member: str
    group: str | None = None
    streak: int = 1  # rounds of the series in a row, this one among them


@command("checkin.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "checkin.opened"))
class CheckinOpen(Command):
    """A sign-in round, announced in groups. `until` is how long it stays open, from its opening."""

    series: Id | None = None
    until: Annotated[Length, Field(ge=1)] | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("checkin.close", button=True, events=("checkin.closed",))
class CheckinClose(Command):
    """Ends the round that is open."""


@command("checkin.join", events=("checkin.joined",))
class CheckinJoin(Command):
    """A member signs in, once a round. The result is their streak in the round's series."""

    member: Member | None = None
    group: Id | None = None
    checkin: Id | None = None


def _went_out(turn: Turn, drop: Drop) -> None:
    f = turn.state.index.cues[drop.cue][1].fields
    until = turn.at + f["until"] if f.get("until") else None
    turn.emit(CheckinOpened(checkin=turn.state.next_id("checkin"), drop=drop.id, series=f.get("series"), until=until))


def _end(turn: Turn, _plan: CuePlan, _cue: Cue) -> None:
    for checkin in [c for c in turn.state.checkins.values() if c.open]:
        turn.emit(CheckinClosed(checkin=checkin.id))


cue_kind(
    "checkin.open", dropped=_went_out, late=LATE_DROP, ready_text="签到开始, 在群里回复 1, 或点 {link}", priority=1
)
cue_kind("checkin.close", perform=_end)


def the_open_one(state: State) -> Checkin | None:
    return rounds.newest(state.checkins)


@current(CheckinOpen, CheckinClose)
def open_round(state: State, _: Any) -> str | None:
    found = the_open_one(state)
    return found.id if found else None


@decides(CheckinOpen)
def open_(turn: Turn, c: CheckinOpen) -> None:
    from coordinator.core import checks, firing, reaching

    if the_open_one(turn.state) is not None:
        raise Refusal("stale", "a sign-in round is open already", {"current": open_round(turn.state, c)})
    coming = next((d for d in turn.state.drops.values() if d.kind == "checkin" and d.status == "announced"), None)
    if coming is not None:
        raise Refusal("stale", "a sign-in round is about to open", {"current": coming.id})
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    checks.need_clean(turn, c.text)
    fields = c.model_dump(include={"series", "until"}, exclude_none=True)
    firing.drop_by_hand(turn, "checkin.open", fields, reaching.check_groups(turn.state, c.groups), c.text)


@decides(CheckinClose)
def close(turn: Turn, _: CheckinClose) -> None:
    found = the_open_one(turn.state)
    if found is None:
        raise Refusal("stale", "no sign-in round is open", {"current": None})
    turn.emit(CheckinClosed(checkin=found.id))


@decides(CheckinJoin)
def join(turn: Turn, c: CheckinJoin) -> None:
    member = rounds.taking_part(turn, c.member)
    found = rounds.meant(turn.state.checkins, c.checkin, "checkin")
    if rounds.took_part(turn.state, found.members, member) is not None:
        raise Refusal("already", "this member signed in already", {"field": "member"})
    turn.emit(CheckinJoined(checkin=found.id, member=member, group=c.group, streak=_streak(turn.state, found, member)))


def _streak(state: State, checkin: Checkin, member: str) -> int:
    if checkin.series is None:
        return 1
    last, streak = streak_of(state, checkin.series, member)
    return streak + 1 if last == checkin.number - 1 else 1


def streak_of(state: State, series: str, member: str) -> tuple[int, int]:
    """The last round of a series that a member's person has joined, and how many in a row that was."""
    known = state.streaks.get(series, {})
    return max((known[each] for each in members.pseudonyms(state, member) if each in known), default=(0, 0))


@result_of(CheckinJoined)
def joined_result(_: State, e: CheckinJoined) -> dict[str, int]:
    return {"streak": e.streak}


@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    return rounds.deadlines(state.checkins, "checkin")


@due_key("checkin")
def deadline(turn: Turn, name: str) -> None:
    if rounds.over(turn.state.checkins, name, turn.at) is not None:
        turn.emit(CheckinClosed(checkin=name, why="until"))


@evolves(CheckinOpened)
def opened(state: State, e: CheckinOpened) -> Iterable[Key]:
    state.count("checkin")
    number = 1 + sum(c.series == e.series for c in state.checkins.values()) if e.series else 1
    state.checkins[e.checkin] = Checkin(
        id=e.checkin, at=e.at, drop=e.drop, until=e.until, series=e.series, number=number
    )
    return [("checkins", e.checkin)]


@evolves(CheckinClosed)
def closed(state: State, e: CheckinClosed) -> Iterable[Key]:
    checkin = state.checkins[e.checkin]
    checkin.open, checkin.closed_at = False, e.at
    return [("checkins", e.checkin)]


@evolves(CheckinJoined)
def joined(state: State, e: CheckinJoined) -> Iterable[Key]:
    checkin = state.checkins[e.checkin]
    checkin.members.add(e.member)
    checkin.count += 1
    checkin.longest = max(checkin.longest, e.streak)
    if checkin.series is not None:
        state.streaks.setdefault(checkin.series, {})[e.member] = (checkin.number, e.streak)
    return [("checkins", e.checkin)]
