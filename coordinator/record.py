"""The record of a sale as this node has it: the state its journal gives, and who is told when more of it is durable.

Both who conducts a sale and who follows it stand on one. What listeners were told of is `durable`, always: a state
that ran ahead of it is dropped with `renew`, and the journal decides.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque

import msgspec
import structlog

from coordinator.core import Event, State, evolve
from coordinator.core import state as states
from coordinator.core.kernel import Touched
from coordinator.errors import Corrupt, JournalError
from coordinator.journal import codec
from coordinator.journal.base import Entry, Journal

log = structlog.get_logger(__name__)

READ_EVENTS = 2_000  # at once: a long journal must not hold up the other sales
KEPT_BATCHES = 64  # for clients that come back
BATCH_EVENTS = 100  # of those that were read: who comes back is sent all that changed in the batches since, whole ones


class Published(msgspec.Struct):
    """A batch as it became durable."""

    events: list[Event]
    entries: list[Entry]
    senders: list[str]
    touched: Touched


class Listener(ABC):
    """Who is told of each batch, after it is durable and before anybody is answered."""

    @abstractmethod
    def publish(self, batch: Published) -> None: ...

    def restart(self) -> None:
        """The record is another one than what was told: its journal has lost its end, or was put back."""


class Record:
    def __init__(self, sale: str, journal: Journal) -> None:
        self.sale, self.journal = sale, journal
        self.state = State(sale=sale)
        self.base = ""
        """The journal's incarnation: numbers before the first `journal.opened` belong to it."""
        self.snapshot = 0
        """The number of the snapshot that the state was read from."""
        self.durable = 0
        """The last number that listeners were told of."""
        self.recent: deque[Published] = deque(maxlen=KEPT_BATCHES)
        self.listeners: list[Listener] = []
        self.ahead = False
        """The state may hold what is not durable: who conducted the sale had decided it, and lost the lease."""
        self._last: bytes | None = None  # the event at `durable`, to know it again

    # ------------------------------------------------------------ incarnations
    def incarnation_at(self, seq: int) -> str:
        """Which owner's numbers this one belongs to; what a position names."""
        for first, incarnation in reversed(self.state.incarnations):
            if first <= seq:
                return incarnation
        return self.base

    @property
    def incarnation(self) -> str:
        """The one that the next number will belong to."""
        return self.state.incarnations[-1][1] if self.state.incarnations else self.base

    # ------------------------------------------------------------ reading
    async def open(self, to: int | None = None) -> None:
        """Reads the sale from its snapshot on, up to a number or to the end. Nobody is told."""
        state, base = await self._read_anew(to)
        last = await self.journal.read(self.sale, state.seq - 1, 1) if state.seq else []
        self.state, self.durable, self.base, self.ahead = state, state.seq, base, False
        self._last = last[0].body if last else None

    async def catch_up(self, to: int, *, doubt: bool = True) -> None:
        """Reads on up to a number that is known to be durable, from whatever stands here.

        With `doubt` it is looked at first whether the journal still holds what listeners were told.
        """
        if not self.durable:
            await self.open(to)
        elif self.ahead or (doubt and not await self.continues()):
            await self.renew(to)
        else:
            try:
                await self.follow(to)
            except Corrupt:
                # Perhaps it is another record than was followed: it is read anew before it is given up.
                await self.renew(to)

    async def follow(self, to: int) -> None:
        """Reads on up to a number that is known to be durable, and tells the listeners."""
        while self.durable < to:
            entries = await self.journal.read(self.sale, self.durable, min(READ_EVENTS, to - self.durable))
            if not entries:
                break
            self._take(entries)
            await asyncio.sleep(0)

    async def renew(self, to: int | None = None) -> bool:
        """Drops a state that may have run ahead for what the journal holds, and tells the listeners what is new in it.

        Where the journal no longer holds what they were told, they are told to begin anew: False.
        """
        told = self.durable
        end = (await self.journal.end(self.sale)).seq
        if await self.continues():
            state, base = await self._read_anew(told)
            self.state, self.base, self.ahead = state, base, False
            await self.follow(end if to is None else to)
            return True
        log.error(
            "the journal does not hold what it held: it has lost its end, or was put back; consoles get a snapshot",
            sale=self.sale, told=told, holds=end,
        )  # fmt: skip
        self.recent.clear()
        await self.open(to)
        for listener in self.listeners:
            listener.restart()
        return False

    async def continues(self) -> bool:
        """Whether the journal still holds what listeners were told, as it was told."""
        if not self.durable:
            return True
        entries = await self.journal.read(self.sale, self.durable - 1, 1)
        return bool(entries) and entries[0].seq == self.durable and entries[0].body == self._last

    async def look_at(self, end: int) -> Event:
        """The event of this number. All that came since what listeners were told of is read; nobody is told.

        Raises `Newer` where a newer version has written any of it.
        """
        at = max(min(self.durable, end - 1), 0)
        while True:
            entries = await self.journal.read(self.sale, at, min(READ_EVENTS, end - at))
            if not entries:
                raise JournalError(f"sale {self.sale}: the journal ends at {end} and has nothing after {at}")
            events = codec.decode_all(entries, self.sale)
            at = events[-1].seq
            if at >= end:
                return events[-1]
            await asyncio.sleep(0)

    async def _read_anew(self, to: int | None) -> tuple[State, str]:
        journal, sale = self.journal, self.sale
        end = await journal.end(sale)
        last = end.seq if to is None else min(to, end.seq)
        found = await journal.snapshot(sale)
        state = State(sale=sale)
        if not self.durable:
            self.recent.clear()  # what was read before, when it could not be read to the end
        if found is not None and found[0] <= last:
            try:
                for part in states.reading(found[1]):
                    state = part
                    await asyncio.sleep(0)  # a large one takes seconds: the other sales have their turn
                self.snapshot = state.seq
            except msgspec.MsgspecError:
                state = State(sale=sale)
                log.warning("a snapshot of another version is passed over", sale=sale, seq=found[0])
        while state.seq < last:
            entries = await journal.read(sale, state.seq, min(READ_EVENTS, last - state.seq))
            if not entries:
                raise JournalError(f"sale {sale}: the journal ends at {last} and has nothing after {state.seq}")
            for n in range(0, len(entries), BATCH_EVENTS):
                published = _folded(state, entries[n : n + BATCH_EVENTS])
                if not self.durable:
                    self.recent.append(published)  # for clients from before this start
            await asyncio.sleep(0)
        return state, end.incarnation

    # ------------------------------------------------------------ telling
    def _take(self, entries: list[Entry]) -> None:
        self.publish(_folded(self.state, entries))

    def publish(self, batch: Published) -> None:
        """Tells the listeners of a batch that is durable and that the state has in it."""
        self.durable, self._last = batch.events[-1].seq, batch.entries[-1].body
        self.recent.append(batch)
        for listener in self.listeners:
            try:
                listener.publish(batch)
            except Exception:  # what is durable stays so, whoever cannot show it
                log.exception("a batch could not be published", sale=self.sale, first=batch.events[0].seq)


def _folded(state: State, entries: list[Entry]) -> Published:
    events = codec.decode_all(entries, state.sale)
    touched: Touched = {}
    for event in events:
        try:
            touched |= evolve(state, event)
        except Exception as e:  # whatever it breaks on: this sale cannot be read, the others can
            what = f"the state cannot be computed beyond it: {type(e).__name__}: {e}"
            raise Corrupt(state.sale, event.seq, what) from e
    return Published(events, entries, [event.by for event in events], touched)
