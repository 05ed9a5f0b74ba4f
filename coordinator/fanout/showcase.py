"""What every entity looks like to whom, encoded once.

Entities whose forms go to the same streams share a pattern. A snapshot is the blocks of all patterns that a
view sees, and its bytes are kept until an entity changes: five thousand consoles that come back at once are sent
the same bytes, and a view costs no memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from coordinator.core import TOPICS
from coordinator.fanout.view import HIDDEN, Pattern, Streams, View

_encode = msgspec.json.Encoder().encode

NOWHERE: Pattern = ()
WHOLES_KEPT = 32  # snapshots as they stand; there are as many as there are roles and kinds of rights


class Showcase:
    def __init__(self) -> None:
        self._pattern: dict[str, dict[str, Pattern]] = {topic: {} for topic in TOPICS}
        self._bodies: dict[str, dict[Pattern, dict[str, tuple[bytes, ...]]]] = {topic: {} for topic in TOPICS}
        self._blocks: dict[tuple[str, Pattern, int], bytes] = {}
        self._wholes: dict[tuple[int, ...], bytes] = {}

    def put(self, topic: str, id_: str, forms: Iterable[tuple[Streams, Any]]) -> Pattern:
        """Encodes an entity for those who are shown it (no forms: it is gone); returns who was shown it before."""
        pairs = list(forms)
        pattern = tuple([streams for streams, _ in pairs])
        self._wholes.clear()
        patterns = self._pattern[topic]
        before = patterns.get(id_, NOWHERE)
        if before and before != pattern:
            del self._bodies[topic][before][id_]
            self._forget(topic, before)
        if pattern:
            patterns[id_] = pattern
            self._bodies[topic].setdefault(pattern, {})[id_] = tuple([_encode(form) for _, form in pairs])
            self._forget(topic, pattern)
        elif before:
            del patterns[id_]
        return before

    def _forget(self, topic: str, pattern: Pattern) -> None:
        for place in range(len(pattern)):
            self._blocks.pop((topic, pattern, place), None)
        if not self._bodies[topic].get(pattern, True):
            del self._bodies[topic][pattern]

    def pattern(self, topic: str, id_: str) -> Pattern:
        """To whom an entity is shown; NOWHERE where it is gone."""
        return self._pattern[topic].get(id_, NOWHERE)

    def place(self, view: View, topic: str, id_: str) -> int:
        """Which form of an entity this view is shown, or HIDDEN."""
        return view.pick(self._pattern[topic].get(id_, NOWHERE))

    def body(self, topic: str, id_: str, place: int) -> bytes:
        """`"id":{…}`, in the form of this place."""
        return _encode(id_) + b":" + self._bodies[topic][self._pattern[topic][id_]][id_][place]

    def state(self, view: View) -> bytes:
        """The whole state as a view is shown it: the same bytes for all who are shown the same, while nothing changes."""
        places = tuple([view.pick(pattern) for patterns in self._bodies.values() for pattern in patterns])
        found = self._wholes.get(places)
        if found is None:
            if len(self._wholes) >= WHOLES_KEPT:
                self._wholes.clear()
            found = self._wholes[places] = self._whole(iter(places))
        return found

    def _whole(self, places: Iterator[int]) -> bytes:
        topics: list[bytes] = []
        for topic, patterns in self._bodies.items():
            blocks = [
                self._block(topic, pattern, place)
                for pattern, place in zip(list(patterns), places, strict=False)
                if place != HIDDEN
            ]
            topics.append(b'"%b":{%b}' % (topic.encode(), b",".join(blocks)))
        return b"{%b}" % b",".join(topics)

    def _block(self, topic: str, pattern: Pattern, place: int) -> bytes:
        key = (topic, pattern, place)
        found = self._blocks.get(key)
        if found is None:
            entities = self._bodies[topic][pattern]
            found = b",".join([_encode(id_) + b":" + bodies[place] for id_, bodies in entities.items()])
            self._blocks[key] = found
        return found
