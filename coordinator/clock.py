"""The sale's clock. Everything else asks it for the time, for waiting and for random bits.

`LiveClock` runs on monotonic time from the moment it was made: a step of the wall clock does not move
what hangs on the show. `RehearsalClock` runs at a speed, or jumps from due moment to due moment; it never
runs past work that is due and has not been done, nor past an audience that has not been delivered, so
nothing is ever late in a rehearsal, however fast it goes.
"""

from __future__ import annotations

import math
import os
import time
from abc import ABC, abstractmethod
from collections import deque

STEP_MS = 250  # wall and monotonic clock may drift this far apart before it counts as a step
JUMP = 0.0
TOLD_KEPT = 16  # of a followed clock's tellings: enough to have a quick one, few enough to follow a drift


def wall_ms() -> int:
    """Milliseconds since 1970 UTC, as the machine's clock has it."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds of real time; only differences mean something."""
    return time.monotonic()


def perf() -> float:
    """Seconds for measuring short spans of work."""
    return time.perf_counter()


def worked() -> float:
    """Seconds this thread has worked: what other programs on the machine take is not counted."""
    return time.thread_time()


def bits() -> bytes:
    """32 random bytes for one decision."""
    return os.urandom(32)


def jittered(ms: float) -> int:
    """So many ms or up to half as many more: who is told to come back then does not come with everybody else."""
    return round(ms * (1 + int.from_bytes(bits()[:4]) / 2**33))


class Clock(ABC):
    """One sale's time, in ms since 1970 UTC."""

    speed: float = 1.0

    @abstractmethod
    def now(self) -> int: ...

    @abstractmethod
    def delay(self, instant: int) -> float:
        """Real seconds until the instant; 0 where it has come."""

    def set_bound(self, instant: int | None) -> None:
        """The next moment that is due: a rehearsal's time does not pass it before it is done."""

    def hold(self, name: str, instant: int) -> None:
        """A rehearsal's time does not pass this instant before `release(name)`, or another `hold`."""

    def release(self, name: str) -> None: ...

    def step(self) -> int:
        """By how many ms the wall clock was stepped since the last call; 0 for none."""
        return 0


class LiveClock(Clock):
    """Real time. `stepped` is what the sale's record says of earlier steps."""

    def __init__(self, stepped: int = 0, not_before: int = 0) -> None:
        self._mono = monotonic()
        self._anchor = max(wall_ms() - stepped, not_before)
        self._seen = wall_ms() - self._mono * 1000

    def now(self) -> int:
        return self._anchor + int((monotonic() - self._mono) * 1000)

    def delay(self, instant: int) -> float:
        return max(0.0, (instant - self._anchor) / 1000 - (monotonic() - self._mono))

    def step(self) -> int:
        offset = wall_ms() - monotonic() * 1000
        by = round(offset - self._seen)
        if abs(by) <= STEP_MS:
            return 0
        self._seen = offset
        return by


class FollowedClock(Clock):
    """The clock of a sale that another node conducts, as that one tells it; each telling is late by its way here."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=TOLD_KEPT)  # sale's ms less ours, as told
        self._offset = float(wall_ms()) - monotonic() * 1000

    def tell(self, now: int, speed: float) -> None:
        """The sale's time was `now` when this was sent."""
        offset = now - monotonic() * 1000 * (speed or 1.0)
        if speed != self.speed or (self._offsets and abs(offset - self._offset) > STEP_MS):
            self._offsets.clear()
        self.speed = speed
        self._offsets.append(offset)
        self._offset = max(self._offsets)  # the one that came the quickest

    def now(self) -> int:
        return int(self._offset + monotonic() * 1000 * (self.speed or 1.0))

    def delay(self, instant: int) -> float:
        return max(0.0, (instant - self.now()) / 1000 / (self.speed or 1.0))


class RehearsalClock(Clock):
    """Time at a speed; `speed` JUMP stands still until something is due and then goes there at once."""

    def __init__(self, start: int, speed: float) -> None:
        self.speed = speed
        self._mono = monotonic()
        self._anchor = float(start)
        self._bound: int | None = None
        self._holds: dict[str, int] = {}

    def _limit(self) -> float:
        limits = [*self._holds.values()]
        if self._bound is not None:
            limits.append(self._bound)
        return min(limits, default=math.inf)

    def now(self) -> int:
        limit = self._limit()
        if self.speed == JUMP:
            if limit < math.inf and limit > self._anchor:
                self._anchor = limit
            return int(self._anchor)
        mono = monotonic()
        raw = self._anchor + (mono - self._mono) * 1000 * self.speed
        if raw >= limit:
            # Time stands still here: what it would have run on is not caught up later.
            self._anchor, self._mono = max(self._anchor, limit), mono
            return int(self._anchor)
        return int(raw)

    def delay(self, instant: int) -> float:
        if self.speed == JUMP:
            return 0.0
        return max(0.0, (instant - self.now()) / 1000 / self.speed)

    def set_bound(self, instant: int | None) -> None:
        self.now()
        self._bound = instant

    def hold(self, name: str, instant: int) -> None:
        self.now()
        self._holds[name] = instant

    def release(self, name: str) -> None:
        self.now()
        self._holds.pop(name, None)
