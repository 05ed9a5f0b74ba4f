"""The journal's interface: what every backend promises. The journal deals in bytes; the codec knows what they mean.

A sale is a list of events numbered 1, 2, 3 ...; they come in flushes (batches), each added whole or not at all.
What a backend must keep, word for word, is tested by `tests/contract/journal_suite.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from coordinator.errors import Conflict, JournalError

# Who sent it, the id the sender gave it, and the number of the (first) event it became.
CommandKey = tuple[str, str, int]


class SaleExists(Conflict):
    """`create` was called for a sale that the journal already has; nothing was changed."""

    def __init__(self, sale: str, actual: int) -> None:
        super().__init__(sale, 0, actual)
        self.args = (f"sale {sale} exists already, with {actual} events; open it, or choose another id",)


class Fenced(Conflict):
    """The flush carries a fence that is not the sale's: another node may write it now; nothing was added."""

    def __init__(self, sale: str, fence: str, actual: int) -> None:
        super().__init__(sale, actual, actual)
        self.args = (
            f"sale {sale}: this node may not write it any more (its lease has gone to another, or is over); nothing was added",
        )
        self.fence = fence


class NoSuchSale(JournalError):
    """The journal has no sale of this id."""

    def __init__(self, sale: str) -> None:
        super().__init__(f"no sale {sale} in this journal; see which there are with GET /api/sales, or check --data")
        self.sale = sale


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event as the journal keeps it. `body` is one JSON object without a newline.

    `private` is the part that can be erased (one JSON object), None where there is none or where it was erased;
    `erased` tells the two apart.
    """

    seq: int
    body: bytes
    private: bytes | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """What one append adds, whole or not at all.

    `first` is the number of `bodies[0]`; the others follow without a gap. `private` and `commands` speak of numbers
    inside this flush only; a number has at most one private part, a (sender, id) comes once in the life of a sale.
    `fence` is the token of the sale's lease, where nodes share a journal: "" where there is no lease to hold.
    """

    first: int
    bodies: Sequence[bytes]
    private: Sequence[tuple[int, bytes]] = ()
    commands: Sequence[CommandKey] = ()
    fence: str = ""

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.first + len(self.bodies) - 1


@dataclass(frozen=True, slots=True)
class End:
    """Where a sale's journal ends: the last number (0 when empty), the chain's hash there, and the incarnation.

    The incarnation is another one whenever numbers may have been given a second time (a backup put back into
    service, a store that lost its tail): a position that names another incarnation proves nothing.
    """

    seq: int
    hash: bytes
    incarnation: str


class Journal(ABC):
    """The truth about every sale. All methods are coroutines and never keep the loop waiting for a disk or a network.

    Errors: `NoSuchSale` from any method that names a sale the journal does not have (but `snapshot`: None);
    `JournalUnavailable` with a reason in plain words when the store cannot be read or written; and what a method names.
    """

    @abstractmethod
    async def create(self, sale: str) -> None:
        """Add an empty sale, durably. Raises `SaleExists` (a `Conflict`) where there is one."""

    @abstractmethod
    async def sales(self) -> list[str]:
        """Ids of all sales, in the order they were created."""

    @abstractmethod
    async def append(self, sale: str, flush: Flush) -> None:
        """Add a flush after the end. When this returns, it survives kill -9 and loss of power.

        Raises `Conflict` where `flush.first` is not the end + 1, `Fenced` where its fence is not the sale's (a journal of
        one process has no fences and passes over it): nothing was added. Raises `JournalUnavailable` when
        the flush was not added or when that is not known: ask `end` before going on. Later appends work as soon as
        the cause is gone; nothing need be reopened. Raises `ValueError` for a flush that breaks its own rules
        (no event, a newline in a body, a number outside the flush). An append that is cancelled may have been added.
        One append for a sale at a time; appends for several sales may overlap.
        """

    @abstractmethod
    async def end(self, sale: str) -> End:
        """The end of what is durable."""

    @abstractmethod
    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        """At most `limit` entries with numbers above `after`, in order; fewer only when the end is reached."""

    @abstractmethod
    def commands(self, sale: str, after: int = 0) -> AsyncIterator[CommandKey]:
        """The index of commands above a number, in the order of their numbers: what a conductor loads into memory.

        What is appended while it runs may be left out.
        """

    @abstractmethod
    async def find(self, sale: str, sender: str, command: str) -> int | None:
        """The number that a sender's command became, or None. May scan the index: for questions, not for each command."""

    @abstractmethod
    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        """Destroy the private parts of these numbers and every snapshot of the sale. `verify` stays clean.

        Numbers without a private part, or erased before, are passed over. When this returns the erasure is durable,
        and the words are gone from the store's files, save where a reader holds an older view: then as soon as it ends.
        Backups and archives made before are not touched.
        """

    @abstractmethod
    async def verify(self, sale: str) -> int:
        """Check all that is kept of a sale and return the number of its end.

        Numbers without gaps, the chain of hashes, each private part against the hash in its body, the index of
        commands against the bodies. Raises `Corrupt` with the first number that does not hold (0: the fault lies in
        the sale's own record or the file's structure). Works on what was there when it began, while appends go on.
        """

    @abstractmethod
    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None:
        """Keep the state as of `seq`. The last two are kept. Losing one costs time at the next start, nothing else."""

    @abstractmethod
    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        """The latest whole snapshot of this incarnation, at or before the end; damaged ones are passed over."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and let go of the store. May be called twice."""
