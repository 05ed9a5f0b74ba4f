"""Pictures that a platform wants whole, not by address: fetched ahead of the instant, once for all groups."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from roles.relay import machine

FETCHED_WITHIN_S = 5.0
KEPT = 16
# A picture may be mended under its address in the days before a sale; within a drop it is one.
KEPT_S, MISSING_KEPT_S = 300.0, 10.0
_STARTS = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}


@dataclass(frozen=True, slots=True)
class Picture:
    data: bytes
    kind: str


class Pictures:
    """Fetches what is a JPG or PNG of at most `most_bytes`; None for what is not, or does not come in time."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[str, tuple[float, asyncio.Task[Picture | None]]] = OrderedDict()

    async def fetch(self, session: aiohttp.ClientSession, addresses: Iterable[str]) -> list[Picture | None]:
        return list(await asyncio.gather(*(asyncio.shield(self._task(session, address)) for address in addresses)))

    def close(self) -> None:
        for _, task in self._kept.values():
            task.cancel()

    def _task(self, session: aiohttp.ClientSession, address: str) -> asyncio.Task[Picture | None]:
        at, task = self._kept.get(address, (0.0, None))
        if task is not None:
            missing = task.done() and (task.cancelled() or task.result() is None)
            if machine.monotonic() - at < (MISSING_KEPT_S if missing else KEPT_S):
                return task
        task = asyncio.get_running_loop().create_task(self._fetch(session, address))
        self._kept[address] = (machine.monotonic(), task)
        self._kept.move_to_end(address)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return task

    async def _fetch(self, session: aiohttp.ClientSession, address: str) -> Picture | None:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
            async with asyncio.timeout(FETCHED_WITHIN_S), session.get(URL(address), max_redirects=3) as response:
                if response.status != 200 or response.url.scheme != URL(address).scheme:
                    return None
                data = b""
                async for part in response.content.iter_chunked(65_536):
                    data += part
                    if len(data) > self._most:
                        return None
                kind = next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)
                return Picture(data, kind) if kind else None
        return None
