"""A connection's outbox: a place in the hub's list, and what it does when its reader is slow.

Nothing is queued for a slow reader. Beyond the soft bound it is passed over until it has read; then it is
sent what it missed, or a fresh snapshot. One that does not read at all is closed with a code that says:
come back. It never costs the others anything.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from coordinator import clock
from coordinator.fanout.frames import text_frame, text_parts

if TYPE_CHECKING:
    from coordinator.fanout.hub import Hub
    from coordinator.fanout.view import Rights, View

SOFT_BYTES = 256 << 10  # unread bytes beyond which a connection is passed over
HARD_SECONDS = 15.0  # how long it may stay beyond it without reading
ANSWERS_KEPT = 2_000  # answers that may wait for a slow reader; it sends no more than it reads
ANSWERS_BYTES = 4 << 20  # of them
POSITION_SECONDS = 20.0  # a position moves on at least this often


class Line(Protocol):
    """The wire under an outbox."""

    def write(self, *parts: bytes) -> None:
        """Hands one whole frame to the transport, in one part or more; never waits."""

    def unread(self) -> int:
        """Bytes that were handed over and have not left."""

    def close(self, code: int, message: str) -> None:
        """Says bye and closes."""


class Outbox:
    __slots__ = (
        "_answers",
        "_answers_bytes",
        "_lag_since",
        "_told",
        "_told_at",
        "_unread",
        "hub",
        "lagging",
        "line",
        "open",
        "place",
        "rights",
        "snapshots",
        "view",
    )

    def __init__(self, hub: Hub, view: View, line: Line, place: int, rights: Rights) -> None:
        self.hub, self.view, self.line, self.rights = hub, view, line, rights
        self.place = place
        self.lagging = False
        self.open = False
        self.snapshots = 0
        self._told = place
        self._told_at = clock.monotonic()
        self._answers: deque[tuple[int, bytes]] = deque()
        self._answers_bytes = 0
        self._lag_since = 0.0
        self._unread = 0

    @property
    def behind(self) -> bool:
        """Whether there is something that it could be sent."""
        return self.place < self.hub.head and self.open and not self.lagging

    def begin(self, place: int) -> None:
        """From here on everything after `place` is sent."""
        self.place = self._told = place
        self.open = True
        self.view.boxes[self] = None

    def begin_anew(self) -> None:
        """What was sent is no longer what is so: a snapshot comes next, as soon as the reader can take it."""
        self.place = self._told = -1
        self._answers = deque((min(seq, self.hub.head), payload) for seq, payload in self._answers)

    def switch(self, view: View) -> None:
        """Its rights have changed: from here on it has another view, of which it is sent a snapshot."""
        self.hub.leave(self)
        self.view = view
        view.boxes[self] = None
        if self.open:
            self.send_snapshot()

    def catch_up(self) -> None:
        """Sends everything up to the head, if the reader can take it."""
        hub, line = self.hub, self.line
        if not self.open:
            return
        if self.place < hub.head:
            if self._too_slow():
                return
            if hub.reaches(self.place):
                frame = hub.since(self.view, self.place)
                if frame is not None:
                    line.write(*frame)
                    self._tell()
            else:
                self.send_snapshot()
            self.place = hub.head
        while self._answers and self._answers[0][0] <= self.place:
            payload = self._answers.popleft()[1]
            self._answers_bytes -= len(payload)
            line.write(text_frame(payload))

    def send_snapshot(self) -> None:
        hub = self.hub
        position = hub.position(self.view, hub.head).encode()
        head = b'{"op":"snapshot","position":"%b","state":' % position
        self.line.write(*text_parts(head, hub.state_of(self.view), b"}"))
        self.place = hub.head
        self.snapshots += 1
        self._tell()

    def _tell(self) -> None:
        self._told, self._told_at = self.hub.head, clock.monotonic()

    def answer(self, seq: int, payload: bytes) -> None:
        """Sends an answer, after the events up to its number."""
        if self.place >= seq and not self._answers:
            self.line.write(text_frame(payload))
            return
        self._answers.append((seq, payload))
        self._answers_bytes += len(payload)
        if self.place < seq:
            self.catch_up()
        if len(self._answers) > ANSWERS_KEPT or self._answers_bytes > ANSWERS_BYTES:
            self.line.close(4003, "you send more than you read: come back and read")

    def tick(self) -> None:
        """Once a second: a reader that was slow may have read; a position that stands still is told."""
        if self.lagging:
            self.catch_up()
        now = clock.monotonic()
        if self.open and self.place > self._told and now - self._told_at > POSITION_SECONDS and not self.lagging:
            position = self.hub.position(self.view, self.place)
            self.line.write(text_frame(b'{"op":"events","position":"%b","events":[],"changes":{}}' % position.encode()))
            self._told, self._told_at = self.place, now

    def _too_slow(self) -> bool:
        unread = self.line.unread()
        if unread <= SOFT_BYTES:
            self.lagging = False
            return False
        now = clock.monotonic()
        if not self.lagging or unread < self._unread:
            self._lag_since = now
        self.lagging, self._unread = True, unread
        if now - self._lag_since > HARD_SECONDS:
            self.open = False
            self.line.close(4003, "nothing was read for a while: come back for a snapshot")
        return True
