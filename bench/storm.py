"""Reconnect storms: thousands of consoles that lose their lines in one instant, and come back with their positions.

Twice: all lines are cut, as by a proxy that is restarted; and the service is killed with -9 and started again. A console
comes back as Dropcue's own does: soon at first, later each time it fails, or when the service's `bye` says. Cues fire
all the while. It is back when it is welcomed and has something that nobody had before the cut. The load shares the machine's
cores with the service: what each of them took of the processors is part of the result.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.lateness import LEAD_SECONDS, at_share, cues, record
from bench.load import cpu_seconds, run
from bench.options import Options
from bench.server import consoles, folder, free_port, serve, sheet, token
from bench.wire import BenchError, Wire, text

FIRST_MS, LONGEST_MS = 300, 8_000  # a console's waits before it comes back; see roles/console/src/line/backoff.ts
HANDSHAKE_SECONDS = 6.0  # without a welcome for so long, a console tries again
PINGS, PING_SECONDS = 5, 0.15  # a console's first ones, for its clock
AT_ONCE = 64  # when they come for the first time
PATIENCE_SECONDS = 120.0
POSITION = b'"position":"'
LOCK = "journal.lock"  # in it the service says which process it is


def measure(options: Options) -> dict[str, Any]:
    count = 500 if options.quick else 5_000
    allow(2 * count + 500)
    with folder() as data, ThreadPoolExecutor(1) as pool:
        port = free_port()
        with serve(data, port) as server:
            sale = server.sale(sheet(cues(900)))
            server.do(sale, kind="show.arm")
            job = {
                "port": port, "data": str(data), "sale": sale, "owner": token("owner", "owner"),
                "controller": token("controller", "desk", sale), "hellos": consoles(count, sale),
            }  # fmt: skip
            storm = pool.submit(run, "storm", job, 600.0)
            while server.process.poll() is None and not storm.done():
                time.sleep(0.02)
        if storm.done():
            return storm.result()
        with serve(data, port, PATIENCE_SECONDS):
            return storm.result()


def allow(files: int) -> None:
    """As many open files as are needed, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        if hard != resource.RLIM_INFINITY and hard < files:
            raise BenchError(f"it needs {files} open files, and the system allows {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


class _Line(Wire):
    """A console's line, which tells it when it ends."""

    console: _Returner

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.open.done() and not self.open.cancelled():
            self.open.exception()  # the console is told below
        self.console.ended(self)


class _Returner:
    """A console that comes back until it is up to date."""

    def __init__(self, crowd: _Crowd, hello: dict[str, Any]) -> None:
        self.crowd, self.hello = crowd, hello
        self.line: _Line | None = None
        self.position = ""
        self.welcomed = False
        self.current = False
        self.attempt = 0
        self.retry_ms: int | None = None

    async def come(self) -> None:
        """One try; what becomes of it is heard."""
        self.welcomed = False
        loop = asyncio.get_running_loop()

        def made() -> _Line:
            line = self.line = _Line(self.crowd.port, "/ws", self.heard)
            line.console = self
            return line

        try:
            _, line = await loop.create_connection(made, "127.0.0.1", self.crowd.port)
        except OSError:
            self.ended(self.line)
            return
        loop.call_later(HANDSHAKE_SECONDS, self._give_up, line)
        line.open.add_done_callback(lambda done: done.exception() is None and self._say_hello(line))

    def _say_hello(self, line: _Line) -> None:
        line.send(text({**self.hello, **({"position": self.position} if self.position else {})}))

    def _give_up(self, line: _Line) -> None:
        if self.line is line and not self.welcomed:
            self.crowd.given_up += 1
            line.transport.abort()

    def heard(self, payload: bytes) -> None:
        crowd = self.crowd
        crowd.bytes += len(payload)
        if payload.startswith(b'{"op":"events"'):
            at = payload.rfind(POSITION)
        elif payload.startswith(b'{"op":"welcome"'):
            at = payload.find(POSITION)
            self.welcomed, self.attempt = True, 0
            crowd.welcomes += 1
            crowd.snapshots += b'"recovered":true' not in payload[:400]
            self._ping(self.line, PINGS)
        elif payload.startswith(b'{"op":"snapshot"'):
            at = payload.find(POSITION)
            crowd.snapshots += 1
        elif payload.startswith(b'{"op":"bye"'):
            said = json.loads(payload)
            self.retry_ms = said.get("retry_ms")
            crowd.byes += 1
            if not said["retry"]:
                crowd.faults.append(f"sent away: {said}")
            return
        else:
            return
        at += len(POSITION)
        self.position = payload[at : payload.index(b'"', at)].decode()
        if self.welcomed and not self.current and int(self.position.split(".")[1]) >= crowd.target:
            self.current = True
            crowd.is_current()

    def _ping(self, line: _Line | None, left: int) -> None:
        if line is not None and line is self.line and line.lost is None and left:
            line.send(text({"op": "ping", "sent": left}))
            asyncio.get_running_loop().call_later(PING_SECONDS, self._ping, line, left - 1)

    def ended(self, line: _Line | None) -> None:
        if line is not self.line or self.crowd.over:
            return
        self.line = None
        self.current = False
        if self.retry_ms is not None:
            wait, self.retry_ms = float(self.retry_ms), None
        else:
            bound = min(LONGEST_MS, FIRST_MS * 2 ** min(self.attempt, 10))
            wait = bound / 2 * (1 + random.random())
        self.attempt += 1
        asyncio.get_running_loop().call_later(wait / 1000, self.crowd.again, self)


class _Crowd:
    """All consoles, and what they saw since the last `begin`."""

    def __init__(self, port: int, hellos: list[dict[str, Any]]) -> None:
        self.port = port
        self.consoles = [_Returner(self, hello) for hello in hellos]
        self.faults: list[str] = []
        self.over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.begin(1 << 62)

    def begin(self, target: int) -> None:
        """From here on it counts anew; a console is up to date once its position has reached `target`."""
        self.target = target
        self.times: list[float] = []
        self.bytes = self.snapshots = self.byes = self.given_up = self.welcomes = self.tries = 0
        self.done = asyncio.Event()
        for console in self.consoles:
            console.current = False

    def last(self) -> int:
        """The last number that anybody has seen."""
        return max(int(console.position.split(".")[1]) for console in self.consoles)

    def is_current(self) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) >= len(self.consoles):
            self.done.set()

    def again(self, console: _Returner) -> None:
        self.tries += 1
        task = asyncio.ensure_future(console.come())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def first(self) -> None:
        """They come for the first time, one after the other."""
        self.begin(1)
        for n in range(0, len(self.consoles), AT_ONCE):
            some = self.consoles[n : n + AT_ONCE]
            await asyncio.gather(*(console.come() for console in some))
            while not all(console.welcomed for console in some):
                await asyncio.sleep(0.005)
        await asyncio.wait_for(self.done.wait(), PATIENCE_SECONDS)

    async def quiet(self) -> None:
        """Until next to nothing comes: who came is told to everybody."""
        before = -1
        while self.bytes - before > len(self.consoles) * 20_000:
            before = self.bytes
            await asyncio.sleep(1.0)

    def cut(self) -> None:
        for console in self.consoles:
            if console.line is not None:
                console.line.transport.abort()


