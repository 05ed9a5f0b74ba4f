"""A replica that is slow, dead, or promoted without the end of the record: what was promised holds, or it is said."""

from __future__ import annotations

import asyncio
import copy
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from coordinator.journal.redis import key
from tests.chaos.load import whole
from tests.client import Client, Closed, Json, token
from tests.nodes import Nodes
from tests.redis_server import RedisCluster, replicated, until
from tests.sheet import sheet


@asynccontextmanager
async def show(folder: Path, redis: str) -> AsyncIterator[tuple[Nodes, str]]:
    """Two nodes and a sale that is live, its coupon in all groups."""
    nodes = Nodes(folder, redis, 2)
    await nodes.start()
    try:
        sale = await nodes.sale(sheet(lead="0s"), live=True)
        controller = await nodes.join(sale)
        await controller.done("coupon.drop", coupon="c20", groups="all")
        await controller.until(lambda: controller.state["coupons"]["c20"].get("dropped_at"))
        for node in nodes.nodes:  # both have it open
            await nodes.at(node, sale)
        yield nodes, sale
    finally:
        await nodes.stop()


async def claim(nodes: Nodes, sale: str, id_: str, url: str | None = None) -> Json:
    """One claim, over whichever line there is; its answer."""
    async with asyncio.timeout(60):
        while True:
            try:
                client = await Client.join(url or nodes.url, token("relay", "r1", sale))
                nodes.clients.append(client)
                return await client.do("coupon.claim", id_, coupon="c20", member=f"member-{id_}", group="g1")
            except Closed:
                await asyncio.sleep(0.05)  # it was told to come back


async def claimed(nodes: Nodes, sale: str, id_: str) -> str:
    """Claims until it is answered; the code."""
    while (answer := await claim(nodes, sale, id_))["op"] != "done":
        assert answer["code"] == "busy", answer
        await asyncio.sleep(answer["details"]["retry_ms"] / 1000)  # as it says
    return str(answer["result"]["code"])


async def codes_in(nodes: Nodes, sale: str) -> dict[str | None, str]:
    """Id → code, of all claims in the journal; the nodes are down by then."""
    for node in nodes.nodes:
        await node.kill()
    events = await whole(await nodes.journal(), sale)
    claims = [e for e in events if str(e.__struct_config__.tag) == "coupon.claimed"]
    found = {e.cmd: str(getattr(e, "code")) for e in claims}  # noqa: B009 - of one kind of events
    assert len(found) == len(claims), "an id counts once"
    return found


async def test_without_its_replica_a_master_that_needs_it_takes_nothing_and_says_so(tmp_path: Path) -> None:
    with replicated("--min-replicas-to-write", "1") as (master, replica):
        async with show(tmp_path, master.url) as (nodes, sale):
            codes = {"before": await claimed(nodes, sale, "before")}
            replica.kill()
            for node in nodes.nodes:  # whether it conducts or follows
                answer = await claim(nodes, sale, "meanwhile", node.url)
                assert answer["code"] == "busy"
                assert "too few replicas" in answer["message"]
            replica.start()
            codes |= {id_: await claimed(nodes, sale, id_) for id_ in ("meanwhile", "after")}
            assert await codes_in(nodes, sale) == codes


async def test_what_a_slow_replica_has_not_confirmed_is_busy_and_counts_once(tmp_path: Path) -> None:
    with replicated() as (master, replica):
        async with show(tmp_path, master.url) as (nodes, sale):
            codes = {"before": await claimed(nodes, sale, "before")}
            owner = await nodes.owner(sale)
            replica.signal(signal.SIGSTOP)
            answer = await claim(nodes, sale, "meanwhile", owner.url)
            assert answer["code"] == "busy"
            assert "no replica" in answer["message"]
            replica.signal(signal.SIGCONT)
            codes |= {id_: await claimed(nodes, sale, id_) for id_ in ("meanwhile", "after")}
            assert await codes_in(nodes, sale) == codes


async def test_a_failover_that_lost_its_tail_is_another_history_and_everybody_is_told(tmp_path: Path) -> None:
    cluster = await asyncio.to_thread(RedisCluster)
    try:
        async with show(tmp_path, cluster.url) as (nodes, sale):
            first = await claimed(nodes, sale, "first")
            master = cluster.master_of(key(sale, "head"))
            replica = cluster.replica_of(master)
            # The replica hears nothing any more; its master, which may, goes on alone.
            replica.signal(signal.SIGSTOP)
            master.client.client_kill_filter(_type="replica")
            await claimed(nodes, sale, "second")
            watcher = await nodes.at(nodes.nodes[0], sale)
            await watcher.until(lambda: watcher.state["coupons"]["c20"]["claimed"] == 2)
            position, state = watcher.position, copy.deepcopy(watcher.state)
            assert any("stands on its disk alone" in line for node in nodes.nodes for line in node.log)
            master.kill()
            replica.signal(signal.SIGCONT)
            await asyncio.to_thread(until, lambda: cluster.master_of(key(sale, "head")) is replica, "it is promoted")
            assert await claimed(nodes, sale, "first") == first, "what the replica had stands"
            back = await nodes.at(nodes.nodes[1], sale, position=position, state=state)
            await watcher.until(lambda: watcher.closed or watcher.snapshots)
            await back.until(lambda: back.state["coupons"]["c20"]["claimed"] == 1)
            # A node that has not heard of the other history yet welcomes on the old one, and then sends a snapshot.
            assert back.snapshots or not back.welcome["recovered"]
            assert any("does not hold what it held" in line for node in nodes.nodes for line in node.log)
            await claimed(nodes, sale, "third")
            assert (await codes_in(nodes, sale)).keys() == {"first", "third"}
    finally:
        cluster.close()
