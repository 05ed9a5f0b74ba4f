"""What waits is bounded and has its turn: the show before the audience, nobody for ever, each sender in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from coordinator import clock as clocks
from coordinator import waiting as waits
from coordinator.answers import Answer
from coordinator.core import CLOCK, Actor
from coordinator.limits import AUDIENCE, TEAM, Limits
from coordinator.reading import Read
from coordinator.waiting import CLASS_BYTES, ROUND_COMMANDS, SENDER_LIMIT, Waiting, Work, class_of
from tests.conductor.fakes import CONTROLLER, OTHER, RELAY, Asked, FakeJournal, conducted, new_journal

MEMBER = Actor("audience", "m1")


def put(waiting: Waiting, actor: Actor, kind: str, count: int = 1, name: str = "") -> None:
    commands = [{"id": f"{name or actor.name}{n}", "kind": kind} for n in range(count)]
    reads = [Read(c["id"], c["kind"]) for c in commands]
    waiting.put(Work(actor, reads, lambda _: None, class_of(actor.role, commands), 10 * count))


def taken(waiting: Waiting, most: int = 1 << 30) -> list[str]:
    """The ids in the order in which they have their turn."""
    out: list[str] = []
    while len(out) < most and (turn := waiting.turn()) is not None:
        work, share = turn
        first = work.next
        work.next = min(len(work.commands), first + share)
        out += [str(read.id) for read in work.commands[first : work.next]]
        waiting.took(work, work.next - first)
    return out


def test_what_came_first_is_first_whoever_sent_it() -> None:
    waiting = Waiting()
    for n, actor in enumerate((CONTROLLER, OTHER, CONTROLLER, OTHER, OTHER, CONTROLLER)):
        put(waiting, actor, "note.add", name=f"n{n}-")
    assert taken(waiting) == [f"n{n}-0" for n in range(6)]
    assert len(waiting) == 0


def test_a_press_does_not_wait_for_a_flood_of_claims() -> None:
    waiting = Waiting()
    for n in range(50):
        put(waiting, Actor("relay", f"r{n}"), "coupon.claim", 100)
    taken(waiting, 300)
    put(waiting, CONTROLLER, "cue.fire", name="press")
    assert taken(waiting, 1) == ["press0"]


def test_a_flood_of_presses_leaves_the_audience_a_quarter() -> None:
    waiting = Waiting()
    for n in range(5):
        put(waiting, Actor("controller", f"c{n}"), "note.add", 1000)
    put(waiting, RELAY, "coupon.claim", 1000)
    first = taken(waiting, 2000)
    assert 400 <= sum(i.startswith("r1") for i in first) <= 600


def test_one_who_floods_leaves_the_others_of_a_class_their_turns() -> None:
    waiting = Waiting()
    put(waiting, Actor("relay", "loud"), "coupon.claim", 5000)
    put(waiting, Actor("relay", "quiet"), "coupon.claim", 10)
    assert sum(i.startswith("quiet") for i in taken(waiting, 2 * ROUND_COMMANDS)) == 10


def test_of_one_sender_what_came_first_is_first_whatever_its_class() -> None:
    waiting = Waiting()
    put(waiting, RELAY, "group.observe", 200, "a")
    put(waiting, RELAY, "delivery.report", 3, "b")
    put(waiting, RELAY, "group.observe", 2, "c")
    put(waiting, CONTROLLER, "note.add", 500)
    mine = [i for i in taken(waiting) if not i.startswith("li")]
    assert mine == [f"a{n}" for n in range(200)] + [f"b{n}" for n in range(3)] + ["c0", "c1"]


@pytest.mark.parametrize(
    ("role", "kinds", "of"),
    [
        ("controller", ["cue.fire"], "show"),
        ("relay", ["delivery.report"], "show"),
        ("relay", ["delivery.report", "group.observe"], "audience"),
        ("relay", ["coupon.claim"], "audience"),
        ("shop", ["order.report"], "audience"),
        ("audience", ["note.add"], "audience"),
        ("support", [None, ["coupon.claim"], 5, {}], "show"),
    ],
)
def test_the_class_is_that_of_the_role_and_of_what_is_told(role: str, kinds: list[Any], of: str) -> None:
    assert waits.CLASSES[class_of(role, [{"kind": kind} for kind in kinds])] == of


def test_one_sender_may_not_fill_the_queue_and_one_class_not_the_other() -> None:
    waiting = Waiting()
    for n in range(4):
        put(waiting, Actor("relay", f"r{n}"), "coupon.claim", 5000)
    of = waits.AUDIENCE
    assert waiting.why_not("relay:new", of, 1, 10) == "too much is waiting"
    assert waiting.why_not(CONTROLLER.sender, waits.SHOW, 1, 10) is None
    put(waiting, CONTROLLER, "note.add", SENDER_LIMIT)
    assert waiting.why_not(CONTROLLER.sender, waits.SHOW, 1, 10) == "too much of yours is waiting"
    assert waiting.why_not(OTHER.sender, waits.SHOW, 1, 10) is None
    assert waiting.why_not(OTHER.sender, waits.SHOW, 1, CLASS_BYTES) == "too much is waiting"
    assert waiting.why_not(CLOCK.sender, waits.SHOW, 100_000, 0) is None, "the service's own is never lost"
    taken(waiting)
    assert (waiting.waiting, waiting._bytes, waiting._senders, waiting._lines) == ([0, 0], [0, 0], {}, {})


def test_busy_says_when_what_waits_will_be_worked_off_at_the_pace_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clocks, "perf", lambda: now[0])
    waiting = Waiting()
    for n in range(4):
        put(waiting, Actor("relay", f"r{n}"), "coupon.claim", 5000)
    for _ in range(10):
        done = len(taken(waiting, 1000))
        now[0] += 1.0
        waiting.worked(done)
    left, pace = len(waiting), 1000
    assert 9_000 <= left <= 10_000
    said = [waiting.retry_ms() for _ in range(200)]
    assert all(left / pace * 1000 * 0.8 <= ms <= left / pace * 1000 * 1.7 for ms in said)
    assert len(set(said)) > 50, "they would all come back at once"


def test_a_person_has_an_allowance_over_all_tabs_and_a_machine_none(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clocks, "monotonic", lambda: now[0])
    limits = Limits()
    rate, burst = AUDIENCE
    assert [limits.wait(MEMBER, 1) for _ in range(burst)] == [0.0] * burst
    wait = limits.wait(MEMBER, 1)
    assert wait == pytest.approx(1 / rate)
    assert limits.wait(Actor("audience", "m2"), 1) == 0.0
    now[0] += wait + 1e-6
    assert limits.wait(MEMBER, 1) == 0.0
    now[0] += 60
    assert sum(limits.wait(MEMBER, 1) == 0.0 for _ in range(burst + 10)) == burst
    for actor in (RELAY, Actor("shop", "mall"), Actor("poster", "po"), CLOCK):
        assert limits.wait(actor, 100_000) == 0.0


def test_a_many_of_the_largest_size_passes_several_times_and_is_paid_off_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(clocks, "monotonic", lambda: now[0])
    limits = Limits()
    rate, burst = TEAM
    assert [limits.wait(CONTROLLER, 1000) for _ in range(burst // 1000)] == [0.0] * (burst // 1000)
    assert limits.wait(CONTROLLER, 1000) == pytest.approx(1000 / rate)
    # More than an allowance holds is not refused for ever.
    assert limits.wait(MEMBER, 1500) == 0.0
    assert limits.wait(MEMBER, 1) > 0
    now[0] += 1500 / AUDIENCE[0]
    assert limits.wait(MEMBER, 1500) == 0.0


def test_of_those_whose_allowance_is_full_again_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clocks, "monotonic", lambda: now[0])
    limits = Limits()
    for n in range(100_000):
        assert limits.wait(Actor("audience", f"m{n}"), 1) == 0.0
        now[0] += 1e-5
    assert len(limits._full_at) <= 10_000


async def test_who_gives_too_many_is_told_when_they_may_by_the_sales_clock() -> None:
    conductor = await conducted(await new_journal())
    claims = [{"id": f"c{n}", "kind": "coupon.claim", "coupon": "c20", "member": "m1"} for n in range(AUDIENCE[1])]
    assert {a.code for a in await Asked(conductor, MEMBER, *claims).answers()} == {"too_early"}
    more = [{"id": f"m{n}", "kind": "coupon.claim", "coupon": "c20"} for n in range(400)]  # 20 s worth of allowance
    given, *_ = await Asked(conductor, MEMBER, *more).answers()
    assert (given.id, given.ok, given.code) == ("m0", False, "capped")
    assert given.details is not None
    assert given.details["retry_ms"] > 0
    assert given.details["allowed_at"] - given.details["retry_ms"] <= conductor.clock.now()
    assert (await Asked(conductor, CONTROLLER, {"id": "n", "kind": "note.add", "text": "x"}).answers())[0].ok
    await conductor.close()


async def test_a_press_under_a_flood_of_claims_is_decided_in_the_next_batch() -> None:
    journal = await new_journal()
    refusals: Counter[str] = Counter()
    conductor = await conducted(journal)
    conductor._refusals = refusals
    journal.hold()
    plug = Asked(conductor, CONTROLLER, {"id": "plug", "kind": "note.add", "text": "x"})
    await journal.waiting.wait()
    flood = [
        Asked(
            conductor,
            Actor("relay", f"r{n}", ("g1",)),
            *[
                {"id": f"{m}", "kind": "group.observe", "group": "g1", "what": "joined", "member": f"m{n}-{m}"}
                for m in range(1000)
            ],
        )
        for n in range(25)
    ]
    press = Asked(conductor, OTHER, {"id": "press", "kind": "note.add", "text": "now"})
    assert conductor.waiting == 20_001
    journal.gate.set()
    await plug.answers()
    [given] = await press.answers()
    assert given.ok
    assert conductor.waiting > 19_000
    answers: list[Answer] = [a for asked in await asyncio.gather(*(f.answers() for f in flood)) for a in asked]
    told = Counter(a.code for a in answers)
    assert told == {"": 20_000, "busy": 5_000}
    assert refusals == {"busy": 5_000}
    assert all(a.details and a.details["retry_ms"] > 0 for a in answers if not a.ok)
    assert conductor.waiting == 0
    await conductor.close()


async def test_repeats_beyond_what_may_be_read_at_once_are_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coordinator.conductor.REPEATS", 5)
    journal: FakeJournal = await new_journal()
    conductor = await conducted(journal)
    note = {"id": "n", "kind": "note.add", "text": "x"}
    assert (await Asked(conductor, CONTROLLER, note).answers())[0].ok
    again = [(await Asked(conductor, CONTROLLER, *[note] * 20).answers()) for _ in range(2)]
    assert all({a.code for a in answers} == {"", "busy"} for answers in again)
    assert all(sum(a.ok for a in answers) == 5 for answers in again)
    await conductor.close()
