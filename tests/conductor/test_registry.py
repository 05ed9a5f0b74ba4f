"""A sale has one conductor, however many ask for it at once."""

from __future__ import annotations

import asyncio

from coordinator.core import Actor
from coordinator.registry import Registry
from tests.conductor.fakes import SALE, new_journal
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
