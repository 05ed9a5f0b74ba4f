"""Follow-ups 追单: a person writes to a member who showed interest and did not buy; one owner, one message in 24 hours.

None goes from 22:00 to 08:00 in the sale's time zone, and none to those who asked for none. Who is on the list, and in
what order, is `interest`. What may not go yet is refused `capped`, with the time when it may.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from coordinator.core import interest, members
from coordinator.core.interest import WORKED_ON, Followup
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    ShortText,
    Turn,
    command,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)
from coordinator.core.quiet import quiet_until

if TYPE_CHECKING:
    from coordinator.core.state import State

Outcome = Literal["bought", "will_buy", "declined", "no_answer", "unreachable", "not_sent"]


class FollowupTaken(Event, tag="followup.taken", kw_only=True):
    followup: str
    person: str
    until: int | None = None  # None: its message is sent, it stays with who has it


class FollowupReleased(Event, tag="followup.released", kw_only=True):
    """Nobody has it any more: `lease`, no message was sent in time; `handed`, a shift ended."""

    followup: str
    person: str
    why: Literal["lease", "handed"]


class FollowupMessaged(Event, tag="followup.messaged", kw_only=True):
    followup: str
    person: str


class FollowupClosed(Event, tag="followup.closed", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)
    followup: str
    person: str
    outcome: Outcome
    reason: str | None = None


class MemberOptedOut(Event, tag="member.opted_out", kw_only=True):
    member: str


class MemberOptedIn(Event, tag="member.opted_in", kw_only=True):
    """May be written to again. `reason` is how support knows that the member wants it; their own word needs none."""

    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)
    member: str
    reason: str | None = None


@command("followup.take", events=("followup.taken",))
class FollowupTake(Command):
    """The sender is the one who writes to this member, for ten minutes (`followup.lease` of the sheet); again, for more."""

    followup: Id


@command("followup.message", events=("followup.messaged",))
class FollowupMessage(Command):
    """The sender has just written to the member: it counts for the 24 hours."""

    followup: Id


@command("followup.close", events=("followup.closed",))
class FollowupClose(Command):
    """What came of it, by who has it."""

    followup: Id
    outcome: Outcome
    reason: ShortText | None = None


@command("member.optout", after_close=True, events=("member.opted_out",))
class MemberOptout(Command):
    """A member asked not to be written to. Support, who sees members masked, names the follow-up."""

    member: Member | None = None
    followup: Id | None = None


@command("member.optin", after_close=True, events=("member.opted_in",))
class MemberOptin(Command):
    """A member who asked not to be written to wants it again: by their own word, alone or through a relay, or told by
    support, with the `reason`. What keeps a message back else holds as before."""

    member: Member | None = None
    followup: Id | None = None
    reason: ShortText | None = None


def need(state: State, followup: str) -> Followup:
    found = state.followups.get(followup)
    if found is None or (found.status == "quiet" and not found.optout):
        raise Refusal("unknown", f"there is no follow-up {followup}", {"field": "followup"})
    return found


def may_go(state: State, f: Followup, at: int) -> tuple[int, str]:
    """(the first moment from `at` on when a message may go to this person, what keeps it until then)."""
    rules = state.p.followup
    waits = [(at, "")]
    if f.messaged_at is not None:
        waits.append((f.messaged_at + rules.every, "every"))
    if f.since:
        waits.append((f.since + rules.after, "after"))
    soonest, why = max(waits, key=lambda wait: wait[0])
    night = quiet_until(rules.quiet, soonest)
    return (soonest, why) if night is None else (night, "quiet")


def _need_may_go(turn: Turn, f: Followup) -> None:
    if f.optout:
        raise Refusal("forbidden", "this member asked not to be written to", {"optout": True})
    if not f.rank:
        raise Refusal("too_late", "there is nothing to follow up any more: look again", {"paid": f.paid})
    at, why = may_go(turn.state, f, turn.at)
    if at > turn.at:
        said = {
            "every": "this member was written to within the last 24 hours",
            "after": "the member has had no time to do it alone",
            "quiet": "nobody is written to in quiet hours",
        }
        raise Refusal("capped", f"{said[why]}: it may go later", {"until": at, "why": why})


def _need_mine(turn: Turn, f: Followup) -> None:
    if f.owner != turn.actor.name:
        raise Refusal("stale", f"{f.id} is with {f.owner or 'nobody'}", {"current": f.owner})


@decides(FollowupTake)
def take(turn: Turn, c: FollowupTake) -> dict[str, bool] | None:
    f = need(turn.state, c.followup)
    if f.owner is not None and f.owner != turn.actor.name:
        raise Refusal("stale", f"{f.id} is with {f.owner}", {"current": f.owner, "until": f.taken_until})
    if f.status == "closed":
        raise Refusal("stale", f"{f.id} is closed", {"status": "closed", "outcome": f.outcome})
    until = turn.at + turn.state.p.followup.lease
    if f.status == "messaged" or f.taken_until == until:
        return {"again": True}
    _need_may_go(turn, f)
    turn.emit(FollowupTaken(followup=f.id, person=turn.actor.name, until=until))
    return None


@result_of(FollowupTaken)
def taken_result(_: State, e: FollowupTaken) -> dict[str, object]:
    return {"followup": e.followup, "until": e.until}


@decides(FollowupMessage)
def message(turn: Turn, c: FollowupMessage) -> None:
    f = need(turn.state, c.followup)
    _need_mine(turn, f)
    _need_may_go(turn, f)
    turn.emit(FollowupMessaged(followup=f.id, person=turn.actor.name))


@decides(FollowupClose)
def close(turn: Turn, c: FollowupClose) -> None:
    f = need(turn.state, c.followup)
    if f.status == "closed":
        raise Refusal("stale", f"{f.id} is closed", {"status": "closed", "outcome": f.outcome})
    _need_mine(turn, f)
    turn.emit(FollowupClosed(followup=f.id, person=turn.actor.name, outcome=c.outcome, reason=c.reason))


@decides(MemberOptout)
def optout(turn: Turn, c: MemberOptout) -> dict[str, bool] | None:
    state = turn.state
    member = who(turn, c.member, c.followup)
    if turn.actor.role == "audience" and member != members.person(state, turn.actor.name):
        raise Refusal("forbidden", "a member acts for themselves", {"field": "member"})
    if member in state.optouts:
        return {"again": True}
    turn.emit(MemberOptedOut(member=member))
    return None


@decides(MemberOptin)
def optin(turn: Turn, c: MemberOptin) -> dict[str, bool] | None:
    state = turn.state
    member = who(turn, c.member, c.followup)
    if turn.actor.role == "audience" and member != members.person(state, turn.actor.name):
        raise Refusal("forbidden", "a member acts for themselves", {"field": "member"})
    if turn.actor.role == "support" and not (c.reason or "").strip():
        raise Refusal("invalid", "say how you know that the member wants it", {"field": "reason"})
    if member not in state.optouts:
        return {"again": True}
    turn.emit(MemberOptedIn(member=member, reason=c.reason))
    return None


def who(turn: Turn, member: str | None, followup: str | None) -> str:
    """The person that a command means by a pseudonym or a follow-up; an audience's own where it names neither."""
    if turn.actor.role == "audience" and member is None and followup is None:
        member = turn.actor.name
    if (member is None) == (followup is None):
        raise Refusal("invalid", "name either member or followup", {"field": "member"})
    if member is not None:
        return members.person(turn.state, member)
    return need(turn.state, followup or "").member


