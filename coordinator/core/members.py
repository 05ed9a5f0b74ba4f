"""Members are pseudonyms; two of them may be one person. Who knows both says so, and what a person may have is counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.kernel import Command, Event, Key, Member, Refusal, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.state import State


class MemberLinked(Event, tag="member.linked", kw_only=True):
    """`person` stands for all pseudonyms of this person from here on, also in place of `was`."""

    a: str
    b: str
    person: str
    was: str


@command("member.link", events=("member.linked",))
class MemberLink(Command):
    """Says that two pseudonyms are one person: a phone's and a group's, or a shop's. Caps hold over both."""

    a: Member
    b: Member


def person(state: State, member: str) -> str:
    """The pseudonym that stands for this member's person."""
    return state.linked.get(member, member)


def pseudonyms(state: State, member: str) -> tuple[str, ...]:
    """All that are known of this member's person."""
    found = person(state, member)
    return state.same.get(found, (found,))


def joined(state: State, e: MemberLinked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pseudonyms of the two who turned out to be one, once that is folded: the one's who stands for both, the other's."""
    both = state.same[e.person]
    begins = both.index(e.was)
    return both[:begins], both[begins:]


def staff(state: State) -> set[str]:
    """Pseudonyms that are no member's: the team's, who play no game and win nothing."""
    return {name for m in state.p.team for name in (m.person, m.member) if name is not None}


def is_staff(state: State, member: str) -> bool:
    return not staff(state).isdisjoint(pseudonyms(state, member))


def same(state: State, a: str | None, b: str | None) -> bool:
    """Whether two pseudonyms are of one person, as far as is known."""
    return a == b or (a is not None and b is not None and person(state, a) == person(state, b))


@decides(MemberLink)
def link(turn: Turn, c: MemberLink) -> dict[str, bool] | None:
    if c.a == c.b:
        raise Refusal("invalid", "a and b are the same pseudonym", {"field": "b"})
    one, other = person(turn.state, c.a), person(turn.state, c.b)
    if one == other:
        return {"again": True}
    turn.emit(MemberLinked(a=c.a, b=c.b, person=one, was=other))
    return None


@evolves(MemberLinked)
def linked(state: State, e: MemberLinked) -> Iterable[Key]:
    both = (*state.same.get(e.person, (e.person,)), *state.same.pop(e.was, (e.was,)))
    state.same[e.person] = both
    for member in both:
        if member != e.person:
            state.linked[member] = e.person
    return ()
