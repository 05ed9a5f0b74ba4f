"""The websocket of consoles, relays and everybody else: `GET /ws`. What is said over it is in `session.py`."""

from __future__ import annotations

import asyncio

from aiohttp import WSMessage, WSMsgType, web

from coordinator import clock
from coordinator.fanout.outbox import HARD_SECONDS
from coordinator.gateway import wire
from coordinator.gateway.context import GATEWAY
from coordinator.gateway.session import Session, farewell, greet

TRANSPORT_LIMIT = 4 << 20  # aiohttp's own bound, far above ours, so that it is us who say what was wrong
FRAMES_AT_ONCE = 16  # of one client, before others have their turn
UNREAD_BYTES = 1 << 20  # beyond so much that a client has not read, nothing more is taken from it
UNREAD_SECONDS = 0.05  # between two looks whether it has read
CLOSE_SECONDS = 2.0  # so long a client has to answer a close
HEARD = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG})


class _Websocket:
    """One websocket as a session's line."""

    __slots__ = ("_transport", "_ws", "ending")

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._ws, self._transport = ws, transport
        self.ending: asyncio.Future[None] | None = None

    def write(self, *parts: bytes) -> None:
        # Frames are built once for many connections, so they go past the library's own framing, to the
        # transport it uses; each write is one whole frame.
        if not self._transport.is_closing():
            self._transport.writelines(parts)

    def unread(self) -> int:
        return self._transport.get_write_buffer_size()

    def close(self, code: int, message: str) -> None:
        if self.ending is None:
            task = self.ending = asyncio.ensure_future(self._close(code, message))
            _closing.add(task)
            task.add_done_callback(_closing.discard)

    async def _close(self, code: int, message: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._ws.close(code=code, message=_reason(message))
        except (TimeoutError, OSError):
            pass
        finally:
            # One that does not read does not answer a close either.
            self._transport.abort()


_closing: set[asyncio.Future[None]] = set()


async def socket(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=TRANSPORT_LIMIT, timeout=CLOSE_SECONDS)
    try:
        await ws.prepare(request)
    except OSError:
        return ws  # whoever asked has gone
    transport = request.transport
    if transport is None:
        return ws
    line, gateway = _Websocket(ws, transport), request.app[GATEWAY]
    gateway.door.under_way += 1
    try:
        text = await _first(ws, line)
        await gateway.door.turn()
        # Who has gone meanwhile is not greeted: a crowd that comes again and again would be greeted for nothing.
        session = None if text is None or transport.is_closing() else await greet(gateway, line, text)
    finally:
        gateway.door.under_way -= 1
    try:
        if session is not None:
            await _listen(ws, session)
        if line.ending is not None:
            # Else the library would be first to close, and say 1000 in place of our code.
            await asyncio.wait([line.ending])
    finally:
        if session is not None:
            session.ended()
    return ws


async def _first(ws: web.WebSocketResponse, line: _Websocket) -> str | None:
    """The first frame, which has to be a hello; None where none came."""
    message: WSMessage
    try:
        async with asyncio.timeout(wire.HELLO_SECONDS):
            message = await ws.receive()
            while message.type in {WSMsgType.PING, WSMsgType.PONG}:
                message = await ws.receive()
    except TimeoutError:
        # It may be the network, or this machine, that was slow: a relay or a screen must not stop for good by that.
        farewell(line, wire.SILENT, "no hello came within five seconds")
        return None
    if message.type is WSMsgType.TEXT:
        return str(message.data)
    if message.type is WSMsgType.BINARY:
        farewell(line, wire.PROTOCOL, "frames are text: one JSON object each")
    return None


async def _listen(ws: web.WebSocketResponse, session: Session) -> None:
    frames = 0
    while not ws.closed and not session.closing:
        message = await ws.receive()
        if message.type in HEARD:  # the end of a line is no word of the client's
            session.heard = clock.monotonic()
        frames += 1
        if not frames % FRAMES_AT_ONCE:
            await asyncio.sleep(0)  # frames that have come already are read without a pause: others have their turn too
        kind = message.type
        if kind is WSMsgType.TEXT:
            session.take(message.data)
            if session.unread() > UNREAD_BYTES:
                await _read(session)
        elif kind is WSMsgType.PING:
            await ws.pong(message.data)
        elif kind is WSMsgType.PONG:
            continue
        elif kind is WSMsgType.BINARY:
            session.take_bytes()
        else:
            return


async def _read(session: Session) -> None:
    """Waits until a client has read: nothing more is taken from one that does not."""
    end = clock.monotonic() + HARD_SECONDS
    while session.unread() > UNREAD_BYTES and not session.closing:
        if clock.monotonic() > end:
            session.close(wire.SLOW, "you send more than you read: come back and read")
        await asyncio.sleep(UNREAD_SECONDS)


def _reason(message: str) -> bytes:
    """As much of a message as a close frame holds, in whole characters."""
    return message.encode()[:120].decode(errors="ignore").encode()
