"""`verify` for the SQLite journal: everything a sale has in the file, checked in one view of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256

from coordinator.errors import Corrupt
from coordinator.journal.base import NoSuchSale
from coordinator.journal.chain import Batch, Facts, check_batch, check_private, genesis


def sale_seal(no: int, name: str, incarnation: str) -> bytes:
    """The hash over what a sale's row says about itself."""
    return sha256(f"{no}\n{incarnation}\n{name}".encode()).digest()


def verify_sale(connection: sqlite3.Connection, sale: str) -> int:
    """See `Journal.verify`. The connection is the caller's and used for nothing else."""
    reached = 0
    try:
        connection.execute("BEGIN")
        row = connection.execute(
            "SELECT no, incarnation, seal, last, hash FROM sale WHERE name = ?", (sale,)
        ).fetchone()
        if row is None:
            raise NoSuchSale(sale)
        no, incarnation, seal, last, head = row
        if seal != sale_seal(no, sale, incarnation):
            raise Corrupt(sale, 0, "the sale's own record is not the one that was written")
        link, parts = genesis(sale), 0
        # NOT INDEXED: the table itself is read; the index is compared with it by the integrity check below.
        rows = connection.execute(
            "SELECT first, last, hash, marks, commands, body FROM batch NOT INDEXED WHERE sale = ? ORDER BY rowid",
            (no,),
        )
        for values in rows:
            batch = _batch(sale, reached + 1, values)
            facts = check_batch(sale, reached + 1, link, batch)
            parts += _check_parts(connection, sale, no, batch, facts)
            reached, link = batch.last, batch.hash
        if last != reached:
            raise Corrupt(sale, min(last, reached) + 1, f"the batches end at {reached}, the sale's record says {last}")
        if head != link:
            raise Corrupt(sale, reached, "the hash in the sale's record is not the one of its last batch")
        kept = connection.execute(
            "SELECT (SELECT count(*) FROM private WHERE sale = ?1) + (SELECT count(*) FROM erased WHERE sale = ?1)",
            (no,),
        ).fetchone()[0]
        if kept != parts:
            raise Corrupt(sale, reached + 1, "private parts are kept for numbers that do not exist")
        _check_strays(connection, sale)
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise Corrupt(sale, 0, f"the file's structure is damaged: {found}")
    except (sqlite3.DatabaseError, OverflowError, UnicodeError) as error:
        # Text that is no text comes without a code, a table whose definition was changed as a plain error.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
            raise  # the disk, not the bytes
        raise Corrupt(sale, reached + 1, f"the file cannot be read from here on: {error}") from error
    return reached


def _batch(sale: str, expected: int, values: Sequence[object]) -> Batch:
    first, last, *rest = values
    if isinstance(first, int) and isinstance(last, int) and all(isinstance(value, bytes) for value in rest):
        return Batch(first, last, *rest)  # type: ignore[arg-type]  # checked in the line before
    raise Corrupt(sale, expected, "its row holds values of another kind than were written")


def _check_parts(connection: sqlite3.Connection, sale: str, no: int, batch: Batch, facts: Sequence[Facts]) -> int:
    """Check a batch's private parts; how many rows there are, erased ones included."""
    span = (no, batch.first, batch.last)
    private = dict(
        connection.execute("SELECT seq, part FROM private WHERE sale = ? AND seq BETWEEN ? AND ?", span).fetchall()
    )
    erased = {
        seq for (seq,) in connection.execute("SELECT seq FROM erased WHERE sale = ? AND seq BETWEEN ? AND ?", span)
    }
    for seq, fact in enumerate(facts, batch.first):
        part = private.get(seq)
        if part is not None and not isinstance(part, bytes):
            raise Corrupt(sale, seq, "its private part is of another kind than was written")
        check_private(sale, seq, fact, part, seq in erased)
    return len(private) + len(erased)


def _check_strays(connection: sqlite3.Connection, sale: str) -> None:
    """What belongs to no sale was some sale's before a byte changed."""
    for table in ("batch", "private", "erased"):
        query = f"SELECT count(*) FROM {table} WHERE sale NOT IN (SELECT no FROM sale)"  # noqa: S608 — names above
        stray = connection.execute(query).fetchone()[0]
        if stray:
            raise Corrupt(sale, 0, f"{stray} rows of table {table} belong to no sale")
