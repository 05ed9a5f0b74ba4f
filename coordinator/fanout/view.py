"""A view: what one set of streams is shown. Connections with the same rights share it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from coordinator.core import Actor
    from coordinator.fanout.outbox import Outbox

Streams = tuple[str, ...]
HIDDEN, GONE = -1, -2
"""What a view makes of an entity that it has no form of: it never had it, or it had it and has it no more."""

FULL = frozenset({"role:controller", "role:owner"})
"""Streams that are told the id of every command; others are told their own."""

PRIORITY = {"relay": 0, "poster": 0, "controller": 1, "owner": 1, "host": 2, "cohost": 2}


class Rights(NamedTuple):
    """What a connection's view follows from, beside the sale's own state."""

    actor: Actor
    ahead: bool = False  # told of announcements before their time
    lease: bool = True  # whether a relay's connection is the one that gets the deliveries


MEMORY = 5_000  # what a view remembers of its choices; patterns come and go


class View:
    __slots__ = ("_picks", "_sees", "boxes", "fingerprint", "full", "priority", "role", "sender", "streams")

    def __init__(self, streams: frozenset[str], role: str, sender: str) -> None:
        self.streams, self.role, self.sender = streams, role, sender
        self.fingerprint = hashlib.blake2b("\n".join(sorted(streams)).encode(), digest_size=4).hexdigest()
        self.full = not streams.isdisjoint(FULL)
        """Whether it is told the id of every command, and not only of its own."""
        self.boxes: set[Outbox] = set()
        self.priority = PRIORITY.get(role, 3)
        self._sees: dict[Streams, bool] = {}
        self._picks: dict[tuple[Streams, ...], int] = {}

    def sees(self, streams: Streams) -> bool:
        """Whether something that goes to these streams is shown."""
        found = self._sees.get(streams)
        if found is None:
            if len(self._sees) > MEMORY:
                self._sees.clear()
            found = self._sees[streams] = not self.streams.isdisjoint(streams)
        return found

    def pick(self, pattern: tuple[Streams, ...]) -> int:
        """Which form of an entity is shown: its place, or HIDDEN."""
        found = self._picks.get(pattern)
        if found is None:
            found = next((i for i, streams in enumerate(pattern) if not self.streams.isdisjoint(streams)), HIDDEN)
            if len(self._picks) > MEMORY:
                self._picks.clear()
            self._picks[pattern] = found
        return found
