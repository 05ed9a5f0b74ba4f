"""Sales that this node does not serve yet, looked for when a phone comes with a key that is unknown here."""

from __future__ import annotations

import asyncio
import contextlib

from coordinator import clock
from coordinator.errors import JournalError
from coordinator.registry import Registry

REST_SECONDS = 0.2  # between two looks: who tries keys costs the store no more than this


class Elsewhere:
    """All who wait share one look at the store; each is told by one that began after they came."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = asyncio.Lock()
        self._began = float("-inf")

    async def look(self) -> None:
        """Serves from now on every sale that there is. Raises JournalError where that cannot be told."""
        came = clock.monotonic()
        async with self._lock:
            if self._began > came:
                return
            await asyncio.sleep(max(0.0, self._began + REST_SECONDS - clock.monotonic()))
            self._began = clock.monotonic()
            here = {sale.id for sale in self._registry.here()}
            others = [sale for sale in await self._registry.journal.sales() if sale not in here]
            await asyncio.gather(*(self._open(sale) for sale in others))

    async def _open(self, sale: str) -> None:
        with contextlib.suppress(JournalError):  # one that cannot be read keeps no other back
            await self._registry.get(sale)
