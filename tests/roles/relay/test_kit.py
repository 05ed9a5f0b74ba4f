"""The kit's client: deliveries come at their instant, what is told counts once, over broken lines and restarts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from roles.relay.kit import CannotStart, Relay, RelayRefused
from roles.relay.wire.line import Pace


@pytest.fixture
async def open_relay(coordinator, quick, tmp_path):
    """Opens relays, and sees to their end."""
    async with AsyncExitStack() as stack:

        async def opened(data: Path | None = tmp_path / "kit-data", **more) -> Relay:
            more.setdefault("timing", quick)
            return await stack.enter_async_context(Relay(coordinator.url, "secret-token", data=data, **more))

        yield opened


async def taken(relay: Relay):
    async with asyncio.timeout(20):
        return await anext(relay.deliveries())


async def test_a_delivery_comes_at_its_instant_and_what_is_told_reaches_the_sale(coordinator, open_relay):
    relay = await open_relay()
    await coordinator.announce(coordinator.delivery("d1", at=300))
    delivery = await taken(relay)
    assert coordinator.now() >= delivery.fire_at - 5
    assert relay.may_send(delivery)
    await relay.sent(delivery, platform_id="m-1")
    report = await coordinator.reported("d1:1:sent")
    assert (report["platform_id"], report["sent_at"] >= delivery.fire_at - 5) == ("m-1", True)


@pytest.mark.parametrize(
    ("how", "fields", "told"),
    [
        ("awaiting", {"why": "on a phone"}, {"why": "on a phone"}),
        ("retry", {"after_ms": 50, "why": "busy"}, {"after_ms": 50, "why": "busy"}),
        ("rejected", {"why": "too long"}, {"why": "too long"}),
        ("disabled", {"why": "robot removed"}, {"why": "robot removed"}),
        ("unknown", {"why": "cut"}, {"why": "cut"}),
        ("expired", {}, {}),
    ],
)
async def test_each_outcome_is_told_as_the_contract_has_it(coordinator, open_relay, how, fields, told):
    relay = await open_relay()
    await coordinator.announce(coordinator.delivery("d1"))
    await getattr(relay, how)(await taken(relay), **fields)
    report = await coordinator.reported(f"d1:1:{how}")
    assert {k: v for k, v in report.items() if k in told} == told


async def test_what_waits_for_a_window_comes_again_then(coordinator, open_relay):
    relay = await open_relay()
    await coordinator.announce(coordinator.delivery("d1"))
    delivery = await taken(relay)
    until = relay.now() + 400
    await relay.waiting(delivery, until, why="rate window")
    again = await taken(relay)
    assert (again.id, again.attempt) == ("d1", 1)
    assert relay.now() >= until - 5
    await relay.sent(again)
    await coordinator.sent("d1")
    assert list(coordinator.taken) == [f"d1:1:waiting:{until}", "d1:1:sent"]


async def test_what_waits_for_a_window_and_is_withdrawn_does_not_come_again(coordinator, open_relay):
    relay = await open_relay()
    await coordinator.announce(coordinator.delivery("d1"), coordinator.delivery("d2", at=900))
    delivery = await taken(relay)
    await coordinator.withdraw("d1")
    await coordinator.push({"kind": "show.paused"})
    async with asyncio.timeout(20):
        while relay.may_send(delivery):
            await asyncio.sleep(0.005)
    await relay.waiting(delivery, relay.now() + 100)
    assert (await taken(relay)).id == "d2"


async def test_what_waits_beyond_its_end_expires(coordinator, open_relay):
    relay = await open_relay()
    await coordinator.announce(coordinator.delivery("d1", lasts=500))
    delivery = await taken(relay)
    await relay.waiting(delivery, delivery.expires_at + 60_000)
    await coordinator.reported("d1:1:expired")


async def test_what_nobody_takes_in_time_has_not_left_and_expires(coordinator, open_relay):
    await open_relay()
    await coordinator.announce(coordinator.delivery("d1", lasts=400))
    await coordinator.reported("d1:1:expired")


async def test_nothing_is_handed_out_without_the_lease(coordinator, open_relay, quick):
    relay = await open_relay(timing=replace(quick, lease_held=0.3, pace=Pace(ping_every_s=0.05, dead_after_s=30)))
    await coordinator.announce(coordinator.delivery("d1"))
    coordinator.deaf = True
    delivery = await taken(relay)  # it came while the lease held
    async with asyncio.timeout(20):
        while relay.may_send(delivery):
            await asyncio.sleep(0.01)
    await relay.waiting(delivery, relay.now())
    waits = asyncio.create_task(taken(relay))
    coordinator.deaf = False
    assert (await waits).id == "d1"
    assert relay.may_send(delivery)


async def test_of_what_nothing_was_told_is_unknown_and_a_later_word_still_counts(coordinator, open_relay):
    relay = await open_relay(tell_within_s=0.1)
    await coordinator.announce(coordinator.delivery("d1"))
    delivery = await taken(relay)
    await coordinator.reported("d1:1:unknown")
    await relay.sent(delivery, platform_id="late")
    assert (await coordinator.reported("d1:1:sent"))["platform_id"] == "late"
    await relay.sent(delivery, platform_id="late")
    with pytest.raises(ValueError, match="does not wait"):
        await relay.waiting(delivery, relay.now())


async def test_what_a_person_does_after_a_restart_is_told_of_the_same_attempt(coordinator, open_relay, quick, tmp_path):
    async with Relay(coordinator.url, "t", data=tmp_path / "r", timing=quick) as relay:
        await coordinator.announce(coordinator.delivery("d1"))
        await relay.awaiting(await taken(relay), "on the phone of wu")
        await coordinator.reported("d1:1:awaiting")
    again = await open_relay(tmp_path / "r")
    [delivery] = again.awaited()
    await again.sent(delivery)
    await coordinator.reported("d1:1:sent")


async def test_a_report_outlives_a_broken_line_and_counts_once(coordinator, open_relay):
    cut = []

    async def take_and_cut(socket, frame):
        if cut:
            return True
        cut.append([coordinator.take(command) for command in frame["commands"]])
        socket.transport.abort()
        return False

    relay = await open_relay()
    coordinator.on_many = take_and_cut
    await coordinator.announce(coordinator.delivery("d1"))
    await relay.sent(await taken(relay))
    await coordinator.until(lambda: "d1:1:sent" in coordinator.repeats)
    assert list(coordinator.taken) == ["d1:1:sent"]


async def test_what_was_taken_when_a_relay_stops_is_unknown_and_what_was_not_has_not_left(
    coordinator, open_relay, quick, tmp_path
):
    async with Relay(coordinator.url, "t", data=tmp_path / "r", timing=quick) as relay:
        await coordinator.announce(coordinator.delivery("d1"), coordinator.delivery("d2"))
        first = await taken(relay)
    left = "d2" if first.id == "d1" else "d1"
    await coordinator.reported(f"{first.id}:1:unknown")
    again = await open_relay(tmp_path / "r")
    assert (await taken(again)).id == left


async def test_observations_and_pseudonyms(coordinator, open_relay):
    relay = await open_relay()
    member = relay.pseudonym("bridge", "lin")
    assert (await relay.observe("g1", "message", member=member, text="多少钱?")).ok
    [said] = coordinator.taken.values()
    assert (said["kind"], said["group"], said["member"]) == ("group.observe", "g1", member)


async def test_a_relay_that_is_not_wanted_says_why_and_two_do_not_share_a_folder(
    coordinator, open_relay, quick, tmp_path
):
    await open_relay()
    with pytest.raises(CannotStart, match="another relay"):
        await open_relay()

    async def refuse(socket):
        await socket.send('{"op":"bye","code":4101,"message":"revoked","retry":false}')
        await socket.close(4101)
        return False

    coordinator.on_hello = refuse
    with pytest.raises(RelayRefused, match="revoked"):
        await open_relay(tmp_path / "other")


async def test_who_waits_for_deliveries_hears_that_the_token_was_revoked(coordinator, open_relay):
    relay = await open_relay()
    waits = asyncio.create_task(taken(relay))

    async def refuse(socket):
        await socket.send('{"op":"bye","code":4101,"message":"revoked","retry":false}')
        await socket.close(4101)
        return False

    coordinator.on_hello = refuse
    coordinator.cut()
    with pytest.raises(RelayRefused):
        await waits
