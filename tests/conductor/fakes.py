"""A journal in memory that fails when a test says so, and a conductor on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from coordinator.clock import Clock, LiveClock
from coordinator.conductor import Answer, Conductor
from coordinator.core import Actor, State
from coordinator.core.sheets import SaleCreated
from coordinator.errors import Conflict, JournalUnavailable
from coordinator.journal import codec
from coordinator.journal.base import CommandKey, End, Entry, Flush, Journal
from coordinator.record import Record
from coordinator.registry import PREPARE
from coordinator.runsheet import load_plan
from roles.permissions import may
from tests.sheet import sheet

SALE = "s1"
CONTROLLER, OTHER, RELAY = Actor("controller", "li"), Actor("controller", "zhao"), Actor("relay", "r1")


class FakeJournal(Journal):
    """Keeps flushes in a list. `gate` holds the next appends; `fail` makes the next one fail, `lost` after it was added."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.index: list[CommandKey] = []
        self.flushes: list[Flush] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self.fail: str | None = None
        self.lost = False
        self.unreadable = 0
        self.index_unreadable = 0
        self.kept: tuple[int, bytes] | None = None

    async def create(self, sale: str) -> None: ...

    async def sales(self) -> list[str]:
        await asyncio.sleep(0)  # a real one does not answer at once either
        return [SALE]

    async def append(self, sale: str, flush: Flush) -> None:
        self.waiting.set()
        await self.gate.wait()
        if self.fail is not None:
            why, self.fail = self.fail, None
            if self.lost:
                self._add(flush)
            raise JournalUnavailable(why)
        if flush.first != len(self.entries) + 1:
            raise Conflict(sale, flush.first - 1, len(self.entries))
        self._add(flush)

    def hold(self) -> None:
        """Appends wait from here on, until `gate` is set; `waiting` is set when one does."""
        self.gate.clear()
        self.waiting.clear()

    def _add(self, flush: Flush) -> None:
        parts = dict(flush.private)
        self.entries += [Entry(seq, body, parts.get(seq)) for seq, body in enumerate(flush.bodies, flush.first)]
        self.index += flush.commands
        self.flushes.append(flush)

    async def end(self, sale: str) -> End:
        if self.unreadable:
            self.unreadable -= 1
            raise JournalUnavailable("the disk is gone")
        return End(len(self.entries), b"", "incarnation")

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        return self.entries[after : after + limit]

    async def commands(self, sale: str, after: int = 0) -> AsyncIterator[CommandKey]:
        if self.index_unreadable:
            self.index_unreadable -= 1
            raise JournalUnavailable("the disk is gone again")
        for key in list(self.index):
            if key[2] > after:
                yield key

    async def find(self, sale: str, sender: str, command: str) -> int | None:
        raise NotImplementedError

    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        raise NotImplementedError

    async def verify(self, sale: str) -> int:
        return len(self.entries)

    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None:
        self.kept = (seq, data)

    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        return self.kept

    async def close(self) -> None: ...

    def kinds(self) -> list[str]:
        return [str(e.__struct_config__.tag) for e in codec.decode_all(self.entries)]


async def new_journal(given: dict[str, Any] | None = None) -> FakeJournal:
    """A journal with one sale that was just created."""
    journal = FakeJournal()
    clock = LiveClock()
    plan, parsed, findings = load_plan(given or sheet(lead="0s"), "sheet", None, clock.now())
    assert plan is not None, findings
    created = SaleCreated(seq=1, at=clock.now(), by="owner:owner", sale=SALE, title=plan.title, plan=plan, sheet=parsed)
    await journal.append(SALE, Flush(first=1, bodies=[codec.encode(created)[0]]))
    return journal


async def conducted(
    journal: Journal, make_clock: Callable[[State], Clock] = lambda s: LiveClock(not_before=s.at)
) -> Conductor:
    conductor = Conductor(
        Record(SALE, journal), permissions=may, make_clock=make_clock, prepare=PREPARE, public="http://x"
    )
    await conductor.open()
    return conductor


class Asked:
    """Commands that were submitted, and their answers once they came."""

    def __init__(self, conductor: Conductor, actor: Actor, *commands: dict[str, Any]) -> None:
        self.future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        conductor.submit(actor, list(commands), self.future.set_result)

    async def answers(self) -> list[Answer]:
        async with asyncio.timeout(10):
            return await self.future


async def turns(count: int = 20) -> None:
    """Lets everything run that can run now."""
    for _ in range(count):
        await asyncio.sleep(0)
