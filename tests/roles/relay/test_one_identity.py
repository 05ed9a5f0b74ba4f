"""Two relays with one token: one leads and has the deliveries, the other waits and takes over. Nothing goes out twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from roles.relay.adapters.console import read_kept
from roles.relay.kit import Delivery, Relay
from tests.client import PATIENCE_S, Client, token
from tests.faults import Way
from tests.nodes import Nodes
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


async def all_are(controller: Client, drop: str, status: str) -> None:
    await controller.until(lambda: statuses(controller, drop) == {status: 6})


async def next_of(relay: Relay, count: int) -> list[Delivery]:
    return [await anext(relay.deliveries()) for _ in range(count)]


async def sent(relay: Relay, deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        await relay.sent(delivery)


@asynccontextmanager
async def sending(url: str, given: str, data: Path, got: list[Delivery]) -> AsyncIterator[Relay]:
    """A relay of the kit that sends whatever it is given."""

    async def work() -> None:
        async for delivery in relay.deliveries():
            got.append(delivery)
            await relay.sent(delivery)

    async with Relay(url, given, data=data) as relay:
        task = asyncio.create_task(work())
        yield relay
    await task


@asynccontextmanager
async def leading(
    controller: Client, given: str, data: Path, port: Callable[[], int | None]
) -> AsyncIterator[tuple[Relay, Way]]:
    """A relay of the kit that is here, with a way to the service that can be cut."""
    way = Way(lambda: ("127.0.0.1", port() or 0))
    await way.open()
    async with Relay(f"http://127.0.0.1:{way.port}", given, data=data) as relay:
        await here(controller)
        yield relay, way
    await way.close()


async def test_the_kit_waits_behind_the_agent_and_takes_over_when_it_is_killed(room: InProcess, tmp_path: Path) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with agent(room, given, tmp_path / "agent") as first:
        await here(controller)
        async with sending(room.url, given, tmp_path / "kit", got):
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            await all_are(controller, drop, "sent")
            assert not got
            first.kill()
            await controller.event("relay.left")  # the lease is over; what would come due before that would be unknown
            after = await dropped(controller, "乙")
            await all_are(controller, after, "sent")
            assert sorted(d.group for d in got) == [f"g{n}" for n in range(1, 7)]
    assert {kept.content.text for kept in read_kept(tmp_path / "agent")} == {"甲"}


async def test_what_is_announced_when_the_leader_is_killed_leaves_once_or_is_unknown(
    room: InProcess, tmp_path: Path
) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with agent(room, given, tmp_path / "agent") as first:
        await here(controller)
        async with sending(room.url, given, tmp_path / "kit", got):
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            first.kill()
            await controller.until(
                lambda: (
                    statuses(controller, drop).total() == 6 and set(statuses(controller, drop)) <= {"sent", "unknown"}
                )
            )
    posted = Counter([d.group for d in got] + [kept.group for kept in read_kept(tmp_path / "agent")])
    assert not posted or max(posted.values()) == 1
    assert statuses(controller, drop)["sent"] <= len(posted)


async def test_the_agent_waits_behind_the_kit_and_takes_over_when_it_leaves(room: InProcess, tmp_path: Path) -> None:
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with sending(room.url, given, tmp_path / "kit", got) as relay:
        await here(controller)
        async with agent(room, given, tmp_path / "agent"):
            await connections(room, 2)
            drop = await dropped(controller, "甲")
            await all_are(controller, drop, "sent")
            assert len(got) == 6
            await relay.__aexit__(None, None, None)
            await controller.event("relay.left")
            after = await dropped(controller, "乙")
            await all_are(controller, after, "sent")
    assert {kept.content.text for kept in read_kept(tmp_path / "agent")} == {"乙"}
    assert len(got) == 6


async def test_what_the_leader_may_have_sent_when_its_machine_went_is_unknown_to_the_next_one(
    room: InProcess, tmp_path: Path
) -> None:
    """The second one had a record of its own: what the first had sent and could not report went out twice."""
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with (
        leading(controller, given, tmp_path / "first", lambda: room.service.settings.port) as (first, way),
        sending(room.url, given, tmp_path / "second", got),
    ):
        await connections(room, 2)
        drop = await dropped(controller, "甲")
        held = await next_of(first, 6)  # they are in the groups by now
        way.cut()
        await all_are(controller, drop, "unknown")
        after = await dropped(controller, "乙")
        await all_are(controller, after, "sent")
        assert {d.content.text for d in got} == {"乙"}
        way.heal()
        await sent(first, held)
        await all_are(controller, drop, "sent")


async def test_the_leader_whose_line_breaks_goes_on_when_it_is_back_though_another_one_waits(
    room: InProcess, tmp_path: Path
) -> None:
    """The one that waited took over, and what was due meanwhile was unknown, though who had led was there again at once."""
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with (
        leading(controller, given, tmp_path / "first", lambda: room.service.settings.port) as (first, way),
        sending(room.url, given, tmp_path / "second", got),
    ):
        await connections(room, 2)
        drop = await dropped(controller, "甲")
        held = await next_of(first, 6)
        way.cut()
        await connections(room, 1)
        way.heal()
        await sent(first, held)
        await all_are(controller, drop, "sent")
        after = await dropped(controller, "乙")
        await sent(first, await next_of(first, 6))
        await all_are(controller, after, "sent")
        assert not {"relay.left", "delivery.unknown"} & set(controller.kinds())
    assert not got


async def test_who_comes_with_a_record_of_its_own_as_soon_as_the_leader_has_gone_sends_nothing_again(
    room: InProcess, tmp_path: Path
) -> None:
    """It was taken for the first one that came back, and was given all that this one had and could not report."""
    controller, _, given = await begun(room)
    got: list[Delivery] = []
    async with leading(controller, given, tmp_path / "first", lambda: room.service.settings.port) as (first, way):
        drop = await dropped(controller, "甲")
        await next_of(first, 6)
        way.cut()
        await connections(room, 0)
        async with sending(room.url, given, tmp_path / "second", got):
            await all_are(controller, drop, "unknown")
            after = await dropped(controller, "乙")
            await all_are(controller, after, "sent")
    assert {d.content.text for d in got} == {"乙"}


@pytest.mark.parametrize("second_at", ["the same node", "another node", "the node that conducts"])
async def test_on_several_nodes_what_the_leader_may_have_sent_is_unknown_to_the_next_one_too(
    nodes: Nodes, tmp_path: Path, second_at: str
) -> None:
    """A second process, at the same node or at another, was given what the first had sent and could not report."""
    sale = await nodes.sale(sheet(groups=6), live=True)
    owner = await nodes.owner(sale)
    first_at = owner if second_at == "another node" else nodes.other(owner)
    next_at = first_at if second_at == "the same node" else nodes.other(first_at)
    controller, given = await nodes.at(owner, sale), token("relay", "r1", sale)
    got: list[Delivery] = []
    async with (
        leading(controller, given, tmp_path / "first", lambda: first_at.port) as (first, way),
        sending(next_at.url, given, tmp_path / "second", got),
    ):
        drop = await dropped(controller, "甲")
        held = await next_of(first, 6)  # they are in the groups by now
        way.cut()
        await all_are(controller, drop, "unknown")
        after = await dropped(controller, "乙")
        await all_are(controller, after, "sent")
        assert {d.content.text for d in got} == {"乙"}
        way.heal()
        await sent(first, held)
        await all_are(controller, drop, "sent")


async def test_a_relay_that_comes_back_at_another_node_goes_on_and_nothing_is_unknown(
    nodes: Nodes, tmp_path: Path
) -> None:
    sale = await nodes.sale(sheet(groups=6), live=True)
    owner = await nodes.owner(sale)
    controller, given = await nodes.at(owner, sale), token("relay", "r1", sale)
    at = [nodes.other(owner)]
    async with leading(controller, given, tmp_path / "first", lambda: at[0].port) as (relay, way):
        drop = await dropped(controller, "甲")
        held = await next_of(relay, 3)
        at[0] = owner
        way.cut()
        way.heal()
        await sent(relay, held)
        await sent(relay, await next_of(relay, 3))
        await all_are(controller, drop, "sent")
        after = await dropped(controller, "乙")
        await sent(relay, await next_of(relay, 6))
        await all_are(controller, after, "sent")
        assert not {"relay.left", "delivery.unknown"} & set(controller.kinds())
