"""Broken lines, restarts and crashes: a group gets a drop once, and what cannot be known is said to be unknown."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

from roles.relay.errors import DiskFailed, LineLost
from roles.relay.wire import line as line_file
from roles.relay.wire.line import Line, Pace
from roles.relay.wire.saletime import Lease, SaleClock

ROOT = Path(__file__).parents[4]


async def test_a_report_whose_answer_was_lost_is_told_again_and_counts_once(coordinator, groups, relays):
    lost = []

    async def take_and_cut(socket, frame):
        if lost:
            return True
        lost.append([coordinator.take(command) for command in frame["commands"]])
        socket.transport.abort()
        return False

    coordinator.on_many = take_and_cut
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.until(lambda: "d1:1:sent" in coordinator.repeats)
    assert groups.texts == ["text of d1"]
    assert list(coordinator.taken) == ["d1:1:sent"]


async def test_a_report_that_never_arrived_is_told_after_the_line_is_back(coordinator, groups, relays):
    async def cut(socket, frame):
        socket.transport.abort()
        return len(coordinator.hellos) > 2

    coordinator.on_many = cut
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.until(lambda: len(coordinator.hellos) > 2)
        coordinator.on_many = None
        await coordinator.sent("d1")
    assert groups.texts == ["text of d1"]


async def test_what_came_while_the_line_was_down_is_learned_from_the_state(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=60_000))
        coordinator.deliveries["d1"]["status"] = "withdrawn"
        coordinator.deliveries["d2"] = coordinator.delivery("d2")
        coordinator.cut()
        await coordinator.sent("d2")
        await coordinator.announce(coordinator.delivery("d1", at=0, attempt=2))
        await coordinator.reported("d1:2:sent")
    assert groups.texts == ["text of d2", "text of d1"]


async def test_within_its_lease_a_relay_resumes_where_it_was(coordinator, groups, relays):
    coordinator.recovers = True
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=400))
        await coordinator.push({"kind": "show.paused"})
        coordinator.cut()
        await coordinator.sent("d1")
    assert "position" not in coordinator.hellos[0]
    assert coordinator.hellos[1]["position"]


async def test_without_a_lease_nothing_is_sent_until_the_whole_truth_is_known(coordinator, groups, relays, quick):
    timing = replace(quick, lease_held=0.2, pace=Pace(ping_every_s=0.05, dead_after_s=0.4))
    async with relays.running(groups, timing=timing):
        await coordinator.announce(coordinator.delivery("d1", at=500), coordinator.delivery("d2", at=500))
        coordinator.deaf = True  # the line looks open; nobody proves that it is
        held_up = asyncio.Event()

        async def first_later(socket):
            await held_up.wait()
            return True

        coordinator.on_hello = first_later
        await coordinator.until(lambda: len(coordinator.hellos) == 2)
        coordinator.deaf = False
        # Meanwhile d1 was given to another relay.
        del coordinator.deliveries["d1"]
        assert groups.saw == []
        held_up.set()
        await coordinator.sent("d2")
    assert groups.texts == ["text of d2"]
    assert "position" not in coordinator.hellos[1]


async def test_a_restart_of_the_coordinator_is_outlived(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.stop()
        coordinator.deliveries["d1"] = coordinator.delivery("d1")
        await coordinator.start()
        await coordinator.sent("d1")
    assert groups.texts == ["text of d1"]


async def test_within_its_lease_a_cut_line_delays_no_delivery(coordinator, groups, relays, quick):
    async with relays.running(groups, timing=replace(quick, lease_held=60.0)):
        await coordinator.announce(coordinator.delivery("d1", at=200))
        await coordinator.push({"kind": "show.paused"})
        await coordinator.stop()
        await groups.until(lambda: groups.saw)
        await coordinator.start()
        await coordinator.sent("d1")
    assert groups.texts == ["text of d1"]


async def test_a_relay_that_cannot_record_sends_nothing_and_stops(coordinator, groups, relays):
    def full(_):
        raise sqlite3.OperationalError("database or disk is full")

    async def work_on_a_full_disk():
        async with relays.running(groups) as agent:
            agent._store._disk._commit = full
            await coordinator.announce(coordinator.delivery("d1"))
            await coordinator.until(lambda: not coordinator.sockets)

    with pytest.raises(DiskFailed):
        await work_on_a_full_disk()
    assert groups.saw == []


async def test_a_line_that_breaks_while_it_is_being_opened_is_tried_again(coordinator, groups, relays, monkeypatch):
    real, broken = line_file.connect, []

    async def breaks_at_first(*args, **more):
        if not broken:
            broken.append(True)
            raise ConnectionClosedError(None, None)  # the relay ended with a traceback by this
        return await real(*args, **more)

    monkeypatch.setattr(line_file, "connect", breaks_at_first)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
    assert broken


async def test_bye_with_retry_comes_back(coordinator, groups, relays):
    async def away(socket):
        if len(coordinator.hellos) > 1:
            return True
        await socket.send('{"op":"bye","code":4000,"message":"another node","retry":true}')
        await socket.close(4000, "another node")
        return False

    coordinator.on_hello = away
    async with relays.running(groups):
        assert len(coordinator.hellos) == 2


async def test_what_was_sent_is_not_sent_again_by_the_next_process(coordinator, groups, relays, make_groups, quick):
    async def never(socket, frame):
        return False

    coordinator.on_many = never
    async with relays.running(groups, timing=replace(quick, report_within=0.05)):
        await coordinator.announce(coordinator.delivery("d1"))
        await groups.until(lambda: groups.saw)
    coordinator.on_many = None
    again = make_groups()
    async with relays.running(again):
        await coordinator.sent("d1")
    assert again.saw == []


async def test_an_attempt_asked_for_before_the_sale_heard_of_the_last_does_not_double_it(
    coordinator, groups, relays, make_groups, quick
):
    async def never(socket, frame):
        return False

    coordinator.on_many = never
    async with relays.running(groups, timing=replace(quick, report_within=0.05)):
        await coordinator.announce(coordinator.delivery("d1"))
        await groups.until(lambda: groups.saw)
    coordinator.on_many = None
    coordinator.deliveries["d1"] = coordinator.delivery("d1", attempt=2)
    again = make_groups()
    async with relays.running(again):
        await coordinator.reported("d1:1:sent")
        await coordinator.reported("d1:2:sent")
    assert again.saw == []


@pytest.mark.parametrize("policy", ["ask", "resend"])
async def test_killed_while_sending_is_unknown_and_only_the_sale_sends_again(coordinator, groups, relays, policy):
    coordinator.deliveries["d1"] = coordinator.delivery("d1")
    script = Path(__file__).with_name("stuck_relay.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        coordinator.url,
        str(relays.data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            assert await process.stderr.readline() == b"sending g1 text of d1\n"
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    if policy == "resend":
        coordinator.deliveries["d1"] = coordinator.delivery("d1", attempt=2)
    async with relays.running(groups):
        report = await coordinator.reported("d1:1:unknown")
        assert "stopped while it was sending" in report["why"]
        await coordinator.announce(coordinator.delivery("d2", at=50))
        await coordinator.sent("d2")
    assert groups.texts == (["text of d2"] if policy == "ask" else ["text of d1", "text of d2"])


async def test_observations_survive_a_broken_line_and_count_once(coordinator, groups, relays):
    lost = []

    async def take_some_and_cut(socket, frame):
        if lost:
            return True
        lost.extend(coordinator.take(command) for command in frame["commands"][:500])
        socket.transport.abort()
        return False

    coordinator.on_many = take_some_and_cut
    said = [
        {"kind": "group.observe", "group": "g1", "what": "message", "member": f"m{n}", "text": "x"} for n in range(2500)
    ]
    async with relays.running(groups) as agent:
        answers = await agent.observe(said)
    assert len(answers) == 2500
    assert all(answer.ok for answer in answers)
    assert [c["member"] for c in coordinator.taken.values()] == [f"m{n}" for n in range(2500)]
    assert max(coordinator.batches) <= 1000


async def test_an_observation_that_is_refused_is_an_answer_and_busy_is_asked_again(coordinator, groups, relays):
    coordinator.answers = {
        "a": {"code": "unknown", "message": "no such group"},
        "b": {"code": "busy", "message": "", "details": {"retry_ms": 1}},
    }
    async with relays.running(groups) as agent:
        first, second = await agent.observe(
            [{"id": i, "kind": "group.observe", "group": "g1", "what": "joined"} for i in "ab"]
        )
    assert (first.ok, first.code) == (False, "unknown")
    assert second.ok


async def test_a_relay_comes_back_when_the_coordinator_says(coordinator, groups, relays):
    came = []

    async def send_away(socket):
        came.append(time.monotonic())
        if len(came) > 1:
            return True
        await socket.send(json.dumps({"op": "bye", "code": 4000, "message": "later", "retry": True, "retry_ms": 700}))
        await socket.close(4000)
        return False

    coordinator.on_hello = send_away
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
    assert came[1] - came[0] >= 0.69  # by itself it would have come within a twentieth of that


async def test_a_service_that_has_no_room_says_when_to_come_back():
    def no_room(connection, request):
        response = connection.respond(503, "")
        response.headers["Retry-After"] = "7"
        return response

    async with serve(lambda _: None, "127.0.0.1", 0, process_request=no_room) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LineLost) as lost:
            await Line.open(f"http://127.0.0.1:{port}", "T", clock=SaleClock(), lease=Lease(2.0), frames=print)
    assert (lost.value.retry, lost.value.after_s) == (True, 7.0)


async def test_an_address_that_leads_on_to_another_is_not_followed_with_the_token(coordinator):
    """A relay followed it, and said hello with its token wherever it was led."""

    def elsewhere(connection, request):
        response = connection.respond(302, "")
        response.headers["Location"] = f"ws://127.0.0.1:{coordinator.port}/ws"
        return response

    async with serve(lambda _: None, "127.0.0.1", 0, process_request=elsewhere) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LineLost, match="HTTP 302: it leads on to another address") as lost:
            await Line.open(f"http://127.0.0.1:{port}", "T", clock=SaleClock(), lease=Lease(2.0), frames=print)
    assert lost.value.retry, "it may be mended there"
    assert str(coordinator.port) not in str(lost.value)
    assert coordinator.hellos == []


async def test_frames_stay_below_the_bound_whatever_was_said(coordinator, groups, relays):
    sizes = []

    async def measure(socket, frame):
        sizes.append(len(str(frame).encode()))
        return True

    coordinator.on_many = measure
    async with relays.running(groups) as agent:
        await agent.observe(
            [{"kind": "group.observe", "group": "g1", "what": "message", "text": "话" * 3000} for _ in range(100)]
        )
    assert len(sizes) > 3
    assert max(sizes) < 256 * 1024
