"""Commands that a node sends on to who conducts the sale, and the answers that come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coordinator.conductor import Answer
from coordinator.core import Actor
from coordinator.follower import Follower
from coordinator.journal.sqlite import SqliteJournal
from coordinator.nodes import Durable
from coordinator.record import Record

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
    await before.close()
    after.submit(LI, [note], lambda answers: told.append(("after", answers)))
    late, own = Answer("a", ok=True), Answer("b", ok=True)
    after.answered(sent[0], [late])
    assert told == []
    after.answered(sent[1], [own])
    assert told == [("after", [own])]
    await after.close()
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
    await follower.close()
    await journal.close()
