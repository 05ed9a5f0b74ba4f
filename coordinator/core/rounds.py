"""What polls, quizzes, surveys and sign-ins have in common: rounds that are put into groups, open at their drop's instant, run
until a deadline where they have one, and close. A person has one turn in each.

Several may be open; whoever names none means the newest. Who takes part, or wins, may be given a coupon of the sheet: in the
same append, within its quantity, cap, groups and window; where it cannot be given, the turn says why and counts all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from pydantic import Field

from coordinator.core import claims, cue_kinds, members, rewards
from coordinator.core.coupons import Coupon, need_coupon
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.groups import need_group, own_member
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
    current,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)
from coordinator.core.readings import things, truth, until

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State


LONGEST_MS = 366 * 86_400_000
"""No game is open for longer."""


class Round(msgspec.Struct, kw_only=True):
    id: str
    drop: str
    open: bool = True
    at: int
    until: int | None = None
    closed_at: int | None = None
    count: int = 0
    coupon: str | None = None
    """What whoever takes part, or wins, is given one of."""


R = TypeVar("R", bound=Round)

_ENDINGS: list[Callable[[Turn], None]] = []
"""One for each kind: ends its rounds that are open."""


class RoundOpened(Event, kw_only=True):
    drop: str
    until: int | None = None
    coupon: str | None = None


class RoundPlayed(Event, kw_only=True):
    """A member's turn. `coupon` is what it has earned, `not_given` why it was not given, as a refusal's code."""

    member: str
    group: str | None = None
    coupon: str | None = None
    not_given: str | None = None


class RoundClosed(Event, kw_only=True):
    why: str = "closed"  # closed, until; of a quiz won


class OpenRound(Command):
    """`until` is how long it stays open, from its opening."""

    coupon: Id | None = None
    until: Annotated[Length, Field(ge=1, le=LONGEST_MS)] | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


class PlayRound(Command):
    member: Member | None = None
    group: Id | None = None


# ---------------------------------------------------------------- which one
def newest(rounds: Mapping[str, R]) -> R | None:
    """The open one that was opened last."""
    return next((r for r in reversed(list(rounds.values())) if r.open), None)


def meant(rounds: Mapping[str, R], name: str | None, what: str) -> R:
    """The open round of that name, else the newest; refuses what is not there, not open yet, or over."""
    found = newest(rounds) if name is None else rounds.get(name)
    if found is None and name is not None:
        raise Refusal("unknown", f"there is no {what} {name}", {"field": what})
    if found is None and rounds:
        raise Refusal("too_late", f"{next(reversed(list(rounds)))} is closed, and no other is open", {"field": what})
    if found is None:
        raise Refusal("too_early", f"no {what} is open", {"field": what})
    if not found.open:
        raise Refusal("too_late", f"{found.id} is closed", {"field": what})
    return found


def meant_in(turn: Turn, rounds: Mapping[str, R], name: str | None, what: str, group: str | None) -> R:
    """The round that somebody in a group takes part in: without a name, of those that were put there. Refuses another group's."""
    if group is None:
        return meant(rounds, name, what)
    theirs = {r.id: r for r in rounds.values() if group in turn.state.drops[r.drop].groups}
    wanted = meant(rounds if name is not None or not theirs else theirs, name, what)
    if wanted.id not in theirs:
        raise Refusal("forbidden", f"{wanted.id} was not put into {group}", {"field": "group"})
    return wanted


# ---------------------------------------------------------------- who takes part, and what they are given
def taking_part(turn: Turn, member: str | None, group: str | None) -> str:
    """Who takes part; refuses where nobody is named, one of the team, and a group that is not there or not the sender's."""
    if group is not None:
        need_group(turn, group)
    found = own_member(turn, member)
    if found is None:
        raise Refusal("invalid", "say which member takes part", {"field": "member"})
    if members.is_staff(turn.state, found):
        raise Refusal("forbidden", "the team does not take part: games are for members", {"field": "member"})
    return found


def took_part(state: State, taken: Container[str], member: str) -> str | None:
    """The pseudonym under which a member's person is among those; None where they are not."""
    return next((each for each in members.pseudonyms(state, member) if each in taken), None)


def played(turn: Turn, a: Round, event: RoundPlayed, *, earned: bool = True) -> None:
    """Writes a member's turn and gives them what it has earned."""
    if a.coupon is None or not earned:
        turn.emit(event)
        return
    event.coupon = a.coupon
    event.not_given = claims.why_not(turn, a.coupon, event.member, event.group)
    turn.emit(event)
    if event.not_given is None:
        claims.give(turn, a.coupon, event.member, event.group, a.id)


def _got(state: State, e: RoundPlayed, name: str) -> dict[str, Any]:
    """What the answer says of the coupon that a turn has earned."""
    if e.coupon is None:
        return {}
    if e.not_given is not None:
        return {"coupon": e.coupon, "not_given": e.not_given}
    return {"coupon": e.coupon, "code": claims.code_for(state, e.coupon, e.member, name)}


def prize_of(state: State, prize: str | None, coupon: str | None) -> str:
    """What is won, in words: as the sheet says it, else the coupon's title."""
    return prize or (title_of(state.coupons, coupon) if coupon in state.coupons else "")


