"""How members can be reached: the way back from a pseudonym, in a table of its own.

Relays and shops hand contacts in; support reads one at a time, and each reading is an event (`member.reveal`). The table
stands beside the journal and not in it: it is in no log, export, archive or backup, and an entry can be erased.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coordinator.errors import JournalUnavailable
from coordinator.journal.redis_link import RedisLink

FILE_NAME = "contacts.sqlite"
PREFIX = "dropcue:contacts:"
BUSY_S = 5.0


class Contacts(ABC):
    """Raises `JournalUnavailable`, with a reason in plain words, where the table cannot be read or written."""

    @abstractmethod
    async def put(self, sale: str, contacts: Mapping[str, str]) -> None:
        """Keeps how members can be reached, in place of what was known. Durable when it returns."""

    @abstractmethod
    async def find(self, sale: str, members: Sequence[str]) -> str | None:
        """How the first of these pseudonyms that has a contact can be reached."""

    @abstractmethod
    async def erase(self, sale: str, member: str | None = None) -> int:
        """Forgets one member's contact, or all of a sale; how many there were."""

    async def close(self) -> None:
        """Lets go of what it holds."""


class FileContacts(Contacts):
    """In a file of its own in the data folder, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            made = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
            self._path.chmod(0o600)
            made.execute("PRAGMA secure_delete = ON")  # what is erased is gone from the file
            made.execute("PRAGMA journal_mode = DELETE")
            made.execute("PRAGMA synchronous = FULL")
            made.execute(
                "CREATE TABLE IF NOT EXISTS contact (sale TEXT, member TEXT, contact TEXT NOT NULL, "
                "PRIMARY KEY (sale, member)) WITHOUT ROWID"
            )
            self._file = made
        return self._file

    async def _run(self, work: Any) -> Any:  # Any: what the work gives
        def locked() -> Any:
            with self._lock:
                return work(self._open())

        try:
            return await asyncio.to_thread(locked)
        except (sqlite3.Error, OSError) as e:
            raise JournalUnavailable(f"{self._path}: {e}") from None

    async def put(self, sale: str, contacts: Mapping[str, str]) -> None:
        rows = [(sale, member, contact) for member, contact in contacts.items()]

        def work(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            try:
                file.executemany("INSERT OR REPLACE INTO contact VALUES (?, ?, ?)", rows)
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

        await self._run(work)

    async def find(self, sale: str, members: Sequence[str]) -> str | None:
        def work(file: sqlite3.Connection) -> str | None:
            for member in members:
                row = file.execute(
                    "SELECT contact FROM contact WHERE sale = ? AND member = ?", (sale, member)
                ).fetchone()
                if row is not None:
                    return str(row[0])
            return None

        found: str | None = await self._run(work)
        return found

    async def erase(self, sale: str, member: str | None = None) -> int:
        def work(file: sqlite3.Connection) -> int:
            if member is None:
                return file.execute("DELETE FROM contact WHERE sale = ?", (sale,)).rowcount
            return file.execute("DELETE FROM contact WHERE sale = ? AND member = ?", (sale, member)).rowcount

        gone: int = await self._run(work)
        return gone

    async def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class RedisContacts(Contacts):
    """Where nodes share a Redis: a hash for each sale, which all of them read."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def put(self, sale: str, contacts: Mapping[str, str]) -> None:
        pairs = [part for pair in contacts.items() for part in pair]
        if pairs:
            await self._link.ask(PREFIX + sale, "HSET", PREFIX + sale, *pairs)

    async def find(self, sale: str, members: Sequence[str]) -> str | None:
        found = await self._link.ask(PREFIX + sale, "HMGET", PREFIX + sale, *members)
        return next((contact.decode() for contact in found if contact is not None), None)

    async def erase(self, sale: str, member: str | None = None) -> int:
        if member is not None:
            return int(await self._link.ask(PREFIX + sale, "HDEL", PREFIX + sale, member))
        count = int(await self._link.ask(PREFIX + sale, "HLEN", PREFIX + sale))
        await self._link.ask(PREFIX + sale, "DEL", PREFIX + sale)
        return count
