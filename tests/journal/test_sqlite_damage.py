"""`verify` finds a changed byte anywhere, with its number."""

# ruff: noqa: S608 — the statements are this file's own

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import CannotStart, Corrupt, DropcueError
from coordinator.journal.sqlite import SqliteJournal
from coordinator.journal.sqlite_file import FILE_NAME
from tests.contract.journal_suite import SALE, flush, index, said


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    """The data folder of two sales, one with three batches (1-4, 5-8, 9-12) and an erased part (2), closed."""
    journal = SqliteJournal.open(tmp_path)
    for sale in (SALE, "other"):
        await journal.create(sale)
        for first in (1, 5, 9):
            await journal.append(sale, flush(first, 4, private=True))
        await journal.erase(sale, [2])
    await journal.close()
    return tmp_path


def change(data: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(data / FILE_NAME) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


async def verify(data: Path, sale: str = SALE) -> int:
    journal = SqliteJournal.open(data, readonly=True)
    try:
        return await journal.verify(sale)
    finally:
        await journal.close()


FROM_5 = "WHERE sale = 1 AND first = 5"
DAMAGES: list[tuple[str, tuple[Any, ...], int]] = [
    (f"UPDATE batch SET body = CAST(replace(CAST(body AS TEXT), '\"seq\": 7', '\"seq\": 1') AS BLOB) {FROM_5}", (), 7),
    (f"UPDATE batch SET body = CAST(replace(CAST(body AS TEXT), '0007,', '0006,') AS BLOB) {FROM_5}", (), 7),
    (f"UPDATE batch SET body = CAST(substr(body, 1, length(body) - 1) || x'0a' AS BLOB) {FROM_5}", (), 8),
    (f"UPDATE batch SET hash = zeroblob(32) {FROM_5}", (), 5),
    (f"UPDATE batch SET marks = CAST(substr(marks, 1, 8) || zeroblob(4) || substr(marks, 13) AS BLOB) {FROM_5}", (), 7),
    (f"UPDATE batch SET marks = CAST(substr(marks, 1, 16) || zeroblob(4) AS BLOB) {FROM_5}", (), 5),
    (f"UPDATE batch SET first = 6 {FROM_5}", (), 5),
    (f"UPDATE batch SET last = 9 {FROM_5.replace('5', '9')}", (), 9),
    (f"UPDATE batch SET sale = 7 {FROM_5}", (), 5),
    (f"UPDATE batch SET sale = 7 {FROM_5.replace('5', '9')}", (), 9),
    (f"DELETE FROM batch {FROM_5}", (), 5),
    (f"DELETE FROM batch {FROM_5.replace('5', '9')}", (), 9),
    (
        f"UPDATE batch SET commands = CAST(replace(CAST(commands AS TEXT), 'r1\",\"c6', 'r2\",\"c6') AS BLOB) {FROM_5}",
        (),
        5,
    ),
    (f"UPDATE batch SET commands = x'5b5d' {FROM_5}", (), 5),
    ("UPDATE sale SET last = 8 WHERE no = 1", (), 9),
    ("UPDATE sale SET last = 13 WHERE no = 1", (), 13),
    ("UPDATE sale SET hash = zeroblob(32) WHERE no = 1", (), 12),
    ("UPDATE sale SET incarnation = 'another' WHERE no = 1", (), 0),
    ("UPDATE sale SET seal = zeroblob(32) WHERE no = 1", (), 0),
    ("UPDATE private SET part = ? WHERE sale = 1 AND seq = 6", (said(7),), 6),
    ("UPDATE private SET seq = 7 WHERE sale = 1 AND seq = 6", (), 6),
    ("UPDATE private SET seq = 14 WHERE sale = 1 AND seq = 12", (), 12),
    ("UPDATE private SET sale = 3 WHERE sale = 1 AND seq = 8", (), 8),
    ("DELETE FROM private WHERE sale = 1 AND seq = 8", (), 8),
    ("INSERT INTO private VALUES (1, 3, x'7b7d')", (), 3),
    ("INSERT INTO private VALUES (1, 2, x'7b7d')", (), 2),
    ("INSERT INTO private VALUES (1, 99, x'7b7d')", (), 13),
    ("UPDATE erased SET seq = 4 WHERE sale = 1", (), 2),
    ("UPDATE erased SET seq = 1 WHERE sale = 1", (), 1),
    ("DELETE FROM erased WHERE sale = 1", (), 2),
]


@pytest.mark.parametrize(("statement", "values", "number"), DAMAGES, ids=[damage[0] for damage in DAMAGES])
async def test_a_change_in_any_column_is_found_with_its_number(
    written: Path, statement: str, values: tuple[Any, ...], number: int
) -> None:
    assert await verify(written) == 12
    change(written, statement, *values)
    with pytest.raises(Corrupt) as found:
        await verify(written)
    assert (found.value.sale, found.value.seq) == (SALE, number)
    assert f"number {number}:" in str(found.value)


async def contents(data: Path) -> list[object]:
    """All that a journal gives about its sales."""
    journal = SqliteJournal.open(data, readonly=True)
    try:
        return [
            (sale, await journal.end(sale), await journal.read(sale), await index(journal, sale))
            for sale in await journal.sales()
        ]
    finally:
        await journal.close()


async def test_a_changed_byte_of_the_file_is_found_or_changes_nothing(written: Path, tmp_path: Path) -> None:
    """Whatever byte of the file is changed: verify of one of the sales finds it, the journal does not open, or the
    byte means nothing (free space, counters) and everything reads as before."""
    seed = random.randrange(1 << 30)
    chosen = random.Random(seed)
    whole = await contents(written)
    intact = (written / FILE_NAME).read_bytes()
    hurt = tmp_path / "hurt"
    used = [at for at, byte in enumerate(intact) if byte]
    for at in chosen.sample(used, 150):  # of some 15,000: a new choice in each run
        shutil.rmtree(hurt, ignore_errors=True)
        hurt.mkdir()
        changed = bytearray(intact)
        changed[at] ^= 1 << chosen.randrange(8)
        (hurt / FILE_NAME).write_bytes(changed)
        try:
            ends = [await verify(hurt, sale) for sale in (SALE, "other")]
            assert (ends, await contents(hurt)) == ([12, 12], whole), f"seed {seed}: byte {at} went unseen"
        except (DropcueError, CannotStart):
            continue


@pytest.mark.parametrize(
    "hurt", [lambda raw: raw[:-1], lambda raw: raw[:20], lambda raw: raw[:0], lambda raw: raw[:-2] + b"!!"]
)
async def test_a_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path, hurt: Callable[[bytes], bytes]) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.create(SALE)
    await journal.append(SALE, flush(1, 9))
    for seq in (3, 6, 9):
        await journal.save_snapshot(SALE, seq, b"state at %d" % seq)
    files = sorted((tmp_path / "snapshots").iterdir())
    assert len(files) == 2, "the last two are kept"
    files[1].write_bytes(hurt(files[1].read_bytes()))
    assert await journal.snapshot(SALE) == (6, b"state at 6")
    files[0].unlink()
    assert await journal.snapshot(SALE) is None
    await journal.close()


async def test_a_snapshot_of_another_life_of_the_sale_is_passed_over(tmp_path: Path) -> None:
    for life in ("first", "second"):
        journal = SqliteJournal.open(tmp_path)
        await journal.create(SALE)
        assert await journal.snapshot(SALE) is None
        await journal.append(SALE, flush(1))
        await journal.save_snapshot(SALE, 3, life.encode())
        await journal.close()
        (tmp_path / FILE_NAME).unlink()


async def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    half = tmp_path / "snapshots" / "s.000000000003.part"
    half.write_bytes(b"{")
    await SqliteJournal.open(tmp_path).close()
    assert not half.exists()
