"""What a condition is made of, and when it holds.

A tree of linear comparisons in whole numbers: nothing is rounded at an edge, and there is nothing in it that could
loop, call or wait. What is not known (a coupon that is gone, a stock that nobody counts) makes its comparison neither
true nor false: what hangs on it is not set off, by `not` neither, and it is never an error in the show.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from coordinator.core.kernel import Key
from coordinator.core.readings import Value

if TYPE_CHECKING:
    from coordinator.core.state import State

SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Now(NamedTuple):
    """What a condition is held against: the state at an instant, and the kind of the event that has just led to it."""

    state: State
    at: int
    happened: str | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """The sum of factor x value, clock x the instant and a constant, compared with 0."""

    terms: tuple[tuple[int, Value, str], ...]
    clock: int
    constant: int
    sign: Callable[[int, int], bool]

    def holds(self, now: Now) -> bool | None:
        total, state = self.constant + self.clock * now.at, now.state
        for factor, value, id_ in self.terms:
            found = value(state, id_)
            if found is None:
                return None
            total += factor * found
        return self.sign(total, 0)

    def turns(self, state: State) -> Iterable[int]:
        """The instants about which time alone changes the answer."""
        if not self.clock:
            return ()
        total = self.constant
        for factor, value, id_ in self.terms:
            found = value(state, id_)
            if found is None:
                return ()
            total += factor * found
        zero = -total // self.clock
        return (zero - 1, zero, zero + 1, zero + 2)


@dataclass(frozen=True, slots=True)
class Is:
    """Something that is so or not."""

    value: Value
    id: str

    def holds(self, now: Now) -> bool | None:
        found = self.value(now.state, self.id)
        return None if found is None else bool(found)

    def turns(self, _: State) -> Iterable[int]:
        return ()


@dataclass(frozen=True, slots=True)
class Happens:
    """A kind of event: true at it, and not before or after."""

    kind: str

    def holds(self, now: Now) -> bool | None:
        return now.happened == self.kind

    def turns(self, _: State) -> Iterable[int]:
        return ()


@dataclass(frozen=True, slots=True)
class Not:
    part: Node

    def holds(self, now: Now) -> bool | None:
        found = self.part.holds(now)
        return None if found is None else not found

    def turns(self, state: State) -> Iterable[int]:
        return self.part.turns(state)


@dataclass(frozen=True, slots=True)
class Join:
    decides: bool
    """The answer of one part that is the answer of all: False for `and`, True for `or`."""
    parts: tuple[Node, ...]

    def holds(self, now: Now) -> bool | None:
        answer: bool | None = not self.decides
        for part in self.parts:
            found = part.holds(now)
            if found is self.decides:
                return found
            if found is None:
                answer = None
        return answer

    def turns(self, state: State) -> Iterator[int]:
        for part in self.parts:
            yield from part.turns(state)


Node = Compare | Is | Happens | Not | Join


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that a condition names by its id."""

    word: str
    topic: str
    id: str
    position: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read. `reads` are the (topic, id or *) whose change can change the answer."""

    text: str
    node: Node
    reads: frozenset[Key]
    happenings: frozenset[str]
    """Kinds of events at which, and only then, a part of it is true."""
    timed: bool
    """Whether time alone can change the answer."""
    names: tuple[Named, ...]

    def holds(self, state: State, at: int, happened: str | None = None) -> bool:
        """Whether it is true of the state at that instant; `happened` is the kind of the event that has just led to it."""
        return self.node.holds(Now(state, at, happened)) is True

    def falls_at(self, state: State, at: int) -> int | None:
        """When time alone makes it false, where it is true at that instant."""
        return next((t for t in self._turns(state, at) if not self.holds(state, t)), None)

    def rises_at(self, state: State, at: int, *, was: bool) -> int | None:
        """When time alone makes it true, from that instant on; `was` says whether it was until then."""
        for t in (at, *self._turns(state, at)):
            holds = self.holds(state, t)
            if holds and not was:
                return t
            was = holds
        return None

    def _turns(self, state: State, at: int) -> list[int]:
        return sorted({t for t in self.node.turns(state) if t > at})
