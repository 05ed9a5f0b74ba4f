"""Copies as files: of a data folder's journal that is in use, and of flushes that stand elsewhere."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coordinator.errors import CannotStart
from coordinator.journal.base import End
from coordinator.journal.chain import Kept, genesis
from coordinator.journal.sqlite_file import FILE_NAME
from coordinator.journal.sqlite_verify import sale_seal


def copy_file(connect: Callable[[], sqlite3.Connection], folder: Path) -> Path:
    """Copies the journal that `connect` opens as it is now; FOLDER/journal.sqlite, whole or not at all.

    Every sale in it is another incarnation. Raises `CannotStart` where the folder has a journal already.
    """
    path, part = _place(folder)
    source, copy = connect(), sqlite3.connect(part, isolation_level=None)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, until it is put into service
        for no, name in copy.execute("SELECT no, name FROM sale").fetchall():
            fresh = os.urandom(8).hex()
            row = (fresh, sale_seal(no, name, fresh), no)
            copy.execute("UPDATE sale SET incarnation = ?, seal = ? WHERE no = ?", row)
    except BaseException:
        copy.close()
        part.unlink(missing_ok=True)
        raise
    finally:
        copy.close()
        source.close()
    return _put_in_place(part, path)


class SqliteCopy:
    """Makes FOLDER/journal.sqlite; it appears whole, and durable, with `finish`, or not at all. Blocking.

    Flushes are written as they are given: whoever gives them has checked them. Every sale is another incarnation.
    Raises `CannotStart` where the folder has a journal already, OSError or sqlite3.Error where it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._part = _place(folder)
        self._file = sqlite3.connect(self._part, isolation_level=None)
        # Nobody reads it before it is whole: a copy that breaks off is thrown away.
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))
        self._file.execute("BEGIN")
        self._no = 0

    def begin(self, sale: str) -> None:
        """What is added from here on is of this sale."""
        self._no += 1
        incarnation = os.urandom(8).hex()
        row = (self._no, sale, incarnation, sale_seal(self._no, sale, incarnation), genesis(sale))
        self._file.execute("INSERT INTO sale VALUES (?, ?, ?, ?, 0, ?)", row)

    def add(self, kept: Kept) -> None:
        """Adds a flush that follows what is there."""
        no, file = self._no, self._file
        file.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", (no, *kept.batch))
        file.executemany("INSERT INTO private VALUES (?, ?, ?)", ((no, *part) for part in kept.private))
        file.executemany("INSERT INTO erased VALUES (?, ?)", ((no, seq) for seq in kept.erased))

    def end_at(self, end: End) -> None:
        """What was added of the sale is all of it."""
        self._file.execute("UPDATE sale SET last = ?, hash = ? WHERE no = ?", (end.seq, end.hash, self._no))

    def leave_out(self) -> None:
        """Takes away what was added of the sale, and the sale."""
        for table, column in (("batch", "sale"), ("private", "sale"), ("erased", "sale"), ("sale", "no")):
            self._file.execute(f"DELETE FROM {table} WHERE {column} = ?", (self._no,))  # noqa: S608 - names above

    def finish(self) -> Path:
        """Puts the file in its place."""
        self._file.execute("COMMIT")
        self._file.close()
        return _put_in_place(self._part, self._path)

    def abandon(self) -> None:
        """Leaves nothing behind."""
        with suppress(sqlite3.Error):
            self._file.close()
        self._part.unlink(missing_ok=True)


def _place(folder: Path) -> tuple[Path, Path]:
    """The file that is to be made, and the one it is until it is whole."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, part = folder / FILE_NAME, folder / f"{FILE_NAME}.part"
    if path.exists():
        raise CannotStart(f"{path} exists already: a backup needs a folder of its own")
    part.unlink(missing_ok=True)
    return path, part


def _put_in_place(part: Path, path: Path) -> Path:
    part.chmod(0o600)  # it holds what people said
    _sync(part)
    part.replace(path)
    _sync(path.parent)
    return path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
