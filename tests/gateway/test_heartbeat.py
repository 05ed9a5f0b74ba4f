"""Who does not answer is closed; whoever only had to wait for a service that stood still is not."""

from __future__ import annotations

import asyncio

import pytest

from coordinator import clock
from tests.client import PATIENCE_S, Client
from tests.server import InProcess
from tests.sheet import sheet


async def beaten(client: Client, room: InProcess) -> None:
    """After the next beat."""
    session = next(iter(room.service.gateway.connections))
    before = session.pinged
    async with asyncio.timeout(PATIENCE_S):
        while session.pinged == before and not client.closed:
            await asyncio.sleep(0.01)  # a beat tells nobody


async def test_a_service_that_stood_still_does_not_take_its_own_nap_for_their_silence(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = await room.join(await room.sale(sheet()), "relay")
    real = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: real() + 60)  # a machine that slept for a minute
    await beaten(relay, room)
    await relay.send({"op": "ping", "sent": 1})
    await relay.until(lambda: relay.loose or relay.closed)
    assert not relay.closed


async def test_a_relay_that_says_nothing_for_three_seconds_is_told_that_its_lease_is_over(room: InProcess) -> None:
    relay = await room.join(await room.sale(sheet()), "relay")
    session = next(iter(room.service.gateway.connections))
    session.heard -= 3.5
    relay.socket.transport.pause_reading()  # it does not see the pings either
    async with asyncio.timeout(PATIENCE_S):
        while not session.closing:
            await asyncio.sleep(0.01)  # it is the other end that is closed
    relay.socket.transport.resume_reading()
    assert await relay.end() == 4001


async def test_who_fell_silent_has_left_by_then_and_not_another_lease_later(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    relay = await room.join(sale, "relay")
    await controller.event("relay.joined", relay="r1")
    session = next(s for s in room.service.gateway.connections if s.identity.actor.role == "relay")
    relay.socket.transport.pause_reading()
    session.heard -= 3.5
    await controller.event("relay.left", relay="r1", patience=2.5)  # its lease was over, and it answers no close


async def test_a_relay_that_says_that_it_leaves_has_left_at_once(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    relay = await room.join(sale, "relay")
    await controller.event("relay.joined", relay="r1")
    await relay.send({"op": "leave"})
    await controller.event("relay.left", relay="r1", patience=2.5)
