"""What nodes tell each other under load: no command twice because it waits, nobody told of one by one, nothing without bound."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coordinator import nodes, speaking
from coordinator.attendance import Here
from coordinator.core import Actor
from coordinator.fanout.hub import Hub
from coordinator.nodes import Attending, Do, Done
from coordinator.registry import Sale
from coordinator.shared_registry import SharedRegistry
from tests.client import PATIENCE_S
from tests.conductor.fakes import SALE, FakeJournal, conducted, new_journal

RELAY = Actor("relay", "r1", ("g1",))


class Silent:
    """No store and no other nodes: what would be said to them waits."""


async def registry_of(journal: FakeJournal) -> tuple[SharedRegistry, Sale]:
    registry = SharedRegistry(journal, Silent(), Silent(), public="http://x", node="here")  # type: ignore[arg-type]
    conductor = await conducted(journal)
    sale = Sale(SALE, conductor, Hub(conductor.record))
    registry._sales[SALE] = sale
    return registry, sale


def said(registry: SharedRegistry, kind: type) -> list[Any]:
    return [m for _, data in registry.speaker.outgoing if isinstance(m := nodes.decode(data), kind)]


async def test_what_is_sent_again_because_it_waits_is_taken_once() -> None:
    # Under load the followers' repeats were decided beside what they repeated, and made the load they came of.
    journal = await new_journal()
    registry, sale = await registry_of(journal)
    commands = [{"id": f"n{n}", "kind": "note.add", "text": "x"} for n in range(10)]
    journal.hold()
    plug = asyncio.ensure_future(sale.conductor.do(Actor("owner", "boss"), {"kind": "note.add", "text": "plug"}))
    await journal.waiting.wait()
    for _ in range(5):
        registry._heard(Do(SALE, "there", 7, Actor("controller", "li"), commands), 1_000)
    assert sale.conductor.waiting == 10
    registry._heard(Do(SALE, "there", 8, Actor("controller", "li"), commands[:1]), 100)
    journal.gate.set()
    await plug
    async with asyncio.timeout(PATIENCE_S):
        while len(said(registry, Done)) < 2:
            await asyncio.sleep(0.01)  # the answers are said to nobody here
    assert sorted(done.n for done in said(registry, Done)) == [7, 8]
    assert journal.kinds().count("note.added") == 11
    assert not registry._doing
    registry._heard(Do(SALE, "there", 7, Actor("controller", "li"), commands), 1_000)  # its answer was lost
    async with asyncio.timeout(PATIENCE_S):
        while len(said(registry, Done)) < 3:
            await asyncio.sleep(0.01)
    assert all(a.ok for a in said(registry, Done)[-1].answers)
    await sale.conductor.close()


async def test_thousands_who_come_at_once_are_told_of_together_and_a_relay_at_once() -> None:
    registry, sale = await registry_of(await new_journal())
    registry._owners[SALE] = "there.1"
    for n in range(1_000):
        registry.present(sale, Here("cheer", f"p{n}"), here=True)
    assert said(registry, Attending) == []
    registry.present(sale, Here("relay", "r1", ("g1",)), here=True)
    assert len(said(registry, Attending)) == 1
    async with asyncio.timeout(PATIENCE_S):
        while len(said(registry, Attending)) < 2:
            await asyncio.sleep(0.01)
    assert [len(told.here) for told in said(registry, Attending)] == [1_001, 1_001]
    await sale.conductor.close()


async def test_of_what_waits_for_the_bus_the_oldest_is_lost_and_memory_stays_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speaking, "OUTGOING_BYTES", 10_000)
    registry, sale = await registry_of(await new_journal())
    for n in range(100):
        registry.speaker.say("nodes", Do(SALE, "here", n, RELAY, [{"id": "x", "text": "x" * 1_000}]))
    assert 5 <= len(registry.speaker.outgoing) <= 10
    assert sum(len(data) for _, data in registry.speaker.outgoing) == registry.speaker.bytes <= 10_000
    assert said(registry, Do)[-1].n == 99
    await sale.conductor.close()
