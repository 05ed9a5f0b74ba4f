"""Two relays for the same groups, one of them behind a way that can be cut."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.faults import Way
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.failing.stage import Troupe, here, troupe, two_relays
from tests.server import InProcess
from tests.sheet import sheet

GROUPS = 6


class Pair:
    """Relay `a` behind a way that can be cut, relay `b` beside it; each has a robot of its own in every group."""

    def __init__(self, stage: Troupe, controller: Client, double: WecomDouble, way: Way) -> None:
        self.stage, self.controller, self.double, self.way = stage, controller, double, way

    @property
    def a(self) -> Any:
        return self.stage.relays["a"]

    def by(self, name: str) -> list[str]:
        """What was taken from this relay's robots."""
        return [t.seen.text for t in self.double.taken if t.seen.group.startswith(f"{name}-")]

    async def strike(self, fault: str) -> int:
        """When it was struck, real ms."""
        match fault:
            case "kill -9":
                self.a.signal(signal.SIGKILL)
            case "SIGSTOP":
                self.a.signal(signal.SIGSTOP)
            case "cut":
                self.way.cut()
            case "swallowed both ways":
                self.way.swallow()
            case "swallowed on the way there":
                self.way.swallow(back=False)
            case "swallowed on the way back":
                self.way.swallow(there=False)
        return int(time.time() * 1000)

    async def mended(self, fault: str) -> None:
        match fault:
            case "kill -9":
                await self.a.wait()
                await self.a.start()
            case "SIGSTOP":
                self.a.signal(signal.SIGCONT)
            case _:
                self.way.heal()


@asynccontextmanager
async def pair(room: InProcess, folder: Path, *, lead: str = "200ms", **more: Any) -> AsyncIterator[Pair]:
    port = int(room.url.rpartition(":")[2])
    way = Way(lambda: ("127.0.0.1", port))
    await way.open()
    async with WecomDouble() as double, troupe(
        folder, room, sheet(groups=two_relays(GROUPS), lead=lead, pacing={"same_content": "0s"}, **more)
    ) as (stage, controller):  # fmt: skip
        try:
            for name, url in (("a", f"http://127.0.0.1:{way.port}"), ("b", None)):
                robots = {f"{name}-{n}": f"g{n}" for n in range(1, GROUPS + 1)}
                for robot in robots:
                    double.add_key(robot)
                await stage.start(
                    name,
                    {r: {"platform": "wecom", "base": double.base, "key": r} for r in robots},
                    {g: {"credential": r} for r, g in robots.items()},
                    url=url,
                )
            await here(controller, "a", "b")
            yield Pair(stage, controller, double, way)
        finally:
            await stage.gone()
            await way.close()
