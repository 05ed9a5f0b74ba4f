"""Coming back: everything since, or a snapshot, and one is told which."""

from __future__ import annotations

import asyncio
import json

import pytest

from coordinator.fanout import hub
from tests.server import InProcess
from tests.sheet import sheet


async def test_who_was_away_too_long_gets_a_snapshot_that_is_the_fresh_state(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SOFT_EVENTS", 50)
    sale = await room.sale(sheet(), live=True)
    writer, away = await room.join(sale), await room.join(sale, "host")
    await away.until(lambda: "li" in str(away.state["people"]))
    away.cut()
    await away.end()
    await writer.many([{"id": f"n{n}", "kind": "note.add", "text": str(n)} for n in range(60)])
    back = await room.join(sale, "host", position=away.position, state=away.state)
    assert back.welcome["recovered"] is False
    assert back.state == (await room.state(sale, "host", "lin"))["state"]


async def test_what_is_no_longer_at_hand_is_a_snapshot(room: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "KEPT_EVENTS", 20)
    sale = await room.sale(sheet(), live=True)
    writer = await room.join(sale)
    position = writer.position
    for n in range(40):
        await writer.done("note.add", text=str(n))
    assert (await room.join(sale, "controller", "li", position=position)).welcome["recovered"] is False
    assert (await room.join(sale, "controller", "li", position=writer.position)).welcome["recovered"] is True


async def test_a_welcome_and_what_follows_have_no_gap_however_busy_it_is(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    writer = await room.join(sale, "owner", "boss")
    stop = asyncio.Event()

    async def write() -> int:
        n = 0
        while not stop.is_set():
            await writer.many([{"id": f"w{n}-{i}", "kind": "note.add", "text": f"{n}-{i}"} for i in range(20)])
            n += 1
        return n

    writing = asyncio.create_task(write())
    clients = []
    for n in range(20):
        client = await room.join(sale, "owner", f"o{n}")
        clients.append((client, client.seq()))
        back = await room.join(
            sale, "owner", f"o{n}", position=clients[n // 2][0].position if n // 2 == n else client.position
        )
        clients.append((back, back.seq()))
    stop.set()
    await writing
    last = writer.events[-1]["seq"]
    for client, began in clients:
        await client.until(lambda client=client: client.seq() >= last)
        assert [e["seq"] for e in client.events] == list(range(began + 1, client.seq() + 1))


async def test_a_relay_has_one_lease_and_the_next_connection_gets_it_when_it_ends(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="1h"), live=True)
    controller = await room.join(sale)
    first, second = await room.join(sale, "relay"), await room.join(sale, "relay")
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await first.until(lambda: len(first.state.get("deliveries", {})) == 2)
    assert not second.state.get("deliveries")
    assert (await second.do("delivery.report", delivery="d1", attempt=1, outcome="awaiting"))["op"] == "done"
    first.cut()
    await second.until(lambda: len(second.state.get("deliveries", {})) == 2)
    assert second.snapshots == 1


async def test_a_frame_is_json_however_much_is_joined_in_it(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    clients = [await room.join(sale, role) for role in ("owner", "controller", "host", "cheer", "support", "relay")]
    hostile = ['","changes":{', "\\", '"}]', "\u2028\u2029", "</script>", "💥"]
    for text in hostile:
        await clients[1].done("note.add", text=text)
        await clients[5].done("group.observe", group="g1", what="message", member="m", text=text, name=text)
    for client in clients[:5]:
        await client.until(
            lambda client=client: [e["text"] for e in client.events if e["kind"] == "note.added"] == hostile
        )
        json.dumps(client.state)
