"""The door: connections come in a few at a time, and are greeted while the service keeps time.

After a restart thousands come back in one instant. Each costs a part of a millisecond, and all of them at once would
hold up the cues. So a few are accepted between two turns of the loop; the others wait in the system's queue, where they
cost nothing. Where even so too many are being greeted, or the loop is late, whoever does not run the show is told when
to come back, each at a moment of their own, at the pace at which others are welcomed.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable

import structlog

from coordinator import clock
from coordinator.fanout.view import FIRST

log = structlog.get_logger(__name__)

BACKLOG = 4_096  # connections that wait in the system's queue; the system may allow fewer
SLICE = 16  # connections accepted between two turns of the loop
GREETINGS = 1_000  # connections that are being greeted: they have not said hello yet, or their sale is being opened
LATE_SECONDS = 0.5  # the loop's own delay, beyond which nobody more is greeted
LOOK_SECONDS = 0.1  # how often that is measured
PACE_SECONDS = 1.0  # over which welcomes are counted
FIRST_PACE, SLOWEST = 500.0, 100.0  # welcomes a second that are thought possible: before one knows, and at the least
SOONEST_MS, LATEST_MS = 300, 15_000  # to come back in
SPARE_FILES = 256  # for the journal, snapshots and requests
FULL_SECONDS = 0.1  # between two looks where the system gives no more connections


class Door:
    def __init__(self) -> None:
        self.under_way = 0
        """Connections that are being greeted."""
        self.turned_away = 0
        self.welcomed = 0
        self.late = 0.0
        """How late the loop was when it was last looked at, in seconds."""
        self.most = _files() - SPARE_FILES
        """Connections that may be open."""
        self.addresses: list[tuple[str, int]] = []
        self._listening: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._pace = FIRST_PACE
        self._next = 0.0  # when the next of those who are told to come back shall come

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
            self._unlisten()
            raise
        self._tasks = [asyncio.create_task(self._accept(each, serve), name="door") for each in self._listening]
        self._tasks.append(asyncio.create_task(self._look(), name="door's pace"))

    async def close(self) -> None:
        """Nobody comes in any more; who is in stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._unlisten()

    def _unlisten(self) -> None:
        for listener in self._listening:
            listener.close()
        self._listening.clear()

    async def _accept(self, listener: socket.socket, serve: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        full = False
        while True:
            try:
                come = [(await loop.sock_accept(listener))[0]]
                with contextlib.suppress(BlockingIOError, InterruptedError):
                    while len(come) < SLICE:
                        come.append(listener.accept()[0])
                full = False
            except ConnectionError:
                continue  # it went before it was let in
            except OSError as e:
                if not full:
                    log.error("no more connections can be opened", reason=str(e))
                full = True
                await asyncio.sleep(FULL_SECONDS)
                continue
            for one in come:
                one.setblocking(False)
            await asyncio.gather(*(loop.connect_accepted_socket(serve, one) for one in come), return_exceptions=True)

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

    def back_in(self, role: str) -> int:
        """In how many ms somebody is to come back: one after the other, at the pace of welcomes; who runs the show at once."""
        if role in FIRST:
            return clock.jittered(SOONEST_MS)
        now = clock.monotonic()
        self._next = max(self._next + 1 / self._pace, now)
        wait = (self._next - now) * 1000
        if wait > LATEST_MS:
            self._next = now  # so many that it is all one: they begin anew, and are spread again
        return clock.jittered(SOONEST_MS) + round(wait)

    async def _look(self) -> None:
        """Measures how late the loop is, and how many it welcomes where as many come as it can take."""
        before, welcomed, turned_away = clock.monotonic(), self.welcomed, self.turned_away
        while True:
            asked = clock.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            now = clock.monotonic()
            self.late = max(0.0, now - asked - LOOK_SECONDS)
            if now - before >= PACE_SECONDS:
                pace = (self.welcomed - welcomed) / (now - before)
                if pace > self._pace or self.turned_away > turned_away:
                    self._pace = max(SLOWEST, pace)
                before, welcomed, turned_away = now, self.welcomed, self.turned_away


def _files() -> int:
    """As many files as this process may have open: the most that the system lets it ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard or hard == resource.RLIM_INFINITY:
        with contextlib.suppress(ValueError, OSError):
            wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20
