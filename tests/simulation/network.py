"""Lines between clients and nodes: whole frames, in order, late, cut, half open, or read slowly."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from zlib import crc32

from websockets.exceptions import ConnectionClosedError

from tests.simulation.loop import PROCESS, Process, VirtualLoop
from tests.simulation.store import NOBODY

CLOSE_SECONDS = 2.0  # so long a node waits until a client has answered a close
_PING, _PONG = b"\x89\x00", ""
_END = object()


class Close:
    """A closing frame."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


class _Pipe:
    """One direction of a line."""

    def __init__(self, link: Link, to: Process, arrive: Callable[[Any], None]) -> None:
        self._link, self._to, self._arrive = link, to, arrive
        self._last = 0.0
        self.unread = 0
        self.bytes_per_second: float | None = None  # of a slow reader

    def send(self, item: Any, size: int = 0) -> None:
        network = self._link.network
        loop = network.loop
        when = max(self._last, loop.now + network.moment())
        if self.bytes_per_second is not None:
            when += size / self.bytes_per_second
        self._last = when
        self.unread += size
        loop.call_at(when, self._deliver, item, size, context=NOBODY)

    def _deliver(self, item: Any, size: int) -> None:
        link = self._link
        if link.silent or (link.broken and item is not _END):
            return
        self.unread -= size
        link.network.note(f"line {link.name} {'>' if self is link.down else '<'} {_shown(item)}")
        if not self._to.dead:
            self._to.call(self._arrive, item)


class Link:
    """One connection. Silent is half open: nothing arrives any more, and nobody is told."""

    def __init__(self, network: Network, name: str, client: Process, server: Process) -> None:
        self.network, self.name, self.client, self.server = network, name, client, server
        self.silent = self.broken = False
        self.there, self.here = ServerEnd(self), ClientEnd(self)
        self.up = _Pipe(self, server, self.there.arrive)
        self.down = _Pipe(self, client, self.here.arrive)

    def cut(self) -> None:
        """Breaks the line: both sides are told, what was on its way is lost."""
        if not self.broken:
            self.broken = True
            self.up.send(_END)
            self.down.send(_END)
            self.network.links.pop(self, None)


class ServerEnd:
    """A node's side: what a session writes to (`coordinator.fanout.outbox.Line`), and what it reads."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._came: deque[str] = deque()
        self._more = asyncio.Event()
        self._over = asyncio.Event()
        self.closing = False

    def write(self, *parts: bytes) -> None:
        frame = b"".join(parts)
        if not self._over.is_set():
            self._link.down.send(frame if frame == _PING else _payload(frame), len(frame))

    def unread(self) -> int:
        return self._link.down.unread

    def close(self, code: int, message: str) -> None:
        if not self.closing:
            self.closing = True
            self._link.down.send(Close(code, message))
            self._more.set()
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._ended)

    def _ended(self) -> None:
        self._over.set()
        self._more.set()
        self._link.cut()

    def arrive(self, item: Any) -> None:
        if item is _END or isinstance(item, Close):
            self._ended()
        else:
            self._came.append(item)
            self._more.set()

    async def receive(self) -> str | None:
        """The next frame, "" for a pong; None where none will come."""
        while not self._came or self.closing:
            if self.closing or self._over.is_set():
                return None
            self._more.clear()
            await self._more.wait()
        return self._came.popleft()

    async def over(self) -> None:
        """Waits until a line that is being closed has ended."""
        if self.closing:
            await self._over.wait()


class ClientEnd:
    """A client's side, as `websockets` has it; what a relay's `Line` uses of it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._came: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._closed = False
        self.close_code: int | None = None
        self.close_reason = ""
        self.transport = SimpleNamespace(abort=self.abort)
        self.read: Callable[[bytes], None] = lambda _: None
        """Called with each frame as it is read."""

    def arrive(self, item: Any) -> None:
        if item is _END:
            self._end(1006, "")
        elif isinstance(item, Close):
            self._link.up.send(item)
            self._end(item.code, item.reason)
        elif item == _PING:
            self._link.up.send(_PONG)
        else:
            self._came.append(item)
            self._more.set()

    def _end(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            self.close_code, self.close_reason = code, reason
            self._more.set()

    async def send(self, message: bytes, text: bool = True) -> None:
        if self._closed:
            raise ConnectionClosedError(None, None)
        self._link.up.send(message.decode(), len(message))

    async def recv(self) -> bytes:
        while not self._came:
            if self._closed:
                raise ConnectionClosedError(None, None)
            self._more.clear()
            await self._more.wait()
        frame = self._came.popleft()
        self.read(frame)
        return frame

    def __aiter__(self) -> ClientEnd:
        return self

    async def __anext__(self) -> bytes:
        return await self.recv()

    async def close(self) -> None:
        if not self._closed:
            self._link.up.send(Close(1000, ""))
            self._end(1000, "")

    def abort(self) -> None:
        self._came.clear()
        self._end(1006, "")
        self._link.cut()


class Network:
    def __init__(self, loop: VirtualLoop, chance: random.Random, note: Callable[[str], None]) -> None:
        self.loop, self._chance, self.note = loop, chance, note
        self.slow = 0.01  # how many frames take much longer than others
        self.links: dict[Link, None] = {}
        self.servers: dict[str, tuple[Process, Callable[[ServerEnd], None]]] = {}
        """Node → its process, and what takes a new line."""
        self.unreachable: set[str] = set()
        self.opened: Callable[[Process, ClientEnd], None] = lambda _, __: None
        """Called with each new line of a relay."""
        self._count = 0

    def moment(self) -> float:
        return self._chance.expovariate(500) if self._chance.random() > self.slow else self._chance.random()

    async def connect(self) -> ClientEnd:
        """A line of the process that asks, to some node that takes lines. Raises OSError."""
        client = PROCESS.get()
        assert client is not None
        await asyncio.sleep(self.moment())
        names = sorted(self.servers)
        name = self._chance.choice(names) if names else ""
        if not names or self.servers[name][0].dead:
            raise OSError("nobody listens there")
        if name in self.unreachable:
            await asyncio.sleep(3)
            raise OSError("no answer")
        process, take = self.servers[name]
        self._count += 1
        link = Link(self, f"{client.name}-{self._count}-{name}", client, process)
        self.links[link] = None
        process.call(take, link.there)
        return link.here

    def of(self, process: Process) -> list[Link]:
        return [link for link in self.links if process in (link.client, link.server)]

    def died(self, process: Process, *, silently: bool) -> None:
        """A process is no more: its lines end, or say nothing any more where its whole machine is gone."""
        for link in self.of(process):
            if silently:
                link.silent = True
                self.links.pop(link, None)
            else:
                link.cut()


def _payload(frame: bytes) -> bytes:
    """What a text frame says."""
    assert frame[0] == 0x81, frame[:20]
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


def _shown(item: Any) -> str:
    match item:
        case bytes() if item != _PING:
            op = item[7 : item.index(34, 7)].decode()
            return f"{op} {len(item)} {crc32(item):08x}" + (
                f" {item[16:70].decode(errors='ignore')}" if op in {"done", "refused"} else ""
            )
        case bytes():
            return "ping"
        case "":
            return "pong"
        case str():
            return f"sent {item[:40]}"
        case Close():
            return f"close {item.code}"
    return "end"
