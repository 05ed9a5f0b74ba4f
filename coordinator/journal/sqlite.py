"""The journal in one SQLite file, for one process that serves: DATA/journal.sqlite.

Three threads, so that nothing waits for what it need not: one writes (a flush is one statement and one fsync), one
reads, one tends (moves the write-ahead log into the file, saves snapshots). Other processes read the same file while
this one writes. Nobody may open the file itself in a process that has a journal open: closing it would drop SQLite's
locks.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec

from coordinator.errors import CannotStart, Conflict, JournalUnavailable
from coordinator.journal.base import CommandKey, End, Entry, Flush, Journal, NoSuchSale, SaleExists
from coordinator.journal.chain import Batch, Kept, commands_of, genesis, needle, seal
from coordinator.journal.lock import FolderLock
from coordinator.journal.snapshots import Snapshots
from coordinator.journal.sqlite_copy import copy_file
from coordinator.journal.sqlite_file import BUSY_S, FILE_NAME, prepare, readable, reason
from coordinator.journal.sqlite_verify import sale_seal, verify_sale

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_MOVE_BYTES = 8 << 20  # the log is moved into the file when it has grown by this: far more than a flush, soon read back
_LOG_BYTES = 64 << 20  # beyond this the writer itself finishes the move, so that the log begins anew
_PAGE_BYTES = 4096
_ERASE_AT_ONCE = 500  # numbers a transaction: flushes come in between
# How long a thread waits before it asks the loop's thread for the interpreter. With Python's 5 ms a loop that is busy
# all the time, and lets go for a microsecond at each system call, kept a flush waiting for seconds: measured.
_SWITCH_S = 0.000_05
_PAGE_BATCHES = 64  # whole flushes that are read in one step
_INDEX_BATCHES = 256  # batches of the index read in one step

P = ParamSpec("P")
T = TypeVar("T")


class _Head(NamedTuple):
    """A sale's end as the writer knows it."""

    no: int
    last: int
    hash: bytes


