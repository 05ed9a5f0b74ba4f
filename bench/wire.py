"""The least a websocket client can be: a handshake, whole frames, and nothing else.

The same code reads Dropcue and the bare loops it is compared with, so what it costs falls on all of them alike.
Masks are zero (RFC 6455 asks for one, not for which), so sending costs no pass over the bytes.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: ZHJvcGN1ZS1iZW5jaC0wMQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CONNECT_SECONDS = 60.0
COME_BACK_SECONDS = 0.5  # about what a node that is busy says
AT_ONCE = 64  # handshakes under way together: a backlog is not what is measured
ZERO_MASK = b"\0\0\0\0"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class BenchError(Exception):
    """A measurement that cannot be trusted; `str(error)` says why."""


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame as a client sends it."""
    n = len(payload)
    head = bytes((0x80 | opcode,))
    if n < 126:
        return head + bytes((0x80 | n,)) + ZERO_MASK + payload
    if n < 65_536:
        return head + b"\xfe" + n.to_bytes(2, "big") + ZERO_MASK + payload
    return head + b"\xff" + n.to_bytes(8, "big") + ZERO_MASK + payload


def text(message: object) -> bytes:
    return client_frame(TEXT, json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())


class Wire(asyncio.Protocol):
    """One connection. `heard(payload)` gets each text frame; `lost` says why the line ended, None while it is up."""

    def __init__(self, port: int, path: str, heard: Callable[[bytes], None]) -> None:
        self.heard = heard
        self.lost: str | None = None
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = HANDSHAKE.format(path=path, port=port).encode()
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 2
        self._upgraded = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is one in all but name
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.lost or f"the line broke: {exc}"
        if not self.open.done():
            self.open.set_exception(BenchError(self.lost))

    def send(self, frame: bytes) -> None:
        self.transport.write(frame)

    def data_received(self, data: bytes) -> None:
        self._have += len(data)
        if self._have < self._need:
            self._parts.append(data)
            return
        if self._parts:
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts.clear()
        at = 0
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._keep(data, 0, len(data) + 1)
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.lost = f"no websocket: {data[:200]!r}"
                self.open.set_exception(BenchError(self.lost))
                self.transport.abort()
                return
            self._upgraded = True
            self.open.set_result(None)
            at = end + 4
        size = len(data)
        while True:
            if size - at < 2:
                self._keep(data, at, 2)
                return
            n, begin = data[at + 1], at + 2
            if n >= 126:
                begin += 2 if n == 126 else 8
                if size < begin:
                    self._keep(data, at, begin - at)
                    return
                n = int.from_bytes(data[at + 2 : begin], "big")
            end = begin + n
            if size < end:
                self._keep(data, at, end - at)
                return
            first = data[at]
            if first == 0x80 | TEXT:
                self.heard(data[begin:end])
            elif first == 0x80 | PING:
                self.send(client_frame(PONG, data[begin:end]))
            elif first == 0x80 | CLOSE:
                self.lost = f"closed: {data[begin:end]!r}"
            elif first != 0x80 | PONG:
                raise BenchError(f"a frame that this client does not read: {first:#x}")
            at = end

    def _keep(self, data: bytes, at: int, need: int) -> None:
        rest = data[at:]
        self._have, self._need = len(rest), need
        if rest:
            self._parts.append(rest)


