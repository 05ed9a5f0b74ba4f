"""The way back from a pseudonym to a contact: one member at a time, by support, and each reading is in the record.

The contact itself is in a table of its own outside the journal (`coordinator/contacts`); it is put into the answer, and
nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import followups, members
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
    evolves,
    result_of,
)

if TYPE_CHECKING:
    from coordinator.core.state import State


class MemberRevealed(Event, tag="member.revealed", kw_only=True):
    """Somebody was told how to reach a member, and why."""

    member: str
    person: str
    why: str


@command("member.reveal", after_close=True, events=("member.revealed",))
class MemberReveal(Command):
    """How to reach one member: named by the pseudonym, or, as support sees members masked, by a follow-up or an order.
    The result's `contact` is null where nobody has handed one in."""

    member: Member | None = None
    followup: Id | None = None
    order: Id | None = None
    why: ShortText


@decides(MemberReveal)
def reveal(turn: Turn, c: MemberReveal) -> None:
    state = turn.state
    if sum(x is not None for x in (c.member, c.followup, c.order)) != 1:
        raise Refusal("invalid", "name one of member, followup and order", {"field": "member"})
    if not c.why.strip():
        raise Refusal("invalid", "say why", {"field": "why"})
    if c.order is not None:
        order = state.orders.get(c.order)
        if order is None or order.member is None:
            raise Refusal("unknown", f"there is no order {c.order} of a member who is known", {"field": "order"})
        member = members.person(state, order.member)
    else:
        member = followups.who(turn, c.member, c.followup)
    turn.emit(MemberRevealed(member=member, person=turn.actor.name, why=c.why))


@result_of(MemberRevealed)
def revealed_result(_: State, e: MemberRevealed) -> dict[str, str]:
    return {"member": e.member}


@evolves(MemberRevealed)
def revealed(_: State, __: MemberRevealed) -> Iterable[Key]:
    return ()
