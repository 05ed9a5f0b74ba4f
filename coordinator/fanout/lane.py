"""When connections are served: in passes, and those who run the show apart from the many who are told besides.

A pass serves everyone of its lane who is behind. A lone event goes out at once; what comes within the tick shares the
next frame. A lane's tick grows with what its own passes cost, so that a thousand consoles take half of the loop at
the most, and the ten who run the show do not wait for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from operator import attrgetter

from coordinator import clock
from coordinator.fanout.outbox import Outbox
from coordinator.fanout.view import View

TICK_SECONDS = 0.010  # what comes within this shares a frame
SLICE_SECONDS = 0.001  # a pass gives the loop back after this much work


class Lane:
    def __init__(self, serve: Callable[[Outbox], None]) -> None:
        self.views: dict[View, None] = {}  # in the order in which they came
        self._serve = serve
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._work: deque[Outbox] = deque()
        self._began = 0.0
        self._cost = 0.0

    def news(self) -> None:
        """There is more to send: a pass begins now, or at the next tick."""
        if self._timer is None and not self._work and self.views:
            loop = asyncio.get_running_loop()
            wait = self._began + max(TICK_SECONDS, 2 * self._cost) - clock.perf()
            self._timer = loop.call_later(wait, self._begin) if wait > 0 else loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._began, self._cost = clock.perf(), 0.0
        for view in sorted(self.views, key=attrgetter("priority")):
            self._work.extend(view.boxes)
        self._continue()

    def _continue(self) -> None:
        started = clock.perf()
        while self._work:
            self._serve(self._work.popleft())
            if clock.perf() - started > SLICE_SECONDS:
                break
        self._cost += clock.perf() - started
        if self._work:
            asyncio.get_running_loop().call_soon(self._continue)
        elif any(box.behind for view in self.views for box in view.boxes):
            self.news()