# ---------------------------------------------------------------- what is due
@moments
def leases(state: State) -> Iterable[tuple[int, int, str]]:
    if state.plan is None or state.the.status == "closed":
        return
    held = [(until, id_) for id_ in state.working if (until := state.followups[id_].taken_until) is not None]
    if held:
        until, id_ = min(held)
        yield until, 9, f"followup={id_}"


@due_key("followup")
def lease_due(turn: Turn, followup: str) -> None:
    f = turn.state.followups.get(followup)
    if f is not None and f.status == "taken" and f.taken_until is not None and f.taken_until <= turn.at:
        turn.emit(FollowupReleased(followup=f.id, person=f.owner or "", why="lease"))


# ---------------------------------------------------------------- evolving
@evolves(FollowupTaken, FollowupReleased, FollowupMessaged, FollowupClosed)
def changed(state: State, e: Event) -> Iterable[Key]:
    match e:
        case FollowupTaken():
            f = state.followups[e.followup]
            f.owner, f.taken_until = e.person, e.until
            f.status = "taken" if f.status != "messaged" else f.status
        case FollowupReleased():
            f = state.followups[e.followup]
            f.owner, f.taken_until, f.status = None, None, "open"
        case FollowupMessaged():
            f = state.followups[e.followup]
            f.status, f.messaged_at, f.taken_until, f.messages = "messaged", e.at, None, f.messages + 1
            state.figures["sale"].followups_messaged += 1
        case FollowupClosed():
            f = state.followups[e.followup]
            f.status, f.closed_at, f.outcome, f.taken_until = "closed", e.at, e.outcome, None
        case _:
            return ()
    if f.status in WORKED_ON:
        state.working.add(f.id)
    else:
        state.working.discard(f.id)
    return [("followups", f.id), *interest.settle(state, f)]


@evolves(MemberOptedOut, MemberOptedIn)
def opted(state: State, e: MemberOptedOut | MemberOptedIn) -> Iterable[Key]:
    out = isinstance(e, MemberOptedOut)
    if out:
        state.optouts.add(e.member)
    else:
        state.optouts.discard(e.member)
    f = interest.of(state, e.member)
    if f is None:
        return ()
    f.optout = out
    return [("followups", f.id), *interest.settle(state, f)]
