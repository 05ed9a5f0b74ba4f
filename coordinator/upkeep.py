"""What a node does again and again with a store that may be slow, hang or be away: its leases, its list of sales.

Each is under way once at the most, so what hangs holds up nothing else. And it is known how long ago the store last
answered, whatever of it: for how long the others may have held this node for gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from coordinator import clock as clocks
from coordinator.errors import JournalError

log = structlog.get_logger(__name__)

AWAY_SECONDS = 1.0  # so long without an answer, the store is said not to be reached

Work = Callable[[], Coroutine[Any, Any, None]]


class Upkeep:
    def __init__(self) -> None:
        self.reached = clocks.monotonic()
        """When the store last answered, or passed on a message."""
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._away = False

    def alone(self, what: str, work: Work) -> None:
        """Begins it, unless it is still under way."""
        if what not in self.under_way:
            task = self.under_way[what] = asyncio.create_task(self.tried(what, work), name=what)
            task.add_done_callback(lambda _: self.under_way.pop(what, None))

    async def tried(self, what: str, work: Work) -> None:
        """Does it once. Whatever it ends by, sales must be looked after: it is logged, and not raised."""
        try:
            await work()
            self.answered()
        except JournalError as e:
            if not self._away and self.silent_for() > AWAY_SECONDS:
                log.warning("the store is not reached just now", reason=str(e))
                self._away = True
        except Exception:
            log.exception("sales were not looked after", what=what)

    def answered(self) -> None:
        self.reached, self._away = clocks.monotonic(), False

    def stood_still(self, seconds: float) -> None:
        """This process itself did not run for so long: it has not asked, so that is no silence of the store's."""
        self.reached = min(clocks.monotonic(), self.reached + seconds)

    def silent_for(self) -> float:
        """Seconds since the store last answered."""
        return clocks.monotonic() - self.reached
