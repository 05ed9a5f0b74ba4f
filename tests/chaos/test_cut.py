"""A node that does not reach its Redis, or is not heard from there: others go on, and its consoles are sent to them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coordinator import shared_registry
from coordinator.ending import end
from coordinator.journal import codec
from tests.chaos.load import whole
from tests.client import Client, Closed, token
from tests.faults import Way
from tests.nodes import Nodes
from tests.redis_server import RedisServer
from tests.server import InProcess
from tests.sheet import sheet


@pytest.fixture
async def ways(redis: RedisServer) -> AsyncIterator[list[Way]]:
    """Each node's own way to Redis."""
    ways = [Way(lambda: ("127.0.0.1", redis.port)) for _ in range(2)]
    for way in ways:
        await way.open()
    yield ways
    for way in ways:
        await way.close()


@pytest.fixture
async def nodes(tmp_path: Path, redis: RedisServer, ways: list[Way]) -> AsyncIterator[Nodes]:
    nodes = Nodes(tmp_path, redis.url, ways=[f"redis://127.0.0.1:{way.port}" for way in ways])
    await nodes.start()
    try:
        yield nodes
    finally:
        await nodes.stop()


async def test_a_node_that_is_cut_off_sends_its_consoles_away_though_it_conducts_nothing(
    nodes: Nodes, sale: str, ways: list[Way]
) -> None:
    # It had no lease to renew, so nothing failed, and its consoles stood still for as long as it lasted.
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    console = await nodes.at(other, sale)
    ways[nodes.nodes.index(other)].swallow()
    assert await console.end() == 4000
    back = await nodes.at(owner, sale, position=console.position, state=console.state)
    assert back.welcome["recovered"]
    assert (await back.do("note.add", text="weiter"))["op"] == "done"


async def test_work_that_the_store_takes_shows_that_it_is_reached_while_leases_wait(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a crowded machine renewals took longer than two seconds while claims went through by the thousand: the node
    # said that it did not reach its store, and sent everybody away.
    monkeypatch.setattr(shared_registry, "LEASE_SECONDS", 600.0)
    room = InProcess(tmp_path, redis=redis.url)
    await room.start()
    try:
        client = await room.join(await room.sale(sheet(), live=True))
        registry: Any = room.service.gateway.registry
        await end(
            [*registry._tasks, *registry.upkeep.under_way.values()]
        )  # nothing is renewed, listed, said or heard any more
        registry.upkeep.reached = 0.0
        await client.done("note.add", text="weiter")
        assert registry.upkeep.reached > 0
    finally:
        await room.stop()


async def test_an_append_whose_answer_was_lost_on_the_way_counts_once(nodes: Nodes, sale: str, ways: list[Way]) -> None:
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    relay = await nodes.at(owner, sale, "relay", "r1")
    # Half open: it reaches Redis, and hears nothing from there. What it sends on the lines that stand is done there.
    ways[nodes.nodes.index(owner)].swallow(there=False)
    asked = asyncio.ensure_future(relay.do("coupon.claim", "c1", coupon="c20", member="m1", group="g1"))
    elsewhere = await _claim(nodes, other.url, sale, "c1", "m1")
    ways[nodes.nodes.index(owner)].heal()
    try:
        answer = await asked
        assert answer["op"] == "refused" or answer["result"]["code"] == elsewhere
    except Closed:
        pass  # it was sent away
    nodes.up.remove(owner)
    assert await _claim(nodes, other.url, sale, "c1", "m1") == elsewhere
    await nodes.leave()
    for node in nodes.nodes:
        await node.kill()
    events = await whole(await nodes.journal(), sale)
    assert [e.cmd for e in events if codec.encode(e)[0].startswith(b'{"kind":"coupon.claimed"')] == ["c1"]


async def test_a_node_that_is_told_to_stop_stops_though_its_redis_is_away(
    nodes: Nodes, sale: str, redis: RedisServer
) -> None:
    # It waited for the journal to be there again before it would end.
    owner = await nodes.owner(sale)
    relay = await nodes.at(owner, sale, "relay", "r1")
    redis.kill()
    with contextlib.suppress(Closed):  # it is told `busy`, or sent away
        assert (await relay.do("coupon.claim", coupon="c20", member="m1", group="g1"))["code"] == "busy"
    owner.signal(signal.SIGTERM)
    assert await owner.stop() == 0
    redis.start()


async def _claim(nodes: Nodes, url: str, sale: str, id_: str, member: str) -> str:
    """Claims at this node until it is answered."""
    async with asyncio.timeout(30):
        while True:
            try:
                client = await Client.join(url, token("relay", "r1", sale))
            except Closed:
                continue
            nodes.clients.append(client)
            answer = await client.do("coupon.claim", id_, coupon="c20", member=member, group="g1")
            if answer["op"] == "done":
                return str(answer["result"]["code"])
            assert answer["code"] == "busy", answer
            await asyncio.sleep(answer["details"]["retry_ms"] / 1000)  # as it says