async def connect(port: int, path: str, heard: Callable[[bytes], None]) -> Wire:
    """A connection after its handshake."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(lambda: Wire(port, path, heard), "127.0.0.1", port)
    async with asyncio.timeout(CONNECT_SECONDS):
        await wire.open
    return wire


SEQ = re.compile(rb'\{"kind":"note\.added","seq":([0-9]+)')
EVENTS = b'"events":['


class Reader:
    """Reads the numbers of the counted events out of frames, each different frame once.

    Frames that many connections get are alike but for their position. A frame counts as read when its bytes from
    `"events"` on are those of one that was parsed, byte for byte; so each connection's numbers are known exactly.
    """

    def __init__(self, pattern: re.Pattern[bytes] = SEQ) -> None:
        self.pattern = pattern
        self._known: dict[int, tuple[bytes, tuple[int, ...]]] = {}

    def numbers(self, payload: bytes) -> tuple[int, ...]:
        at = payload.find(EVENTS, 0, 160)
        if at < 0:
            return ()
        length = len(payload) - at
        known = self._known.get(length)
        if known is not None and payload.endswith(known[0]):
            return known[1]
        found = tuple([int(n) for n in self.pattern.findall(payload, at)])
        self._known[length] = (payload[at:], found)
        if len(self._known) > 2_000:
            self._known.clear()
        return found


class Console:
    """A listener that is welcomed, then checks that the counted events come in order and without a gap."""

    __slots__ = (
        "arrived",
        "bytes",
        "fault",
        "first",
        "frames",
        "next",
        "on_done",
        "reader",
        "snapshots",
        "target",
        "turned_away",
        "welcomed",
        "wire",
    )

    def __init__(self, reader: Reader, on_done: Callable[[Console], None]) -> None:
        self.reader, self.on_done = reader, on_done
        self.wire: Wire
        self.welcomed = self.turned_away = False
        self.first: int | None = None
        self.next = self.target = 0
        self.frames = self.bytes = self.snapshots = 0
        self.arrived = 0.0
        self.fault: str | None = None

    def expect(self, count: int) -> None:
        """From here on, `count` numbers, one after the other."""
        self.first, self.next, self.target = None, 0, count

    def heard(self, payload: bytes) -> None:
        if not self.welcomed:
            self.welcomed = payload.startswith(b'{"op":"welcome"')
            self.turned_away = payload.startswith(b'{"op":"bye"') and b'"retry":true' in payload
            if not self.welcomed:
                self.fault = f"not welcomed: {payload[:200]!r}"
            self.on_done(self)
            return
        self.frames += 1
        self.bytes += len(payload)
        if payload.startswith(b'{"op":"snapshot"'):
            self.snapshots += 1
            return
        numbers = self.reader.numbers(payload)
        if not numbers:
            return
        if self.first is None:
            self.first = numbers[0]
            self.next = numbers[0]
        if numbers[0] != self.next or numbers[-1] - numbers[0] != len(numbers) - 1:
            self.fault = self.fault or f"number {self.next} should have come, {numbers[0]} to {numbers[-1]} came"
        self.next = numbers[-1] + 1
        if self.next - self.first >= self.target > 0:
            self.target = 0
            self.on_done(self)


class Crowd:
    """Many consoles in this process, and a way to wait until all of them have what they expect."""

    def __init__(self, port: int, path: str, reader: Reader | None = None, *, other: int | None = None) -> None:
        """With `other`, each second console comes to that port."""
        self.ports, self.path = (port, port if other is None else other), path
        self.reader = reader or Reader()
        self.consoles: list[Console] = []
        self.done_at: list[float] = []
        self._left = 0
        self._all = asyncio.Event()

    def _done(self, _: Console) -> None:
        self.done_at.append(time.perf_counter())  # not the loop's time: uvloop's is of whole ms
        self._left -= 1
        if self._left <= 0:
            self._all.set()

    async def come(self, hellos: list[object]) -> float:
        """Connects one console for each hello; seconds until all are welcomed. Who is turned away comes back."""
        started = time.perf_counter()
        gate = asyncio.Semaphore(AT_ONCE)
        coming = list(enumerate(hellos))

        async def one(n: int, hello: object) -> Console:
            async with gate:
                console = Console(self.reader, self._done)
                console.wire = await connect(self.ports[n % 2], self.path, console.heard)
                console.wire.send(text(hello))
                return console

        while coming:
            self._left, self.done_at = len(coming), []
            self._all.clear()
            came = await asyncio.gather(*(one(n, h) for n, h in coming))
            await self.all_done(CONNECT_SECONDS)
            self.consoles += [console for console in came if not console.turned_away]
            coming = [who for who, console in zip(coming, came, strict=True) if console.turned_away]
            if time.perf_counter() - started > CONNECT_SECONDS:
                raise BenchError(f"{len(coming)} of {len(hellos)} were still turned away after {CONNECT_SECONDS} s")
            if coming:
                await asyncio.sleep(COME_BACK_SECONDS)
        return time.perf_counter() - started

    def expect(self, count: int) -> None:
        self._left, self.done_at = len(self.consoles), []
        self._all.clear()
        for console in self.consoles:
            console.expect(count)

    async def all_done(self, seconds: float) -> None:
        """Raises BenchError with what is missing where not all have it in time."""
        if not self.consoles and self._left <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._all.wait()
        except TimeoutError:
            lost = [c.wire.lost for c in self.consoles if c.wire.lost]
            raise BenchError(
                f"{self._left} of {len(self.consoles)} consoles lack events after {seconds} s; lines lost: {lost[:3]}"
            ) from None

    def faults(self) -> list[str]:
        """What went wrong on any connection; empty where each number came once, in order."""
        return [f for c in self.consoles if (f := c.fault or c.wire.lost)]

    async def quiet(self, seconds: float = 0.5, at_most: float = 60.0) -> None:
        """Until nothing has come for a while: the joins themselves are told to everybody."""
        end = time.perf_counter() + at_most
        before = -1
        while (now := sum(c.frames for c in self.consoles)) != before and time.perf_counter() < end:
            before = now
            await asyncio.sleep(seconds)

    def go(self) -> None:
        for console in self.consoles:
            console.wire.transport.abort()
