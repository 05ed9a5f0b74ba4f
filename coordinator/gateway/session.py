"""One connection of a console, a relay or anybody else: what is said and answered, whatever wire it comes over.

`greet` reads the hello and writes the welcome, or says goodbye. A `Session` then takes frames, beats and closes. The
websocket is `socket.py`; nothing here knows of it.
"""

from __future__ import annotations

from typing import Any

from coordinator import clock
from coordinator.answers import Answer
from coordinator.attendance import LEASED
from coordinator.errors import JournalError
from coordinator.fanout.frames import PING, text_frame, text_parts
from coordinator.fanout.outbox import Line, Outbox
from coordinator.fanout.view import Rights
from coordinator.gateway import revealing, wire
from coordinator.gateway.auth import Identity, TokenError
from coordinator.gateway.context import Gateway
from coordinator.gateway.presence import LEASE_SECONDS
from coordinator.registry import Sale

PING_SECONDS = {"relay": 1.0}
CONSOLE_PING_SECONDS = 20.0  # a poster's phone too


class Session:
    """A connection after its welcome. It is the line of its outbox: a close from there says bye first."""

    __slots__ = (
        "_gateway",
        "_line",
        "closing",
        "heard",
        "identity",
        "opened",
        "outbox",
        "pinged",
        "record",
        "sale",
        "unread",
        "write",
    )

    def __init__(
        self, gateway: Gateway, line: Line, identity: Identity, sale: Sale, *, ahead: bool, record: object = None
    ) -> None:
        self._gateway, self._line, self.identity, self.sale = gateway, line, identity, sale
        # Frames go to the line itself: a call in between would be paid for each frame of each connection.
        self.write, self.unread = line.write, line.unread
        self.closing = False
        self.opened = self.heard = self.pinged = clock.monotonic()
        self.record = gateway.presence.record_of(sale, identity.actor, record)
        lease = gateway.presence.has_lease(sale, identity.actor, self.record)
        self.outbox: Outbox = sale.hub.join(self, Rights(identity.actor, ahead=ahead, lease=lease))
        gateway.presence.came(self)
        gateway.connections[self] = None

    def welcome(self, position: str | None) -> None:
        """Says where it stands: from the client's position on, or anew. Events follow."""
        sale, box, actor = self.sale, self.outbox, self.identity.actor
        place = sale.hub.place_of(box.view, position)
        state = sale.hub.state_of(box.view) if place is None else None
        begin = sale.hub.head if place is None else place
        fields: dict[str, Any] = {
            "sale": sale.id, "role": actor.role, "name": actor.name, "now": sale.conductor.clock.now(),
            "speed": sale.conductor.clock.speed or 1, "position": sale.hub.position(box.view, begin), "recovered": place is not None,
        }  # fmt: skip
        if actor.role in {"relay", "poster"}:
            fields["member_key"] = self._gateway.tokens.member_key(actor.name)
        self.write(*text_parts(*wire.welcome(fields, state)))
        box.begin(begin)
        box.catch_up()

    # ------------------------------------------------------------ the end
    def close(self, code: int, message: str, retry_ms: int | None = None) -> None:
        """Says bye and closes; the line then ends, and whoever reads it says so with `ended`."""
        if self.closing:
            return
        self.closing = True
        self.outbox.open = False
        farewell(self._line, code, message, retry_ms)

    def ended(self) -> None:
        """The line is no more: nobody is here over it."""
        self._gateway.connections.pop(self, None)
        self.outbox.open = False
        self.sale.hub.leave(self.outbox)
        self._gateway.presence.went(self)

    # ------------------------------------------------------------ heartbeat
    def beat(self, now: float) -> None:
        """Called each second: pings, and closes what has not answered."""
        self.outbox.tick()
        role = self.identity.actor.role
        every = PING_SECONDS.get(role, CONSOLE_PING_SECONDS)
        silence = now - self.heard
        if role == "relay" and silence > LEASE_SECONDS:
            self.close(wire.LOST_LEASE, "nothing was heard for three seconds: your lease is over")
            self._gateway.presence.went(self)  # it will not answer a close either: another one has its work now
        elif silence > 2 * every + 5:
            self.close(wire.SILENT, "two pings were not answered")
        elif now - self.pinged >= every:
            self.pinged = now
            self.write(PING)

    # ------------------------------------------------------------ frames
    def take(self, text: str) -> None:
        """One readable or unreadable frame of a client; whatever it is, the connection goes on, unless it is too large."""
        if _too_large(text):
            self.close(wire.TOO_LARGE, "a frame may have at most 256 KiB")
            return
        try:
            frame = wire.read(text)
        except wire.Unreadable as e:
            self._refuse(None, str(e))
            return
        op = frame.get("op")
        id_ = frame.get("id")
        id_ = id_ if isinstance(id_, str) else None
        if op == "ping":
            if self._may_answer():
                sale_clock = self.sale.conductor.clock
                self.write(text_frame(wire.pong(frame.get("sent"), sale_clock.now(), sale_clock.speed or 1)))
            return
        if op == "leave":
            self._gateway.presence.went(self, gave_back=True)
            return
        if self._gateway.tokens.revoked(self.identity.jti, self.identity.sale):
            self.close(wire.REVOKED, "this token was revoked: ask the owner for a new join link")
            return
        if self.identity.expires + 30 < clock.wall_ms() // 1000:
            self.close(wire.BAD_TOKEN, "this token is over: ask the owner for a new join link")
            return
        if op == "do":
            if id_ is None:
                self._refuse(None, "a command needs an id, a text", "id")
            else:
                self._do(frame, len(text))
        elif op == "many":
            self._many(id_, frame.get("commands"), len(text))
        else:
            self._refuse(id_, f"op is do, many, ping or leave, not {str(op)[:40]!r}", "op")

    def _may_answer(self) -> bool:
        """A relay takes an answered ping for the right to send: it has all by then that it is not to send any more."""
        if self.identity.actor.role not in LEASED:
            return True
        self.outbox.catch_up()
        return not self.outbox.behind and self._gateway.registry.vouches(self.sale, self.identity.actor.name)

    def take_bytes(self) -> None:
        """A frame that is no text."""
        self._refuse(None, "frames are text: one JSON object each")

    def _refuse(self, id_: str | None, why: str, field: str | None = None) -> None:
        self.write(text_frame(wire.refused(id_, "invalid", why, None if field is None else {"field": field})))

    def _do(self, command: dict[str, Any], size: int) -> None:
        hub, box = self.sale.hub, self.outbox

        def said(given: Answer) -> None:
            box.answer(given.seq, wire.done(given, hub.position(box.view, given.seq)))

        async def reveal(given: Answer) -> None:
            said(await revealing.with_contact(self._gateway, self.sale, given))

        def one(answers: list[Answer]) -> None:
            if revealing.is_reveal(command):
                self._gateway.spawn(reveal(answers[0]))
            else:
                said(answers[0])

        self.sale.conductor.submit(self.identity.actor, [command], one, size)

    def _many(self, id_: str | None, commands: Any, size: int) -> None:
        hub, box = self.sale.hub, self.outbox
        if not isinstance(commands, list) or len(commands) > wire.MAX_MANY:
            self._refuse(id_, f"commands is a list of at most {wire.MAX_MANY}", "commands")
            return
        if not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in commands):
            self._refuse(id_, "each command is an object with an id of its own, a text", "commands")
            return

        def all_of_them(answers: list[Answer]) -> None:
            seq = max((a.seq for a in answers), default=hub.head)
            box.answer(seq, wire.many_done(id_, answers, hub.position(box.view, seq)))

        self.sale.conductor.submit(self.identity.actor, commands, all_of_them, size)


