"""Nodes that take a sale up from each other, and what came while they did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from coordinator.core import Actor, Moment, decide, evolve, pieces
from coordinator.core.state import State, encode
from coordinator.errors import JournalUnavailable
from coordinator.follower import Follower
from coordinator.journal import codec
from coordinator.journal.base import Entry, Flush
from coordinator.reading import read
from coordinator.record import Record
from coordinator.shared_registry import SharedRegistry
from roles.permissions import may
from tests.conductor.fakes import SALE, FakeJournal, conducted, new_journal
from tests.simulation.store import Store, Way

OWNER = Actor("owner", "boss")
PATIENCE_S = 20.0


async def until(seen: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await seen.wait()


async def test_who_conducts_again_does_not_go_on_from_what_it_had_decided_before() -> None:
    # It lost the lease with a batch that did not come to stand, and had the lease again before it had read what did.
    # The state was ahead: the next event could not follow, and the node conducted no more and followed no more.
    journal = await new_journal()
    record = Record(SALE, journal)
    await record.open()
    note = read(OWNER, {"id": "1", "kind": "note.add", "text": "never stood"}, may)
    assert note.command is not None
    decide(record.state, OWNER, note.command, Moment(at=record.state.at, bits=bytes(32)), "1", note.sum)
    record.ahead = True
    stood = read(OWNER, {"id": "2", "kind": "note.add", "text": "another node wrote this"}, may)
    other = State(sale=SALE)
    for event in codec.decode_all(journal.entries):
        evolve(other, event)
    assert stood.command is not None
    written = decide(other, OWNER, stood.command, Moment(at=other.at, bits=bytes(32)), "2", stood.sum).events
    await journal.append(SALE, Flush(first=2, bodies=[codec.encode(written[0])[0]]))

    await record.catch_up(2)
    assert encode(record.state) == encode(other)
    assert not record.ahead


class BrokenOff(FakeJournal):
    """Its first look at a single event fails."""

    fails = True

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        if limit == 1 and self.fails:
            self.fails = False
            raise JournalUnavailable("no answer in time")
        return await super().read(sale, after, limit)


async def test_what_could_not_be_read_to_the_end_is_not_kept_twice() -> None:
    # Consoles that came back with their position were told the same numbers twice, the older ones after the newer.
    journal, whole = BrokenOff(), await new_journal()
    conductor = await conducted(whole)
    assert (await conductor.do(OWNER, {"id": "1", "kind": "note.add", "text": "x"})).ok
    await conductor.close()
    journal.entries = whole.entries
    record = Record(SALE, journal)
    with pytest.raises(JournalUnavailable):
        await record.open()
    await record.open()
    assert [event.seq for batch in record.recent for event in batch.events] == [1, 2]


class GatedWay(Way):
    """A store that answers who asks for the lease only when a test says so, and then says that it cannot."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def acquire(self, sale: str, token: str, seconds: float, *, instead_of: str = "") -> bool:
        if self.fails:
            self.asked.set()
            await self.gate.wait()
            self.fails = False
            raise JournalUnavailable("no answer in time")
        return await super().acquire(sale, token, seconds, instead_of=instead_of)


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[SharedRegistry, SharedRegistry, GatedWay]]:
    """Two nodes on one store with one sale; the first conducts it, the second follows."""
    store = Store()
    store.create(SALE)
    journal = await new_journal()
    store.append(SALE, Flush(first=1, bodies=[journal.entries[0].body]), 0.0)
    way, gated = Way(store), GatedWay(store)
    one = SharedRegistry(way, way, way, public="http://x", node="one")
    await one.start()
    two = SharedRegistry(gated, gated, gated, public="http://x", node="two")
    await two.start()
    yield one, two, gated
    await two.close()


async def test_a_command_that_comes_while_a_node_tries_to_take_a_sale_up_is_answered(
    nodes: tuple[SharedRegistry, SharedRegistry, GatedWay],
) -> None:
    # Whoever it had been given to was no longer asked by anybody: the console waited for ever.
    one, two, gated = nodes
    sale = await two.get(SALE)
    assert sale is not None
    assert isinstance(sale.conductor, Follower)
    gated.fails = True
    await one.close()
    await until(gated.asked)
    answered: asyncio.Task[object] = asyncio.create_task(
        sale.conductor.do(OWNER, {"id": "n", "kind": "note.add", "text": "meanwhile"})
    )
    await asyncio.sleep(0)
    gated.gate.set()
    async with asyncio.timeout(PATIENCE_S):
        given = await answered
    assert getattr(given, "ok", False), given


async def with_a_saved_state(bytes_left: int | None = None) -> tuple[FakeJournal, State]:
    """A journal of one event with the state saved after it, or so much of its bytes."""
    journal, state = await new_journal(), State(sale=SALE)
    for event in codec.decode_all(journal.entries):
        evolve(state, event)
    await journal.save_snapshot(SALE, state.seq, encode(state)[:bytes_left])
    return journal, state


async def test_others_have_their_turn_while_a_large_saved_state_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # A sale of half a million claims was read in one go: no other sale of the node renewed its lease meanwhile, and those
    # were lost where the lease was shorter than that.
    monkeypatch.setattr(pieces, "PIECE_ENTRIES", 1)
    journal, state = await with_a_saved_state()
    record, had = Record(SALE, journal), 0

    async def another() -> None:
        nonlocal had
        while not record.durable:
            had += 1
            await asyncio.sleep(0)

    await asyncio.gather(record.open(), another())
    assert encode(record.state) == encode(state)
    assert record.snapshot == state.seq
    assert had > len(state.groups) + len(state.products) + len(state.coupons)


async def test_a_saved_state_that_breaks_off_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_ENTRIES", 1)
    journal, state = await with_a_saved_state(-3)
    record = Record(SALE, journal)
    await record.open()
    assert encode(record.state) == encode(state)
    assert record.snapshot == 0
