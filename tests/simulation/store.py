"""A store in memory: journal, leases and bus as the nodes share them, and one node's way to it.

What it promises when nothing is wrong is what `coordinator/journal/base.py` and `coordinator/leases.py` say, and is
tested by their contract suites. A `Way` with troubles loses requests or answers, brings them late, or not at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import Context
from hashlib import sha256
from typing import Protocol, TypeVar

from coordinator.errors import Conflict, JournalUnavailable
from coordinator.journal.base import CommandKey, End, Entry, Fenced, Flush, Journal, NoSuchSale, SaleExists
from coordinator.journal.chain import Batch, check_batch, check_private, commands_of, genesis, seal
from coordinator.leases import Bus, Leases
from tests.simulation.loop import Process

T = TypeVar("T")

NOBODY = Context()
"""Where what belongs to no process happens: in the store, or on its way."""


class Troubles(Protocol):
    """What becomes of what a node asks of the store, and of what it says on the bus."""

    def carry(self, what: str, thing: Callable[[], T], answer: asyncio.Future[T]) -> None:
        """Has the thing done, or not, and the answer told, or not."""

    def say(self, hear: Callable[[], None], channel: str, listener: Way) -> None:
        """Has a message heard, or not."""


class _Sale:
    def __init__(self, sale: str, incarnation: str) -> None:
        self.name, self.incarnation = sale, incarnation
        self.batches: list[Batch] = []
        self.entries: list[Entry] = []
        self.ids: dict[tuple[str, str], int] = {}
        self.snapshots: dict[int, bytes] = {}
        self.token, self.until = "", 0.0
        self.written_by: list[tuple[int, str, str]] = []
        """(number, fence, token that held the lease) of each flush."""

    @property
    def hash(self) -> bytes:
        return self.batches[-1].hash if self.batches else genesis(self.name)

    def owner(self, now: float) -> str:
        """The token that holds the lease."""
        return self.token if self.until > now else ""


class Store:
    """The truth, as the server has it. Each method is one step that nothing comes between."""

    def __init__(self) -> None:
        self.sales: dict[str, _Sale] = {}
        self.ways: list[Way] = []

    def sale(self, name: str) -> _Sale:
        found = self.sales.get(name)
        if found is None:
            raise NoSuchSale(name)
        return found

    # ------------------------------------------------------------ the journal
    def create(self, name: str) -> None:
        if name in self.sales:
            raise SaleExists(name, len(self.sales[name].entries))
        self.sales[name] = _Sale(name, sha256(f"incarnation of {name}".encode()).hexdigest()[:16])

    def append(self, name: str, flush: Flush, now: float) -> None:
        sale = self.sale(name)
        batch = seal(sale.hash, flush)
        self.check_fence(sale, flush, now)
        if flush.first != len(sale.entries) + 1:
            raise Conflict(name, flush.first - 1, len(sale.entries))
        private = dict(flush.private)
        sale.batches.append(batch)
        sale.written_by.append((flush.first, flush.fence, sale.owner(now)))
        sale.entries += [Entry(n, body, private.get(n)) for n, body in enumerate(flush.bodies, flush.first)]
        sale.ids |= {(sender, id_): n for sender, id_, n in commands_of(batch.commands)}

    def check_fence(self, sale: _Sale, flush: Flush, now: float) -> None:
        if sale.owner(now) != flush.fence:
            raise Fenced(sale.name, flush.fence, len(sale.entries))

    def end(self, name: str) -> End:
        sale = self.sale(name)
        return End(len(sale.entries), sale.hash, sale.incarnation)

    def read(self, name: str, after: int, limit: int) -> list[Entry]:
        entries = self.sale(name).entries
        return entries[max(after, 0) : max(after, 0) + max(limit, 0)]

    def commands(self, name: str) -> list[CommandKey]:
        return [(sender, id_, n) for (sender, id_), n in self.sale(name).ids.items()]

    def erase(self, name: str, seqs: Sequence[int]) -> None:
        sale = self.sale(name)
        for seq in seqs:
            entry = sale.entries[seq - 1] if 0 < seq <= len(sale.entries) else None
            if entry is not None and entry.private is not None:
                sale.entries[seq - 1] = Entry(seq, entry.body, None, erased=True)
        sale.snapshots.clear()

    def verify(self, name: str) -> int:
        sale = self.sale(name)
        reached, link = 0, genesis(name)
        for batch in sale.batches:
            facts = check_batch(name, reached + 1, link, batch)
            for fact, entry in zip(facts, sale.entries[reached : batch.last], strict=True):
                check_private(name, entry.seq, fact, entry.private, entry.erased)
            reached, link = batch.last, batch.hash
        return reached

    def save_snapshot(self, name: str, seq: int, data: bytes) -> None:
        snapshots = self.sale(name).snapshots
        snapshots[seq] = data
        for old in sorted(snapshots)[:-2]:
            del snapshots[old]

    def snapshot(self, name: str) -> tuple[int, bytes] | None:
        sale = self.sales.get(name)
        if sale is None:
            return None
        return max(((n, data) for n, data in sale.snapshots.items() if n <= len(sale.entries)), default=None)

    # ------------------------------------------------------------ leases
    def acquire(self, name: str, token: str, now: float, seconds: float, instead_of: str) -> bool:
        sale = self.sale(name)
        if sale.owner(now) not in {"", instead_of, token}:
            return False
        sale.token, sale.until = token, now + seconds
        return True

    def renew(self, name: str, token: str, now: float, seconds: float) -> bool:
        sale = self.sales.get(name)
        if sale is None or sale.owner(now) != token:
            return False
        sale.until = now + seconds
        return True

    def release(self, name: str, token: str) -> None:
        sale = self.sale(name)
        if sale.token == token:
            sale.until = 0.0

    def owners(self, names: Sequence[str], now: float) -> dict[str, str]:
        found = {name: self.sales[name].owner(now) for name in names if name in self.sales}
        return {name: token for name, token in found.items() if token}


class Way(Journal, Leases, Bus):
    """One node's way to the store. `troubles` None is a way on which nothing goes wrong, and nothing takes time."""

    def __init__(self, store: Store, troubles: Troubles | None = None, owner: Process | None = None) -> None:
        self.store, self._troubles, self.owner = store, troubles, owner
        self.channels: set[str] = set()
        self._heard: deque[tuple[str, bytes]] = deque()
        self._more = asyncio.Event()
        self._closed = False
        store.ways.append(self)

    async def _ask(self, what: str, thing: Callable[[], T]) -> T:
        if self._troubles is None:
            return thing()
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._troubles.carry(what, thing, answer)
        return await answer

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # ------------------------------------------------------------ Journal
    async def create(self, sale: str) -> None:
        await self._ask("create", lambda: self.store.create(sale))

    async def sales(self) -> list[str]:
        return await self._ask("sales", lambda: list(self.store.sales))

    async def append(self, sale: str, flush: Flush) -> None:
        what = f"append {flush.first}..{flush.last} by {flush.fence}"
        await self._ask(what, lambda: self.store.append(sale, flush, self._now()))

    async def end(self, sale: str) -> End:
        return await self._ask("end", lambda: self.store.end(sale))

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        return await self._ask(f"read {after}+{limit}", lambda: self.store.read(sale, after, limit))

    async def commands(self, sale: str, after: int = 0) -> AsyncIterator[CommandKey]:
        for command in await self._ask("commands", lambda: self.store.commands(sale)):
            if command[2] > after:
                yield command

    async def find(self, sale: str, sender: str, command: str) -> int | None:
        return await self._ask("find", lambda: self.store.sale(sale).ids.get((sender, command)))

    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        await self._ask("erase", lambda: self.store.erase(sale, seqs))

    async def verify(self, sale: str) -> int:
        return await self._ask("verify", lambda: self.store.verify(sale))

    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None:
        await self._ask("save snapshot", lambda: self.store.save_snapshot(sale, seq, data))

    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        return await self._ask("snapshot", lambda: self.store.snapshot(sale))

    # ------------------------------------------------------------ Leases
    async def acquire(self, sale: str, token: str, seconds: float, *, instead_of: str = "") -> bool:
        what = f"acquire {token} instead of {instead_of or '-'}"
        return await self._ask(what, lambda: self.store.acquire(sale, token, self._now(), seconds, instead_of))

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> set[str]:
        asked = dict(tokens)

        def renewed() -> set[str]:
            return {sale for sale, token in asked.items() if self.store.renew(sale, token, self._now(), seconds)}

        return await self._ask("renew", renewed) if asked else set()

    async def release(self, sale: str, token: str) -> None:
        await self._ask("release", lambda: self.store.release(sale, token))

    async def owners(self, sales: Sequence[str]) -> dict[str, str]:
        asked = list(sales)
        return await self._ask("owners", lambda: self.store.owners(asked, self._now())) if asked else {}

    # ------------------------------------------------------------ Bus
    async def publish(self, channel: str, message: bytes) -> None:
        for way in [w for w in self.store.ways if channel in w.channels]:

            def hear(way: Way = way) -> None:
                if channel in way.channels:
                    way._heard.append((channel, message))
                    way._more.set()

            if self._troubles is None:
                hear()
            else:
                self._troubles.say(hear, channel, way)

    async def subscribe(self, channel: str) -> None:
        self.channels.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        self.channels.discard(channel)

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        while not self._closed:
            await self._more.wait()
            self._more.clear()
            while self._heard:
                yield self._heard.popleft()

    # ------------------------------------------------------------ both
    async def close(self) -> None:
        self._closed = True
        self.channels.clear()
        self._more.set()
        if self in self.store.ways:
            self.store.ways.remove(self)


def unavailable(why: str) -> JournalUnavailable:
    """As a store's client says it."""
    return JournalUnavailable(f"the store does not answer ({why})")
