"""Several nodes, one sale: whoever serves a client, it is the same show; a node that goes takes nothing with it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from coordinator.journal import codec
from tests.chaos.load import check, under_load, whole
from tests.client import PATIENCE_S, Client, Closed, token
from tests.nodes import Nodes
from tests.redis_server import RedisServer, standalone
from tests.server import ServerProcess, dropcue


async def test_a_sale_is_the_same_on_every_node(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    here, there = await nodes.at(owner, sale), await nodes.at(nodes.other(owner), sale, person="zhao")
    relay = await nodes.at(nodes.other(owner), sale, "relay", "r1")
    given = [await relay.done("coupon.claim", coupon="c20", member=f"m{n}", group="g1") for n in range(20)]
    assert [g["left"] for g in given] == list(range(499, 479, -1))
    assert (await relay.done("coupon.claim", "again", coupon="c20", member="m1", group="g1"))["code"] == given[1][
        "code"
    ]
    noted = await there.done("note.add", text="这里")
    await here.event("note.added", text="这里")
    await there.until(lambda: noted["note"] in there.state["notes"])
    assert (await here.do("show.pause"))["op"] == "done"
    await there.until(lambda: there.state["show"]["show"]["status"] == "paused")
    assert (await there.do("cue.fire", cue="nothing"))["code"] == "unknown"
    seen = [await node.state(sale, "controller", "li") for node in nodes.nodes]
    assert seen[0] == seen[1]


async def test_a_node_that_dies_is_followed_by_another_and_consoles_miss_nothing(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    console, relay = await nodes.at(owner, sale), await nodes.at(other, sale, "relay", "r1")
    first = await relay.done("coupon.claim", "c1", coupon="c20", member="m1", group="g1")
    await console.event("coupon.claimed", member="m1")
    position, state = console.position, console.state
    nodes.up.remove(owner)
    await owner.kill()
    # Nobody connects anew here: the same line goes on, and its commands wait for who takes over.
    second = await relay.done("coupon.claim", "c2", coupon="c20", member="m2", group="g1")
    assert second["left"] == first["left"] - 1
    assert await relay.done("coupon.claim", "c1", coupon="c20", member="m1", group="g1") == {
        **first,
        "left": first["left"],
    }
    back = await nodes.at(other, sale, position=position, state=state)
    assert back.welcome["recovered"]
    await back.event("coupon.claimed", member="m2")
    await back.event("journal.opened")
    assert [e["seq"] for e in back.events] == list(range(int(position.split(".")[1]) + 1, back.events[-1]["seq"] + 1))
    await back.until(lambda: back.state["coupons"]["c20"]["claimed"] == 2)


async def test_a_node_that_is_told_to_stop_hands_its_sales_over(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    console = await nodes.at(owner, sale)
    other = await nodes.at(nodes.other(owner), sale, person="zhao")
    nodes.up.remove(owner)
    owner.signal(signal.SIGTERM)
    assert (await other.do("note.add", text="weiter"))["op"] == "done"
    assert await console.end() == 4000
    assert console.bye is not None
    assert console.bye["retry"]
    opened = await other.event("journal.opened")
    assert opened["seq"] > 1
    assert await nodes.owner(sale) is nodes.up[0]


async def test_an_owner_that_slept_through_its_lease_can_write_nothing(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    sleeper = await nodes.at(owner, sale)
    other = await nodes.at(nodes.other(owner), sale, person="zhao")
    owner.signal(signal.SIGSTOP)
    # It waits in the sleeper's socket: by the time it is read, the lease has gone.
    asleep = sleeper.ask({"op": "do", "id": "late", "kind": "note.add", "text": "im Schlaf"})
    waiting = asyncio.ensure_future(asleep)
    await other.done("note.add", text="wach")
    owner.signal(signal.SIGCONT)
    answer = await waiting
    journal = await nodes.journal()
    end = await journal.verify(sale)
    events = codec.decode_all(await journal.read(sale, 0, end), sale)
    await journal.close()
    opened = [(e.seq, e.by) for e in events if str(e.__struct_config__.tag) == "journal.opened"]
    assert len(opened) == 2
    written = [e for e in events if e.cmd == "late"]
    assert len(written) == (answer["op"] == "done"), answer
    assert all(e.seq > opened[1][0] for e in written), "it was written by the one who slept"


async def test_a_person_is_here_once_however_many_nodes_have_them(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    watcher = await nodes.at(owner, sale)
    one = await nodes.at(owner, sale, "host", "lin")
    two = await nodes.at(nodes.other(owner), sale, "host", "lin")
    await watcher.until(lambda: watcher.state["people"]["host:lin"]["here"])
    joined = len([e for e in watcher.events if e["kind"] == "person.joined" and e["person"] == "lin"])
    await one.close()
    mark = len(watcher.events)
    await two.done("note.add", text="noch da")
    await watcher.event("note.added")
    nodes.up.remove(nodes.other(owner))
    await next(n for n in nodes.nodes if n is not owner).kill()
    await watcher.until(lambda: not watcher.state["people"]["host:lin"]["here"])
    kinds = [e["kind"] for e in watcher.events[mark:] if e.get("person") == "lin"]
    assert (joined, kinds) == (1, ["person.left"])


async def test_a_person_with_a_tab_on_each_of_two_nodes_stays_when_one_of_them_dies(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    watcher = await nodes.at(owner, sale)
    await nodes.at(owner, sale, "host", "lin")
    await nodes.at(other, sale, "host", "lin")
    await nodes.at(other, sale, "cohost", "wu")
    people = watcher.state["people"]
    await watcher.until(lambda: people["host:lin"]["here"] and people.get("cohost:wu", {}).get("here"))
    nodes.up.remove(other)
    await other.kill()
    await watcher.until(lambda: not watcher.state["people"]["cohost:wu"]["here"], 3 * PATIENCE_S)
    assert watcher.state["people"]["host:lin"]["here"]
    assert [e["person"] for e in watcher.events if e["kind"] == "person.left"] == ["wu"]


async def test_a_person_s_allowance_is_one_over_all_nodes_and_full_after_a_take_over(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    tabs = [await nodes.at(node, sale, "audience", "m1") for node in (owner, other)]
    numbers = iter(range(1_000_000))

    async def claim(tab: Client, count: int) -> list[dict[str, Any]]:
        return await tab.many(
            [{"id": f"c{next(numbers)}", "kind": "coupon.claim", "coupon": "c20"} for _ in range(count)]
        )

    for tab in tabs:
        assert all(r["ok"] for r in await claim(tab, 480))
    for tab in tabs:
        given = await claim(tab, 400)
        assert {r.get("code") for r in given} == {"capped"}
        assert all(r["details"]["retry_ms"] > 0 and r["details"]["allowed_at"] > 0 for r in given)
    nodes.up.remove(owner)
    await owner.kill()
    # Who takes over has not counted: what was used before the death is forgiven, and counted anew from here on.
    async with asyncio.timeout(3 * PATIENCE_S):
        while not all(r["ok"] for r in await claim(tabs[1], 900)):
            pass
    assert {r.get("code") for r in await claim(tabs[1], 400)} == {"capped"}


async def test_of_a_relay_s_lines_on_two_nodes_one_gets_the_deliveries(nodes: Nodes, sale: str) -> None:
    owner = await nodes.owner(sale)
    first = await nodes.at(owner, sale, "relay", "r1", groups=["g1"])
    controller = await nodes.at(owner, sale)
    await controller.until(lambda: controller.state["people"].get("relay:r1", {}).get("here"))
    second = await nodes.at(nodes.other(owner), sale, "relay", "r1", groups=["g1"])
    drop = (await controller.done("link.drop", product="pan", groups="all"))["drop"]

    # As an event; or, where the sale was just taken over and nobody leads for a while, with the state it then comes to lead with.
    def has(line: Client) -> bool:
        return any(d["drop"] == drop for d in line.state["deliveries"].values())

    lines = {asyncio.create_task(line.until(lambda line=line: has(line))): line for line in (first, second)}
    told, untold = await asyncio.wait(lines, return_when=asyncio.FIRST_COMPLETED)
    leads, waits = lines[told.pop()], lines[untold.pop()]
    await waits.until(lambda: waits.state["drops"].keys() == leads.state["drops"].keys())
    assert not waits.state["deliveries"]
    await leads.close()
    await waits.until(lambda: has(waits))
    assert {d["relay"] for d in waits.state["deliveries"].values()} == {"r1"}


async def test_a_redis_that_dies_and_comes_back_has_lost_nothing(nodes: Nodes, sale: str, redis: RedisServer) -> None:
    relay = await nodes.at(nodes.nodes[0], sale, "relay", "r1")
    first = await relay.done("coupon.claim", "c1", coupon="c20", member="m1", group="g1")
    redis.kill()
    waiting = asyncio.ensure_future(relay.do("coupon.claim", "c2", coupon="c20", member="m2", group="g1"))
    redis.start()
    answer = await waiting
    while answer["op"] == "refused" and answer["code"] == "busy":
        client = await joined(nodes, sale)
        answer = await client.do("coupon.claim", "c2", coupon="c20", member="m2", group="g1")
    assert answer["op"] == "done"
    client = await joined(nodes, sale)
    again = await client.done("coupon.claim", "c1", coupon="c20", member="m1", group="g1")
    assert again["code"] == first["code"]


async def joined(nodes: Nodes, sale: str) -> Client:
    """A relay's line, at whichever node takes it."""
    while True:
        try:
            client = await Client.join(nodes.url, token("relay", "r1", sale))
        except Closed:
            continue
        nodes.clients.append(client)
        return client


