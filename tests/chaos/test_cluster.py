"""Nodes on a cluster of Redis whose masters die: what was answered is there, and the show goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from coordinator.journal.redis import RedisJournal, key
from tests.client import Client, Closed, token
from tests.contract.journal_suite import SALE, flush
from tests.nodes import Nodes
from tests.redis_server import RedisCluster, until
from tests.sheet import sheet

PATIENCE_S = 30.0


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    cluster = RedisCluster()
    try:
        yield cluster
    finally:
        cluster.close()


async def test_a_master_that_dies_takes_no_answered_append_with_it(cluster: RedisCluster) -> None:
    journal = await RedisJournal.open(cluster.url)
    await journal.create(SALE)
    await journal.append(SALE, flush(1, private=True))
    master = cluster.master_of(key(SALE, "head"))
    master.kill()
    until(lambda: cluster.master_of(key(SALE, "head")) is not master, "a replica takes over")
    async with asyncio.timeout(PATIENCE_S):
        end = await journal.end(SALE)
        assert end.seq == 3, "what was answered stood on the replica too"
        with capture_logs() as logs:
            await journal.append(SALE, flush(4, private=True))
        assert any("stands on its disk alone" in line["event"] for line in logs), "it was the replica"
        assert await journal.verify(SALE) == 6
    await journal.close()


async def test_a_show_goes_on_when_the_master_of_its_journal_dies(cluster: RedisCluster, tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, cluster.url, 2)
    await nodes.start()
    try:
        async with asyncio.timeout(2 * PATIENCE_S):
            sale = await nodes.sale(sheet(lead="0s"), live=True)
            controller = await nodes.join(sale)
            await controller.done("coupon.drop", coupon="c20", groups="all")
            await controller.until(lambda: controller.state["coupons"]["c20"].get("dropped_at"))
            codes = await claims(nodes, sale, "before", 20)
            cluster.master_of(key(sale, "head")).kill()
            codes |= await claims(nodes, sale, "after", 20)
            # Each member has the one code that they were told, and no other was given out.
            for member, code in codes.items():
                assert await claim(nodes, sale, f"again-{member}", member) == code
            journal = await RedisJournal.open(cluster.url, readonly=True)
            await journal.verify(sale)
            await journal.close()
            state = (await nodes.state(sale))["state"]
            assert state["coupons"]["c20"]["claimed"] == len(codes) == 40
    finally:
        await nodes.stop()


async def claims(nodes: Nodes, sale: str, what: str, count: int) -> dict[str, str]:
    return {f"{what}-{n}": await claim(nodes, sale, f"id-{what}-{n}", f"{what}-{n}") for n in range(count)}


async def claim(nodes: Nodes, sale: str, id_: str, member: str) -> str:
    """Claims until it is answered, over whichever line there is: the same id each time."""
    while True:
        client = await anywhere(nodes, sale)
        try:
            answer = await client.do("coupon.claim", id_, coupon="c20", member=member, group="g1")
        except (Closed, TimeoutError):
            continue
        finally:
            nodes.clients.remove(client)
            await client.close()
        if answer["op"] == "done":
            return str(answer["result"]["code"])
        assert answer["code"] == "busy", answer
        await asyncio.sleep(answer["details"]["retry_ms"] / 1000)  # as it says


async def anywhere(nodes: Nodes, sale: str) -> Client:
    while True:
        try:
            client = await Client.join(nodes.url, token("relay", "r1", sale))
        except Closed:
            continue
        nodes.clients.append(client)
        return client
