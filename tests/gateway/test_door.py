"""Who comes when thousands do: some are asked to come back, each at another moment; who runs the show is let in."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from coordinator.fanout import outbox
from coordinator.gateway import door as doors
from coordinator.gateway import presence as presences
from coordinator.gateway import socket as sockets
from coordinator.gateway.door import Door
from tests.client import PATIENCE_S, Client, Closed, token
from tests.fanout.lean import masked, request
from tests.server import InProcess
from tests.sheet import sheet


async def test_while_the_service_is_late_the_many_are_told_when_to_come_back_and_the_show_goes_on(
    room: InProcess,
) -> None:
    sale = await room.sale(sheet(), live=True)
    door = room.service.gateway.door
    door.under_way = doors.GREETINGS + 1
    waits = []
    for n in range(20):
        with pytest.raises(Closed) as closed:
            await room.join(sale, "cheer", f"p{n}", patient=False)
        assert closed.value.code == 4000
        assert closed.value.bye is not None
        assert closed.value.bye["retry"]
        waits.append(closed.value.bye["retry_ms"])
    assert all(doors.SOONEST_MS <= ms <= doors.LATEST_MS + 2 * doors.SOONEST_MS for ms in waits)
    assert len(set(waits)) > 10, "they would all come back at once"
    for role in ("controller", "host", "relay"):
        assert (await (await room.join(sale, role)).do("note.add", text="x"))["op"] in {"done", "refused"}
    door.under_way -= doors.GREETINGS + 1
    assert (await (await room.join(sale, "cheer")).do("note.add", text="back"))["op"] == "done"
    metrics = (await room.http("GET", "/metrics")).text
    assert "dropcue_greetings_turned_away_total 20.0" in metrics


@pytest.mark.parametrize("bound", ["LEAST_WAITING", "WAIT_SECONDS"])
async def test_websockets_that_would_wait_too_long_are_told_so_at_once_and_a_phone_s_page_is_not(
    room: InProcess, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    sale = await room.sale(sheet(), live=True)
    port = room.service.settings.port
    monkeypatch.setattr(doors, bound, 0)
    if bound == "LEAST_WAITING":
        room.service.gateway.door._pace = 1.0
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for line in lines:
        line.sendall(request(port))  # all of it is there when the service looks
    told = []
    for line in lines:
        line.setblocking(False)
        told.append((await asyncio.get_running_loop().sock_recv(line, 1 << 16)).decode())
        line.close()
    away = [answer for answer in told if answer.startswith("HTTP/1.1 503")]
    assert len(away) >= 17
    assert all(int(answer.partition("Retry-After: ")[2].split()[0]) >= 1 for answer in away)
    assert room.service.gateway.door.turned_away == len(away)
    assert (await room.http("GET", "/healthz")).status == 200
    monkeypatch.undo()
    assert (await (await room.join(sale)).do("note.add", text="x"))["op"] == "done"


async def test_on_those_who_gave_up_while_they_waited_nothing_is_spent(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The service greeted line after line whose console had long gone and come again, and reached none that was there.
    served: list[socket.socket] = []
    loop = asyncio.get_running_loop()
    real = loop.connect_accepted_socket

    async def connect(serve: Any, one: socket.socket) -> Any:
        served.append(one)
        return await real(serve, one)

    monkeypatch.setattr(loop, "connect_accepted_socket", connect)
    gone = [socket.create_connection(("127.0.0.1", room.service.settings.port)) for _ in range(50)]
    for line in gone:
        line.sendall(request(room.service.settings.port))
        line.close()
    assert (await room.http("GET", "/healthz")).status == 200
    assert len(served) == 1


async def test_while_many_come_back_nobody_is_told_that_others_have_left(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presences, "AWAY_SECONDS", 0.05)
    sale = await room.sale(sheet(), live=True)
    watcher, goes = await room.join(sale), await room.join(sale, "host", "lin")
    await watcher.until(lambda: watcher.state["people"].get("host:lin", {}).get("here"))
    crowd = {"is": True}
    room.service.gateway.registry.crowded = lambda: crowd["is"]
    await goes.close()
    presence = room.service.gateway.presence
    for _ in range(3):
        [timer] = await until(lambda: list(presence._leaving.values()))
        await until(lambda timer=timer: timer not in presence._leaving.values())
    assert watcher.state["people"]["host:lin"]["here"]
    crowd["is"] = False
    await watcher.until(lambda: not watcher.state["people"]["host:lin"]["here"])


async def until(condition: Callable[[], Any]) -> Any:
    """Waits for what nothing tells of."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


