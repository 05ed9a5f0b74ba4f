"""A coordinator that does what a test says, and groups that remember what they saw."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared, Routes
from roles.relay.agent import Agent, Timing
from roles.relay.wire.line import Pace

PATIENCE_S = 20.0
QUICK = Timing(back_first=(0.001, 0.005), back_most=0.05, pace=Pace(ping_every_s=0.05))


class Watched:
    """Something a test waits on until a condition holds."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()

    def touch(self) -> None:
        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

        task = asyncio.get_running_loop().create_task(wake())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(condition)
        return condition()


class FakeCoordinator(Watched):
    """Speaks the contract's websocket for one relay. `offset` is how far its clock is from this machine's, ms."""

    def __init__(self) -> None:
        super().__init__()
        self.offset, self.speed, self.started = 0.0, 1.0, time.time() * 1000
        self.port = 0
        self.name = "r1"
        self.sale = "s1"
        self.deliveries: dict[str, dict[str, Any]] = {}
        self.hellos: list[dict[str, Any]] = []
        self.taken: dict[str, dict[str, Any]] = {}  # each command that counted, by id
        self.repeats: list[str] = []
        self.batches: list[int] = []
        self.sockets: list[ServerConnection] = []
        self.on_hello: Callable[[ServerConnection], Awaitable[bool]] | None = None
        self.on_many: Callable[[ServerConnection, dict[str, Any]], Awaitable[bool]] | None = None
        self.answers: dict[str, dict[str, Any]] = {}  # command id -> a refusal to give, once
        self.left = 0  # how often it was told that a lease is over
        self.recovers = False
        self.deaf = False  # answers no ping
        self._server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now(self) -> int:
        real = time.time() * 1000
        return int(self.started + (real - self.started) * self.speed + self.offset)

    async def start(self) -> None:
        self._server = await serve(self._connection, "127.0.0.1", self.port, ping_interval=1, compression=None)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()
        self.sockets.clear()

    async def _connection(self, socket: ServerConnection) -> None:
        try:
            hello = json.loads(await socket.recv())
            self.hellos.append(hello)
            self.touch()
            if self.on_hello is not None and not await self.on_hello(socket):
                return
            recovered = self.recovers and "position" in hello
            welcome = {"op": "welcome", "sale": self.sale, "role": "relay", "name": self.name, "now": self.now()}
            welcome |= {"speed": self.speed, "position": "p1", "recovered": recovered, "member_key": "k" * 32}
            if not recovered:
                welcome["state"] = {"deliveries": self.deliveries}
            await socket.send(json.dumps(welcome))
            self.sockets.append(socket)
            self.touch()
            async for raw in socket:
                await self._frame(socket, json.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
            self.touch()

    async def _frame(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["op"] == "ping":
            if not self.deaf:
                await socket.send(
                    json.dumps({"op": "pong", "sent": frame["sent"], "now": self.now(), "speed": self.speed})
                )
            return
        if frame["op"] == "leave":
            self.left += 1
            self.touch()
            return
        assert frame["op"] == "many"
        if self.on_many is not None and not await self.on_many(socket, frame):
            return
        self.batches.append(len(frame["commands"]))
        results = [self.take(command) for command in frame["commands"]]
        self.touch()
        await socket.send(json.dumps({"op": "done", "id": frame["id"], "position": "p2", "results": results}))

    def take(self, command: dict[str, Any]) -> dict[str, Any]:
        id_ = command["id"]
        if id_ in self.answers:
            return {"id": id_, "ok": False} | self.answers.pop(id_)
        if id_ in self.taken:
            assert self.taken[id_] == command, "the same id came with another body"
            self.repeats.append(id_)
        else:
            self.taken[id_] = command
            if command["kind"] == "delivery.report" and command["delivery"] in self.deliveries:
                status = {"waiting": "held", "rejected": "failed", "disabled": "failed"}.get(
                    command["outcome"], command["outcome"]
                )
                if self.deliveries[command["delivery"]]["attempt"] == command["attempt"]:
                    self.deliveries[command["delivery"]]["status"] = status
        return {"id": id_, "ok": True, "result": {}}

    def delivery(
        self, id_: str, *, group: str = "g1", at: float = 0, attempt: int = 1, lasts: float = 600_000, **more: Any
    ) -> dict[str, Any]:
        """One that fires `at` ms of the sale from now."""
        fire_at = self.now() + int(at)
        base = {
            "id": id_,
            "attempt": attempt,
            "relay": self.name,
            "group": group,
            "drop": "drop1",
            "run": "r1",
            "cue": "c1",
        }
        base |= {"kind": "message", "content": {"text": f"text of {id_}", "as": "message"}, "priority": 2}
        return base | {"fire_at": fire_at, "expires_at": fire_at + int(lasts), "status": "requested"} | more

    async def push(self, *events: dict[str, Any], changes: dict[str, Any] | None = None) -> None:
        frame = {"op": "events", "position": "p3", "events": list(events), "changes": changes or {}}
        for socket in self.sockets:
            await socket.send(json.dumps(frame))

    async def announce(self, *deliveries: dict[str, Any]) -> None:
        self.deliveries |= {d["id"]: d for d in deliveries}
        events = [
            {"kind": "delivery.requested", "delivery": d["id"]}
            | {k: v for k, v in d.items() if k not in ("id", "status")}
            for d in deliveries
        ]
        await self.push(*events, changes={"deliveries": {d["id"]: d for d in deliveries}})

    async def withdraw(self, id_: str) -> None:
        gone = self.deliveries[id_] = self.deliveries[id_] | {"status": "withdrawn"}
        event = {"kind": "delivery.withdrawn", "delivery": id_, "attempt": gone["attempt"], "why": "hold"}
        await self.push(event, changes={"deliveries": {id_: gone}})

    async def reported(self, id_: str) -> dict[str, Any]:
        await self.until(lambda: id_ in self.taken)
        return self.taken[id_]

    async def sent(self, *ids: str) -> None:
        for id_ in ids:
            await self.reported(f"{id_}:1:sent")


class Groups(Adapter[CredentialSettings, GroupSettings], Watched):
    """A platform that remembers. `outcomes` are given in turn, then `sent`; `gate`, if set, holds every answer."""

    platform: ClassVar[str] = "double"

    def __init__(self, name: str = "double", *, per_minute: int | None = None) -> None:
        Adapter.__init__(self, name, CredentialSettings(platform="double", per_minute=per_minute), None)
        Watched.__init__(self)
        self.saw: list[tuple[str, str]] = []
        self.at: list[float] = []
        self.outcomes: list[Outcome | Exception] = []
        self.gate: asyncio.Event | None = None

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.saw]

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        self.saw.append((group.id, content.text))
        self.at.append(time.time() * 1000)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.sent(f"m{len(self.saw)}")
        self.touch()
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Relays:
    """Starts agents and sees to their end."""

    def __init__(self, coordinator: FakeCoordinator, data: Path) -> None:
        self.coordinator, self.data = coordinator, data

    @asynccontextmanager
    async def running(self, groups: Groups, *, timing: Timing = QUICK, **more: Any) -> AsyncIterator[Agent]:
        agent = Agent(self.coordinator.url, "secret-token", Routes({}, groups), data=self.data, timing=timing, **more)
        work = asyncio.create_task(agent.run())
        try:
            connected = asyncio.create_task(agent.connected.wait())
            await asyncio.wait({connected, work}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            connected.cancel()
            if work.done():
                work.result()
            yield agent
        finally:
            agent.stop()
            async with asyncio.timeout(PATIENCE_S):
                await work


@pytest.fixture
async def coordinator() -> AsyncIterator[FakeCoordinator]:
    fake = FakeCoordinator()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def groups() -> Groups:
    return Groups()


@pytest.fixture
def relays(coordinator: FakeCoordinator, tmp_path: Path) -> Relays:
    return Relays(coordinator, tmp_path / "relay-data")


@pytest.fixture
def make_groups() -> type[Groups]:
    return Groups


@pytest.fixture
def quick() -> Timing:
    return QUICK
