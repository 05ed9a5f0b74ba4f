"""What games have in common: rounds that open, run until a deadline where they have one, and close.

Several may be open; whoever names none means the newest.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from coordinator.core import members
from coordinator.core.groups import own_member
from coordinator.core.kernel import Refusal, Turn

if TYPE_CHECKING:
    from coordinator.core.state import State


class Round(Protocol):
    id: str
    open: bool
    until: int | None


R = TypeVar("R", bound=Round)


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


def taking_part(turn: Turn, member: str | None) -> str:
    """Who takes part; refuses where nobody is named."""
    found = own_member(turn, member)
    if found is None:
        raise Refusal("invalid", "say which member takes part", {"field": "member"})
    return found


def took_part(state: State, taken: Container[str], member: str) -> str | None:
    """The pseudonym under which a member's person is among those; None where they are not."""
    return next((each for each in members.pseudonyms(state, member) if each in taken), None)


def need_sale_open(turn: Turn) -> None:
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})


def deadlines(rounds: Mapping[str, R], key: str) -> Iterable[tuple[int, int, str]]:
    """The due moments at which they close by themselves."""
    for each in rounds.values():
        if each.open and each.until is not None:
            yield each.until, 7, f"{key}={each.id}"


def over(rounds: Mapping[str, R], name: str, now: int) -> R | None:
    """The round whose deadline has come."""
    found = rounds.get(name)
    return found if found is not None and found.open and found.until is not None and found.until <= now else None
