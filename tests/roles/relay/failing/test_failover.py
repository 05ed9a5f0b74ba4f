"""Two relays for one group, as processes: one sends, the other takes over; what was in flight is unknown, never resent but by the policy."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.faults import Way
from tests.roles.relay.doubles.base import Answer
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.failing.stage import Troupe, all_of, dropped, here, of, statuses, troupe, two_relays
from tests.server import InProcess
from tests.sheet import sheet

GROUPS = 6
WITHIN_MS = 5_000  # the promise


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
async def pair(room: InProcess, folder: Path, **more: Any) -> AsyncIterator[Pair]:
    port = int(room.url.rpartition(":")[2])
    way = Way(lambda: ("127.0.0.1", port))
    await way.open()
    async with WecomDouble() as double, troupe(
        folder, room, sheet(groups=two_relays(GROUPS), lead="200ms", pacing={"same_content": "0s"}, **more)
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


FAULTS = [
    "kill -9", "SIGSTOP", "cut", "swallowed both ways", "swallowed on the way there", "swallowed on the way back",
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_other_relay_takes_over_and_the_first_sends_nothing_of_what_was_given_away(
    room: InProcess, tmp_path: Path, fault: str
) -> None:
    async with pair(room, tmp_path) as two:
        controller = two.controller
        await all_of(controller, await dropped(controller, "甲"), "sent")
        assert Counter(two.by("a")) == {"甲": GROUPS}
        struck = await two.strike(fault)
        left = await controller.event("relay.left", relay="a")
        assert left["at"] - struck <= WITHIN_MS
        second = await dropped(controller, "乙")
        await all_of(controller, second, "sent")
        await two.mended(fault)
        await here(controller, "a", "b")
        await all_of(controller, await dropped(controller, "丙"), "sent")
        assert Counter(two.by("a")) == {"甲": GROUPS, "丙": GROUPS}, (
            "the first in the sheet leads again, and sends nothing of old"
        )
        assert Counter(two.by("b")) == {"乙": GROUPS}


@pytest.mark.parametrize("fault", ["SIGSTOP", "swallowed both ways"])
async def test_what_was_announced_to_a_relay_that_fell_silent_leaves_once_at_most(
    room: InProcess, tmp_path: Path, fault: str
) -> None:
    async with pair(room, tmp_path, unknown="ask") as two:
        controller = two.controller
        await two.strike(fault)
        drop = await dropped(controller, "甲")
        await controller.event("relay.left", relay="a")
        await controller.until(lambda: not {"requested", "held"} & set(statuses(controller, drop)))
        await two.mended(fault)
        await here(controller, "a", "b")
        await all_of(controller, await dropped(controller, "乙"), "sent")
        seen = Counter(t.seen.group for t in two.double.taken if t.seen.text == "甲")
        assert all(count == 1 for count in seen.values())
        assert len(seen) <= GROUPS
        # What a way swallowed may have left within the lease; the report of it comes when the way is healed.
        assert statuses(controller, drop).total() == GROUPS
        assert statuses(controller, drop)["sent"] == len(seen)
        assert set(statuses(controller, drop)) <= {"sent", "unknown"}


@pytest.mark.parametrize("policy", ["ask", "resend", "leave"])
async def test_what_was_in_flight_is_unknown_and_follows_the_sales_policy(
    room: InProcess, tmp_path: Path, policy: str
) -> None:
    async with pair(room, tmp_path, unknown=policy) as two:
        controller, double = two.controller, two.double
        answer = asyncio.Event()
        double.next.extend([Answer(take=True, wait=answer)] * GROUPS)  # each group has it, and nobody is told
        drop = await dropped(controller, "甲")
        await double.until(lambda: len(double.taken) == GROUPS)
        await two.strike("kill -9")
        answer.set()
        if policy == "resend":
            await all_of(controller, drop, "sent")
            assert {d["relay"] for d in of(controller, drop)} == {"b"}
            assert {d["attempt"] for d in of(controller, drop)} == {2}
        else:
            await all_of(controller, drop, "unknown")
        await two.mended("kill -9")
        await here(controller, "a", "b")
        # It tells what it had begun; that brings nothing into the groups.
        reported = await room.events(two.stage.sale)
        assert [e for e in reported if e["kind"] == "delivery.unknown"]
        await all_of(controller, await dropped(controller, "乙"), "sent")
        seen = Counter(t.seen.text for t in double.taken)
        assert seen == {"甲": GROUPS * (2 if policy == "resend" else 1), "乙": GROUPS}
        if policy != "ask":
            return
        one, other = [d["id"] for d in of(controller, drop)][:2]
        await controller.done("delivery.resolve", delivery=one, choice="resend")
        await controller.done("delivery.resolve", delivery=other, choice="leave")
        await controller.until(lambda: controller.state["deliveries"][one]["status"] == "sent")
        assert controller.state["deliveries"][other]["status"] == "unknown"
        assert Counter(t.seen.text for t in double.taken)["甲"] == GROUPS + 1
