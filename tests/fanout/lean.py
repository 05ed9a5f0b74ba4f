"""A thousand consoles in one process: raw sockets that count, and decode next to nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import time


def masked(payload: bytes) -> bytes:
    """One whole text frame of a client; the mask is four zeros, which leaves the bytes as they are."""
    n = len(payload)
    if n < 126:
        return b"\x81" + bytes([0x80 | n]) + bytes(4) + payload
    if n < 65_536:
        return b"\x81\xfe" + n.to_bytes(2, "big") + bytes(4) + payload
    return b"\x81\xff" + n.to_bytes(8, "big") + bytes(4) + payload


def request(port: int) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


class Lean(asyncio.Protocol):
    """Counts the events of one kind in all frames, and remembers when the last one came."""

    def __init__(self, port: int, token: str, kind: str = "", **hello: object) -> None:
        self._port = port
        self._hello = {"op": "hello", "token": token, **hello}
        self._mark = b'"kind":"' + kind.encode() + b'"'
        self._buffer = bytearray()
        self._upgraded = False
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self.wanted = 0
        self.complete: asyncio.Future[float] | None = None
        self.snapshots = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(request(self._port))

    def expect(self, count: int) -> asyncio.Future[float]:
        """When so many events more have come."""
        self.count, self.wanted = 0, count
        self.complete = asyncio.get_running_loop().create_future()
        return self.complete

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._upgraded = True
            self.transport.write(masked(json.dumps(self._hello).encode()))
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == 9:
                self.transport.write(b"\x8a\x80" + bytes(4))
            elif opcode == 1:
                self._word(payload)

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        n, at = buffer[1], 2
        if n == 126:
            n, at = int.from_bytes(buffer[2:4], "big"), 4
        elif n == 127:
            n, at = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < at + n:
            return None
        opcode, payload = buffer[0] & 15, bytes(buffer[at : at + n])
        del buffer[: at + n]
        return opcode, payload

    def _word(self, payload: bytes) -> None:
        if payload.startswith(b'{"op":"events"'):
            self.count += payload.count(self._mark)
            if self.complete is not None and not self.complete.done() and self.count >= self.wanted:
                self.complete.set_result(time.perf_counter())
            return
        if payload.startswith(b'{"op":"snapshot"'):
            # All that it waited for is in it.
            self.snapshots += 1
            if self.complete is not None and not self.complete.done():
                self.complete.set_result(time.perf_counter())
        if not self.welcomed.done():
            self.welcomed.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionError("closed before its welcome"))


async def lean(port: int, token: str, kind: str) -> Lean:
    _, protocol = await asyncio.get_running_loop().create_connection(lambda: Lean(port, token, kind), "127.0.0.1", port)
    await asyncio.wait_for(protocol.welcomed, 30)
    return protocol


def deaf(port: int, token: str) -> socket.socket:
    """A connection that says hello and never reads; its own buffers are as small as they come."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.sendall(request(port))
    while b"\r\n\r\n" not in line.recv(4096, socket.MSG_PEEK):
        pass
    line.sendall(masked(json.dumps({"op": "hello", "token": token}).encode()))
    return line