def title_of(coupons: Mapping[str, Coupon], name: str) -> str:
    """What members know a coupon as."""
    return coupons[name].title if name in coupons else name


def need_gift(state: State, name: str | None, field: str = "coupon") -> None:
    """Refuses a coupon that is none to be given away."""
    if name is None:
        return
    coupon = need_coupon(state, name)
    if coupon.pay or coupon.kind in rewards.EARNED:
        why = "is to be paid for" if coupon.pay else "is earned in another way"
        raise Refusal("invalid", f"{name} {why}: give another coupon", {"field": field})


def end_all(turn: Turn) -> None:
    """Nobody takes part any more: the sale is closed."""
    for end in _ENDINGS:
        end(turn)


# ---------------------------------------------------------------- a kind of them
def round_kind(
    name: str,
    topic: str,
    *,
    opens: type[OpenRound],
    opened: Callable[[dict[str, Any], dict[str, Any]], RoundOpened],
    plays: type[RoundPlayed],
    says: Callable[[Any], dict[str, Any]] = lambda _: {},
    closes: type[Command],
    ends: type[RoundClosed],
    closed: Callable[[Any, str], RoundClosed],
    ready_text: Callable[[dict[str, Any]], str],
    priority: int = 1,
    check: Callable[[State, dict[str, Any]], None] | None = None,
    before: Callable[[Turn], None] | None = None,
    shows: cue_kinds.Says | None = None,
    takes: str,
) -> None:
    """Registers how rounds of a kind open, close and end, by hand, by cue and by their deadline.

    `opened` makes the event of the cue's fields and of what all have, `closed` that of the round and the reason; `says` is what
    the answer to a turn says beside its coupon. `before` refuses an opening by hand, `shows` is what its page says of its
    fields, `takes` what an open one takes.
    """  # Any: the round, or the event, of the kind
    do = f"{name}.open"

    def all_of(state: State) -> dict[str, Any]:
        found: dict[str, Any] = getattr(state, topic)
        return found

    def went_out(turn: Turn, drop: Drop) -> None:
        fields = turn.state.index.cues[drop.cue][1].fields
        length = fields.get("until")
        common = {
            name: turn.state.next_id(name), "drop": drop.id, "until": turn.at + length if length else None,
            "coupon": fields.get("coupon"),
        }  # fmt: skip
        turn.emit(opened(fields, common))

    def end(turn: Turn, plan: CuePlan, _: Cue) -> None:
        end_open(turn, plan.fields.get(name))

    def end_open(turn: Turn, which: str | None = None) -> None:
        for each in [r for r in all_of(turn.state).values() if r.open and which in {None, r.id}]:
            turn.emit(closed(each, "closed"))

    _ENDINGS.append(end_open)

    def fits(state: State, fields: dict[str, Any]) -> None:
        if check is not None:
            check(state, fields)
        need_gift(state, fields.get("coupon"))

    cue_kind(
        do, dropped=went_out, late=LATE_DROP, ready_text=ready_text, priority=priority, check=fits, names=("prize",), says=shows,
        words=lambda state, fields, _: {"prize": prize_of(state, fields.get("prize"), fields.get("coupon"))},
    )  # fmt: skip
    cue_kind(f"{name}.close", perform=end)

    @current(opens, closes)
    def open_one(state: State, _: Any) -> str | None:
        found = newest(all_of(state))
        return found.id if found else None

    @decides(opens)
    def open_(turn: Turn, c: OpenRound) -> None:
        from coordinator.core import checks, firing, reaching

        if before is not None:
            before(turn)
        fields = c.model_dump(exclude={"groups", "text"}, exclude_none=True)
        fits(turn.state, fields)
        checks.need_clean_fields(turn, do, fields)
        checks.need_clean(turn, c.text or cue_kinds.ready_text(do, fields))
        firing.drop_by_hand(turn, do, fields, reaching.check_groups(turn.state, c.groups), c.text)

    @decides(closes)
    def close(turn: Turn, c: Command) -> None:
        turn.emit(closed(meant(all_of(turn.state), getattr(c, name, None), name), "closed"))

    @moments
    def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
        for each in all_of(state).values():
            if each.open and each.until is not None:
                yield each.until, 7, f"{name}={each.id}"

    @due_key(name)
    def deadline(turn: Turn, which: str) -> None:
        found = all_of(turn.state).get(which)
        if found is not None and found.open and found.until is not None and found.until <= turn.at:
            turn.emit(closed(found, "until"))

    @evolves(ends)
    def ended(state: State, e: RoundClosed) -> Iterable[Key]:
        which = getattr(e, name)
        over = all_of(state)[which]
        over.open, over.closed_at = False, e.at
        return [(topic, which)]

    @evolves(plays)
    def kept(state: State, e: RoundPlayed) -> Iterable[Key]:
        if e.not_given is not None:
            state.not_given.setdefault(getattr(e, name), {})[e.member] = e.not_given
        return ()

    @result_of(plays)
    def result(state: State, e: RoundPlayed) -> dict[str, Any]:
        return {**says(e), **_got(state, e, getattr(e, name))}

    things(
        name, topic, current=lambda state: f"{name}{state.counts.get(name, 0)}", open=truth(f"it takes {takes}"),
        left=until("to its end, while it is open", get=lambda a: a.until if a.open else None),
    )  # fmt: skip