async def test_a_redis_that_lost_its_end_is_another_history_and_everybody_is_told(
    nodes: Nodes, sale: str, redis: RedisServer
) -> None:
    kept, here = redis.folder / "kept", redis.folder / "appendonlydir"
    redis.kill()
    shutil.copytree(here, kept)
    redis.start()
    relay = await joined(nodes, sale)
    while (await relay.do("coupon.claim", "c1", coupon="c20", member="m1", group="g1"))["op"] != "done":
        relay = await joined(nodes, sale)
    watcher = await nodes.at(nodes.nodes[0], sale)
    await watcher.until(lambda: watcher.state["coupons"]["c20"]["claimed"] == 1)
    position = watcher.position
    redis.kill()
    shutil.rmtree(here)
    kept.rename(here)
    redis.start()
    # Whether this line is told, or was cut while Redis was away and comes back: the claim is gone, and it knows.
    with contextlib.suppress(AssertionError):
        await watcher.until(lambda: watcher.closed or watcher.snapshots, 10)
    back = await Client.join(nodes.nodes[1].url, token("controller", "li", sale), position=position)
    nodes.clients.append(back)
    await back.until(lambda: back.state.get("coupons", {}).get("c20", {}).get("claimed") == 0)
    assert back.snapshots or not back.welcome["recovered"]
    assert watcher.closed or watcher.snapshots
    client = await joined(nodes, sale)
    assert (await client.done("coupon.claim", "c9", coupon="c20", member="m9", group="g1"))["left"] == 499
    journal = await nodes.journal()
    assert await journal.verify(sale) > 0
    await journal.close()


