"""Hundreds of consoles in a process of their own, at any of several nodes: they come back by themselves, and keep what
they were shown. `python -m tests.chaos.crowd`, told what to do in lines of JSON; see `Crowd`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.client import Json, token
from tests.fanout.lean import Lean

ROOT = Path(__file__).parents[2]
ROLES = {"controller": "li", "owner": "owner", "host": "lin", "cohost": "wu", "cheer": "mei", "support": "chen"}
WELCOME_S = 5.0
SILENT_S = 4.0  # under load a console hears something all the time: a line that says nothing has broken
REST_S = 0.4
GATHER_S = 120.0
KEPT_FRAMES = 500


class Bench:
    """The consoles of one role: what any of them was shown, and what came after what."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.shown: dict[int, Json] = {}
        self.steps: set[tuple[int, int]] = set()
        """(a, b): whoever was at a was next shown b, or was told that there was nothing before b."""
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()
        self._frames: dict[bytes, Json] = {}

    def read(self, frame: bytes) -> Json:
        """A frame without its position; most consoles get the same."""
        found = self._frames.get(frame)
        if found is None:
            if len(self._frames) > KEPT_FRAMES:
                self._frames.clear()
            found = self._frames[frame] = json.loads(frame + b"}")
            for event in found["events"]:
                if self.shown.setdefault(event["seq"], event) != event:
                    self.faults.append(f"two contents of {event['seq']}: {self.shown[event['seq']]} and {event}")
        return found


class Seat:
    """One console. With `keeps` it has a state, as a screen does."""

    def __init__(self, bench: Bench, ports: list[int], sale: str, *, keeps: bool) -> None:
        self.bench, self.ports, self.keeps = bench, ports, keeps
        self.token = token(bench.role, ROLES[bench.role], sale)
        self.position: str | None = None
        self.at = 0
        self.state: Json = {}
        self.heard = 0.0

    async def live(self) -> None:
        while True:
            line = await self._connect()
            if line is not None:
                await self._listen(line)
            await asyncio.sleep(random.random() * REST_S)

    async def _connect(self) -> Line | None:
        port = random.choice(self.ports)
        loop = asyncio.get_running_loop()
        line = None
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(WELCOME_S):
                _, line = await loop.create_connection(lambda: Line(port, self), "127.0.0.1", port)
                await line.welcomed
                return line
        if line is not None:
            line.transport.abort()
        return None

    async def _listen(self, line: Line) -> None:
        loop = asyncio.get_running_loop()
        while not line.ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self.heard + SILENT_S - loop.time()):
                    await line.ended.wait()
            if loop.time() - self.heard >= SILENT_S:
                self.bench.counts["silent lines"] += 1
                line.transport.abort()
                return

    # ------------------------------------------------------------ what it is shown
    def take(self, payload: bytes) -> None:
        self.heard = asyncio.get_running_loop().time()
        if payload.startswith(b'{"op":"events"'):
            frame, _, position = payload.rpartition(b',"position":')
            self._events(self.bench.read(frame), json.loads(position[:-1]))
        elif payload.startswith((b'{"op":"welcome"', b'{"op":"snapshot"')):
            self._fresh(json.loads(payload))

    def _events(self, frame: Json, position: str) -> None:
        steps = self.bench.steps
        for event in frame["events"]:
            seq = event["seq"]
            if seq <= self.at:
                self.bench.faults.append(f"shown {seq} at {self.at}")
            steps.add((self.at, seq))
            self.at = seq
        number = number_of(position)
        if number < self.at:
            self.bench.faults.append(f"at {self.at}, told {position}")
        if number > self.at:
            steps.add((self.at, number + 1))
        self.at, self.position = number, position
        if self.keeps:
            for topic, entities in frame["changes"].items():
                known = self.state.setdefault(topic, {})
                for id_, entity in entities.items():
                    if entity is None:
                        known.pop(id_, None)
                    else:
                        known[id_] = entity

    def _fresh(self, frame: Json) -> None:
        number = number_of(frame["position"])
        if frame.get("recovered"):
            self.bench.counts["recovered"] += 1
            if number != self.at:
                self.bench.faults.append(f"recovered at {number}, was at {self.at}")
        elif frame["op"] == "welcome" and self.position is None:
            self.bench.counts["came"] += 1
        else:
            self.bench.counts["snapshots"] += 1
        self.at, self.position = number, frame["position"]
        if self.keeps and "state" in frame:
            self.state = frame["state"]


class Line(Lean):
    """One connection of a seat."""

    def __init__(self, port: int, seat: Seat) -> None:
        more = {} if seat.position is None else {"position": seat.position}
        super().__init__(port, seat.token, ahead=True, **more)
        self._seat = seat
        self.ended = asyncio.Event()

    def _word(self, payload: bytes) -> None:
        self._seat.take(payload)
        if payload.startswith(b'{"op":"bye"'):
            self._seat.bench.counts["bye"] += 1
        elif not self.welcomed.done():
            self.welcomed.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        super().connection_lost(exc)
        if not self.welcomed.cancelled():
            self.welcomed.exception()  # whoever came is told by None


def number_of(position: str) -> int:
    """The number a position names (for tests alone: it is opaque to others)."""
    return int(position.split(".")[1])


class Crowd:
    """The process, from outside: comes, watches, and tells what was shown."""

    def __init__(self, sale: str, ports: list[int], count: int) -> None:
        self._order = {"sale": sale, "ports": ports, "count": count}
        self._process: asyncio.subprocess.Process | None = None

    async def come(self) -> None:
        """Returns when all are welcomed."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.crowd", cwd=ROOT, limit=1 << 30,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert await self._ask(self._order) == "here"

    async def told(self, number: int) -> dict[str, Json]:
        """Waits until all stand at this number or beyond; role → what its consoles were shown."""
        told: dict[str, Json] = await self._ask(number)
        return told

    async def _ask(self, what: object) -> Any:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what).encode() + b"\n")
        async with asyncio.timeout(GATHER_S):
            return json.loads(await process.stdout.readline())

    async def close(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


async def _main() -> None:
    order = json.loads(await asyncio.to_thread(sys.stdin.readline))
    benches = [Bench(role) for role in ROLES]
    seats = [
        Seat(benches[n % len(benches)], order["ports"], order["sale"], keeps=n < len(benches))
        for n in range(order["count"])
    ]
    living = [asyncio.create_task(seat.live()) for seat in seats]
    await _until(lambda: all(seat.position for seat in seats))
    print(json.dumps("here"), flush=True)
    number = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await _until(lambda: all(seat.at >= number for seat in seats))
    told = {
        bench.role: {
            "shown": list(bench.shown.values()), "steps": sorted(bench.steps), "faults": bench.faults[:5],
            "counts": bench.counts, "state": seat.state, "at": seat.at,
        }
        for bench, seat in zip(benches, seats, strict=False)
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    for task in living:
        task.cancel()
    await asyncio.gather(*living, return_exceptions=True)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(GATHER_S):
        while not holds():
            await asyncio.sleep(0.1)  # hundreds of lines: each of them would have to tell


if __name__ == "__main__":
    asyncio.run(_main())