class SqliteJournal(Journal):
    """See `Journal` for what is promised. Made with `open`."""

    def __init__(self, data: Path, uri: str, lock: FolderLock | None) -> None:
        self._data, self._uri, self._lock = data, uri, lock
        self._readonly = lock is None
        self._closed = False
        self._writing = ThreadPoolExecutor(1, "journal-write")
        self._reading = ThreadPoolExecutor(1, "journal-read")
        self._tending = ThreadPoolExecutor(1, "journal-tend")
        self._writer = self._connect()
        self._reader = self._connect()
        self._tender = self._connect()
        self._snapshots = Snapshots(data / "snapshots")
        self._heads: dict[str, _Head] = {}  # ends of sales; one is taken out while its flush is under way
        self._grown_bytes = 0  # since the log was last moved
        self._moving = False
        self._scrub = False  # erased words may still stand in the log

    @classmethod
    def open(cls, data: Path, *, readonly: bool = False, create: bool = True) -> SqliteJournal:
        """The journal in a data folder. Blocking: for the start of a process.

        To write, it takes the folder's lock (and makes folder and file where `create`). `readonly` takes no lock and
        works while another process writes, on a folder that cannot be written too. Raises `CannotStart`.
        """
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise CannotStart(f"SQLite {sqlite3.sqlite_version} is too old: Dropcue needs 3.37 or later under Python")
        data, file = Path(data), Path(data) / FILE_NAME
        if (readonly or not create) and not file.is_file():
            raise CannotStart(
                f"there is no journal in {data}: name the folder that `dropcue serve` uses, with --data or DROPCUE_DATA"
            )
        lock: FolderLock | None = None
        try:
            if readonly:
                uri = readable(file)
            else:
                data.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = FolderLock(data)
                uri = f"{file.absolute().as_uri()}?mode=rwc"
                prepare(file, uri)
            journal = cls(data, uri, lock)
            if lock:
                journal._snapshots.tidy()
                sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
        except (sqlite3.Error, OSError, UnicodeError) as error:
            if lock:
                lock.release()
            raise CannotStart(f"cannot open the journal in {data}: {reason(error, data)}") from error
        except CannotStart:
            if lock:
                lock.release()
            raise
        return journal

    async def create(self, sale: str) -> None:
        await self._write(self._create, sale)

    async def sales(self) -> list[str]:
        return await self._read(self._sales)

    async def append(self, sale: str, flush: Flush) -> None:
        head = self._heads.get(sale)
        if head is None:
            head = await self._write(self._head, sale)
        if flush.first != head.last + 1:
            raise Conflict(sale, flush.first - 1, head.last)
        # Sealed here, on the loop's thread (0.2 ms for 256 events): the writer's thread would first have to win the
        # interpreter's lock from it.
        batch = seal(head.hash, flush)
        places, offset = [], 1
        for seq, part in flush.private:
            places.append((seq, offset, len(part)))
            offset += len(part)
        parts = b"".join([part for _, part in flush.private])
        row = (head.no, batch.first, batch.last, head.hash, batch.hash, batch.marks, batch.commands, batch.body)
        await self._write(self._append, sale, batch, (*row, msgspec.json.encode(places).decode(), parts))

    async def end(self, sale: str) -> End:
        return await self._read(self._end, sale)

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        return await self._read(self._entries, sale, max(after, 0), limit)

    async def commands(self, sale: str, after: int = 0) -> AsyncIterator[CommandKey]:
        at: int | None = after
        while at is not None:
            at, lists = await self._read(self._index, sale, at)
            for listed in lists:
                for command in listed:
                    if command[2] > after:
                        yield command

    async def find(self, sale: str, sender: str, command: str) -> int | None:
        return await self._read(self._find, sale, sender, command)

    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        await self._tend(self._snapshots.drop, sale)
        for at in range(0, len(seqs), _ERASE_AT_ONCE):
            await self._write(self._erase, sale, list(seqs[at : at + _ERASE_AT_ONCE]))
        await self._tend(self._snapshots.drop, sale)  # what was saved meanwhile was made of the same words
        self._scrub = True
        await self._tend(self._move)

    async def verify(self, sale: str) -> int:
        self._check_open()
        return await self._guard(asyncio.to_thread(self._verify, sale))

    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None:
        incarnation = (await self.end(sale)).incarnation
        await self._tend(self._snapshots.save, sale, incarnation, seq, data)

    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        try:
            end = await self.end(sale)
        except NoSuchSale:
            return None
        return await self._read(self._snapshots.latest, sale, end.incarnation, end.seq)

    async def backup(self, to: Path) -> Path:
        """Copy the journal as it is now into a folder, while it is in use; the new file's path.

        The copy is a data folder's journal of its own: put into service it is another incarnation. Raises
        `CannotStart` where the folder has a journal already, `JournalUnavailable` where it cannot be written.
        """
        self._check_open()
        try:
            return await asyncio.to_thread(copy_file, self._connect, Path(to))
        except (sqlite3.Error, OSError) as error:
            raise JournalUnavailable(reason(error, to)) from error

    async def flushes(self, sale: str, to: int) -> AsyncIterator[Kept]:
        """All flushes up to the number `to`, as they stand here; not checked."""
        at = 0
        while at < to and (page := await self._read(self._flushes, sale, at, to)):
            for kept in page:
                yield kept
            at = page[-1].batch.last

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._shut)

    # ── what runs on the writer's thread ──

    def _create(self, sale: str) -> None:
        incarnation = os.urandom(8).hex()
        no = self._writer.execute("SELECT coalesce(max(no), 0) + 1 FROM sale").fetchone()[0]
        row = (no, sale, incarnation, sale_seal(no, sale, incarnation), genesis(sale))
        try:
            self._writer.execute("INSERT INTO sale VALUES (?, ?, ?, ?, 0, ?)", row)
        except sqlite3.IntegrityError:
            raise SaleExists(sale, self._head(sale).last) from None

    def _head(self, sale: str) -> _Head:
        row = self._writer.execute("SELECT no, last, hash FROM sale WHERE name = ?", (sale,)).fetchone()
        if row is None:
            raise NoSuchSale(sale)
        return _Head(*row)

    def _append(self, sale: str, batch: Batch, row: tuple[object, ...]) -> None:
        self._heads.pop(sale, None)  # until it is known where the end is now
        try:
            # executemany, since execute asks for the last row's id and lets go of the interpreter's lock to do so.
            self._writer.executemany("INSERT INTO flush VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row])
        except sqlite3.IntegrityError:
            raise Conflict(sale, batch.first - 1, self._head(sale).last) from None
        self._heads[sale] = _Head(int(str(row[0])), batch.last, batch.hash)
        self._grown_bytes += len(batch.body) + len(batch.commands) + 4 * _PAGE_BYTES
        if self._grown_bytes > _MOVE_BYTES and not self._moving:
            self._moving = True
            self._tending.submit(self._move)

    def _erase(self, sale: str, seqs: list[int]) -> None:
        which = (self._head(sale).no, msgspec.json.encode(seqs).decode())
        chosen = "FROM private WHERE sale = ? AND seq IN (SELECT value FROM json_each(?))"
        with self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute(f"INSERT INTO erased SELECT sale, seq {chosen}", which)
            self._writer.execute(f"DELETE {chosen}", which)

    def _finish_move(self) -> None:
        """Move the last few pages with no flush in between, so that the next flush begins the log anew."""
        with suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    # ── what runs on the tending thread ──

    def _move(self) -> None:
        """Move the log into the file. Never fails: what cannot be moved now stays in the log and is moved later."""
        self._grown_bytes = 0
        with suppress(sqlite3.Error, RuntimeError):
            _, pages, _ = self._tender.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if self._scrub:
                # Cuts the log off; not waiting, since flushes wait while it does.
                busy, _, _ = self._tender.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._scrub = bool(busy)
            elif pages * _PAGE_BYTES > _LOG_BYTES:
                self._writing.submit(self._finish_move)
        self._moving = False

    # ── what runs on the reader's thread: each in as few statement steps as can be, see schema.sql ──

    def _sales(self) -> list[str]:
        return [name for (name,) in self._reader.execute("SELECT name FROM sale ORDER BY no").fetchall()]

    def _end(self, sale: str) -> End:
        row = self._reader.execute("SELECT last, hash, incarnation FROM sale WHERE name = ?", (sale,)).fetchone()
        if row is None:
            raise NoSuchSale(sale)
        return End(*row)

    def _number(self, sale: str) -> int:
        row = self._reader.execute("SELECT no FROM sale WHERE name = ?", (sale,)).fetchone()
        if row is None:
            raise NoSuchSale(sale)
        return int(row[0])

    def _entries(self, sale: str, after: int, limit: int) -> list[Entry]:
        no = self._number(sale)
        if limit < 1:
            return []
        try:
            row = self._reader.execute(
                "SELECT min(first), CAST(group_concat(body, char(10)) AS BLOB) FROM (SELECT first, body FROM batch"
                " WHERE sale = ?1 AND last > ?2 AND last <= coalesce("
                "  (SELECT min(last) FROM batch WHERE sale = ?1 AND last >= ?2 + ?3), ?2 + ?3) ORDER BY last)",
                (no, after, limit),
            ).fetchone()
        except sqlite3.DataError:  # more than SQLite's 1 GB in one value
            if limit == 1:
                raise
            head = self._entries(sale, after, limit // 2)
            return head + self._entries(sale, after + limit // 2, limit - limit // 2)
        first, joined = row
        if first is None:
            return []
        bodies = joined.split(b"\n")[after + 1 - first :][:limit]
        span = (no, after + 1, after + len(bodies))
        # Private parts first: one that is erased in between is then seen as erased.
        private, erased = self._reader.execute(
            "SELECT (SELECT group_concat(seq || ':' || hex(part)) FROM private WHERE sale = ?1 AND seq BETWEEN ?2 AND ?3),"
            " (SELECT group_concat(seq) FROM erased WHERE sale = ?1 AND seq BETWEEN ?2 AND ?3)",
            span,
        ).fetchone()
        if private is None and erased is None:
            return [Entry(seq, body) for seq, body in enumerate(bodies, after + 1)]
        pairs = (pair.partition(":") for pair in (private or "").split(",") if pair)
        parts = {int(seq): bytes.fromhex(part) for seq, _, part in pairs}
        gone = {int(seq) for seq in (erased or "").split(",") if seq}
        return [
            Entry(seq, body, None if seq in gone else parts.get(seq), seq in gone)
            for seq, body in enumerate(bodies, after + 1)
        ]

    def _flushes(self, sale: str, after: int, to: int) -> list[Kept]:
        ask = self._reader.execute
        no = self._number(sale)
        ask("BEGIN")  # in one view: a part that is erased meanwhile is there, or is marked as erased
        try:
            rows = ask(
                "SELECT first, last, hash, marks, commands, body FROM batch WHERE sale = ? AND last > ? AND last <= ?"
                " ORDER BY last LIMIT ?",
                (no, after, to, _PAGE_BATCHES),
            ).fetchall()
            if not rows:
                return []
            batches = [Batch(*row) for row in rows]
            span = (no, after, batches[-1].last)
            parts = dict(ask("SELECT seq, part FROM private WHERE sale = ? AND seq > ? AND seq <= ?", span).fetchall())
            gone = {seq for (seq,) in ask("SELECT seq FROM erased WHERE sale = ? AND seq > ? AND seq <= ?", span)}
        finally:
            ask("COMMIT")
        return [
            Kept(batch, [(seq, parts[seq]) for seq in own if seq in parts], [seq for seq in own if seq in gone])
            for batch in batches
            for own in [range(batch.first, batch.last + 1)]
        ]

    def _index(self, sale: str, after: int) -> tuple[int | None, list[list[CommandKey]]]:
        last, joined = self._reader.execute(
            "SELECT max(last), CAST(group_concat(commands, char(10)) AS BLOB) FROM"
            " (SELECT last, commands FROM batch WHERE sale = ? AND last > ? ORDER BY last LIMIT ?)",
            (self._number(sale), after, _INDEX_BATCHES),
        ).fetchone()
        return last, [commands_of(line) for line in joined.split(b"\n")] if joined else []

    def _find(self, sale: str, sender: str, command: str) -> int | None:
        row = self._reader.execute(
            "SELECT commands FROM batch WHERE sale = ? AND instr(commands, ?) ORDER BY last LIMIT 1",
            (self._number(sale), needle(sender, command)),
        ).fetchone()
        found = commands_of(row[0]) if row else []
        return next((seq for by, cmd, seq in found if (by, cmd) == (sender, command)), None)

    # ── what runs on a thread of its own ──

    def _verify(self, sale: str) -> int:
        connection = self._connect()
        try:
            return verify_sale(connection, sale)
        finally:
            connection.close()

    def _shut(self) -> None:
        for thread in (self._writing, self._tending, self._reading):
            thread.shutdown()
        for connection in (self._reader, self._tender, self._writer):
            with suppress(sqlite3.Error):  # the last one moves the log into the file; a full disk may stop that
                connection.close()
        if self._lock:
            self._lock.release()

    # ── plumbing ──

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # `_move` does it, beside the flushes
        connection.execute("PRAGMA secure_delete = ON")  # erased is overwritten
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")

    def _check_writable(self) -> None:
        if self._readonly:
            raise JournalUnavailable("the journal was opened for reading only")

    async def _write(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        self._check_writable()
        return await self._on(self._writing, work, *args)

    async def _tend(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        self._check_writable()
        return await self._on(self._tending, work, *args)

    async def _read(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await self._on(self._reading, work, *args)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        self._check_open()
        return await self._guard(asyncio.get_running_loop().run_in_executor(thread, work, *args))

    async def _guard(self, running: Awaitable[T]) -> T:
        try:
            return await running
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise JournalUnavailable(reason(error, self._data)) from error
