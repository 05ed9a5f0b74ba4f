"""When a page that waits asks again: soon as long as few do, in turn when they are thousands."""

from __future__ import annotations

from coordinator import clock

SOONEST_SECONDS = 3.0  # what "live" means on a page that few look at
LATEST_SECONDS = 60.0
A_SECOND = 200  # answers that all pages together are given: a few percent of what a node can


class Pace:
    """Turns, one after the other: whoever asks is given the next free one."""

    def __init__(self) -> None:
        self._last = 0.0

    def again_ms(self) -> int:
        now = clock.monotonic()
        turn = max(now + SOONEST_SECONDS, self._last + 1 / A_SECOND)
        self._last = min(turn, now + LATEST_SECONDS)
        return round((self._last - now) * 1000)
