"""One connection to a coordinator, from `hello` to its end: frames in order, a clock, a lease, commands with answers.

Nothing here knows of relays' deliveries: a kit for any other role starts with this file.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from roles.relay import machine
from roles.relay.errors import LineLost
from roles.relay.wire.saletime import Lease, SaleClock

Frame = dict[str, Any]

MANY_COMMANDS = 1000  # the contract's bound of one `many`
FRAME_BYTES = 240 * 1024  # the coordinator closes above 256 KiB; the rest is the frame around the commands
NO_RETURN = range(4100, 4200)  # close codes that say: do not come back
LEAVE_S = 0.1  # a line that takes nothing does not take this either
# The library writes each frame to its log where that is asked for details: the first one holds the token.
_QUIET = logging.getLogger("websockets.dropcue")
_QUIET.setLevel(logging.INFO)
_FIRST_PINGS = 5  # quick ones, so that the clock is good before the first thing is due
_FIRST_PING_EVERY_S = 0.02


class connect(client.connect):  # noqa: N801 - it is called as the library's is
    """The library's `connect`, which leads on to no other address: the token goes to the one that was written."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one command: `result` where it is `ok`, else the refusal's `code`, `message` and `details`."""

    id: str
    ok: bool
    result: dict[str, Any] | None = None
    code: str | None = None
    message: str = ""
    details: dict[str, Any] | None = None

    @classmethod
    def read(cls, said: Frame, *, ok: bool) -> Answer:
        if ok:
            return cls(str(said.get("id")), ok=True, result=said.get("result"))
        return cls(
            str(said.get("id")),
            ok=False,
            code=str(said.get("code", "unknown")),
            message=str(said.get("message", "")),
            details=said.get("details"),
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a line asks, and how long it believes a silence."""

    ping_every_s: float = 0.5
    dead_after_s: float = 3.0  # the coordinator's own lease is over by then
    open_within_s: float = 10.0


