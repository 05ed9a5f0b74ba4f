"""Two relays with one token: one leads and has the deliveries, the other waits and takes over. Nothing goes out twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from roles.relay.adapters.console import read_kept
from roles.relay.kit import Delivery, Relay
from tests.client import PATIENCE_S, Client, token
from tests.faults import Way
from tests.server import ROOT, InProcess
from tests.sheet import sheet


@asynccontextmanager
async def agent(room: InProcess, given: str, data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`dropcue relay` in a process of its own, with the groups g1 to g6 on a console."""
    config = data.with_suffix(".yaml")
    config.write_text(
        f"coordinator: {room.url}\ntoken: {given}\ndata: {data}\n"
        "credentials:\n  hall: {platform: console, silent: true}\ngroups:\n"
        + "".join(f"  g{n}: {{credential: hall}}\n" for n in range(1, 7))
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coordinator.cli", "relay", "--config", str(config)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def begun(room: InProcess) -> tuple[Client, str, str]:
    sale = await room.sale(sheet(groups=6), live=True)
    return await room.join(sale), sale, token("relay", "r1", sale)


async def here(controller: Client) -> None:
    await controller.until(lambda: controller.state["people"].get("relay:r1", {}).get("here"))


async def connections(room: InProcess, count: int) -> None:
    """So many relays are connected."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(s.identity.actor.role == "relay" for s in room.service.gateway.connections) != count:
            await asyncio.sleep(0.02)  # a connection tells nobody


async def dropped(controller: Client, text: str) -> str:
    return str((await controller.done("message.send", content={"text": text}, groups="all"))["drop"])


def statuses(controller: Client, drop: str) -> Counter[str]:
    return Counter(d["status"] for d in controller.state["deliveries"].values() if d["drop"] == drop)


async def sent_on(relay: Relay, got: list[Delivery]) -> None:
    async for delivery in relay.deliveries():
        got.append(delivery)
        await relay.sent(delivery)


async def test_the_kit_waits_behind_the_agent_and_takes_over_when_it_is_killed(room: InProcess, tmp_path: Path) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with agent(room, given, tmp_path / "agent") as first:
        await here(controller)
        async with Relay(room.url, given, data=tmp_path / "kit") as relay:
            work = asyncio.create_task(sent_on(relay, got))
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            await controller.until(lambda: statuses(controller, drop) == {"sent": 6})
            assert not got
            first.kill()
            await controller.event("relay.left")  # the lease is over; what would come due before that would be unknown
            after = await dropped(controller, "乙")
            await controller.until(lambda: statuses(controller, after) == {"sent": 6})
            assert sorted(d.group for d in got) == [f"g{n}" for n in range(1, 7)]
        await work
    assert {kept.content.text for kept in read_kept(tmp_path / "agent")} == {"甲"}


async def test_what_is_announced_when_the_leader_is_killed_leaves_once_or_is_unknown(
    room: InProcess, tmp_path: Path
) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with agent(room, given, tmp_path / "agent") as first:
        await here(controller)
        async with Relay(room.url, given, data=tmp_path / "kit") as relay:
            work = asyncio.create_task(sent_on(relay, got))
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            first.kill()
            await controller.until(
                lambda: (
                    statuses(controller, drop).total() == 6 and set(statuses(controller, drop)) <= {"sent", "unknown"}
                )
            )
        await work
    posted = Counter([d.group for d in got] + [kept.group for kept in read_kept(tmp_path / "agent")])
    assert not posted or max(posted.values()) == 1
    assert statuses(controller, drop)["sent"] <= len(posted)


async def test_the_agent_waits_behind_the_kit_and_takes_over_when_it_leaves(room: InProcess, tmp_path: Path) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with Relay(room.url, given, data=tmp_path / "kit") as relay:
        work = asyncio.create_task(sent_on(relay, got))
        await here(controller)
        async with agent(room, given, tmp_path / "agent"):
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            await controller.until(lambda: statuses(controller, drop) == {"sent": 6})
            assert len(got) == 6
            await relay.__aexit__(None, None, None)
            await work
            await controller.event("relay.left")
            after = await dropped(controller, "乙")
            await controller.until(lambda: statuses(controller, after) == {"sent": 6})
    assert {kept.content.text for kept in read_kept(tmp_path / "agent")} == {"乙"}
    assert len(got) == 6


async def test_what_the_leader_may_have_sent_when_its_machine_went_is_unknown_to_the_next_one(
    room: InProcess, tmp_path: Path
) -> None:
    """The second one had a record of its own: what the first had sent and could not report went out twice."""
    controller, _, given = await begun(room)
    way = Way(lambda: ("127.0.0.1", room.service.settings.port))
    await way.open()
    got: list[Delivery] = []
    async with Relay(f"http://127.0.0.1:{way.port}", given, data=tmp_path / "first") as first:
        await here(controller)
        async with Relay(room.url, given, data=tmp_path / "second") as second:
            work = asyncio.create_task(sent_on(second, got))
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            held = [await anext(first.deliveries()) for _ in range(6)]  # they are in the groups by now
            way.cut()
            await controller.until(lambda: statuses(controller, drop) == {"unknown": 6})
            after = await dropped(controller, "乙")
            await controller.until(lambda: statuses(controller, after) == {"sent": 6})
            assert {d.content.text for d in got} == {"乙"}
            way.heal()
            for delivery in held:
                await first.sent(delivery)
            await controller.until(lambda: statuses(controller, drop) == {"sent": 6})
        await work
    await way.close()
