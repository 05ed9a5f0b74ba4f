"""A relay that is killed in the first instant of a drop: what had to wait for a window is known not to have left."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.failing.stage import here, of, statuses, troupe
from tests.server import InProcess
from tests.sheet import sheet

GROUPS, CREDENTIALS, EACH = 200, 10, 5
FIRST = (
    CREDENTIALS * EACH
)  # so many have room in the first window; the others are told to wait for the next, in a minute
KILLED_MS = 50  # after the instant


async def test_only_what_had_room_in_the_first_window_is_unknown(room: InProcess, tmp_path: Path) -> None:
    """With another relay that has robots of its own: it gets the others at once, and no group has anything twice."""
    groups = [{"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": ["a", "b"]} for n in range(1, GROUPS + 1)]
    plan = sheet(groups=groups, lead="2s", pacing={"same_content": "0s"})
    async with WecomDouble(limit=100, latency_s=0.1) as double, troupe(tmp_path, room, plan) as (stage, controller):
        for name, per_minute in (("a", EACH), ("b", 100)):
            for n in range(CREDENTIALS):
                double.add_key(f"{name}{n}")
            common = {"platform": "wecom", "base": double.base, "per_minute": per_minute}
            await stage.start(
                name,
                {f"c{n}": common | {"key": f"{name}{n}"} for n in range(CREDENTIALS)},
                {f"g{n}": {"credential": f"c{n % CREDENTIALS}"} for n in range(1, GROUPS + 1)},
            )
            await here(controller, name)
        drop = str((await controller.done("link.drop", link="room", groups="all"))["drop"])
        await controller.until(lambda: statuses(controller, drop) == {"requested": FIRST, "held": GROUPS - FIRST})
        fire_at = of(controller, drop)[0]["fire_at"]
        await asyncio.sleep((fire_at + KILLED_MS) / 1000 - time.time())
        await stage.relays["a"].kill()
        await controller.event("relay.left", relay="a")
        await controller.until(lambda: statuses(controller, drop) == {"unknown": FIRST, "sent": GROUPS - FIRST})
        seen = Counter(link for taken in double.taken for link in taken.seen.links)
        begun = double.calls - (GROUPS - FIRST)
        print(f"{begun} of {FIRST} had come to the platform")
        assert begun <= FIRST
        assert set(seen.values()) == {1}
        assert double.over == 0
        await stage.relays["a"].start()  # it knows from its disk what it had begun, and adds nothing
        await here(controller, "a")
        assert statuses(controller, drop) == {"unknown": FIRST, "sent": GROUPS - FIRST}


async def test_alone_it_sends_what_had_to_wait_when_it_is_back(room: InProcess, tmp_path: Path) -> None:
    groups = [{"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": "a"} for n in range(1, 13)]
    plan = sheet(groups=groups, lead="2s", pacing={"same_content": "0s"})
    window = {"platform": "swift:Swift", "count": 3, "per_s": 2.0}
    async with (
        WecomDouble(limit=3, per_s=2.0, latency_s=0.1) as double,
        troupe(tmp_path, room, plan) as (stage, controller),
    ):
        double.add_key("k")
        relay = await stage.start(
            "a", {"c": window | {"base": double.base, "key": "k"}}, {g["id"]: {"credential": "c"} for g in groups}
        )
        await here(controller, "a")
        drop = str((await controller.done("link.drop", link="room", groups="all"))["drop"])
        await controller.until(lambda: statuses(controller, drop)["held"] == 9)
        fire_at = of(controller, drop)[0]["fire_at"]
        await asyncio.sleep((fire_at + KILLED_MS) / 1000 - time.time())
        await relay.kill()
        await controller.event("relay.left", relay="a")
        await relay.start()
        await controller.until(lambda: statuses(controller, drop) == {"unknown": 3, "sent": 9}, 60)
        assert double.over == 0
        assert set(Counter(link for taken in double.taken for link in taken.seen.links).values()) == {1}
