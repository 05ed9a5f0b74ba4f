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
from roles.relay.adapters.ways import proxy_for, public_socket

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
    """Fetches what is a JPG or PNG of at most `most_bytes`; None for what is not, or does not come in time.

    From the public internet only, unless `private`: who writes a message is not who runs this machine.
    """

    def __init__(self, most_bytes: int, *, private: bool = False) -> None:
        self._most, self._private = most_bytes, private
        self._kept: OrderedDict[str, tuple[float, asyncio.Task[Picture | None]]] = OrderedDict()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def fetch(self, addresses: Iterable[str]) -> list[Picture | None]:
        return list(await asyncio.gather(*(asyncio.shield(self._task(address)) for address in addresses)))

    async def close(self) -> None:
        for _, task in self._kept.values():
            task.cancel()
        for session in self._sessions.values():
            await session.close()

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        if guarded not in self._sessions:
            connector = aiohttp.TCPConnector(socket_factory=public_socket if guarded else None)
            self._sessions[guarded] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), raise_for_status=False
            )
        return self._sessions[guarded]

    def _task(self, address: str) -> asyncio.Task[Picture | None]:
        at, task = self._kept.get(address, (0.0, None))
        if task is not None:
            missing = task.done() and (task.cancelled() or task.result() is None)
            if machine.monotonic() - at < (MISSING_KEPT_S if missing else KEPT_S):
                return task
        task = asyncio.get_running_loop().create_task(self._fetch(address))
        self._kept[address] = (machine.monotonic(), task)
        self._kept.move_to_end(address)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return task

    async def _fetch(self, address: str) -> Picture | None:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
            # A proxy may stand in a private network itself; it decides what it calls, but for where an answer leads on.
            proxy = proxy_for(address)
            session = self._session(guarded=not self._private and proxy is None)
            async with (
                asyncio.timeout(FETCHED_WITHIN_S),
                session.get(URL(address), max_redirects=3, allow_redirects=proxy is None, proxy=proxy) as response,
            ):
                if response.status != 200 or response.url.scheme not in {URL(address).scheme, "https"}:
                    return None
                data = b""
                async for part in response.content.iter_chunked(65_536):
                    data += part
                    if len(data) > self._most:
                        return None
                kind = next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)
                return Picture(data, kind) if kind else None
        return None