def farewell(line: Line, code: int, message: str, retry_ms: int | None = None) -> None:
    """Says bye in a frame, for all who cannot read a close frame's code, and closes the line."""
    line.write(text_frame(wire.bye(code, message, retry_ms)))
    line.close(code, message)


async def greet(gateway: Gateway, line: Line, text: str) -> Session | None:
    """Reads the hello and writes the welcome; None where nobody was welcome: they were told why, and the line closes."""
    try:
        hello = _hello(text)
        identity = gateway.tokens.read(hello.get("token"))
        retry_ms = gateway.door.turn_away(identity.actor.role, len(gateway.connections))
        if retry_ms is not None:
            farewell(line, wire.GOING_AWAY, "too many come at once: come back in a moment", retry_ms)
            return None
        session = Session(
            gateway, line, identity, await _sale(gateway, identity, hello), ahead=hello.get("ahead") is True,
            record=hello.get("record"),
        )  # fmt: skip
    except _Unwelcome as e:
        farewell(line, e.code, str(e))
        return None
    except TokenError as e:
        farewell(line, wire.REVOKED if e.revoked else wire.BAD_TOKEN, str(e))
        return None
    position = hello.get("position")
    session.welcome(position if isinstance(position, str) else None)
    return session


class _Unwelcome(Exception):
    """A hello that opens nothing: `str(error)` says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def _hello(text: str) -> dict[str, Any]:
    if _too_large(text):
        raise _Unwelcome(wire.TOO_LARGE, "a frame may have at most 256 KiB")
    try:
        hello = wire.read(text)
    except wire.Unreadable as e:
        raise _Unwelcome(wire.PROTOCOL, str(e)) from None
    if hello.get("op") != "hello":
        raise _Unwelcome(wire.PROTOCOL, "the first frame must be a hello")
    return hello


async def _sale(gateway: Gateway, identity: Identity, hello: dict[str, Any]) -> Sale:
    """The sale that is meant. Raises _Unwelcome where this identity may not come to it."""
    wanted = hello.get("sale")
    if wanted is None:
        wanted = identity.sale
    if identity.sale is not None and wanted != identity.sale:
        raise _Unwelcome(wire.BAD_TOKEN, "the token is for another sale")
    if wanted is None:
        raise _Unwelcome(wire.PROTOCOL, "this token is for all sales: say in hello which one (sale)")
    try:
        sale = await gateway.registry.get(wanted) if isinstance(wanted, str) else None
    except JournalError as e:
        raise _Unwelcome(wire.GOING_AWAY, str(e)) from None
    if sale is None:
        raise _Unwelcome(wire.BAD_TOKEN, f"there is no sale {str(wanted)[:80]}")
    actor = identity.actor
    if sale.conductor.state.rehearsal is not None and actor.role == "relay" and actor.name != "console":
        raise _Unwelcome(wire.BAD_TOKEN, "forbidden: in a rehearsal the built-in relay serves all groups")
    return sale


def _too_large(text: str) -> bool:
    # A character has one to four bytes: only those in between are counted.
    return len(text) > wire.MAX_FRAME_BYTES or (
        len(text) > wire.MAX_FRAME_BYTES // 4 and len(text.encode(errors="replace")) > wire.MAX_FRAME_BYTES
    )
