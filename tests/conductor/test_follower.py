"""Commands that a node sends on to who conducts the sale, and the answers that come back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.conductor import Answer
from coordinator.core import Actor, Event
from coordinator.core import state as states
from coordinator.errors import Corrupt, JournalError
from coordinator.follower import PATIENCE_SECONDS, Follower
from coordinator.journal import codec
from coordinator.journal.base import Entry
from coordinator.journal.sqlite import SqliteJournal
from coordinator.nodes import Durable
from coordinator.record import Listener, Published, Record
from tests.conductor.fakes import FakeJournal
from tests.replay.stage import Stage

LI = Actor("controller", "li")


async def test_a_late_answer_to_what_was_sent_on_before_a_take_over_is_nobody_else_s(tmp_path: Path) -> None:
    # A node that followed, conducted and follows again was told the answer to its first life's command: it took it for
    # the answer to the command that had the same number now, and gave one client what another one was told.
    journal = SqliteJournal.open(tmp_path)
    sent: list[int] = []
    before, after = (Follower(Record("s1", journal), lambda n, *_: sent.append(n)) for _ in range(2))
    told: list[tuple[str, list[Answer]]] = []
    note: dict[str, Any] = {"kind": "note.add", "text": "hier"}
    before.submit(LI, [note], lambda answers: told.append(("before", answers)))
    before.left()
    after.submit(LI, [note], lambda answers: told.append(("after", answers)))
    late, own = Answer("a", ok=True), Answer("b", ok=True)
    after.answered(sent[0], [late])
    assert told == []
    after.answered(sent[1], [own])
    assert told == [("after", [own])]
    await journal.close()


async def test_commands_are_sent_to_who_takes_over_when_it_conducts_and_not_when_it_has_but_the_lease(
    tmp_path: Path,
) -> None:
    # What came between the two was dropped there, and sent again a second later: a second more of each take-over.
    journal = SqliteJournal.open(tmp_path)
    sent: list[int] = []
    follower = Follower(Record("s1", journal), lambda n, *_: sent.append(n))
    follower.owned_by("a.1")
    follower.heard(Durable("s1", "a.1", 0, 0, 1.0))
    follower.submit(LI, [{"kind": "note.add", "text": "hier"}], lambda _: None)
    [number] = sent
    follower.owned_by("b.1")
    assert sent == [number]
    for _ in range(2):
        follower.heard(Durable("s1", "b.1", 0, 0, 1.0))
    assert sent == [number, number]
    await journal.close()


async def test_commands_are_sent_again_as_soon_as_who_conducts_can_write_again(tmp_path: Path) -> None:
    # The store that was away had carried the messages too: what it lost was sent again a second later.
    journal = SqliteJournal.open(tmp_path)
    sent: list[int] = []
    follower = Follower(Record("s1", journal), lambda _, n, *__: sent.append(n))
    for unavailable in (None, "the master is gone"):
        follower.heard(Durable("s1", "a.1", 0, 0, 1.0, unavailable))
    follower.submit(LI, [{"kind": "note.add", "text": "hier"}], lambda _: None)
    follower.heard(Durable("s1", "a.1", 0, 0, 1.0, "the master is gone"))
    [number] = sent
    for _ in range(2):
        follower.heard(Durable("s1", "a.1", 0, 0, 1.0))
    assert sent == [number, number]
    await journal.close()


async def test_how_long_a_command_has_waited_counts_over_vain_take_overs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each try of its node to take the sale up began the wait anew: with a Redis that takes nothing it never ended.
    now = 100.0
    monkeypatch.setattr("coordinator.clock.monotonic", lambda: now)
    journal = SqliteJournal.open(tmp_path)
    told: list[Answer] = []
    follower = Follower(Record("s1", journal), lambda *_: None)
    follower.submit(LI, [{"kind": "note.add", "text": "hier"}], told.extend)
    for _ in range(4):
        now += PATIENCE_SECONDS / 4 + 0.1
        left = follower.left()
        follower = Follower(Record("s1", journal), lambda *_: None)
        for sent in left:
            follower.send(sent)
    assert told == []
    follower.unavailable = "Redis has too few replicas"
    follower.beat()
    assert [(a.code, a.message) for a in told] == [("busy", "Redis has too few replicas")]
    await journal.close()


class Told(Listener):
    """How often a listener was told to begin anew."""

    restarts = 0

    def publish(self, _: Published) -> None: ...

    def restart(self) -> None:
        self.restarts += 1


def in_journal(events: list[Event]) -> list[Entry]:
    return [Entry(e.seq, *codec.encode(e)) for e in events]


async def test_a_record_that_lost_its_end_and_went_on_is_read_anew_though_what_follows_does_not_fit() -> None:
    # The next event spoke of something that the followed record did not have: reading ended there and then, and the
    # node showed the old record from then on.
    was, now = Stage(), Stage()
    was.do("host", "note.add", text="verloren")
    now.do("relay", "question.raise", group="g1", member="m1", text="包邮吗")
    now.do("support", "question.take", question="q1")
    journal = FakeJournal()
    journal.entries = in_journal(was.events)
    follower = Follower(Record("kitchen", journal), lambda *_: None)
    told = Told()
    follower.record.listeners.append(told)
    follower.start()
    follower.heard(Durable("kitchen", "a.1", len(was.events), 0, 1.0))
    await follower.ready()
    journal.entries = in_journal(now.events)
    follower.heard(Durable("kitchen", "a.1", len(now.events), 0, 1.0))
    async with asyncio.timeout(10):
        while follower.record.durable < len(now.events):
            await asyncio.sleep(0)
    assert states.encode(follower.state) == states.encode(now.state)
    assert told.restarts == 1
    await follower.close()


async def test_a_record_that_cannot_be_read_is_given_up_once_and_whoever_asks_is_told_why() -> None:
    stage = Stage()
    journal = FakeJournal()
    journal.entries = in_journal(stage.events)
    given_up: list[JournalError] = []
    follower = Follower(Record("kitchen", journal), lambda *_: None)
    follower.on_unreadable = given_up.append
    follower.start()
    end = len(stage.events)
    follower.heard(Durable("kitchen", "a.1", end, 0, 1.0))
    await follower.ready()
    wrong = {"kind": "question.taken", "seq": end + 1, "at": stage.now, "by": "support:chen", "question": "q7"}
    journal.entries.append(Entry(end + 1, json.dumps(wrong).encode()))
    follower.heard(Durable("kitchen", "a.1", end + 1, 0, 1.0))
    async with asyncio.timeout(10):
        while not given_up:
            await asyncio.sleep(0)
    with pytest.raises(Corrupt, match=f"number {end + 1}"):
        await follower.settled()
    assert len(given_up) == 1
    await follower.close()


async def test_who_has_the_lease_is_heard_again_though_one_whose_lease_had_gone_was_heard_in_between(
    tmp_path: Path,
) -> None:
    # A node began to follow whoever had the lease, then heard its predecessor, who did not know yet: from there on it
    # took the true one for a past one, and stood still.
    journal = SqliteJournal.open(tmp_path)
    follower = Follower(Record("s1", journal), lambda *_: None)
    follower.owned_by("b.1")
    assert follower.heard(Durable("s1", "b.1", 5, 0, 1.0))
    follower.heard(Durable("s1", "a.1", 3, 0, 1.0))
    follower.owned_by("b.1")
    assert follower.heard(Durable("s1", "b.1", 6, 0, 1.0))
    assert not follower.heard(Durable("s1", "a.1", 4, 0, 1.0))
    await follower.close()
    await journal.close()
