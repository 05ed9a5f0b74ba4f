"""The rate windows of the platforms: strict, one for each credential.

A strict sliding log, not a bucket: a bucket that refills lets nearly twice the limit through right after a pause,
and platforms answer that with minutes of silence. Times are seconds on any one clock that does not go back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass

# Added to the first free moment, so that a platform that counts both ends of its window agrees.
EDGE_S = 0.001


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages in any `per_s` seconds."""

    count: int
    per_s: float


class Window:
    """What was sent with one credential, and whether one more may be.

    Promise: whatever moment between its `take` and its `settle` the platform counts a message at, no stretch of
    `per_s` seconds, both ends included, holds more than `count`. A slot that is never settled stays used. A message that
    is more than a limit takes (an album where one a second may come) goes when nothing else is in that window.
    """

    def __init__(self, limits: Iterable[Limit], used: Iterable[float] = ()) -> None:
        self.limits = tuple(limits)
        self._longest = max((limit.per_s for limit in self.limits), default=0.0)
        self._ended = sorted(used)
        self._open = 0
        self.rests_until = float("-inf")

    def rest(self, until: float) -> None:
        """The platform asked to be left alone until then: there is no slot before."""
        self.rests_until = max(self.rests_until, until)

    def take(self, now: float, places: int = 1) -> bool:
        """Takes a slot, or several together, if there are; each taken slot is to be settled or given back."""
        if now < self.rests_until:
            return False
        if self.limits:
            del self._ended[: bisect_left(self._ended, now - self._longest)]
            for limit in self.limits:
                active = self._open + len(self._ended) - bisect_left(self._ended, now - limit.per_s)
                if active + min(places, limit.count) > limit.count:
                    return False
        self._open += places
        return True

    def settle(self, ended: float, places: int = 1) -> None:
        """The message of a taken slot was answered, or given up on, at `ended`."""
        self._open -= places
        if self.limits:
            self.use(ended, places)

    def give_back(self, places: int = 1) -> None:
        """Nothing was sent with a taken slot."""
        self._open -= places

    def use(self, at: float, places: int = 1) -> None:
        """A message left, and was answered, at `at`."""
        for _ in range(places):
            insort(self._ended, at)

    def as_of(self, now: float) -> Window:
        """Another one to look ahead with, in which all that is on its way has ended now."""
        since = bisect_left(self._ended, now - self._longest)
        copy = Window(self.limits, [*self._ended[since:], *[now] * self._open])
        copy.rest(self.rests_until)
        return copy

    def used(self, now: float) -> list[float]:
        """When it was used, of late: as far and as often as its limits look back."""
        most = max((limit.count for limit in self.limits), default=0)
        return self._ended[bisect_left(self._ended, now - self._longest) :][-most:] if most else []

    def free_at(self, now: float, places: int = 1) -> float:
        """When a message may find its slots: a forecast, exact where none is on its way."""
        free = max(now, self.rests_until)
        for limit in self.limits:
            active = self._ended[bisect_left(self._ended, now - limit.per_s) :] + [now] * self._open
            active = active[-limit.count :]  # of more than it takes, sent together, only the last have to fall out
            missing = len(active) + min(places, limit.count) - limit.count  # so many have to fall out first
            if missing > 0:
                free = max(free, active[missing - 1] + limit.per_s + EDGE_S)
        return free