class Line:
    """An open connection. Made by `Line.open`; ends by `close`, or by itself, which `lost` tells.

    `frames` is called with each `events` and `snapshot` frame, in order, as it is read, and must not wait. Raises out of
    it end the line.
    """

    def __init__(
        self, socket: ClientConnection, clock: SaleClock, lease: Lease, frames: Callable[[Frame], None], pace: Pace
    ) -> None:
        self._socket, self._clock, self._lease, self._frames, self._pace = socket, clock, lease, frames, pace
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._asked: dict[int, float] = {}
        self._pings = 0
        self._outer = 0
        self._heard_at = machine.monotonic()
        self._pong = asyncio.Event()
        self._bye: Frame | None = None
        self._end: LineLost | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.lost: asyncio.Future[LineLost] = asyncio.get_running_loop().create_future()
        self.welcome: Frame = {}

    @classmethod
    async def open(
        cls,
        coordinator: str,
        token: str,
        *,
        clock: SaleClock,
        lease: Lease,
        frames: Callable[[Frame], None],
        welcomed: Callable[[Frame], Awaitable[None]] | None = None,
        sale: str | None = None,
        position: str | None = None,
        record: str | None = None,
        pace: Pace = Pace(),
    ) -> Line:
        """Connects and says hello. `welcomed` is done with the welcome before any frame is read. Raises `LineLost`."""
        try:
            async with asyncio.timeout(pace.open_within_s):
                socket = await connect(
                    address(coordinator),
                    max_size=None,  # a snapshot is as large as it is
                    compression=None,
                    ping_interval=None,  # the `ping` of the contract also brings the clock
                    open_timeout=None,
                    close_timeout=2,
                    logger=_QUIET,
                    proxy=None if _loopback(coordinator) else True,
                )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError, ConnectionClosed) as error:
            # ConnectionClosed: it broke between the connection and the first byte of the handshake.
            # An address can carry a password; only its host is said, and only the system's errors are quoted.
            what = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
            what = leads_on(error) or what
            host = urlsplit(coordinator).netloc.rpartition("@")[2]
            raise LineLost(0, f"cannot connect to {host} ({what})", retry=True, after_s=_retry_after(error)) from error
        line = cls(socket, clock, lease, frames, pace)
        try:
            async with asyncio.timeout(pace.open_within_s):
                await line._greet(token, sale, position, record)
            if welcomed is not None:
                await welcomed(line.welcome)
        except TimeoutError as error:
            socket.transport.abort()
            raise LineLost(0, "the coordinator did not answer hello", retry=True) from error
        except BaseException:
            socket.transport.abort()
            raise
        loop = asyncio.get_running_loop()
        line._tasks = [loop.create_task(line._read()), loop.create_task(line._ask())]
        return line

    async def _greet(self, token: str, sale: str | None, position: str | None, record: str | None) -> None:
        hello = {"op": "hello", "token": token, "ahead": True}
        if record is not None:
            hello["record"] = record
        if sale is not None:
            hello["sale"] = sale
        if position is not None:
            hello["position"] = position
        asked = machine.monotonic()
        try:
            await self._send(hello)
            first = msgspec.json.decode(await self._socket.recv())
            if first.get("op") == "bye":
                self._bye = first
                raise self._ended()
        except ConnectionClosed as error:
            raise self._ended() from error
        except (msgspec.DecodeError, AttributeError) as error:
            raise LineLost(0, "the coordinator's first frame cannot be read", retry=True) from error
        if first.get("op") != "welcome":
            raise LineLost(0, f"the coordinator answered hello with {first.get('op')!r}", retry=True)
        self.welcome = first
        self._heard(asked, first)

    async def do(self, kind: str, id: str, **fields: Any) -> Answer:  # noqa: A002 - the wire's word
        """Gives one command. Raises `LineLost` where the line ends before the answer: give it again with the same id."""
        said = await self._call({"op": "do", "id": id, "kind": kind, **fields})
        return Answer.read(said, ok=said["op"] == "done")

    async def many(self, commands: Sequence[Frame | msgspec.Raw], ids: Sequence[str]) -> list[Answer]:
        """Gives up to 1,000 commands, `ids` beside them; the answers come in their order. Raises `LineLost` as `do` does.

        A refusal of the whole frame is the answer to each of them.
        """
        if len(commands) > MANY_COMMANDS:
            raise ValueError(f"a frame holds at most {MANY_COMMANDS} commands, not {len(commands)}")
        self._outer += 1
        said = await self._call({"op": "many", "id": f"many-{self._outer}", "commands": list(commands)})
        if said["op"] != "done":
            return [Answer.read(said | {"id": i}, ok=False) for i in ids]
        by_id = {one.get("id"): Answer.read(one, ok=bool(one.get("ok"))) for one in said.get("results", ())}
        silent = {"code": "busy", "message": "the coordinator's answer leaves this command out"}
        return [by_id.get(i) or Answer.read(silent | {"id": i}, ok=False) for i in ids]

    async def leave(self) -> None:
        """Says that this side sends nothing from here on, whatever its lease: another relay need not wait for its end."""
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(LEAVE_S):
                await self._send({"op": "leave"})

    async def close(self) -> None:
        """Ends the line from this side."""
        await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._finish(self._end or LineLost(1000, "closed by the relay", retry=True))

    async def _call(self, frame: Frame) -> Frame:
        if self.lost.done():
            raise self.lost.result()
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[frame["id"]] = answer
        try:
            await self._send(frame)
            return await answer
        except ConnectionClosed as error:
            raise self._ended() from error
        finally:
            self._answers.pop(frame["id"], None)

    async def _send(self, frame: Frame) -> None:
        await self._socket.send(msgspec.json.encode(frame), text=True)

    async def _read(self) -> None:
        why: LineLost | None = None
        try:
            async for raw in self._socket:
                self._take(msgspec.json.decode(raw))
        except ConnectionClosed:
            pass
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
            why = LineLost(0, f"a frame of the coordinator cannot be read ({type(error).__name__})", retry=True)
            self._socket.transport.abort()
        finally:
            self._finish(why or self._ended())

    def _take(self, frame: Frame) -> None:
        match frame.get("op"):
            case "events" | "snapshot":
                self._frames(frame)
            case "done" | "refused":
                answer = self._answers.get(str(frame.get("id")))
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            case "pong":
                asked = self._asked.pop(frame["sent"], None)
                if asked is not None:
                    self._heard(asked, frame)
                    self._pong.set()
            case "bye":
                self._bye = frame

    def _heard(self, asked: float, frame: Frame) -> None:
        self._heard_at = machine.monotonic()
        self._clock.sample(asked, self._heard_at, frame["now"], frame.get("speed", 1))
        self._lease.renew(asked)

    async def _ask(self) -> None:
        try:
            while True:
                self._pings += 1
                now = machine.monotonic()
                self._asked[self._pings] = now
                self._pong.clear()
                await self._send({"op": "ping", "sent": self._pings})
                wait = _FIRST_PING_EVERY_S if self._pings < _FIRST_PINGS else self._pace.ping_every_s
                await asyncio.sleep(wait)
                if machine.monotonic() - self._heard_at > self._pace.dead_after_s:
                    self._end = LineLost(0, f"no answer for {self._pace.dead_after_s:g} s", retry=True)
                    if not self._lease.held():
                        await self.leave()  # it may be that only the way back is broken
                    self._socket.transport.abort()
                    return
        except ConnectionClosed:
            return

    def _ended(self) -> LineLost:
        if self._end is not None:
            return self._end
        code = int(self._socket.close_code or 1006)  # its name is for no log
        message = self._socket.close_reason or ""
        if self._bye is not None:
            told = self._bye.get("code")
            code, message = told if isinstance(told, int) else code, str(self._bye.get("message") or message)
        retry = code not in NO_RETURN and (self._bye is None or self._bye.get("retry", True) is not False)
        said = None if self._bye is None else self._bye.get("retry_ms")
        after = said / 1000 if isinstance(said, int | float) and said >= 0 else None
        return LineLost(code, message, retry=retry, after_s=after)

    def _finish(self, why: LineLost) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self.lost.result())


def address(coordinator: str) -> str:
    """The websocket of a coordinator: `https://sale.example/x` is at `wss://sale.example/x/ws`."""
    scheme, rest = coordinator.split("://", 1)
    return {"http": "ws", "https": "wss"}.get(scheme, scheme) + "://" + rest.rstrip("/") + "/ws"


def pages(coordinator: str) -> str:
    """Where a coordinator's pages are: `wss://sale.example/x/` has them below `https://sale.example/x`.

    Without a name and password in it: pages are asked for with the token, and one header holds one of the two.
    """
    parts = urlsplit(coordinator)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def leads_on(error: BaseException) -> str | None:
    """That a coordinator's address leads on to another one, which is not followed."""
    if isinstance(error, InvalidStatus) and 300 <= (status := error.response.status_code) < 400:
        return f"HTTP {status}: it leads on to another address; write that one into `coordinator`"
    return None


def _retry_after(error: BaseException) -> float | None:
    """When a service that has no room asks to be called again, where it does."""
    said = error.response.headers.get("Retry-After", "") if isinstance(error, InvalidStatus) else ""
    return float(said) if said.isascii() and said.isdigit() else None


def _loopback(coordinator: str) -> bool:
    host = urlsplit(coordinator).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
