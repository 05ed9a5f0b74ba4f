"""Commands that wait for their sale's conductor: bounded, each sender's in order, in fair shares.

Two classes. Who runs the show (the team, the relays' reports, the service itself) goes before the audience: claims,
clicks, what is said in groups, orders. While both have something, the audience gets one command of four, so that
neither waits for the other to end. In a class there are rounds: in each, a sender has so many commands, and of all
senders what came first is first. A sender has one line, whatever class its commands are of: what it said first is
decided first.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from coordinator import clock as clocks
from coordinator.answers import Answer, Reply
from coordinator.core import CLOCK, Actor
from coordinator.reading import Read

SHOW, AUDIENCE = 0, 1
CLASSES = ("show", "audience")
AUDIENCE_ROLES = frozenset({"audience", "shop"})
AUDIENCE_KINDS = frozenset(
    {"coupon.claim", "link.click", "link.preview", "checkin.join", "chain.join", "draw.enter", "poll.vote", "quiz.answer",
     "question.raise", "group.observe", "channel.expose", "audience.report"}
)  # fmt: skip
"""What relays tell of the audience, and by the thousand."""

CLASS_LIMIT = 20_000  # commands of one class that may wait
SENDER_LIMIT = 6_000  # of them one sender's: five `many` of the largest size, and what is pressed beside them
CLASS_BYTES = 64 << 20  # of one class, as they came
ROUND_COMMANDS = 64  # of one sender in a round
SHOW_SHARE = 3  # commands of the show for each of the audience's, where both have something

REMEMBERED_SECONDS = 5.0  # of work, that the pace is made of
FIRST_PACE = 5_000.0  # commands a second, as long as nothing is known
SOONEST_MS, LATEST_MS = 100, 10_000  # to come back in


def class_of(role: str, commands: Sequence[Any]) -> int:
    """The class of commands that came together: the audience's, if one of them is."""
    if role in AUDIENCE_ROLES:
        return AUDIENCE
    for command in commands:
        kind = command.get("kind") if isinstance(command, dict) else None
        if isinstance(kind, str) and kind in AUDIENCE_KINDS:
            return AUDIENCE
    return SHOW


class Work:
    """Commands that came together, and who waits for their answers."""

    __slots__ = ("actor", "answers", "arrival", "commands", "next", "of", "open", "reply", "sender", "size")

    def __init__(self, actor: Actor, commands: Sequence[Read], reply: Reply, of: int = SHOW, size: int = 0) -> None:
        self.actor, self.sender, self.commands, self.reply = actor, actor.sender, commands, reply
        self.of, self.size = of, size
        """Their class, and their bytes as they came."""
        self.answers: list[Answer | None] = [None] * len(commands)
        self.arrival = self.next = 0
        self.open = len(commands)

    def settle(self, index: int, given: Answer) -> None:
        self.answers[index] = given
        self.open -= 1
        if self.open == 0:
            self.reply([a for a in self.answers if a is not None])


