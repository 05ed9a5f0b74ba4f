"""One SQLite file of a relay. A write is durable when its await returns; writes that come together share one commit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from sqlite3 import connect
from typing import Any

from roles.relay.errors import DiskFailed, OtherLayout

Statement = tuple[str, Sequence[Any]]

_COLUMNS = (
    "select t.name, c.name from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' order by 1, c.cid"
)


@cache
def _columns_of(tables: str) -> list[tuple[str, str]]:
    with contextlib.closing(connect(":memory:")) as fresh:
        fresh.executescript(tables)
        return fresh.execute(_COLUMNS).fetchall()


class Disk:
    """Raises `DiskFailed` where the file cannot be opened, read or written, `OtherLayout` where its tables are not these.

    `file` None keeps everything in memory.
    """

    def __init__(self, file: Path | None, tables: str, first: Sequence[Statement] = ()) -> None:
        """`first` is done as soon as the tables are there: what is too old is thrown away."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-disk")
        self._waiting: list[tuple[list[Statement], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                file.touch(mode=0o600)  # what a relay knows is for its owner
            self._db = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.executescript(tables)
            if file is not None:
                self._as_written(file, tables)
            for sql, values in first:
                self._db.execute(sql, values)
        except (sqlite3.Error, OSError) as error:
            self._thread.shutdown(wait=False)
            raise DiskFailed(f"{file or 'memory'}: {error}") from error
        except OtherLayout:
            self._thread.shutdown(wait=False)
            self._db.close()
            raise

    def _as_written(self, file: Path, tables: str) -> None:
        """Tables that are there stay as an older version made them: then they lack what this one would keep."""
        found = set(self._db.execute(_COLUMNS))
        for table, column in _columns_of(tables):
            if (table, column) not in found:
                raise OtherLayout(file, f"{table}.{column}")

    async def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: self._db.execute(sql, values).fetchall()
            )
        except sqlite3.Error as error:
            raise DiskFailed(str(error)) from error

    async def write(self, statements: list[Statement]) -> None:
        """All of them or none."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((statements, written))
        if self._flushing is None:
            self._flushing = loop.create_task(self._flush(loop))
        await written

    async def close(self) -> None:
        """Waits for what is being written, then lets go of the file."""
        if self._flushing is not None:
            await self._flushing
        self._thread.shutdown(wait=True)
        self._db.close()

    async def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failed: DiskFailed | None = None
            try:
                await loop.run_in_executor(
                    self._thread, self._commit, [s for statements, _ in batch for s in statements]
                )
            except sqlite3.Error as error:
                failed = DiskFailed(str(error))
            for _, written in batch:
                if not written.done():
                    written.set_exception(failed) if failed else written.set_result(None)
        self._flushing = None

    def _commit(self, statements: list[Statement]) -> None:
        self._db.execute("begin immediate")
        try:
            for sql, values in statements:
                self._db.execute(sql, values)
            self._db.execute("commit")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
