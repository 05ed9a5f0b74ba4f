"""A recorded chat comes into the groups whole, in order, at its times, at any speed."""

from __future__ import annotations

import json

import pytest

from coordinator.demo.feeding import feed_recording, group_of
from coordinator.demo.recordings import BadLine, Observed, Recording, read_recording
from coordinator.demo.wire import coalescing_ms, pseudonym
from coordinator.errors import UsageError
from tests.demo.fakes import START, JournalingRelay, RehearsalClock, no_pause
from tests.demo.test_recordings import shared_file

KEY = b"member key of the console relay"
GROUPS = [f"g{n}" for n in range(1, 21)]


def chat(n: int, step_ms: int = 250, people: int = 40) -> Recording:
    events = [Observed(k * step_ms, "message", f"n{k % people}", f"m{k}", f"irc:n{k % people}") for k in range(n)]
    return Recording("IRC text", events, [BadLine(3, "rubbish")], ["clock: read as 24-hour"], 1)


async def feed(recording: Recording, relay: JournalingRelay, clock: RehearsalClock, **options):
    options = {"groups": GROUPS, "member_key": KEY, "pause": no_pause} | options
    return await feed_recording(recording, relay=relay, clock=clock, barrier=clock, **options)


async def test_the_recorded_day_is_fed_with_nothing_lost_as_fast_as_it_goes() -> None:
    clock = RehearsalClock()
    relay = JournalingRelay(clock)
    report = await feed(read_recording(shared_file()), relay, clock, window_ms=coalescing_ms(1e9))
    assert (report.messages, report.joins, report.leaves) == (1721, 290, 95)
    assert report.complete
    assert [len(relay.recorded(what)) for what in ("message", "joined", "left")] == [1721, 290, 95]
    assert len({command["member"] for command in relay.recorded("message")}) == 223
    assert any("1,721 messages by 223 people, 290 joins, 95 leaves" in line for line in report.lines())


@pytest.mark.parametrize("window_ms", [0, 400, 60_000])
async def test_each_message_goes_out_at_its_time_or_within_the_window_after_it(window_ms: int) -> None:
    clock = RehearsalClock()
    relay = JournalingRelay(clock)
    await feed(chat(300), relay, clock, window_ms=window_ms)
    for n, (at, _) in enumerate(relay.journal.values()):
        assert 0 <= at - (START + n * 250) <= window_ms


async def test_the_sale_s_clock_waits_for_what_is_not_yet_answered() -> None:
    clock = RehearsalClock()
    held: list[int] = []

    class Watching(JournalingRelay):
        async def observe(self, commands):
            held.append(clock.holds["audience"])
            return await super().observe(commands)

    await feed(chat(20), Watching(clock), clock)
    assert held == [START + n * 250 for n in range(20)]
    assert clock.released == ["audience"]


async def test_a_nick_keeps_its_group_and_its_order_and_is_sent_as_a_pseudonym() -> None:
    clock = RehearsalClock()
    relay = JournalingRelay(clock)
    await feed(chat(400), relay, clock, window_ms=60_000)
    by_member: dict[str, list[dict]] = {}
    for _, command in relay.journal.values():
        by_member.setdefault(command["member"], []).append(command)
    assert set(by_member) == {pseudonym(KEY, f"irc:n{k}") for k in range(40)}
    for commands in by_member.values():
        assert len({command["group"] for command in commands}) == 1
        numbers = [int(command["text"][1:]) for command in commands]
        assert numbers == sorted(numbers)
    assert len({commands[0]["group"] for commands in by_member.values()}) > 10


def test_people_are_spread_evenly_enough_over_the_groups() -> None:
    counts = dict.fromkeys(GROUPS, 0)
    for n in range(4_000):
        counts[group_of(f"irc:n{n}", GROUPS)] += 1
    assert min(counts.values()) > 130
    assert max(counts.values()) < 280


async def test_refusals_are_counted_by_their_code_and_told() -> None:
    clock = RehearsalClock()
    relay = JournalingRelay(
        clock, lambda c: {"code": "too_late", "message": "closed"} if c["text"].endswith("7") else {}
    )
    report = await feed(chat(100), relay, clock)
    assert report.messages == 90
    assert not report.complete
    assert report.tally.refused["message", "too_late"] == 10
    assert "refused: 10 x message, too_late (the first: closed)" in report.lines()
    assert "  line 3: rubbish" in report.lines()


async def test_busy_and_a_cut_connection_are_tried_again_and_nothing_counts_twice() -> None:
    clock = RehearsalClock()
    refused_once: set[str] = set()

    def busy_once(command):
        if command["id"] in refused_once or int(command["text"][1:]) % 5:
            return {}
        refused_once.add(command["id"])
        return {"code": "busy", "details": {"retry_ms": 20}}

    relay = JournalingRelay(clock, busy_once, fail=lambda n: n % 4 == 0)
    report = await feed(chat(200), relay, clock, window_ms=5_000)
    assert report.messages == 200
    assert report.complete
    assert len(relay.journal) == 200
    assert report.tally.retried > 0


async def test_a_relay_that_stays_away_is_told_and_ends_no_process() -> None:
    clock = RehearsalClock()
    report = await feed(chat(3, step_ms=0), JournalingRelay(clock, fail=lambda n: n > 0), clock)
    assert report.tally.unanswered["message"] == 3
    assert "no answer: 3 x message; the relay stayed away" in report.lines()


async def test_a_frame_never_outgrows_what_the_service_takes() -> None:
    clock = RehearsalClock()
    relay = JournalingRelay(clock)
    events = [Observed(0, "message", "长", "很" * 2_000, f"irc:n{n}") for n in range(120)]
    events += [Observed(1, "message", "s", "x", f"irc:n{n}") for n in range(1_200)]
    report = await feed(Recording("IRC text", events, [], []), relay, clock, window_ms=1_000)
    assert report.complete
    assert all(len(frame) <= 500 and len(json.dumps(frame)) < 256 * 1024 for frame in relay.frames)


async def test_a_sale_without_groups_is_refused_and_an_error_releases_the_clock() -> None:
    clock = RehearsalClock()
    with pytest.raises(UsageError):
        await feed(chat(1), JournalingRelay(clock), clock, groups=[])

    class Broken(JournalingRelay):
        async def observe(self, commands):
            raise RuntimeError(f"a mistake in the relay, with {len(commands)} commands")

    with pytest.raises(RuntimeError):
        await feed(chat(1), Broken(clock), clock)
    assert clock.released == ["audience"]
