"""A sale has one conductor, however many ask for it at once."""

from __future__ import annotations

import asyncio

import pytest

from coordinator import registry as registries
from coordinator.attendance import Here
from coordinator.core import Actor
from coordinator.registry import Registry, Sale
from tests.client import PATIENCE_S
from tests.conductor.fakes import SALE, FakeJournal, new_journal
from tests.sheet import sheet


async def test_many_who_come_while_a_sale_is_opened_get_the_same_one() -> None:
    # After a restart clients were back before the sale was open; each of two first ones got a conductor of its own,
    # and the journal refused whoever wrote second.
    registry = Registry(await new_journal(sheet()), public="http://x")
    opened = []
    registry.on_open = opened.append
    found = await asyncio.gather(registry.start(), *(registry.get(SALE) for _ in range(10)))
    assert len({id(sale) for sale in found[1:]}) == 1
    assert len(opened) == 1
    sale = found[1]
    assert sale is not None
    for n in range(3):
        assert (await sale.conductor.do(Actor("owner", "boss"), {"id": str(n), "kind": "note.add", "text": "x"})).ok
    await registry.close()


async def test_a_sale_that_is_not_there_is_none() -> None:
    registry = Registry(await new_journal(sheet()), public="http://x")
    assert await registry.get("another") is None
    assert registry.here() == []


async def opened(journal: FakeJournal) -> tuple[Registry, Sale]:
    registry = Registry(journal, public="http://x")
    await registry.start()
    sale = await registry.get(SALE)
    assert sale is not None
    return registry, sale


async def test_who_comes_back_after_a_restart_never_left_and_who_does_not_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # After a restart all were told that everybody had gone, one flush each, and then that each had come back.
    monkeypatch.setattr(registries, "BACK_SECONDS", 0.2)
    monkeypatch.setattr(registries, "STEP_SECONDS", 0.05)
    journal = await new_journal(sheet())
    registry, sale = await opened(journal)
    people = [Here("cheer", f"p{n}") for n in range(20)]
    relay = Here("relay", "r1", ("g1",))
    for who in (*people, relay):
        registry.present(sale, who, here=True)
    await sale.conductor.do(Actor("owner", "boss"), {"id": "1", "kind": "note.add", "text": "all are here"})
    await registry.close()
    before = len(journal.entries)

    registry, sale = await opened(journal)
    for who in people[:15]:
        registry.present(sale, who, here=True)
    async with asyncio.timeout(PATIENCE_S):
        while sale.conductor.state.relays["r1"].here:
            await asyncio.sleep(0.01)  # until it is known who has not come back
    said = journal.kinds()[before:]
    assert sorted(said) == ["person.left"] * 5 + ["relay.left"]
    here = {p.person for p in sale.conductor.state.people.values() if p.here}
    assert here == {who.name for who in people[:15]}
    await registry.close()


async def test_who_came_while_nothing_could_be_written_is_here_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    # The command that told of them was answered busy, and nobody asked again: they were not here for the whole show.
    monkeypatch.setattr(registries, "BACK_SECONDS", 0.1)
    monkeypatch.setattr(registries, "STEP_SECONDS", 0.05)
    journal = await new_journal(sheet())
    registry, sale = await opened(journal)
    journal.fail = "the disk is full"
    registry.present(sale, Here("host", "lin"), here=True)
    async with asyncio.timeout(PATIENCE_S):
        while "host:lin" not in sale.conductor.state.people or journal.fail or not journal.entries[1:]:
            await asyncio.sleep(0.01)  # until it is told once more
    assert journal.kinds() == ["sale.created", "person.joined"]
    await registry.close()
