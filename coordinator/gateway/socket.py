"""The websocket of consoles, relays and everybody else: `GET /ws`."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from coordinator import clock
from coordinator.conductor import Answer
from coordinator.errors import JournalError
from coordinator.fanout.frames import PING, text_frame
from coordinator.fanout.outbox import Outbox
from coordinator.fanout.view import Rights
from coordinator.gateway import wire
from coordinator.gateway.auth import Identity, TokenError
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.registry import Sale

log = structlog.get_logger(__name__)

TRANSPORT_LIMIT = 4 << 20  # aiohttp's own bound, far above ours, so that it is us who say what was wrong
PING_SECONDS = {"relay": 1.0, "poster": 20.0}
CONSOLE_PING_SECONDS = 20.0
RELAY_LEASE_SECONDS = 3.0


class Connection:
    """One websocket after its welcome."""

    __slots__ = ("_transport", "closing", "ending", "heard", "identity", "opened", "outbox", "pinged", "sale", "ws")

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport, identity: Identity, sale: Sale) -> None:
        self.ws, self._transport, self.identity, self.sale = ws, transport, identity, sale
        self.outbox: Outbox | None = None
        self.closing = False
        self.ending: asyncio.Future[None] | None = None
        self.opened = self.heard = self.pinged = clock.monotonic()

    # ------------------------------------------------------------ Line
    def write(self, *parts: bytes) -> None:
        # Frames are built once for many connections, so they go past the library's own framing, to the
        # transport it uses; each write is one whole frame.
        if not self._transport.is_closing():
            self._transport.writelines(parts)

    def unread(self) -> int:
        return self._transport.get_write_buffer_size()

    def close(self, code: int, message: str) -> None:
        if self.closing:
            return
        self.closing = True
        self.write(text_frame(wire.bye(code, message)))
        if self.outbox is not None:
            self.outbox.open = False
        task = self.ending = asyncio.ensure_future(self._close(code, message))
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def _close(self, code: int, message: str) -> None:
        try:
            async with asyncio.timeout(2):
                await self.ws.close(code=code, message=_reason(message))
        except (TimeoutError, OSError):
            pass
        finally:
            # One that does not read does not answer a close either.
            self._transport.abort()

    # ------------------------------------------------------------ heartbeat
    def beat(self, now: float) -> None:
        """Called each second: pings, and closes what has not answered."""
        if self.outbox is not None:
            self.outbox.tick()
        role = self.identity.actor.role
        every = PING_SECONDS.get(role, CONSOLE_PING_SECONDS)
        silence = now - self.heard
        if role == "relay" and silence > RELAY_LEASE_SECONDS:
            self.close(wire.LOST_LEASE, "nothing was heard for three seconds: your lease is over")
        elif silence > 2 * every + 5:
            self.close(wire.SILENT, "two pings were not answered")
        elif now - self.pinged >= every:
            self.pinged = now
            self.write(PING)


_closing: set[asyncio.Future[None]] = set()


async def socket(request: web.Request) -> web.WebSocketResponse:
    gateway = request.app[GATEWAY]
    ws = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=TRANSPORT_LIMIT, timeout=2.0)
    await ws.prepare(request)
    transport = request.transport
    if transport is None:
        return ws
    connection = await _greet(gateway, ws, transport)
    if connection is None:
        return ws
    gateway.connections.add(connection)
    sale = connection.sale
    try:
        await _listen(gateway, connection)
        if connection.ending is not None:
            # Else the library would be first to close, and say 1000 in place of our code.
            await asyncio.wait([connection.ending])
    finally:
        gateway.connections.discard(connection)
        if connection.outbox is not None:
            connection.outbox.open = False
            sale.hub.leave(connection.outbox)
        gateway.presence.went(connection)
    return ws


def _reason(message: str) -> bytes:
    """As much of a message as a close frame holds, in whole characters."""
    return message.encode()[:120].decode(errors="ignore").encode()


def _too_large(text: str) -> bool:
    # A character has one to four bytes: only those in between are counted.
    return len(text) > wire.MAX_FRAME_BYTES or (
        len(text) > wire.MAX_FRAME_BYTES // 4 and len(text.encode(errors="replace")) > wire.MAX_FRAME_BYTES
    )


async def _farewell(ws: web.WebSocketResponse, code: int, message: str) -> None:
    try:
        await ws.send_str(wire.bye(code, message).decode())
        await ws.close(code=code, message=_reason(message))
    except OSError:
        pass  # whoever has gone needs no farewell


async def _greet(gateway: Gateway, ws: web.WebSocketResponse, transport: asyncio.Transport) -> Connection | None:
    """Reads the hello and writes the welcome; None where there is nobody to welcome."""
    try:
        async with asyncio.timeout(wire.HELLO_SECONDS):
            message = await ws.receive()
            while message.type in {WSMsgType.PING, WSMsgType.PONG}:
                message = await ws.receive()
    except TimeoutError:
        await _farewell(ws, wire.PROTOCOL, "the first frame must be a hello, within five seconds")
        return None
    if message.type is not WSMsgType.TEXT:
        if message.type is WSMsgType.BINARY:
            await _farewell(ws, wire.PROTOCOL, "frames are text: one JSON object each")
        return None
    if _too_large(message.data):
        await _farewell(ws, wire.TOO_LARGE, "a frame may have at most 256 KiB")
        return None
    try:
        hello = wire.read(message.data)
        if hello.get("op") != "hello":
            raise wire.Unreadable("the first frame must be a hello")
    except wire.Unreadable as e:
        await _farewell(ws, wire.PROTOCOL, str(e))
        return None
    try:
        identity = gateway.tokens.read(hello.get("token"))
    except TokenError as e:
        await _farewell(ws, wire.REVOKED if e.revoked else wire.BAD_TOKEN, str(e))
        return None
    wanted = hello.get("sale")
    if wanted is None:
        wanted = identity.sale
    if identity.sale is not None and wanted is not None and wanted != identity.sale:
        await _farewell(ws, wire.BAD_TOKEN, "the token is for another sale")
        return None
    if wanted is None and identity.sale is None:
        await _farewell(ws, wire.PROTOCOL, "this token is for all sales: say in hello which one (sale)")
        return None
    try:
        sale = await gateway.registry.get(wanted) if isinstance(wanted, str) else None
    except JournalError as e:
        await _farewell(ws, wire.GOING_AWAY, str(e))
        return None
    if sale is None:
        await _farewell(ws, wire.BAD_TOKEN, f"there is no sale {str(wanted)[:80]}")
        return None
    actor = identity.actor
    if sale.conductor.state.rehearsal is not None and actor.role == "relay" and actor.name != "console":
        await _farewell(ws, wire.BAD_TOKEN, "forbidden: in a rehearsal the built-in relay serves all groups")
        return None
    connection = Connection(ws, transport, identity, sale)
    rights = Rights(actor, ahead=hello.get("ahead") is True, lease=gateway.presence.has_lease(sale, actor))
    box = connection.outbox = sale.hub.join(connection, rights)
    gateway.presence.came(connection)
    position = hello.get("position")
    place = sale.hub.place_of(box.view, position if isinstance(position, str) else None)
    state = sale.hub.state_of(box.view) if place is None else None
    begin = sale.hub.head if place is None else place
    fields: dict[str, Any] = {
        "sale": sale.id, "role": actor.role, "name": actor.name, "now": sale.conductor.clock.now(),
        "speed": sale.conductor.clock.speed or 1, "position": sale.hub.position(box.view, begin), "recovered": place is not None,
    }  # fmt: skip
    if actor.role in {"relay", "poster"}:
        fields["member_key"] = gateway.tokens.member_key(actor.name)
    connection.write(text_frame(wire.welcome(fields, state)))
    box.begin(begin)
    box.catch_up()
    return connection


async def _listen(gateway: Gateway, connection: Connection) -> None:
    ws = connection.ws
    while not ws.closed and not connection.closing:
        message = await ws.receive()
        connection.heard = clock.monotonic()
        kind = message.type
        if kind is WSMsgType.TEXT:
            if _too_large(message.data):
                connection.close(wire.TOO_LARGE, "a frame may have at most 256 KiB")
                return
            _take(gateway, connection, message.data)
        elif kind is WSMsgType.PING:
            await ws.pong(message.data)
        elif kind is WSMsgType.PONG:
            continue
        elif kind is WSMsgType.BINARY:
            connection.write(text_frame(wire.refused(None, "invalid", "frames are text: one JSON object each")))
        else:
            return


def _take(gateway: Gateway, connection: Connection, data: str) -> None:
    """One readable or unreadable frame of a client; whatever it is, the connection goes on."""
    sale, box = connection.sale, connection.outbox
    if box is None:
        return
    try:
        frame = wire.read(data)
    except wire.Unreadable as e:
        connection.write(text_frame(wire.refused(None, "invalid", str(e))))
        return
    op = frame.get("op")
    id_ = frame.get("id")
    id_ = id_ if isinstance(id_, str) else None
    if op == "ping":
        clock_ = sale.conductor.clock
        connection.write(text_frame(wire.pong(frame.get("sent"), clock_.now(), clock_.speed or 1)))
        return
    if gateway.tokens.revoked(connection.identity.jti, connection.identity.sale):
        connection.close(wire.REVOKED, "this token was revoked: ask the owner for a new join link")
        return
    if connection.identity.expires + 30 < clock.wall_ms() // 1000:
        connection.close(wire.BAD_TOKEN, "this token is over: ask the owner for a new join link")
        return
    actor = connection.identity.actor
    if op == "do":
        if id_ is None:
            connection.write(
                text_frame(wire.refused(None, "invalid", "a command needs an id, a text", {"field": "id"}))
            )
            return

        def one(answers: list[Answer]) -> None:
            given = answers[0]
            box.answer(given.seq, wire.done(given, sale.hub.position(box.view, given.seq)))

        sale.conductor.submit(actor, [frame], one)
    elif op == "many":
        commands = frame.get("commands")
        if not isinstance(commands, list) or len(commands) > wire.MAX_MANY:
            why = f"commands is a list of at most {wire.MAX_MANY}"
            connection.write(text_frame(wire.refused(id_, "invalid", why, {"field": "commands"})))
            return
        if not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in commands):
            why = "each command is an object with an id of its own, a text"
            connection.write(text_frame(wire.refused(id_, "invalid", why, {"field": "commands"})))
            return

        def all_of_them(answers: list[Answer]) -> None:
            seq = max((a.seq for a in answers), default=sale.hub.head)
            box.answer(seq, wire.many_done(id_, answers, sale.hub.position(box.view, seq)))

        sale.conductor.submit(actor, commands, all_of_them)
    else:
        known = "do, many or ping"
        connection.write(
            text_frame(wire.refused(id_, "invalid", f"op is {known}, not {str(op)[:40]!r}", {"field": "op"}))
        )


async def heartbeat(gateway: Gateway) -> None:
    """Beats for all connections from one task; a timer each would be thousands."""
    while True:
        await asyncio.sleep(1.0)
        now = clock.monotonic()
        for connection in list(gateway.connections):
            connection.beat(now)
