"""A request that is made ready ahead of its instant, to the last step: then only its bytes are left to be written.

What a client does for a request takes half a millisecond: for fifty groups that is most of how late they had a drop.
Nothing of a held request has left; one that is not released never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, TypeVar

import aiohttp

from roles.relay.adapters.base import Held, Prepared

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientResponse
    from aiohttp.connector import Connection

    from roles.relay.adapters.http import Call

R = TypeVar("R")

_gate: ContextVar[asyncio.Future[None] | None] = ContextVar("gate", default=None)


class ConnectionGone(Exception):
    """The connection was closed while the request was held: nothing of it was written."""


class HeldRequest(aiohttp.ClientRequest):
    """A request that waits at the gate of its task, where there is one, with its connection in its hands."""

    async def send(self, conn: Connection) -> ClientResponse:
        gate = _gate.get()
        if gate is not None:
            await gate
            transport = None if conn.protocol is None else conn.protocol.transport
            if transport is None or transport.is_closing():
                raise ConnectionGone
        return await super().send(conn)


class HeldCall(Held, Generic[R]):
    """A call before its last step. `post` makes it; `prepared` is what it was made with."""

    def __init__(self, call: Call, prepared: Prepared, post: Callable[[Call], Awaitable[R]]) -> None:
        loop = asyncio.get_running_loop()
        self.call, self.prepared, self._post = call, prepared, post
        self._opens: asyncio.Future[None] = loop.create_future()
        self._request = loop.create_task(self._run())
        self._request.add_done_callback(_retrieved)

    async def _run(self) -> R:
        _gate.set(self._opens)
        try:
            return await self._post(self.call)
        except ConnectionGone:
            _gate.set(None)
            return await self._post(self.call)

    async def reply(self) -> R:
        """Lets it leave. Called once; what `post` raises comes out."""
        if self._request.done():  # it found no connection; the instant is another moment
            return await self._post(self.call)
        self._opens.set_result(None)
        return await self._request

    def cancel(self) -> None:
        self._request.cancel()


def _retrieved(task: asyncio.Task[R]) -> None:
    if not task.cancelled():
        task.exception()  # nobody may be waiting for it
