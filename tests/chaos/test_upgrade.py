"""A rolling upgrade: what happens at a node of the old version when one of a newer version writes what it does not know."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coordinator import nodes
from coordinator.ending import end
from coordinator.journal import Flush
from coordinator.journal.redis import RedisJournal, key
from coordinator.journal.redis_leases import RedisBus, RedisLeases
from coordinator.nodes import Durable
from tests.client import Client, Closed, token
from tests.redis_server import RedisServer
from tests.server import InProcess
from tests.sheet import sheet

NEWER: dict[str, Any] = {"kind": "note.added", "v": 2, "note": "n9", "person": "li", "text": "von morgen"}
PATIENCE_S = 20.0


@pytest.fixture
async def old(tmp_path: Path, redis: RedisServer) -> AsyncIterator[InProcess]:
    """A node of this version."""
    node = InProcess(tmp_path, redis=redis.url)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


class NewerNode:
    """As much of a node as it takes to write to a sale: its lease, its appends, and the word that they are durable."""

    token = "newer.0123456789abcdef"

    def __init__(self, journal: RedisJournal, sale: str) -> None:
        self.journal, self.sale = journal, sale
        self.leases, self.bus = RedisLeases(journal.link), RedisBus(journal.link)
        self._told = 0

    async def take(self, redis: RedisServer) -> None:
        """Takes the sale from whoever has it."""
        redis.client.delete(key(self.sale, "owner"))
        async with asyncio.timeout(PATIENCE_S):
            while not await self.leases.acquire(self.sale, self.token, 60.0):
                redis.client.delete(key(self.sale, "owner"))

    async def write(self, **event: Any) -> int:
        seq = (await self.journal.end(self.sale)).seq + 1
        body = json.dumps({"seq": seq, "at": 2_000_000_000_000, "by": "clock", **event}).encode()
        await self.journal.append(self.sale, Flush(seq, [body], fence=self.token))
        return seq

    async def tell(self, seq: int) -> None:
        self._told = seq
        told = Durable(self.sale, self.token, seq, 2_000_000_000_000, 1.0)
        await self.bus.publish(nodes.of_sale(self.sale), nodes.encode(told))

    async def tell_again(self) -> None:
        """As every node does: whoever did not follow yet, or lost it, hears it then."""
        while True:
            await asyncio.sleep(0.1)
            await self.tell(self._told)


@pytest.fixture
async def sales(old: InProcess) -> list[str]:
    return [await old.sale(sheet(), live=True) for _ in range(2)]


@pytest.fixture
async def newer(old: InProcess, redis: RedisServer, sales: list[str]) -> AsyncIterator[NewerNode]:
    """It conducts the first sale, and the old node follows."""
    journal = await RedisJournal.open(redis.url)
    node = NewerNode(journal, sales[0])
    await node.take(redis)
    opened = await node.write(kind="journal.opened", owner="newer", incarnation="0123456789abcdef")
    await node.tell(opened)
    telling = asyncio.create_task(node.tell_again())
    yield node
    await end([telling])  # one that is telling can lose a single cancellation, and would tell for ever
    await journal.close()


async def test_connections_are_sent_away_and_told_why_and_the_other_sale_goes_on(
    old: InProcess, newer: NewerNode, sales: list[str]
) -> None:
    here, there = await old.join(sales[0]), await old.join(sales[1])
    await newer.tell(await newer.write(kind="note.added", note="n8", person="li", text="von heute"))
    await here.until(lambda: "n8" in here.state["notes"])
    seq = await newer.write(**NEWER)
    await newer.tell(seq)
    assert await here.end() == 4000
    assert here.bye is not None
    assert here.bye["retry"]
    assert f"number {seq}" in here.bye["message"]
    assert "newer Dropcue" in here.bye["message"]
    assert "n9" not in here.state["notes"]
    with pytest.raises(Closed) as closed:
        await Client.join(old.url, token("controller", "li", sales[0]))
    assert closed.value.code == 4000
    refused = await old.do(sales[0], "controller", "note.add", text="x")
    assert (refused.status, refused.json["code"]) == (503, "busy")
    await there.done("note.add", text="hier geht es weiter")
    listed = (await old.http("GET", "/api/sales", token("owner"))).json
    assert [s["sale"] for s in listed["sales"]] == [sales[1]]
    assert [u["sale"] for u in listed["unreadable"]] == [sales[0]]


async def test_a_command_that_waits_for_the_newer_node_is_told_to_come_back(
    old: InProcess, newer: NewerNode, sales: list[str]
) -> None:
    here = await old.join(sales[0])
    asking = asyncio.ensure_future(here.ask({"op": "do", "id": "c1", "kind": "note.add", "text": "x"}))
    await newer.tell(await newer.write(**NEWER))
    with contextlib.suppress(Closed):  # whoever comes back with the id is told what became of it
        assert (await asking).get("code") == "busy"
    assert await here.end() == 4000


async def test_a_node_that_cannot_read_a_sale_does_not_take_it_up(
    old: InProcess, newer: NewerNode, sales: list[str], redis: RedisServer
) -> None:
    here = await old.join(sales[0])
    seq = await newer.write(**NEWER)
    # The newer one dies before anybody heard of it: the old one finds it when it takes over.
    await newer.leases.release(newer.sale, newer.token)
    assert await here.end() == 4000
    assert (await newer.journal.end(newer.sale)).seq == seq, "the old one has written behind what it cannot read"
    async with asyncio.timeout(PATIENCE_S):
        while redis.client.exists(key(newer.sale, "owner")):
            await asyncio.sleep(0.01)  # it gives the lease back a moment after it has looked
    assert await newer.leases.acquire(newer.sale, "other.1", 60.0), "it keeps the lease from those who can read it"


async def test_an_owner_that_finds_it_in_doubt_gives_the_sale_up(
    old: InProcess, newer: NewerNode, sales: list[str], redis: RedisServer
) -> None:
    here = await old.join(sales[1])
    other = NewerNode(newer.journal, sales[1])
    conductor = old.conductor(sales[1])
    owned = redis.client.get(key(sales[1], "owner"))
    await other.take(redis)
    seq = await other.write(**NEWER)
    await other.leases.release(other.sale, other.token)
    assert owned is not None
    conductor.doubt()
    assert await here.end() == 4000
    assert (await other.journal.end(other.sale)).seq == seq
