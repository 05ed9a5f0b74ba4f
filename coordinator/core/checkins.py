"""Sign-in rounds: opened with a message into groups, joined once by a member, closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.groups import own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    evolves,
)

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State


class Checkin(msgspec.Struct, kw_only=True):
    id: str
    open: bool = True
    at: int
    drop: str
    count: int = 0
    members: set[str] = set()


class CheckinOpened(Event, tag="checkin.opened", kw_only=True):
    checkin: str
    drop: str


class CheckinClosed(Event, tag="checkin.closed", kw_only=True):
    checkin: str


class CheckinJoined(Event, tag="checkin.joined", kw_only=True):
    checkin: str
    member: str
    group: str | None = None


@command("checkin.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "checkin.opened"))
class CheckinOpen(Command):
    """A sign-in round, announced in groups."""

    groups: str | list[Id] = "all"
    text: Text | None = None


@command("checkin.close", button=True, events=("checkin.closed",))
class CheckinClose(Command):
    """Ends the round that is open."""


@command("checkin.join", events=("checkin.joined",))
class CheckinJoin(Command):
    """A member signs in, once a round."""

    member: Member | None = None
    group: Id | None = None
    checkin: Id | None = None


def _went_out(turn: Turn, drop: Drop) -> None:
    turn.emit(CheckinOpened(checkin=turn.state.next_id("checkin"), drop=drop.id))


def _end(turn: Turn, _plan: CuePlan, _cue: Cue) -> None:
    for checkin in [c for c in turn.state.checkins.values() if c.open]:
        turn.emit(CheckinClosed(checkin=checkin.id))


cue_kind("checkin.open", dropped=_went_out, late=LATE_DROP, ready_text="签到开始, 在群里回复 1 即可", priority=1)
cue_kind("checkin.close", perform=_end)


def the_open_one(state: State) -> Checkin | None:
    return next((c for c in reversed(state.checkins.values()) if c.open), None)


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
    firing.drop_by_hand(turn, "checkin.open", {}, reaching.check_groups(turn.state, c.groups), c.text)


@decides(CheckinClose)
def close(turn: Turn, _: CheckinClose) -> None:
    found = the_open_one(turn.state)
    if found is None:
        raise Refusal("stale", "no sign-in round is open", {"current": None})
    turn.emit(CheckinClosed(checkin=found.id))


@decides(CheckinJoin)
def join(turn: Turn, c: CheckinJoin) -> None:
    member = own_member(turn, c.member)
    if member is None:
        raise Refusal("invalid", "a sign-in needs a member", {"field": "member"})
    found = turn.state.checkins.get(c.checkin) if c.checkin else the_open_one(turn.state)
    if found is None:
        raise Refusal("too_early", "no sign-in round is open", {"field": "checkin"})
    if not found.open:
        raise Refusal("too_late", f"{found.id} is closed", {"field": "checkin"})
    if member in found.members:
        raise Refusal("already", "this member signed in already", {"field": "member"})
    turn.emit(CheckinJoined(checkin=found.id, member=member, group=c.group))


@evolves(CheckinOpened)
def opened(state: State, e: CheckinOpened) -> Iterable[Key]:
    state.count("checkin")
    state.checkins[e.checkin] = Checkin(id=e.checkin, at=e.at, drop=e.drop)
    return [("checkins", e.checkin)]


@evolves(CheckinClosed)
def closed(state: State, e: CheckinClosed) -> Iterable[Key]:
    state.checkins[e.checkin].open = False
    return [("checkins", e.checkin)]


@evolves(CheckinJoined)
def joined(state: State, e: CheckinJoined) -> Iterable[Key]:
    checkin = state.checkins[e.checkin]
    checkin.members.add(e.member)
    checkin.count += 1
    return [("checkins", e.checkin)]
