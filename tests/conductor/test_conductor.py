"""One writer: what it answers is durable, what it cannot write it does not claim, and one fault does not stop the show."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.answers import answers_to
from coordinator.clock import LiveClock
from coordinator.conductor import Conductor
from coordinator.core import CLOCK, State, evolve, kernel
from coordinator.core import state as states
from coordinator.core.notes import NoteAdd
from coordinator.journal import codec
from coordinator.record import Listener, Published, Record
from tests.conductor.fakes import CONTROLLER, OTHER, Asked, FakeJournal, conducted, new_journal, turns
from tests.server import ROOT, InProcess
from tests.sheet import sheet


def note(id_: str, text: str = "x") -> dict[str, Any]:
    return {"id": id_, "kind": "note.add", "text": text}


class Seen(Listener):
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.batches: list[Published] = []

    def publish(self, batch: Published) -> None:
        self.batches.append(batch)

    def seqs(self) -> list[int]:
        return [e.seq for b in self.batches for e in b.events]


@pytest.fixture
async def journal() -> FakeJournal:
    return await new_journal()


@pytest.fixture
async def conductor(journal: FakeJournal) -> AsyncIterator[Conductor]:
    conductor = await conducted(journal)
    yield conductor
    journal.gate.set()
    journal.unreadable = 0
    await conductor.close()


async def start(conductor: Conductor) -> None:
    answers = await Asked(
        conductor, CONTROLLER, {"id": "arm", "kind": "show.arm"}, {"id": "start", "kind": "show.start"}
    ).answers()
    assert all(a.ok for a in answers)


async def test_nothing_is_answered_or_shown_before_it_is_durable(conductor: Conductor, journal: FakeJournal) -> None:
    seen = Seen()
    conductor.record.listeners.append(seen)
    journal.hold()
    asked = Asked(conductor, CONTROLLER, note("a"))
    await journal.waiting.wait()
    reading = asyncio.create_task(conductor.settled())
    await turns()
    assert not asked.future.done()
    assert not reading.done()
    assert not seen.batches
    journal.gate.set()
    assert [a.ok for a in await asked.answers()] == [True]
    assert seen.seqs() == [2]
    assert (await reading).seq == 2


async def test_what_arrives_while_a_batch_is_flushed_forms_the_next_one(
    conductor: Conductor, journal: FakeJournal
) -> None:
    journal.hold()
    first = Asked(conductor, CONTROLLER, note("a"))
    await journal.waiting.wait()
    rest = [Asked(conductor, CONTROLLER, note(f"b{n}")) for n in range(10)]
    journal.gate.set()
    for asked in (first, *rest):
        assert (await asked.answers())[0].ok
    assert [len(f.bodies) for f in journal.flushes[1:]] == [1, 10]


async def test_who_stops_waiting_for_answers_holds_up_nobody(conductor: Conductor, journal: FakeJournal) -> None:
    """Several commands over HTTP whose caller was gone ended the conductor that had their answers."""
    journal.hold()
    waiting = asyncio.create_task(answers_to(conductor.submit, CONTROLLER, [note("a"), note("b")]))
    await journal.waiting.wait()
    waiting.cancel()
    journal.gate.set()
    assert [a.ok for a in await Asked(conductor, CONTROLLER, note("c"), note("b")).answers()] == [True, True]
    assert journal.kinds().count("note.added") == 3


async def test_what_was_not_added_is_busy_and_leaves_no_trace(conductor: Conductor, journal: FakeJournal) -> None:
    seen = Seen()
    conductor.record.listeners.append(seen)
    journal.fail = "the disk is full"
    answers = await Asked(conductor, CONTROLLER, note("a"), {"id": "b", "kind": "nothing.such"}, note("c")).answers()
    assert [(a.ok, a.code) for a in answers] == [(False, "busy"), (False, "unknown"), (False, "busy")]
    assert "the disk is full" in answers[0].message
    assert answers[0].details is not None
    assert 1000 <= answers[0].details["retry_ms"] <= 1500
    assert max(a.seq for a in answers) <= 1, "an answer names a number that stands"
    assert not seen.batches
    assert (await conductor.settled()).seq == 1
    again = await Asked(conductor, CONTROLLER, note("a"), note("c")).answers()
    assert [a.ok for a in again] == [True, True]
    assert [a.result for a in again] == [{"note": "n1"}, {"note": "n2"}]


async def test_what_stands_though_the_flush_failed_is_done(conductor: Conductor, journal: FakeJournal) -> None:
    seen = Seen()
    conductor.record.listeners.append(seen)
    journal.fail, journal.lost = "nobody knows", True
    answers = await Asked(conductor, CONTROLLER, note("a"), note("b")).answers()
    assert [a.ok for a in answers] == [True, True]
    assert seen.seqs() == [2, 3]
    assert [a.result for a in await Asked(conductor, CONTROLLER, note("a")).answers()] == [{"note": "n1"}]
    assert journal.kinds() == ["sale.created", "note.added", "note.added"]


async def test_commands_that_wait_while_the_journal_cannot_be_read_are_told_to_come_back(
    conductor: Conductor, journal: FakeJournal
) -> None:
    journal.fail, journal.unreadable = "gone", 2
    first = Asked(conductor, CONTROLLER, note("a"))
    second = Asked(conductor, OTHER, note("b"))
    assert [a.code for a in [*await first.answers(), *await second.answers()]] == ["busy", "busy"]
    assert (await Asked(conductor, CONTROLLER, note("a")).answers())[0].ok
    assert conductor.waiting == 0


async def test_who_waits_for_what_nobody_knows_is_told_to_come_back_and_is_answered_then(
    conductor: Conductor, journal: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a Redis that took nothing for want of a replica they waited for as long as it lasted.
    monkeypatch.setattr("coordinator.conductor.UNKNOWN_SECONDS", 0.01)
    journal.fail, journal.lost, journal.unreadable = "no answer in time", True, 1 << 30
    [answer] = await Asked(conductor, CONTROLLER, note("a")).answers()
    assert (answer.code, "not known" in answer.message) == ("busy", True)
    journal.unreadable = 0
    while (again := (await Asked(conductor, CONTROLLER, note("a")).answers())[0]).code == "busy":
        pass
    assert again.result == {"note": "n1"}
    assert journal.kinds().count("note.added") == 1


async def test_an_id_counts_once_in_one_batch_later_and_after_a_reload(
    conductor: Conductor, journal: FakeJournal
) -> None:
    twice = await Asked(conductor, CONTROLLER, note("a"), note("a"), note("a", "other"), note("b")).answers()
    assert [(a.ok, a.code) for a in twice] == [(True, ""), (True, ""), (False, "invalid"), (True, "")]
    assert twice[0].result == twice[1].result == {"note": "n1"}
    assert (await Asked(conductor, CONTROLLER, note("a")).answers())[0].result == {"note": "n1"}
    assert (await Asked(conductor, OTHER, note("a")).answers())[0].result == {"note": "n3"}, "an id is its sender's"
    again = await conducted(journal)
    assert (await Asked(again, CONTROLLER, note("a")).answers())[0].result == {"note": "n1"}
    assert (await Asked(again, CONTROLLER, note("a", "other")).answers())[0].code == "invalid"
    await again.close()
    assert journal.kinds().count("note.added") == 3


class Leased:
    """A lease that is always had."""

    node, token = "n1", "n1.t"

    async def take(self) -> bool:
        return True


async def test_an_id_that_did_not_stand_counts_for_nothing_when_the_reading_fails_half_way_too(
    conductor: Conductor, journal: FakeJournal
) -> None:
    """Its number was given to another event, the record was read anew and the index of ids was not."""
    assert (await Asked(conductor, CONTROLLER, note("a")).answers())[0].ok
    conductor._lease = Leased()  # type: ignore[assignment]
    journal.fail, journal.index_unreadable = "no answer", 1
    [answer] = await Asked(conductor, CONTROLLER, note("b")).answers()
    assert answer.code == "busy"
    assert (await Asked(conductor, CONTROLLER, note("b")).answers())[0].result == {"note": "n2"}
    assert (await Asked(conductor, CONTROLLER, note("a")).answers())[0].result == {"note": "n1"}
    assert journal.kinds().count("note.added") == 2


async def test_of_two_presses_in_one_batch_one_takes_effect(journal: FakeJournal) -> None:
    segments = [
        {
            "id": f"s{n}",
            "kind": "product",
            "product": "pan",
            "lasts": "1h",
            "advance": "manual",
            **({"at": "0s"} if n == 1 else {}),
        }
        for n in (1, 2, 3)
    ]
    journal = await new_journal(sheet(segments=segments))
    conductor = await conducted(journal)
    await start(conductor)
    run = conductor.state.the.run
    journal.hold()
    plug = Asked(conductor, CONTROLLER, note("plug"))
    press = {"kind": "segment.next", "from": run}
    both = [Asked(conductor, actor, {"id": "press", **press}) for actor in (CONTROLLER, OTHER)]
    journal.gate.set()
    await plug.answers()
    first, second = [(await asked.answers())[0] for asked in both]
    assert first.ok
    assert (second.ok, second.code) == (False, "stale")
    assert second.details == {"current": conductor.state.the.run}
    assert journal.kinds().count("segment.started") == 2
    await conductor.close()


async def test_a_fault_in_deciding_is_answered_and_the_sale_goes_on(
    conductor: Conductor, journal: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    decider = kernel._DECIDERS[NoteAdd]

    def broken(turn: Any, command: NoteAdd) -> None:
        decider(turn, command)
        if command.text == "break":
            raise ZeroDivisionError

    monkeypatch.setitem(kernel._DECIDERS, NoteAdd, broken)
    answers = await Asked(conductor, CONTROLLER, note("a"), note("b", "break"), note("c")).answers()
    assert [(a.ok, a.code) for a in answers] == [(True, ""), (False, "invalid"), (True, "")]
    assert "logged" in answers[1].message
    assert answers[1].seq <= 2, "what it had begun does not stand"
    assert journal.kinds() == ["sale.created", "note.added", "note.added"]
    state = await conductor.settled()
    assert [n.text for n in state.notes.values()] == ["x", "x"]


async def test_a_fault_in_a_moment_leaves_the_others_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    cues = [{"id": f"p{n}", "at": f"start +{n}ms", "prompt": "host", "text": str(n)} for n in (1, 2, 3)]
    journal = await new_journal(sheet(cues=cues))
    conductor = await conducted(journal)
    real = kernel._DUE["cue"]

    def broken(turn: Any, cue: str) -> None:
        real(turn, cue)
        if cue == "p2":
            raise ZeroDivisionError

    monkeypatch.setitem(kernel._DUE, "cue", broken)
    await start(conductor)

    async def all_sent() -> None:
        while journal.kinds().count("prompt.sent") < 2:
            await asyncio.sleep(0.005)

    await asyncio.wait_for(all_sent(), 10)
    await Asked(conductor, CONTROLLER, note("after")).answers()
    assert [c.status for c in conductor.state.cues.values()] == ["fired", "planned", "fired"]
    await conductor.close()


async def test_what_is_due_goes_before_what_waits() -> None:
    journal = await new_journal(sheet(cues=[{"id": "p", "at": "start +30ms", "prompt": "host", "text": "jetzt"}]))
    conductor = await conducted(journal)
    await start(conductor)
    due = conductor.state.cues["p"].at
    assert due is not None
    journal.hold()
    plug = Asked(conductor, CONTROLLER, note("plug"))
    while conductor.clock.now() < due + 5:
        await asyncio.sleep(0.002)
    waiting = Asked(conductor, CONTROLLER, note("waits"))
    journal.gate.set()
    await plug.answers()
    await waiting.answers()
    kinds = journal.kinds()
    last = len(kinds) - 1 - kinds[::-1].index("note.added")
    assert kinds.index("prompt.sent") < last
    assert conductor.state.cues["p"].late_ms is not None
    await conductor.close()


async def test_hundreds_that_are_due_at_once_leave_the_loop_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was due was decided in one go: three hundred keywords answered at once held everybody up for a second."""
    cues = [{"id": f"p{n}", "at": "start +1ms", "prompt": "host", "text": str(n)} for n in range(30)]
    journal = await new_journal(sheet(cues=cues))
    conductor = await conducted(journal)
    await start(conductor)
    ticks = itertools.count()
    monkeypatch.setattr("coordinator.clock.worked", lambda: next(ticks) * 0.003)
    while journal.kinds().count("prompt.sent") < 30:
        await asyncio.sleep(0.002)
    sent = [sum(b'"prompt.sent"' in body for body in flush.bodies) for flush in journal.flushes]
    assert sum(sent) == 30
    assert max(sent) <= 2
    assert [c.status for c in conductor.state.cues.values()] == ["fired"] * 30
    await conductor.close()


