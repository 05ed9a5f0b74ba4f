"""Connections that are opened ahead: a few at a time, over all credentials together.

Hundreds of robots have a drop announced in one breath. Each connection costs this process a handshake; all at once they
would keep it from the pings by which it may send at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

MOST_OF_ONE = 20  # credential
MOST_TOGETHER = 2 * MOST_OF_ONE


@dataclass(slots=True)
class _Turns:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_TOGETHER))
    order: asyncio.Lock = field(default_factory=asyncio.Lock)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


@asynccontextmanager
async def opening(count: int) -> AsyncIterator[None]:
    """Waits until so many connections may be opened, at most MOST_OF_ONE: in the order in which it is asked for."""
    turns = _turns.setdefault(asyncio.get_running_loop(), _Turns())
    taken = 0
    try:
        async with turns.order:
            while taken < count:
                await turns.free.acquire()
                taken += 1
        yield
    finally:
        for _ in range(taken):
            turns.free.release()
