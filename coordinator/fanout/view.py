"""A view: what one set of streams is shown. Connections with the same rights share it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.fanout.outbox import Outbox

Streams = tuple[str, ...]
HIDDEN, GONE = -1, -2
"""What a view makes of an entity that it has no form of: it never had it, or it had it and has it no more."""

FULL = frozenset({"role:controller", "role:owner"})
"""Streams that are told the id of every command; others are told their own."""

PRIORITY = {"relay": 0, "poster": 0, "controller": 1, "owner": 1, "host": 2, "cohost": 2}


class View:
    __slots__ = ("_picks", "_sees", "boxes", "fingerprint", "priority", "role", "sender", "snapshot", "streams")

    def __init__(self, streams: frozenset[str], role: str, sender: str) -> None:
        self.streams, self.role, self.sender = streams, role, sender
        self.fingerprint = hashlib.blake2b("\n".join(sorted(streams)).encode(), digest_size=4).hexdigest()
        self.boxes: set[Outbox] = set()
        self.priority = PRIORITY.get(role, 3)
        self.snapshot: tuple[int, bytes] | None = None
        self._sees: dict[tuple[Streams, str | None], int] = {}
        self._picks: dict[tuple[Streams, ...], int] = {}

    def sees(self, key: tuple[Streams, str | None]) -> int:
        """0: not shown; 1: shown; 2: shown with the command's id. `key` is the event's streams and its sender."""
        found = self._sees.get(key)
        if found is None:
            streams, sender = key
            if self.streams.isdisjoint(streams):
                found = 0
            elif sender is not None and (sender == self.sender or not self.streams.isdisjoint(FULL)):
                found = 2
            else:
                found = 1
            if len(self._sees) > 10_000:  # senders come and go; the table is only a memory
                self._sees.clear()
            self._sees[key] = found
        return found

    def pick(self, forms: tuple[Streams, ...]) -> int:
        """Which form of an entity is shown: its place, or HIDDEN."""
        found = self._picks.get(forms)
        if found is None:
            found = next((i for i, streams in enumerate(forms) if not self.streams.isdisjoint(streams)), HIDDEN)
            if len(self._picks) > 10_000:
                self._picks.clear()
            self._picks[forms] = found
        return found