async def test_more_than_can_wait_is_told_to_come_back_at_once(
    conductor: Conductor, journal: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.waiting.CLASS_LIMIT", 10)
    journal.hold()
    plug = Asked(conductor, CONTROLLER, note("plug"))
    await journal.waiting.wait()
    fits = Asked(conductor, CONTROLLER, *[note(f"n{n}") for n in range(10)])
    over = Asked(conductor, CONTROLLER, note("over"))
    assert [a.code for a in await over.answers()] == ["busy"]
    journal.gate.set()
    await plug.answers()
    assert all(a.ok for a in await fits.answers())


async def test_closing_finishes_what_is_under_way_and_answers_the_rest(journal: FakeJournal) -> None:
    conductor = await conducted(journal)
    journal.hold()
    first = Asked(conductor, CONTROLLER, note("a"))
    await journal.waiting.wait()
    second = Asked(conductor, CONTROLLER, note("b"))
    closing = asyncio.create_task(conductor.close())
    await turns()
    late = Asked(conductor, CONTROLLER, note("c"))
    assert [a.code for a in await late.answers()] == ["busy"]
    journal.gate.set()
    await closing
    assert (await first.answers())[0].ok
    given = (await second.answers())[0]
    assert given.ok == (journal.kinds().count("note.added") == 2)


async def test_a_stepped_wall_clock_does_not_move_the_sales_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = {"by": 0}
    from coordinator import clock as clocks

    real = clocks.wall_ms
    monkeypatch.setattr(clocks, "wall_ms", lambda: real() + wall["by"])
    clock = LiveClock()
    before, delay = clock.now(), clock.delay(clock.now() + 60_000)
    wall["by"] = 3_600_000
    assert abs(clock.now() - before) < 5_000
    assert abs(clock.delay(before + 60_000) - delay) < 5
    assert abs(clock.step() - 3_600_000) < 250
    assert clock.step() == 0
    wall["by"] -= 200
    assert clock.step() == 0, "a quarter of a second is no step"
    wall["by"] = 0
    assert abs(clock.step() + 3_600_000) < 500
    assert abs(clock.now() - before) < 5_000
    assert LiveClock(not_before=real() + 10**9).now() >= real() + 10**9 - 5_000, "time never runs back over a restart"


async def test_a_step_plans_only_what_hangs_on_a_clock_time_anew() -> None:
    cues = [
        {"id": "clock", "at": "23:30", "prompt": "host", "text": "Uhr"},
        {"id": "show", "at": "start +30m", "prompt": "host", "text": "Start"},
    ]
    journal = await new_journal(sheet(cues=cues))
    conductor = await conducted(journal)
    await start(conductor)
    before = {c.id: c.at for c in conductor.state.cues.values()}
    assert (await conductor.do(CLOCK, {"kind": "clock.step", "by_ms": 60_000})).ok
    after = {c.id: c.at for c in conductor.state.cues.values()}
    assert before["clock"] is not None
    assert after == {"clock": before["clock"] - 60_000, "show": before["show"]}
    assert journal.kinds()[-1] == "clock.stepped"
    await conductor.close()


async def test_a_snapshot_and_its_tail_give_the_state_of_the_whole_record(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    data = room.service.settings.data

    async def busy(part: int) -> None:
        await controller.done("coupon.drop", coupon="c20", groups="all")
        await relay.many(
            [
                {"id": f"c{part}-{n}", "kind": "coupon.claim", "coupon": "c20", "member": f"m{part}-{n}"}
                for n in range(50)
            ]
        )
        await relay.many(
            [
                {
                    "id": f"o{part}-{n}",
                    "kind": "group.observe",
                    "group": "g1",
                    "what": "message",
                    "member": f"m{n}",
                    "text": "多少钱?",
                }
                for n in range(50)
            ]
        )

    await busy(1)
    durable = room.conductor(sale).record.durable
    await busy(2)  # beyond it a journal may hold what a master dies with
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "coordinator.journal.snapshotting",
        str(data),
        sale,
        str(durable),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    journal = room.service.gateway.registry.journal
    found = await journal.snapshot(sale)
    assert found is not None
    at, kept = found
    assert at == durable
    await busy(3)
    end = (await journal.end(sale)).seq
    assert 0 < at < end
    whole = State(sale=sale)
    for event in codec.decode_all(await journal.read(sale, 0, end), sale):
        evolve(whole, event)
        if whole.seq == at:
            assert states.encode(whole) == kept
    other = Record(sale, journal)
    await other.open()
    assert states.encode(other.state) == states.encode(whole)
    assert states.encode(await room.conductor(sale).settled()) == states.encode(whole)
