"""Relays as processes of their own, on real adapters, with doubles of the platforms: what faults are tried on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.client import PATIENCE_S, Client, token
from tests.server import ROOT, InProcess

Json = dict[str, Any]

SWIFT = """
from typing import ClassVar

from roles.relay.adapters.wecom import WecomAdapter, WecomCredential
from roles.relay.kit import Limit


class SwiftCredential(WecomCredential):
    count: int
    per_s: float

    def limits(self):
        return (Limit(self.count, self.per_s),)


class Swift(WecomAdapter):
    platform: ClassVar[str] = "swift"
    credential_settings = SwiftCredential
"""
"""WeCom with windows that a test can wait for: `platform: swift:Swift`, with `count` and `per_s`."""


class RelayProcess:
    """`dropcue relay` on a configuration, which can be killed, stopped, continued and started again."""

    def __init__(self, config: Path, *, launcher: Sequence[str] = (), env: dict[str, str] | None = None) -> None:
        self._config, self._launcher, self._env = config, launcher, env or {}
        self.log = config.with_suffix(".log")
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    async def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._launcher, sys.executable, "-m", "coordinator.cli", "relay", "--config", str(self._config),
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT), **self._env},
            )  # fmt: skip

    def signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.wait()

    async def term(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.wait()

    async def wait(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(3 * PATIENCE_S):
            return await self._process.wait()

    async def gone(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.signal(signal.SIGCONT)
            await self.kill()

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Troupe:
    """The relays of one sale."""

    def __init__(self, folder: Path, room: InProcess, sale: str) -> None:
        self.folder, self.room, self.sale = folder, room, sale
        self.relays: dict[str, RelayProcess] = {}
        (folder / "swift.py").write_text(SWIFT)

    def config(
        self, name: str, credentials: dict[str, Json], groups: dict[str, Json], *, url: str | None = None, **top: Any
    ) -> Path:
        """A relay's configuration; JSON is YAML."""
        mine = sorted(groups, key=lambda g: int(g[1:]))
        given = top.pop("given", None) or token("relay", name, self.sale, mine)
        file = self.folder / f"{name}.yaml"
        tree = {"coordinator": url or self.room.url, "token": given, "data": str(self.folder / name)} | top
        file.write_text(json.dumps(tree | {"credentials": credentials, "groups": groups}))
        return file

    async def start(
        self, name: str, *args: Any, launcher: Sequence[str] = (), env: Any = None, **more: Any
    ) -> RelayProcess:
        relay = self.relays[name] = RelayProcess(self.config(name, *args, **more), launcher=launcher, env=env)
        await relay.start()
        return relay

    async def gone(self) -> None:
        for relay in self.relays.values():
            await relay.gone()


@asynccontextmanager
async def troupe(folder: Path, room: InProcess, sheet: Json) -> AsyncIterator[tuple[Troupe, Client]]:
    """A live sale with its controller; whatever relays it is given are gone afterwards."""
    sale = await room.sale(sheet, live=True)
    stage = Troupe(folder, room, sale)
    try:
        yield stage, await room.join(sale)
    finally:
        await stage.gone()


async def here(controller: Client, *names: str) -> None:
    await controller.until(
        lambda: all(controller.state["people"].get(f"relay:{n}", {}).get("here") for n in names), 3 * PATIENCE_S
    )


def of(controller: Client, drop: str) -> list[Json]:
    """The deliveries of a drop."""
    return [d for d in controller.state["deliveries"].values() if d["drop"] == drop]


def statuses(controller: Client, drop: str) -> Counter[str]:
    return Counter(d["status"] for d in of(controller, drop))


async def dropped(controller: Client, text: str, groups: str = "all") -> str:
    return str((await controller.done("message.send", content={"text": text}, groups=groups))["drop"])


async def all_of(controller: Client, drop: str, status: str, patience: float = 2 * PATIENCE_S) -> None:
    await controller.until(lambda: set(statuses(controller, drop)) == {status}, patience)


def two_relays(count: int) -> list[Json]:
    """Groups with two relays each, `a` before `b`."""
    return [
        {"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": ["a", "b"], "members": 100}
        for n in range(1, count + 1)
    ]


def most_within(instants: Iterable[float], seconds: float) -> int:
    """The most that came within any stretch of so many seconds, both ends included."""
    at = sorted(instants)
    most, first = 0, 0
    for last, instant in enumerate(at):
        while at[first] < instant - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
