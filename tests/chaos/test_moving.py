"""A sale moves: from a data folder to nodes that share Redis, and back. It is the same sale, of another incarnation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client import KEY, Client, Closed, token
from tests.redis_server import RedisServer
from tests.replay.stage import Stage
from tests.server import InProcess, dropcue
from tests.sheet import sheet


async def command(*args: str) -> dict[str, Any]:
    """A command that must be done; its answer."""
    code, out, err = await dropcue(*args, "--json")
    assert code == 0, err
    return dict(json.loads(out))


async def claims(room: InProcess, sale: str, *members: str) -> list[dict[str, Any]]:
    """Members claim through the relay, always with the same ids, and one says something."""
    relay = await room.join(sale, "relay", "r1")
    given = [await relay.done("coupon.claim", f"c-{m}", coupon="c20", member=m, group="g1") for m in members]
    await relay.done("group.observe", group="g1", what="message", member="m1", text="这锅真好", name="小王")
    return given


async def leave(room: InProcess, sale: str) -> tuple[dict[str, Any], str]:
    """What the owner sees, and where the controller's screen stands, when the room closes."""
    console = await room.join(sale)
    state, position = await room.state(sale), console.position
    await room.stop()
    return state["state"], position


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """Without who is connected just now."""
    return {topic: entities for topic, entities in state.items() if topic != "people"}


async def test_a_sale_moves_to_redis_and_back_and_is_the_same(redis: RedisServer, tmp_path: Path) -> None:
    room = InProcess(tmp_path / "a")
    await room.start()
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller = await room.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.until(lambda: controller.state["coupons"]["c20"].get("dropped_at"))
    revoked = await room.http("POST", "/api/tokens", token("owner"), json={"role": "host", "person": "x", "sale": sale})
    await room.http("POST", f"/api/tokens/{revoked.json['jti']}/revoke", token("owner"))
    given = await claims(room, sale, "m1", "m2")
    before, position = await leave(room, sale)

    put = await command("restore", str(tmp_path / "a"), "--redis", redis.url)
    assert [s["sale"] for s in put["sales"]] == [sale]
    assert (await command("verify", sale, "--redis", redis.url))["hash"] == put["sales"][0]["hash"]
    node = InProcess(tmp_path / "n", redis=redis.url)
    await node.start()
    assert lasting((await node.state(sale))["state"]) == lasting(before)
    back = await Client.join(node.url, token("controller", "li", sale), position=position)
    assert not back.welcome["recovered"], "numbers may be given again here"
    await back.close()
    with pytest.raises(Closed) as closed:
        await Client.join(node.url, revoked.json["token"])
    assert closed.value.code == 4101
    again = await claims(node, sale, "m1", "m3")
    assert (again[0]["code"], again[1]["left"]) == (given[0]["code"], 497), "an id counts once, wherever the sale is"
    kept = await command("backup", str(tmp_path / "kept"), "--redis", redis.url)
    await claims(node, sale, "m4")  # after the backup: it is not in it
    _, position = await leave(node, sale)

    await command("restore", str(tmp_path / "kept"), "--data", str(tmp_path / "c"))
    checked = await command("verify", sale, "--data", str(tmp_path / "c"))
    assert checked["hash"] == kept["sales"][0]["hash"]
    last = InProcess(tmp_path / "c")
    await last.start()
    try:
        with pytest.raises(Closed):
            await Client.join(last.url, revoked.json["token"])
        # The number that m4's claim had is given to another one here.
        assert (await claims(last, sale, "m5"))[0]["left"] == 496
        for _ in range(20):
            await last.do(sale, "controller", "note.add", text="weiter")
        stale = await Client.join(last.url, token("controller", "li", sale), position=position)
        assert not stale.welcome["recovered"], "the client would keep a claim that this record does not have"
        assert stale.state["coupons"]["c20"]["claimed"] == 4
        await stale.close()
        # In Redis once, and again by a node that lost its lease for a moment; here once, after what was kept of it.
        opened = [e["seq"] for e in await last.events(sale) if e["kind"] == "journal.opened"]
        assert [seq > kept["sales"][0]["events"] for seq in opened[-2:]] == [False, True]
    finally:
        await last.stop()
    again_there = InProcess(tmp_path / "c")
    await again_there.start()
    try:
        still = [e["seq"] for e in await again_there.events(sale) if e["kind"] == "journal.opened"]
        assert still == opened, "it is declared once, not at each start"
    finally:
        await again_there.stop()
    assert (await command("verify", sale, "--data", str(tmp_path / "c")))["ok"]


async def test_a_redis_that_has_the_sale_is_not_written_over(redis: RedisServer, tmp_path: Path) -> None:
    room = InProcess(tmp_path / "a", redis=redis.url)
    await room.start()
    sale = await room.sale(sheet(), live=True)
    await command("backup", str(tmp_path / "kept"), "--redis", redis.url)
    client = await room.join(sale)
    await client.done("note.add", text="danach")
    code, _, err = await dropcue("restore", str(tmp_path / "kept"), "--redis", redis.url)
    assert code == 1
    assert f"Redis has {sale} already, and nothing was restored" in err
    await client.done("note.add", text="weiter")
    await room.stop()


async def test_nodes_that_run_take_up_what_is_restored(redis: RedisServer, tmp_path: Path) -> None:
    await Stage(sale="kitchen").save(tmp_path / "a")
    room = InProcess(tmp_path / "n", redis=redis.url)
    await room.start()
    try:
        await command("restore", str(tmp_path / "a"), "--redis", redis.url)
        client = await room.join("kitchen")
        await client.done("note.add", text="weiter")
    finally:
        await room.stop()


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (("restore", "nowhere", "--redis", "URL"), 3, "no journal in nowhere"),
        (("restore", "nowhere", "--redis", "redis://127.0.0.1:1"), 3, "cannot reach Redis"),
        (("restore", "nowhere", "--data", "d", "--sale", "x"), 2, "--sale is for Redis"),
        (("backup", "nowhere", "--redis", "redis://127.0.0.1:1"), 3, "cannot reach Redis"),
    ],
)  # fmt: skip
async def test_what_cannot_be_copied_is_said_in_one_line(
    redis: RedisServer, args: tuple[str, ...], code: int, word: str
) -> None:
    found, _, err = await dropcue(*(a.replace("URL", redis.url) for a in args), env={"DROPCUE_KEY": KEY})
    assert (found, err.count("\n")) == (code, 1), err
    assert word in err
