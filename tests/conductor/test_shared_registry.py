"""Who looks after the sales of a node, where one part of the store hangs and the others answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from coordinator.core import State
from coordinator.journal.redis import RedisJournal
from coordinator.journal.redis_leases import RedisBus, RedisLeases
from coordinator.record import Record
from coordinator.shared_registry import LEASE_SECONDS, SharedRegistry
from tests.contract.leases_suite import until
from tests.redis_server import standalone
from tests.sheet import sheet


class Parts(RedisLeases):
    """Each sale's lease is in a part of its own; one of them may hang."""

    def __init__(self, journal: RedisJournal) -> None:
        super().__init__(journal.link)
        self.hangs = ""
        self.renewed: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()

    def together(self, sales: Sequence[str]) -> dict[str, list[str]]:
        return {sale: [sale] for sale in sales}

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> set[str]:
        await self._answer(tokens)
        kept = await super().renew(tokens, seconds)
        self.renewed.update(kept)
        return kept

    async def owners(self, sales: Sequence[str]) -> dict[str, str]:
        await self._answer(sales)
        self.asked.update(sales)
        return await super().owners(sales)

    async def _answer(self, sales: Sequence[str] | Mapping[str, str]) -> None:
        if self.hangs in sales:
            await asyncio.Event().wait()


async def test_a_part_of_the_store_that_hangs_costs_no_sale_of_another_part_its_lease() -> None:
    # All leases were renewed in one go: a master that hung held it up until the leases of all other sales had run out.
    with standalone() as server:
        journal = await RedisJournal.open(server.url)
        leases, other = Parts(journal), Parts(journal)
        here, there = (
            SharedRegistry(journal, each, RedisBus(journal.link), public="http://localhost") for each in (leases, other)
        )
        cut_off: list[str] = []
        here.cut_off = there.cut_off = lambda: cut_off.append("cut off")
        await here.start()
        await there.start()
        hung, well = [(await here.create(sheet(), "sheet", None))[0].id for _ in range(2)]
        leases.hangs = other.hangs = hung
        renewed, asked = leases.renewed[well], other.asked[well]

        async def goes_on() -> bool:
            return leases.renewed[well] >= renewed + 10 and other.asked[well] >= asked + 10

        await until(goes_on)
        assert cut_off == []
        leases.hangs = other.hangs = ""
        await here.close()
        await there.close()
        await journal.close()


async def test_a_sale_that_takes_longer_to_read_than_a_lease_lasts_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease was taken first and had run out when the sale was read: it was read again, for ever, and nothing else ran."""
    with standalone() as server:
        journal = await RedisJournal.open(server.url)

        def registry() -> SharedRegistry:
            return SharedRegistry(journal, RedisLeases(journal.link), RedisBus(journal.link), public="http://localhost")

        first = registry()
        await first.start()
        sale = (await first.create(sheet(), "sheet", None))[0].id
        await first.close()
        reads = 0
        read = Record._read_anew

        async def slowly(record: Record, to: int | None) -> tuple[State, str]:
            nonlocal reads
            reads += 1
            time.sleep(LEASE_SECONDS + 0.2)
            return await read(record, to)

        monkeypatch.setattr(Record, "_read_anew", slowly)
        second = registry()
        await second.start()

        async def conducts() -> bool:
            return [s.id for s in second.conducted()] == [sale] and second.holds(sale)

        await until(conducts)
        assert reads == 1
        await second.close()
        await journal.close()
