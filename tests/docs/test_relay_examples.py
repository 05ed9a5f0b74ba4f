"""The relays of docs/examples run as they stand there, against a real server, and are cut off and killed on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from coordinator.gateway.session import Session
from tests.client import PATIENCE_S, Client, token
from tests.faults import Way
from tests.server import ROOT, InProcess
from tests.sheet import sheet

EXAMPLES = ROOT / "docs" / "examples"


def node() -> list[str]:
    """The machine's Node, or the one that the screens are built with."""
    found = shutil.which("node", path=f"{ROOT / 'roles/console/.node'}{os.pathsep}{os.environ['PATH']}")
    assert found, "no Node: `make test` sets it up"
    return [found, "--experimental-websocket", "--no-warnings"]


class Program:
    """A relay in a process of its own; `lines` is what it prints."""

    def __init__(self, *command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self._command, self._env, self._cwd = command, env or {}, cwd
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Program:
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self._env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(self.process.stdout, self.lines)),
            asyncio.create_task(self._read(self.process.stderr, self.errors)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def _read(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        async for line in stream:
            into.append(line.decode())
            self._changed.set()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await asyncio.gather(*self._readers)

    async def say(self, **line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        await self.process.stdin.drain()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(2 * PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


class Stage:
    """A live sale of so many groups of relay r1, a controller who looks on, and a way to the server that can be cut."""

    def __init__(self, room: InProcess, folder: Path) -> None:
        self.room, self.folder = room, folder
        self.way = Way(lambda: ("127.0.0.1", room.service.settings.port))

    async def begin(self, groups: int, **more: Any) -> None:
        self.sale = await self.room.sale(sheet(groups=groups, **more), live=True)
        self.controller = await self.room.join(self.sale)
        await self.way.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.way.port}"

    def token(self, **claims: Any) -> str:
        return token("relay", "r1", self.sale, **claims)

    def node(self, given: str | None = None) -> Program:
        program = [*node(), str(EXAMPLES / "relay.mjs"), self.url, given or self.token()]
        return Program(*program, str(self.folder / "record.jsonl"))

    async def here(self) -> None:
        await self.controller.until(lambda: self.controller.state["people"].get("relay:r1", {}).get("here"))

    async def drop(self, text: str) -> str:
        done = await self.controller.done("message.send", content={"text": text}, groups="all")
        return str(done["drop"])

    def statuses(self, drop: str) -> Counter[str]:
        return Counter(d["status"] for d in self.controller.state["deliveries"].values() if d["drop"] == drop)

    async def all_are(self, drop: str, *statuses: str) -> None:
        await self.controller.until(lambda: set(self.statuses(drop)) and set(self.statuses(drop)) <= set(statuses), 40)


@pytest.fixture
async def stage(room: InProcess, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(room, tmp_path)
    yield stage
    await stage.way.close()


def reported(controller: Client, delivery: str) -> list[str]:
    """The ends of a delivery that the record has, without what it waited for."""
    ends = ("delivery.sent", "delivery.unknown", "delivery.failed", "delivery.expired")
    return [e["kind"] for e in controller.events if e["kind"] in ends and e["delivery"] == delivery]


# ---------------------------------------------------------------- Node
def test_the_relay_for_node_has_less_than_a_hundred_lines() -> None:
    assert len((EXAMPLES / "relay.mjs").read_text("utf-8").splitlines()) < 100


async def test_it_brings_drops_to_groups_at_their_instant_and_tells_what_is_said_there(stage: Stage) -> None:
    await stage.begin(3)
    async with stage.node() as relay:
        await stage.here()
        drop = await stage.drop("甲")
        await stage.all_are(drop, "sent")
        assert sorted(p["group"] for p in relay.posts) == ["g1", "g2", "g3"]
        for d in stage.controller.state["deliveries"].values():
            assert d["sent_at"] >= d["fire_at"]
            assert d["platform_id"]
        await relay.say(group="g1", person="lin", text="多少钱")
        await relay.say(group="g1", person="lin", text="链接再发一下")
        first = await stage.controller.event("group.message", text="多少钱")
        second = await stage.controller.event("group.message", text="链接再发一下")
        assert first["member"] == second["member"] != "lin"
        assert len(first["member"]) == 20


async def test_lines_that_break_on_the_way_lose_and_double_nothing(stage: Stage) -> None:
    await stage.begin(20)
    async with stage.node() as relay:
        await stage.here()
        for n in range(1, 4):
            drop = await stage.drop(f"第 {n} 条")
            await relay.until(lambda n=n: len(relay.posts) > 20 * (n - 1))  # the first group has it: the line breaks
            stage.way.cut()
            stage.way.heal()
            await stage.all_are(drop, "sent")
        said = Counter((p["group"], p["text"]) for p in relay.posts)
        assert len(said) == 60
        assert set(said.values()) == {1}
        for id_ in stage.controller.state["deliveries"]:
            assert reported(stage.controller, id_) == ["delivery.sent"]


async def test_killed_while_it_sends_it_says_what_nobody_can_know_and_sends_nothing_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.begin(20)
    record = stage.folder / "record.jsonl"
    async with stage.node() as relay:
        await stage.here()
        # Its reports do not arrive; its pings do, or it would stop to send when its lease is over.
        monkeypatch.setattr(Session, "_do", _but_for_reports)
        drop = await stage.drop("甲")
        await relay.until(lambda: len(relay.posts) == 20)
        await relay.kill()
    monkeypatch.undo()
    assert "sent" not in stage.statuses(drop)
    # Some of them as a crash between the call and its record leaves them; the last one may have been so anyway.
    ended = [line for line in record.read_text().split("\n") if '"end"' in line]
    lost = ended[:10]
    record.write_text("\n".join(line for line in record.read_text().split("\n") if line not in lost))
    told = len(ended) - len(lost)
    assert told >= 9
    async with stage.node() as again:
        await stage.controller.until(lambda: stage.statuses(drop) == {"sent": told, "unknown": 20 - told})
        after = await stage.drop("乙")
        await stage.all_are(after, "sent")
        said = Counter((p["group"], p["text"]) for p in relay.posts + again.posts)
        assert set(said.values()) == {1}
        assert len(said) == 40


def _but_for_reports(session: Session, command: dict[str, Any], size: int, taken: Any = Session._do) -> None:
    if command.get("kind") != "delivery.report":
        taken(session, command, size)


async def test_it_says_whose_record_it_keeps_so_that_no_other_process_is_taken_for_it(stage: Stage) -> None:
    """Without a name a second process with the token counted as the first, and what the first had in hand as not begun."""
    await stage.begin(1)
    record = stage.folder / "record.jsonl"

    def came() -> list[str]:
        return [e["record"] for e in stage.controller.events if e["kind"] == "relay.joined"]

    for text in ("甲", "乙"):
        async with stage.node():
            await stage.here()
            await stage.all_are(await stage.drop(text), "sent")
    [name] = came()
    assert name
    assert name in record.read_text()
    record.unlink()
    async with stage.node():
        await stage.controller.until(lambda: len(came()) == 2)
        assert came()[1] in record.read_text()
        assert came()[1] != name


async def test_what_is_withdrawn_stays_and_what_comes_too_late_expires(stage: Stage) -> None:
    late = {"id": "late", "at": "0s", "do": "link.drop", "link": "room", "groups": "all", "late": "skip after 1s"}
    await stage.begin(2, cues=[late])
    await stage.controller.event("cue.fired", cue="late")
    [drop] = {d["drop"] for d in stage.controller.state["deliveries"].values()}
    over = max(d["expires_at"] for d in stage.controller.state["deliveries"].values())
    async with asyncio.timeout(PATIENCE_S):
        while stage.room.conductor(stage.sale).clock.now() <= over:
            await asyncio.sleep(0.05)
    async with stage.node() as relay:
        await stage.here()
        await stage.all_are(drop, "expired")
        done = await stage.controller.done("message.send", content={"text": "甲"}, groups="all")
        cue = stage.controller.state["drops"][done["drop"]]["cue"]
        await stage.controller.done("cue.skip", cue=cue)
        await stage.all_are(await stage.drop("乙"), "sent")
        assert {p["text"] for p in relay.posts} == {"乙"}


async def test_a_token_that_is_revoked_ends_it(stage: Stage) -> None:
    await stage.begin(1)
    given = stage.token(jti="j1")
    async with stage.node(given) as relay:
        await stage.here()
        answer = await stage.room.http("POST", "/api/tokens/j1/revoke", token("owner"))
        assert answer.status < 300, answer.text
        async with asyncio.timeout(PATIENCE_S):
            assert await relay.process.wait() == 3
        await relay.until(lambda: any("4101" in line for line in relay.errors))


# ---------------------------------------------------------------- Python
class Bridge:
    """The robot that the examples speak to: takes everything, but for what it is told to answer first."""

    def __init__(self) -> None:
        self.took: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.first: list[web.Response] = []
        self.said: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()  # None ends the stream

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/send", self._send)
        app.router.add_get("/said", self._said)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _send(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers.get("Authorization"))
        if self.first:
            return self.first.pop()
        self.took.append(await request.json())
        return web.json_response({"id": f"m{len(self.took)}"})

    async def _said(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        while (said := await self.said.get()) is not None:
            await stream.write(json.dumps(said).encode() + b"\n")
        return stream


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    bridge = Bridge()
    await bridge.start()
    yield bridge
    await bridge.stop()


def too_many() -> web.Response:
    return web.Response(status=429, headers={"Retry-After": "1"})


async def test_the_client_brings_drops_waits_where_it_must_and_tells_what_is_said(stage: Stage, bridge: Bridge) -> None:
    await stage.begin(3)
    bridge.first = [too_many(), web.Response(status=400)]
    program = [sys.executable, str(EXAMPLES / "relay_client.py"), stage.url, stage.token(), bridge.url]
    async with Program(*program, str(stage.folder / "data")):
        await stage.here()
        drop = await stage.drop("甲")
        await stage.all_are(drop, "sent", "failed")
        assert stage.statuses(drop) == {"sent": 2, "failed": 1}
        held = await stage.controller.event("delivery.held")
        assert held["why"] == "rate window"
        await bridge.said.put({"group": "g1", "person": "lin", "text": "多少钱"})
        said = await stage.controller.event("group.message")
        assert len(said["member"]) == 20
        await bridge.said.put(None)
        await bridge.said.put({"group": "g1", "person": "lin", "text": "还有吗"})
        await stage.controller.event("group.message", text="还有吗")
        stage.way.cut()
        stage.way.heal()
        again = await stage.drop("乙")
        await stage.all_are(again, "sent")
        assert Counter(t["text"] for t in bridge.took) == {"甲": 2, "乙": 3}


async def test_the_adapter_is_run_by_dropcue_relay_from_the_configuration_beside_it(
    stage: Stage, bridge: Bridge
) -> None:
    await stage.begin(2)
    for name in ("relay_adapter.py", "relay.yaml"):
        shutil.copy(EXAMPLES / name, stage.folder)
    bridge.first = [too_many()]
    env = {"DROPCUE_URL": stage.url, "DROPCUE_RELAY_TOKEN": stage.token(), "BRIDGE_URL": bridge.url + "/send"}
    program = [sys.executable, "-m", "coordinator.cli", "relay", "--config", "relay.yaml"]
    async with Program(*program, env={**env, "BRIDGE_KEY": "secret-key"}, cwd=stage.folder) as relay:
        await stage.here()
        drop = await stage.drop("甲")
        await stage.all_are(drop, "sent")
        assert sorted(t["room"] for t in bridge.took) == [41, 42]
        assert bridge.keys == {"secret-key"}
        assert not any("secret-key" in line for line in relay.lines + relay.errors)


def test_the_examples_hold_to_strict_types(tmp_path: Path) -> None:
    from mypy import api

    out, err, code = api.run(
        ["--strict", "--cache-dir", str(tmp_path), "--follow-imports", "silent", *map(str, EXAMPLES.glob("*.py"))]
    )
    assert code == 0, out + err