async def test_a_token_that_is_revoked_at_one_node_opens_nothing_at_another(nodes: Nodes, sale: str) -> None:
    made = await nodes.http("POST", "/api/tokens", token("owner"), json={"role": "host", "person": "lin", "sale": sale})
    host = await Client.join(nodes.nodes[0].url, made.json["token"])
    nodes.clients.append(host)
    revoked = await nodes.nodes[1].http("POST", f"/api/tokens/{made.json['jti']}/revoke", token("owner"))
    assert revoked.status == 200
    assert await host.end() == 4101
    with pytest.raises(Closed) as closed:
        await Client.join(nodes.nodes[0].url, made.json["token"])
    assert closed.value.code == 4101


async def test_a_node_with_another_key_does_not_join(nodes: Nodes, tmp_path: Path) -> None:
    stranger = {"DROPCUE_KEY": "another-key-" + "x" * 32}
    code, _, err = await dropcue(
        "serve", "--data", str(tmp_path / "x"), "--redis", nodes.redis, "--port", "0", env=stranger
    )
    assert code == 3
    assert "DROPCUE_KEY" in err


async def kill_nodes_under_load(tmp_path: Path, count: int, kills: int, quantity: int) -> dict[str, Any]:
    with standalone() as redis:
        nodes = Nodes(tmp_path, redis.url, count)
        await nodes.start()
        try:

            async def strike(moments: random.Random) -> None:
                await nodes.restart(moments.choice(sorted(nodes.up, key=_port)))

            load = await under_load(nodes, strike, kills, quantity)
            for node in nodes.nodes:
                await node.kill()  # the show would go on while it is read
            return check(await whole(await nodes.journal(), load.sale), load)
        finally:
            await nodes.stop()


def _port(node: ServerProcess) -> int:
    return node.port


async def test_three_kills_of_nodes_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    figures = await kill_nodes_under_load(tmp_path, 2, 3, 1_000)
    assert figures["answered"] > 50
    assert figures["fired"] > 2


@pytest.mark.long
async def test_two_hundred_kills_of_nodes_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    figures = await kill_nodes_under_load(tmp_path, 3, 200, 60_000)
    print(figures)
    assert figures["answered"] > 1_000