async def load(job: dict[str, Any]) -> dict[str, Any]:
    allow(len(job["hellos"]) + 200)
    lock = Path(job["data"]) / LOCK
    crowd = _Crowd(job["port"], job["hellos"])
    started = time.perf_counter()
    await crowd.first()
    await crowd.quiet()
    out: dict[str, Any] = {
        "consoles": len(crowd.consoles),
        "first": {"seconds": round(time.perf_counter() - started, 1), "bytes_mib": crowd.bytes >> 20, "peak_mib": peak_mib(lock)},
    }  # fmt: skip
    await asyncio.to_thread(_do, job, kind="show.start")
    await asyncio.sleep(LEAD_SECONDS + 1)
    out["cut"] = await _storm(job, crowd, lock, kill=False)
    await asyncio.sleep(3.0)
    out["restart"] = await _storm(job, crowd, lock, kill=True)
    crowd.over = True
    if crowd.faults:
        raise BenchError(f"{len(crowd.faults)} consoles: {crowd.faults[0]}")
    events = await asyncio.to_thread(lambda: list(record(job)))
    fired = [(e["planned_at"], e.get("late_ms", 0)) for e in events if e["kind"] == "cue.fired"]
    left = [e["at"] for e in events if e["kind"] == "person.left"]
    until = out["restart"]["between"][0]
    for name in ("cut", "restart"):
        begin, end = out[name].pop("between")
        late = sorted(ms for planned, ms in fired if begin <= planned <= end) or [0]
        said_left = sum(begin <= at and (at < until or name == "restart") for at in left)
        out[name] |= {
            "late_p50_ms": at_share(late, 0.5), "late_p99_ms": at_share(late, 0.99), "late_max_ms": late[-1], "cues": len(late),
            "said_to_have_left": said_left,
        }  # fmt: skip
    return out


async def _storm(job: dict[str, Any], crowd: _Crowd, lock: Path, *, kill: bool) -> dict[str, Any]:
    """One storm, from the cut until everybody is back and up to date."""
    crowd.begin(crowd.last() + 1)
    cut, begin = time.perf_counter(), time.time() * 1000
    if kill:
        os.kill(service(lock), signal.SIGKILL)
    else:
        crowd.cut()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not crowd.welcomes:
            await asyncio.sleep(0.005)
        up, served, cpu = time.perf_counter(), cpu_seconds(service(lock)), time.process_time()
    try:
        await asyncio.wait_for(crowd.done.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        raise BenchError(f"{len(crowd.consoles) - len(crowd.times)} consoles are not back") from None
    seconds = time.perf_counter() - up
    times = sorted(at - cut for at in crowd.times)
    served = cpu_seconds(service(lock)) - served
    return {
        "first_welcome_s": round(up - cut, 2), "p50_s": round(at_share(times, 0.5), 2), "last_s": round(times[-1], 2), "tries": crowd.tries,
        "byes": crowd.byes, "given_up": crowd.given_up, "snapshots": crowd.snapshots, "bytes_mib": round(crowd.bytes / (1 << 20), 1),
        "server_busy": round(served / seconds, 2), "client_busy": round((time.process_time() - cpu) / seconds, 2),
        "server_ms_each": round(served / len(crowd.consoles) * 1000, 2), "peak_mib": peak_mib(lock),
        "between": [begin + (up - cut) * 1000, time.time() * 1000],
    }  # fmt: skip


def service(lock: Path) -> int:
    """The service's process."""
    return int(lock.read_text().split()[0])


def _do(job: dict[str, Any], **command: Any) -> None:
    """One command of the controller's."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{job['port']}/api/sales/{job['sale']}/do", method="POST",
        data=json.dumps({"id": os.urandom(6).hex(), **command}).encode(),
        headers={"Authorization": f"Bearer {job['controller']}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        answer.read()


def peak_mib(lock: Path) -> int:
    """The most memory that the service has held."""
    status = Path(f"/proc/{service(lock)}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10