async def test_a_node_with_as_many_connections_as_it_may_have_sends_everybody_elsewhere(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    here = await room.join(sale)
    room.service.gateway.door.most = 1
    with pytest.raises(Closed) as closed:
        await room.join(sale, "host", patient=False)
    assert closed.value.bye is not None
    assert closed.value.bye["retry_ms"] > 0
    assert (await here.do("note.add", text="x"))["op"] == "done"


async def test_who_is_sent_away_by_a_restart_is_told_a_moment_of_their_own(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    people = [await room.join(sale, "cheer", f"p{n}") for n in range(20)]
    desk = await room.join(sale)
    await room.service.stop()
    assert {await c.end() for c in (*people, desk)} == {4000}
    waits = [c.bye["retry_ms"] for c in people if c.bye]
    assert len(set(waits)) > 10
    assert desk.bye is not None
    assert desk.bye["retry_ms"] <= 1.5 * doors.SOONEST_MS
    await room.service.start()


async def test_those_who_say_hello_all_at_once_are_greeted_in_turns_of_the_loop() -> None:
    door, loop = Door(), asyncio.get_running_loop()
    turns, greeted = [0], []

    def count() -> None:
        turns[0] += 1
        loop.call_soon(count)

    async def hello(n: int) -> None:
        await door.turn()
        greeted.append((n, turns[0]))

    loop.call_soon(count)
    waiting = [asyncio.create_task(hello(n)) for n in range(10 * doors.SLICE)]
    waiting[20].cancel()  # one who goes while it waits costs nobody a turn
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [n for n, _ in greeted] == [n for n in range(10 * doors.SLICE) if n != 20]
    in_turn = [sum(turn == each for _, turn in greeted) for each in range(turns[0] + 1)]
    assert max(in_turn) <= 2 * doors.SLICE
    assert not door._turns


def test_thousands_who_are_told_to_come_back_are_spread_at_the_pace_of_welcomes() -> None:
    door = Door()
    waits = sorted(door.back_in("cheer") for _ in range(5_000))
    pace = doors.FIRST_PACE
    for share in (0.25, 0.5, 0.75):
        assert waits[int(5_000 * share)] == pytest.approx(5_000 * share / pace * 1000, rel=0.25)
    assert door.back_in("relay") <= 1.5 * doors.SOONEST_MS


async def test_a_system_that_gives_no_more_connections_is_asked_again(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await room.sale(sheet())
    loop = asyncio.get_running_loop()
    real, failures = loop.sock_accept, [OSError(errno.EMFILE, "too many open files"), ConnectionAbortedError()]

    async def accept(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop(0)
        return await real(listener)

    monkeypatch.setattr(loop, "sock_accept", accept)
    first, second = await room.join(sale), await room.join(sale, "host")
    assert not failures
    for client in (first, second):
        assert not client.closed


async def test_from_one_who_sends_and_does_not_read_no_more_is_taken(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its pongs filled the service's memory: nothing that it sent was ever held back.
    monkeypatch.setattr(sockets, "UNREAD_BYTES", 4096)
    monkeypatch.setattr(sockets, "HARD_SECONDS", 0.5)
    monkeypatch.setattr(outbox, "HARD_SECONDS", 60.0)
    sale = await room.sale(sheet())
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    port = room.service.settings.port
    await loop.sock_connect(line, ("127.0.0.1", port))
    await loop.sock_sendall(line, request(port))
    while b"\r\n\r\n" not in await loop.sock_recv(line, 1024):
        pass
    hello = b'{"op":"hello","token":"%b"}' % token("controller", "li", sale).encode()
    await loop.sock_sendall(line, masked(hello))
    async with asyncio.timeout(PATIENCE_S):
        while not room.service.gateway.connections:
            await asyncio.sleep(0.01)  # nothing tells of it
    [session] = room.service.gateway.connections
    ping = masked(b'{"op":"ping","sent":"%b"}' % (b"x" * 10_000)) * 100
    sending = asyncio.create_task(_send_for_ever(line, ping))
    async with asyncio.timeout(PATIENCE_S):
        while not session.closing:
            await asyncio.sleep(0.01)  # it is the other end that is closed
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    line.close()
    assert session.unread() < 8 << 20


async def _send_for_ever(line: socket.socket, data: bytes) -> None:
    while True:
        await asyncio.get_running_loop().sock_sendall(line, data)


async def test_the_door_is_shut_before_anybody_is_sent_away(room: InProcess) -> None:
    sale = await room.sale(sheet())
    await room.service.stop()
    with pytest.raises(ConnectionRefusedError):
        await Client.join(room.url, token("controller", "li", sale))
    await room.service.start()
