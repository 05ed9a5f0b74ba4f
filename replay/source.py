"""Where a past or running sale is read from: a data folder's journal, or an archive. Never written to."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

from coordinator.core import Event
from coordinator.errors import CannotStart, Corrupt, JournalError, Newer, NewerFile, UsageError
from coordinator.journal import codec, opening
from coordinator.journal.base import Entry, Journal

READ_EVENTS = 2_000  # at once: enough that the fixed cost of a read is lost in it, few enough to be held twice


class UnknownSale(JournalError):
    """There is no such sale where it was looked for."""

    def __init__(self, sale: str, where: Path, known: list[str]) -> None:
        shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
        there = f"there are: {shown}" if known else "there is none yet"
        super().__init__(
            f"no sale {sale} in {where}; {there}. Name one of them, an archive's folder, or another --data"
        )
        self.sale, self.known = sale, known


class Source(ABC):
    """One sale's events, in order. Errors are of the journal's tree (`coordinator.errors`)."""

    sale: str

    @abstractmethod
    async def end(self) -> int:
        """The number of the last event."""

    @abstractmethod
    def batches(self, after: int = 0) -> AsyncIterator[list[Entry]]:
        """The entries with numbers above `after`, some thousand at once, up to the end as it is now."""

    @abstractmethod
    async def verify(self) -> int:
        """Checks every byte; the number of the end. Raises `Corrupt` with the first number that does not hold."""

    @abstractmethod
    async def chain_hash(self) -> str:
        """The hash at the end of the chain, in hexadecimal."""

    async def snapshot(self) -> tuple[int, bytes] | None:
        """A saved state and its number, where one is kept."""
        return None

    async def close(self) -> None:
        """Lets go of the store."""

    async def events(self) -> AsyncIterator[Event]:
        """The events as anybody may be shown them: without the seeds of draws."""
        async for entries in self.batches():
            for entry in codec.unsealed(entries):
                yield codec.decode(entry, self.sale)


class JournalSource(Source):
    """A sale in a journal that is open; `owned`: closed with the source."""

    def __init__(self, journal: Journal, sale: str, *, owned: bool = False) -> None:
        self.journal, self.sale, self._owned = journal, sale, owned

    async def end(self) -> int:
        return (await self.journal.end(self.sale)).seq

    async def batches(self, after: int = 0) -> AsyncIterator[list[Entry]]:
        end = await self.end()
        # The next are read while the last are worked on.
        reading = asyncio.ensure_future(self.journal.read(self.sale, after, READ_EVENTS))
        try:
            while entries := await reading:
                if entries[-1].seq < end:
                    reading = asyncio.ensure_future(self.journal.read(self.sale, entries[-1].seq, READ_EVENTS))
                    yield entries
                else:
                    yield [e for e in entries if e.seq <= end]
                    return
        finally:
            reading.cancel()

    async def verify(self) -> int:
        return await self.journal.verify(self.sale)

    async def chain_hash(self) -> str:
        return (await self.journal.end(self.sale)).hash.hex()

    async def snapshot(self) -> tuple[int, bytes] | None:
        return await self.journal.snapshot(self.sale)

    async def close(self) -> None:
        if self._owned:
            await self.journal.close()


async def open_journal(data: Path, redis: str | None, sale: str = "") -> Journal:
    """The journal that is meant, for reading only: works while a service writes it. Raises `CannotStart`."""
    try:
        return await opening.open_journal(data, redis, readonly=True)
    except NewerFile as e:
        raise Newer(str(e)) from None  # it was reached, and is what cannot be read
    except CannotStart as e:
        cause = e.__cause__
        # A file that is there and is no database was one before its bytes changed: that is wrong, not out of reach.
        if isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.OperationalError):
            raise Corrupt(sale, 0, str(e)) from None
        raise


def archives_in(folder: Path) -> list[Path]:
    from replay.archive import SUFFIX

    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def is_there(path: Path) -> bool:
    return path.exists()


async def open_source(name: str, data: Path, redis: str | None = None) -> Source:
    """The sale of this id in the data folder, or the archive at this path."""
    from replay.archive import SUFFIX, ArchiveSource, is_archive

    path = Path(name)
    if is_archive(path):
        return ArchiveSource(path)
    inside = archives_in(path)
    if len(inside) == 1:  # the folder that was given to `export -o`
        return ArchiveSource(inside[0])
    if path.name.endswith(SUFFIX) or "/" in name:
        what = "is no archive" if is_there(path) else "is not there"
        raise UsageError(f"{path} {what}: give a sale's id, or the folder SALE{SUFFIX} that `dropcue export` wrote")
    journal = await open_journal(data, redis, name)
    try:
        known = await journal.sales()
        if name not in known:
            raise UnknownSale(name, data, known)
    except BaseException:
        await journal.close()
        raise
    return JournalSource(journal, name, owned=True)
