"""The door: connections come in a few at a time, and are greeted while the service keeps time.

After a restart thousands come back in one instant. Each costs the better part of a millisecond, and all of them at once
would hold up the cues. So a few are let in between two turns of the loop, in the order in which they came. Who would
wait for longer than a screen has patience is told to come back at once, before anything is spent on them: a queue of
those who have given up is what a service never recovers from. The screens and relays that are let in say who they are;
where even so the service is late, those who run the show are greeted, and the others told when to come back, each at a
moment of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import select
import socket
from collections import deque
from collections.abc import Callable

import structlog

from coordinator import clock
from coordinator.fanout.view import FIRST

log = structlog.get_logger(__name__)

BACKLOG = 4_096  # connections that wait in the system's queue until they are looked at; the system may allow fewer
LOOKED_AT = 128  # connections taken out of the system's queue between two turns of the loop
SLICE = 16  # connections let in between two turns of the loop
AHEAD = 64  # of those who were let in may wait for their greeting: the others wait outside, where it costs less
AHEAD_SECONDS = 0.002  # until that is looked at again
WAIT_SECONDS = 3.0  # for longer nobody waits to be let in: half of a screen's patience
LEAST_WAITING = 64  # so many may always wait
GREETINGS = 1_000  # connections that are being greeted: they have not said hello yet, or their sale is being opened
LATE_SECONDS = 0.5  # the loop's own delay, beyond which nobody more is greeted
LOOK_SECONDS = 0.1  # how often that is measured
PACE_SECONDS = 1.0  # over which welcomes are counted
FIRST_PACE, SLOWEST = 500.0, 50.0  # connections a second that are thought possible: before one knows, and at the least
CROWD = 10  # welcomes a second: who is away now is on their way back, as far as anybody can tell
CROWD_SECONDS = 10.0  # after so many; a screen tries again each 8 s
SOONEST_MS, LATEST_MS = 300, 15_000  # to come back in
SPARE_FILES = 256  # for the journal, snapshots and requests
FULL_SECONDS = 0.1  # between two looks where the system gives no more connections

_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR
_WEBSOCKET = b"GET /ws"
_COME_BACK = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Door:
    def __init__(self) -> None:
        self.under_way = 0
        """Connections that are being greeted."""
        self.turned_away = 0
        self.welcomed = 0
        self.late = 0.0
        """How late the loop was when it was last looked at, in seconds."""
        self._crowd_until = 0.0
        self.most = _files() - SPARE_FILES
        """Connections that may be open."""
        self.addresses: list[tuple[str, int]] = []
        self._listening: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: deque[tuple[float, socket.socket]] = deque()  # since when, who
        self._let_in = 0
        self._pace = FIRST_PACE
        self._turns: deque[asyncio.Future[None]] = deque()  # of those who have said hello
        self._greeted = 0  # since the loop's last turn
        self._next = 0.0  # when the next of those who are told to come back shall come

    @property
    def crowded(self) -> bool:
        """Whether many come back just now, or did a moment ago."""
        return clock.monotonic() < self._crowd_until

    # ------------------------------------------------------------ accepting
    async def open(self, host: str, port: int, serve: Callable[[], asyncio.Protocol]) -> None:
        """Listens; each connection is served by a protocol of its own. Raises OSError."""
        loop = asyncio.get_running_loop()
        places = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, type_, proto, _, address in dict.fromkeys(places):
                listener = socket.socket(family, type_, proto)
                self._listening.append(listener)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.setblocking(False)
                listener.bind(address)
                listener.listen(BACKLOG)
                self.addresses.append(listener.getsockname()[:2])
        except OSError:
            self._shut()
            raise
        self._tasks = [asyncio.create_task(self._accept(each, serve), name="door") for each in self._listening]
        self._tasks.append(asyncio.create_task(self._look(), name="door's pace"))

    async def close(self) -> None:
        """Nobody comes in any more; who is in stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._shut()

    def _shut(self) -> None:
        for one in (*self._listening, *(one for _, one in self._waiting)):
            one.close()
        self._listening.clear()
        self._waiting.clear()

    async def _accept(self, listener: socket.socket, serve: Callable[[], asyncio.Protocol]) -> None:
        loop, waiting, full = asyncio.get_running_loop(), self._waiting, False
        while True:
            try:
                if not waiting:
                    self._queue((await loop.sock_accept(listener))[0])
                with contextlib.suppress(BlockingIOError, InterruptedError):
                    for _ in range(LOOKED_AT):
                        self._queue(listener.accept()[0])
                full = False
            except ConnectionError:
                continue  # it went before it was looked at
            except OSError as e:
                if not full:
                    log.error("no more connections can be opened", reason=str(e))
                full = True
                await asyncio.sleep(FULL_SECONDS)
            come: list[socket.socket] = []
            late = clock.monotonic() - WAIT_SECONDS
            while waiting and len(come) < SLICE and len(self._turns) < AHEAD:
                since, one = waiting.popleft()
                if _gone(one):
                    one.close()  # nothing is spent on those who have given up
                elif since > late or not self._send_away(one):
                    come.append(one)
            self._let_in += len(come)
            await asyncio.gather(*(loop.connect_accepted_socket(serve, one) for one in come), return_exceptions=True)
            await asyncio.sleep(0 if come or not waiting else AHEAD_SECONDS)

    def _queue(self, one: socket.socket) -> None:
        """A connection waits to be let in, or is told to come back where it would for too long."""
        one.setblocking(False)
        full = len(self._waiting) >= max(LEAST_WAITING, self._pace * WAIT_SECONDS)
        if not full or not self._send_away(one):
            self._waiting.append((clock.monotonic(), one))

    def _send_away(self, one: socket.socket) -> bool:
        """Tells a websocket to come back; whether it was one. Phones' pages and requests are let in: they are not many tries."""
        try:
            if one.recv(len(_WEBSOCKET), socket.MSG_PEEK) != _WEBSOCKET:
                return False
            one.recv(1 << 16)  # what is left unread would take the answer back
            one.send(_COME_BACK.format(math.ceil(self.back_in("") / 1000)).encode())
        except BlockingIOError:
            return False  # it has not said yet what it is
        except OSError:
            pass  # it is gone
        one.close()
        self.turned_away += 1
        return True

    # ------------------------------------------------------------ greeting
    def turn_away(self, role: str, connections: int) -> int | None:
        """In how many ms somebody of a role has to come back; None where they are welcome now."""
        if connections < self.most and (
            role in FIRST or (self.late < LATE_SECONDS and self.under_way <= GREETINGS)
        ):  # fmt: skip
            self.welcomed += 1
            return None
        self.turned_away += 1
        return self.back_in(role)

    async def turn(self) -> None:
        """Waits for one's turn to be greeted: those who were let in one after the other may say hello all at once."""
        if not self._greeted:
            asyncio.get_running_loop().call_soon(self._turn)
        if self._greeted < SLICE:
            self._greeted += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(mine)
        await mine

    def _turn(self) -> None:
        self._greeted = 0
        while self._turns and self._greeted < SLICE:
            mine = self._turns.popleft()
            if not mine.done():
                mine.set_result(None)
                self._greeted += 1
        if self._greeted:
            asyncio.get_running_loop().call_soon(self._turn)

    def back_in(self, role: str) -> int:
        """In how many ms somebody is to come back: one after the other, at the pace they are let in; who runs the show at once."""
        if role in FIRST:
            return clock.jittered(SOONEST_MS)
        now = clock.monotonic()
        self._next = max(self._next + 1 / self._pace, now)
        wait = (self._next - now) * 1000
        if wait > LATEST_MS:
            self._next = now  # so many that it is all one: they begin anew, and are spread again
        return clock.jittered(SOONEST_MS) + round(wait)

    async def _look(self) -> None:
        """Measures how late the loop is, and how many are let in where as many come as can be."""
        before, let_in, welcomed, turned_away = clock.monotonic(), self._let_in, self.welcomed, self.turned_away
        while True:
            asked = clock.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            now = clock.monotonic()
            self.late = max(0.0, now - asked - LOOK_SECONDS)
            if now - before >= PACE_SECONDS:
                pace, busy = (self._let_in - let_in) / (now - before), bool(self._waiting)
                if pace > self._pace or busy:
                    self._pace = max(SLOWEST, pace)
                away = self.turned_away - turned_away
                if busy or away > 0 or (self.welcomed - welcomed) / (now - before) > CROWD:
                    self._crowd_until = now + CROWD_SECONDS
                before, let_in, welcomed, turned_away = now, self._let_in, self.welcomed, self.turned_away


def _gone(one: socket.socket) -> bool:
    """Whether the other side has closed, though what it said may be there still."""
    poll = select.poll()
    poll.register(one, select.POLLRDHUP)
    return any(event & _GONE for _, event in poll.poll(0))


def _files() -> int:
    """As many files as this process may have open: the most that the system lets it ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard or hard == resource.RLIM_INFINITY:
        with contextlib.suppress(ValueError, OSError):
            wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20