class Room:
    """How much may wait: of each class, and of each sender; and how long it takes until it does not."""

    def __init__(self) -> None:
        self.waiting = [0, 0]
        """Commands by class."""
        self._bytes = [0, 0]
        self._senders: dict[str, int] = {}
        self._count, self._seconds = FIRST_PACE / 10, 0.1  # of the last seconds in which something waited
        self._since: float | None = None

    def why_not(self, sender: str, of: int, count: int, size: int) -> str | None:
        """Why so many commands cannot be taken, or None."""
        if sender == CLOCK.sender:
            return None  # the service's own are as many as there are people, and nobody would give them again
        if self._senders.get(sender, 0) + count > SENDER_LIMIT:
            return "too much of yours is waiting"
        if self.waiting[of] + count > CLASS_LIMIT or self._bytes[of] + size > CLASS_BYTES:
            return "too much is waiting"
        return None

    def take(self, sender: str, of: int, count: int, size: int) -> None:
        if self._since is None:
            self._since = clocks.perf()
        self.waiting[of] += count
        self._bytes[of] += size
        self._senders[sender] = self._senders.get(sender, 0) + count

    def give(self, sender: str, of: int, count: int, size: int) -> None:
        """So many wait no more; `size` is given back with the last of those that came together."""
        self.waiting[of] -= count
        self._bytes[of] -= size
        left = self._senders[sender] - count
        if left:
            self._senders[sender] = left
        else:
            del self._senders[sender]

    def worked(self, count: int) -> None:
        """So many were worked off since this was said last, or since something waits."""
        now = clocks.perf()
        if self._since is not None:
            seconds = now - self._since
            keep = max(0.0, 1 - seconds / REMEMBERED_SECONDS)
            self._count, self._seconds = self._count * keep + count, self._seconds * keep + seconds
        self._since = now if self.waiting != [0, 0] else None

    def retry_ms(self) -> int:
        """When what waits now will be worked off, at the pace of the last seconds; not the same for two who ask."""
        seconds = sum(self.waiting) * self._seconds / max(1.0, self._count)
        return clocks.jittered(min(LATEST_MS, max(SOONEST_MS, seconds * 1000)))


class _Line:
    """What one sender has waiting, and how much of its round it has used."""

    __slots__ = ("round", "used", "works")

    def __init__(self, round_: int) -> None:
        self.works: deque[Work] = deque()
        self.round, self.used = round_, 0


class Waiting(Room):
    """The works that wait, and whose turn it is."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, _Line] = {}
        self._heads: tuple[list[tuple[int, int, _Line]], ...] = ([], [])  # by class: (round, arrival, line), heaps
        self._rounds = [0, 0]
        self._arrivals = 0
        self._share = SHOW_SHARE * ROUND_COMMANDS  # the show's, before it is the audience's turn

    def __len__(self) -> int:
        return self.waiting[SHOW] + self.waiting[AUDIENCE]

    def put(self, work: Work) -> None:
        self.take(work.sender, work.of, len(work.commands), work.size)
        self._arrivals += 1
        work.arrival = self._arrivals
        line = self._lines.get(work.sender)
        if line is None:
            line = self._lines[work.sender] = _Line(self._rounds[work.of])
            line.works.append(work)
            self._push(line)
        else:
            line.works.append(work)

    def _push(self, line: _Line) -> None:
        work = line.works[0]
        line.round = max(line.round, self._rounds[work.of])
        heapq.heappush(self._heads[work.of], (line.round, work.arrival, line))

    def turn(self) -> tuple[Work, int] | None:
        """Whose turn it is, and how many commands it may have; `took` has to follow."""
        show, audience = self._heads
        of = SHOW if show and (self._share > 0 or not audience) else AUDIENCE
        if not self._heads[of]:
            return None
        self._rounds[of], _, line = heapq.heappop(self._heads[of])
        return line.works[0], ROUND_COMMANDS - line.used

    def took(self, work: Work, count: int) -> None:
        """So many of its commands were taken; the next ones wait for another turn."""
        line, done = self._lines[work.sender], work.next == len(work.commands)
        self.give(work.sender, work.of, count, work.size if done else 0)
        if work.of == AUDIENCE:
            self._share = min(SHOW_SHARE * ROUND_COMMANDS, self._share + SHOW_SHARE * count)
        elif self._heads[AUDIENCE]:
            self._share -= count
        line.used += count
        if line.used >= ROUND_COMMANDS:
            line.round, line.used = line.round + 1, 0
        if done:
            line.works.popleft()
        if line.works:
            self._push(line)
        else:
            del self._lines[work.sender]

    def emptied(self) -> Iterator[tuple[Work, int]]:
        """All that wait, taken out, with the place of the first of their commands that was not taken yet."""
        while (turn := self.turn()) is not None:
            work = turn[0]
            first, work.next = work.next, len(work.commands)
            self.took(work, work.next - first)
            yield work, first
