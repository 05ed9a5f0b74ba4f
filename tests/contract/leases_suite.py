"""What every kind of leases and bus must keep. A test subclasses these and says how to open one on the same store."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from coordinator.journal import Fenced, Flush, Journal
from coordinator.leases import Bus, Held, Leases, node_of
from tests.contract.journal_suite import SALE, flush

LONG, SHORT = 60.0, 0.2
PATIENCE_S = 20.0


async def until(asked: Callable[[], Any]) -> Any:
    """Asks again until the answer is something."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await asked()):
            await asyncio.sleep(0.02)  # a lease runs out in the store: nothing tells of it
    return found


def fenced(first: int, fence: str) -> Flush:
    plain = flush(first)
    return Flush(plain.first, plain.bodies, plain.private, plain.commands, fence)


class LeasesContract:
    """Subclass it as `TestMyLeases`; leases and journal are of one store."""

    @abstractmethod
    async def open_leases(self) -> tuple[Journal, Leases]:
        """A journal, and leases on the same store."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[tuple[Journal, Leases]]:
        journal, leases = await self.open_leases()
        await journal.create(SALE)
        yield journal, leases
        await journal.close()

    async def test_a_lease_is_held_by_one(self, store: tuple[Journal, Leases]) -> None:
        _, leases = store
        assert await leases.acquire(SALE, "a.1", LONG)
        assert not await leases.acquire(SALE, "b.1", LONG)
        assert await leases.owners([SALE, "nobody's"]) == {SALE: "a.1"}
        assert await leases.owners([]) == {}

    async def test_of_many_who_take_at_once_one_has_it(self, store: tuple[Journal, Leases]) -> None:
        _, leases = store
        taken = await asyncio.gather(*(leases.acquire(SALE, f"n{n}.x", LONG) for n in range(20)))
        assert sum(taken) == 1

    async def test_its_owner_takes_it_under_another_token(self, store: tuple[Journal, Leases]) -> None:
        _, leases = store
        assert await leases.acquire(SALE, "a.1", LONG)
        assert await leases.acquire(SALE, "a.2", LONG, instead_of="a.1")
        assert not await leases.acquire(SALE, "a.3", LONG, instead_of="a.1")
        assert await leases.owners([SALE]) == {SALE: "a.2"}

    async def test_what_is_released_can_be_taken_at_once_and_only_its_owner_releases(
        self, store: tuple[Journal, Leases]
    ) -> None:
        _, leases = store
        assert await leases.acquire(SALE, "a.1", LONG)
        await leases.release(SALE, "b.1")
        assert not await leases.acquire(SALE, "b.1", LONG)
        await leases.release(SALE, "a.1")
        assert await leases.acquire(SALE, "b.1", LONG)

    async def test_what_is_not_renewed_runs_out(self, store: tuple[Journal, Leases]) -> None:
        _, leases = store
        assert await leases.acquire(SALE, "a.1", SHORT)
        assert await leases.renew({SALE: "a.1", "other": "a.1"}, SHORT) == {SALE}

        async def taken() -> bool:
            return await leases.acquire(SALE, "b.1", LONG)

        await until(taken)
        assert await leases.renew({SALE: "a.1"}, LONG) == set()

    async def test_only_who_holds_the_lease_can_append(self, store: tuple[Journal, Leases]) -> None:
        journal, leases = store
        await journal.append(SALE, fenced(1, ""))
        assert await leases.acquire(SALE, "a.1", LONG)
        for wrong in ("", "a.2", "b.1"):
            with pytest.raises(Fenced):
                await journal.append(SALE, fenced(4, wrong))
        await journal.append(SALE, fenced(4, "a.1"))
        assert await leases.acquire(SALE, "b.1", LONG, instead_of="a.1")
        with pytest.raises(Fenced):
            await journal.append(SALE, fenced(7, "a.1"))
        assert await journal.verify(SALE) == 6
        await journal.append(SALE, fenced(7, "b.1"))

    async def test_a_lapsed_lease_writes_nothing_though_nobody_else_has_it(self, store: tuple[Journal, Leases]) -> None:
        journal, leases = store
        assert await leases.acquire(SALE, "a.1", SHORT)

        async def gone() -> bool:
            return not await leases.owners([SALE])

        await until(gone)
        with pytest.raises(Fenced):
            await journal.append(SALE, fenced(1, "a.1"))
        assert (await journal.end(SALE)).seq == 0

    async def test_a_held_lease_has_another_token_each_time_it_is_taken(self, store: tuple[Journal, Leases]) -> None:
        journal, leases = store
        held = Held(leases, SALE, "n1", LONG)
        assert await held.take()
        before = held.token
        assert await held.take()
        assert held.token != before
        assert node_of(held.token) == node_of(before) == "n1"
        with pytest.raises(Fenced):
            await journal.append(SALE, fenced(1, before))
        await journal.append(SALE, fenced(1, held.token))
        assert not await Held(leases, SALE, "n2", LONG).take()
        await held.give_back()
        assert await Held(leases, SALE, "n2", LONG).take()


class BusContract:
    """Subclass it as `TestMyBus`."""

    @abstractmethod
    async def open_bus(self) -> Bus:
        """Another node's line to the same bus."""

    async def test_what_is_said_first_is_heard_first(self) -> None:
        one, two = await self.open_bus(), await self.open_bus()
        await two.subscribe("a")
        await two.subscribe("b")
        heard = two.messages()
        for n in range(50):
            await one.publish("ab"[n % 2], b"%d" % n)
        await one.publish("c", b"nobody listens")
        got = await _heard_of(heard, 50)
        assert [m for c, m in got if c == "a"] == [b"%d" % n for n in range(0, 50, 2)]
        assert [m for c, m in got if c == "b"] == [b"%d" % n for n in range(1, 50, 2)]
        await one.close()
        await two.close()

    async def test_what_is_said_together_is_heard_in_its_order(self) -> None:
        one, two = await self.open_bus(), await self.open_bus()
        await two.subscribe("a")
        await two.subscribe("b")
        heard = two.messages()
        await one.publish_all([("ab"[n % 2], b"%d" % n) for n in range(300)])
        await one.publish("a", b"last")
        got = await _heard_of(heard, 301)
        assert [m for c, m in got if c == "a"] == [b"%d" % n for n in range(0, 300, 2)] + [b"last"]
        assert [m for c, m in got if c == "b"] == [b"%d" % n for n in range(1, 300, 2)]
        await one.close()
        await two.close()

    async def test_channels_that_are_joined_at_once_are_all_heard(self) -> None:
        # The line was made with those that were named first; who came meanwhile found it made, and was deaf for good.
        one, two = await self.open_bus(), await self.open_bus()
        await asyncio.gather(*(two.subscribe(channel) for channel in "abc"))
        heard = two.messages()
        for channel in "abc":
            await one.publish(channel, b"1")
            async with asyncio.timeout(PATIENCE_S):
                assert await anext(heard) == (channel, b"1")
        await one.close()
        await two.close()

    async def test_a_channel_that_was_left_is_not_heard_and_one_that_was_joined_later_is(self) -> None:
        one, two = await self.open_bus(), await self.open_bus()
        await two.subscribe("a")
        heard = two.messages()
        await one.publish("a", b"1")
        async with asyncio.timeout(PATIENCE_S):
            assert await anext(heard) == ("a", b"1")
        await two.subscribe("b")
        await two.unsubscribe("a")
        await one.publish("b", b"2")
        async with asyncio.timeout(PATIENCE_S):
            assert await anext(heard) == ("b", b"2")
        await one.close()
        await two.close()


async def _heard_of(messages: AsyncIterator[tuple[str, bytes]], count: int) -> list[tuple[str, bytes]]:
    """So many messages, each once: a server that hung for a moment may bring again what another one brought."""
    got: dict[tuple[str, bytes], None] = {}
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < count:
            got[await anext(messages)] = None
    return list(got)
