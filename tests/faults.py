"""A way over TCP that can be cut, swallow, or be healed: a network's faults on loopback, without rights of its own.

A way that swallows closes nothing: what was sent is held, and comes late when it heals, as after a partition.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

CHUNK_BYTES = 1 << 16


class Way:
    """From its own address to wherever `to` says at each new line."""

    def __init__(self, to: Callable[[], tuple[str, int]]) -> None:
        self._to = to
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._lines: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._refuses = False
        self.port = 0
        self.heal()

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._line, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._lines, return_exceptions=True)

    # ------------------------------------------------------------ faults
    def cut(self) -> None:
        """Breaks all lines; new ones are broken at once."""
        self._refuses = True
        for line in self._lines:
            line.cancel()

    def swallow(self, *, there: bool = True, back: bool = True) -> None:
        """Nothing arrives, and nobody is told; one direction alone makes a line half open."""
        if there:
            self._there.clear()
        if back:
            self._back.clear()

    def heal(self) -> None:
        self._refuses = False
        self._there.set()
        self._back.set()

    # ------------------------------------------------------------ lines
    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            if self._refuses:
                return
            await self._there.wait()
            answers, far = await asyncio.open_connection(*self._to())
            ways = [
                asyncio.create_task(_carry(reader, far, self._there)),
                asyncio.create_task(_carry(answers, writer, self._back)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # the far end is gone, or the line is cut: whoever came is told by the close
        finally:
            self._lines.discard(task)
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            await passes.wait()
            writer.write(data)
            await writer.drain()
