"""A view: what one set of streams is shown. Connections with the same rights share it.

Views that differ only in the person whose they are, are kin: nearly all that they are shown is the same, and is
worked out once for all of them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from coordinator.core import Actor
    from coordinator.fanout.outbox import Outbox

Streams = tuple[str, ...]
Pattern = tuple[Streams, ...]
"""The streams of each form of an entity, the most telling form first."""

HIDDEN, GONE = -1, -2
"""What a view makes of an entity that it has no form of: it never had it, or it had it and has it no more."""

FULL = frozenset({"role:controller", "role:owner"})
"""Streams that are told the id of every command; others are told their own."""

FIRST = ("relay", "poster", "controller", "owner", "host", "cohost")
"""Who runs the show, in the order in which they are served: never behind the many who are told besides."""

MEMORY = 5_000  # what kin remember of their choices; patterns come and go


class Rights(NamedTuple):
    """What a connection's view follows from, beside the sale's own state."""

    actor: Actor
    ahead: bool = False  # told of announcements before their time
    lease: bool = True  # whether a relay's connection is the one that gets the deliveries


def personal(stream: str) -> bool:
    """Whether a stream is one person's own."""
    return stream.startswith("person:")


class Kin:
    """The streams that some views have in common."""

    __slots__ = ("_picks", "_sees", "full", "streams", "views")

    def __init__(self, streams: frozenset[str]) -> None:
        self.streams = streams
        self.full = not streams.isdisjoint(FULL)
        """Whether they are told the id of every command, and not only of their own."""
        self.views: set[View] = set()
        self._sees: dict[Streams, bool] = {}
        self._picks: dict[Pattern, int] = {}

    def sees(self, streams: Streams) -> bool:
        """Whether something that goes to these streams is shown."""
        found = self._sees.get(streams)
        if found is None:
            if len(self._sees) > MEMORY:
                self._sees.clear()
            found = self._sees[streams] = not self.streams.isdisjoint(streams)
        return found

    def pick(self, pattern: Pattern) -> int:
        """Which form of an entity is shown: its place, or HIDDEN."""
        found = self._picks.get(pattern)
        if found is None:
            if len(self._picks) > MEMORY:
                self._picks.clear()
            found = self._picks[pattern] = _first(pattern, self.streams)
        return found


class View:
    __slots__ = ("boxes", "fingerprint", "first", "kin", "own", "priority", "role", "sender", "streams", "tail")

    def __init__(self, streams: frozenset[str], role: str, sender: str, kin: Kin) -> None:
        self.streams, self.role, self.sender, self.kin = streams, role, sender, kin
        self.own = streams - kin.streams
        self.fingerprint = hashlib.blake2b("\n".join(sorted(streams)).encode(), digest_size=4).hexdigest()
        self.tail = f'{self.fingerprint}"}}'.encode()
        """The end of each of its frames: of the position the part that is its own."""
        self.boxes: dict[Outbox, None] = {}
        """Connections, in the order in which they came: who came first is served first."""
        self.first = role in FIRST
        self.priority = FIRST.index(role) if self.first else len(FIRST)

    def sees(self, streams: Streams) -> bool:
        """Whether something that goes to these streams is shown."""
        return self.kin.sees(streams) or not self.own.isdisjoint(streams)

    def pick(self, pattern: Pattern) -> int:
        """Which form of an entity is shown: its place, or HIDDEN."""
        if any(not self.own.isdisjoint(streams) for streams in pattern):
            return _first(pattern, self.streams)
        return self.kin.pick(pattern)


def _first(pattern: Pattern, mine: frozenset[str]) -> int:
    return next((place for place, streams in enumerate(pattern) if not mine.isdisjoint(streams)), HIDDEN)
