"""What is particular to the SQLite journal: one writer, readers beside it, erasure on the disk, backups, speed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.errors import CannotStart, JournalUnavailable
from coordinator.journal import sqlite as module
from coordinator.journal.sqlite import SqliteJournal
from coordinator.journal.sqlite_file import FILE_NAME, FORMAT
from tests.contract.journal_suite import SALE, flush, said

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal.open(tmp_path / "data")
    await journal.create(SALE)
    yield journal
    await journal.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


# ── one writer, many readers ──


async def test_a_second_writer_is_told_which_process_writes_and_what_to_do(journal: SqliteJournal, data: Path) -> None:
    with pytest.raises(CannotStart, match=rf"process \({os.getpid()}\) writes to .*--data"):
        SqliteJournal.open(data)
    code = (
        f"from coordinator.journal.sqlite import *; from pathlib import Path; SqliteJournal.open(Path({str(data)!r}))"
    )
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"stop it (kill {os.getpid()})" in other.stderr
    await journal.append(SALE, flush(1))


async def test_the_folder_is_free_again_once_the_writer_is_closed(journal: SqliteJournal, data: Path) -> None:
    await journal.close()
    again = SqliteJournal.open(data)
    await again.append(SALE, flush(1))
    await again.close()


async def test_readers_work_while_the_service_writes(journal: SqliteJournal, data: Path) -> None:
    reader = SqliteJournal.open(data, readonly=True)
    for first in range(1, 100, 3):
        await journal.append(SALE, flush(first, private=True))
        assert (await reader.end(SALE)).seq == first + 2
        assert (await reader.read(SALE, first - 1, 3)) == (await journal.read(SALE, first - 1, 3))
    assert await reader.verify(SALE) == 99
    for refused in (reader.append(SALE, flush(100)), reader.create("x"), reader.erase(SALE, [2])):
        with pytest.raises(JournalUnavailable, match="reading only"):
            await refused
    with pytest.raises(JournalUnavailable, match="reading only"):
        await reader.save_snapshot(SALE, 3, b"")
    await reader.close()
    await journal.append(SALE, flush(100))


async def test_verify_and_reads_go_on_beside_appends(journal: SqliteJournal) -> None:
    async def write() -> None:
        for first in range(1, 4000, 100):
            await journal.append(SALE, flush(first, 100, private=True))

    writing = asyncio.create_task(write())
    while not writing.done():
        end = await journal.verify(SALE)
        assert end % 100 == 0
        assert len(await journal.read(SALE, 0, 10_000)) >= end
    await writing


async def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    for options in ({"readonly": True}, {"create": False}):
        with pytest.raises(CannotStart, match=r"no journal in .*nowhere: .*--data"):
            SqliteJournal.open(tmp_path / "nowhere", **options)
    assert not (tmp_path / "nowhere").exists()


async def test_a_newer_format_is_refused(journal: SqliteJournal, data: Path) -> None:
    await journal.close()
    with sqlite3.connect(data / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    for readonly in (True, False):
        with pytest.raises(CannotStart, match=r"newer Dropcue \(format 2, this one knows 1\): update"):
            SqliteJournal.open(data, readonly=readonly)


async def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(CannotStart, match="not a Dropcue journal"):
        SqliteJournal.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_what_people_said_is_readable_by_its_owner_only(journal: SqliteJournal, data: Path) -> None:
    await journal.append(SALE, flush(1, private=True))
    await journal.save_snapshot(SALE, 3, b"")
    assert data.stat().st_mode & 0o077 == 0
    for path in (data / FILE_NAME, data / f"{FILE_NAME}-wal", data / "snapshots"):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_a_closed_journal_says_so(journal: SqliteJournal) -> None:
    await journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.append(SALE, flush(1))
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.verify(SALE)


# ── erasure ──


def anywhere(data: Path, words: bytes) -> bool:
    return any(words in path.read_bytes() for path in data.rglob("*") if path.is_file())


async def test_erased_words_are_in_no_file_of_the_folder(journal: SqliteJournal, data: Path) -> None:
    await journal.append(SALE, flush(1, 6, private=True))
    await journal.save_snapshot(SALE, 6, said(2))
    assert anywhere(data, said(2))
    await journal.erase(SALE, [2])
    await journal.close()
    assert not anywhere(data, said(2))
    assert anywhere(data, said(4))


async def test_erased_words_leave_the_log_while_the_journal_is_open(journal: SqliteJournal, data: Path) -> None:
    await journal.append(SALE, flush(1, 6, private=True))
    await journal.erase(SALE, [2])
    code = f"from pathlib import Path; print(any({said(2)!r} in p.read_bytes() for p in Path({str(data)!r}).iterdir()))"
    # Another process looks: closing the file here would drop the locks of this one.
    looked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert looked.stdout.strip() == "False"
    await journal.append(SALE, flush(7))


# ── backup ──


async def test_a_backup_is_a_journal_of_its_own(journal: SqliteJournal, data: Path, tmp_path: Path) -> None:
    await journal.append(SALE, flush(1, 50, private=True))
    await journal.erase(SALE, [2])
    await journal.backup(tmp_path / "kept")
    await journal.append(SALE, flush(51))
    copy = SqliteJournal.open(tmp_path / "kept")
    assert await copy.verify(SALE) == 50
    assert await copy.read(SALE) == await journal.read(SALE, 0, 50)
    assert (await copy.end(SALE)).incarnation != (await journal.end(SALE)).incarnation
    await copy.append(SALE, flush(51, 7))
    assert await copy.verify(SALE) == 57
    await copy.close()
    with pytest.raises(CannotStart, match="exists already"):
        await journal.backup(tmp_path / "kept")
    with pytest.raises(CannotStart, match="exists already"):
        await journal.backup(data)
    assert await journal.verify(SALE) == 53


async def test_a_backup_can_be_made_by_another_process_while_the_service_writes(
    journal: SqliteJournal, data: Path, tmp_path: Path
) -> None:
    await journal.append(SALE, flush(1, 50))
    reader = SqliteJournal.open(data, readonly=True)
    await reader.backup(tmp_path / "kept")
    await reader.close()
    copy = SqliteJournal.open(tmp_path / "kept", readonly=True)
    assert await copy.verify(SALE) == 50
    await copy.close()


# ── the loop, the log, the speed ──


async def test_the_log_is_moved_beside_the_flushes_and_does_not_grow_without_end(
    journal: SqliteJournal, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOVE_BYTES", 200_000)
    monkeypatch.setattr(module, "_LOG_BYTES", 1_000_000)
    for first in range(1, 40_001, 250):
        await journal.append(SALE, flush(first, 250))
    written = (data / FILE_NAME).stat().st_size
    assert written > 4_000_000
    assert (data / f"{FILE_NAME}-wal").stat().st_size < 2 * written / 3
    assert await journal.verify(SALE) == 40_000


async def test_the_loop_goes_on_while_the_disk_is_held(journal: SqliteJournal, data: Path) -> None:
    """Another program holds the file's write lock: the flush waits, the loop does not."""
    await journal.append(SALE, flush(1))
    holder = sqlite3.connect(data / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    append = asyncio.create_task(journal.append(SALE, flush(4)))
    for _ in range(200):
        assert (await journal.end(SALE)).seq == 3, "reads are answered meanwhile"
    assert not append.done()
    holder.execute("ROLLBACK")
    holder.close()
    await append
    assert await journal.verify(SALE) == 6


async def test_flushes_stand_while_the_loop_is_busy_without_a_pause(journal: SqliteJournal) -> None:
    """How fast that is stands in the bench; here every flush is there in the end."""
    busy = True

    async def spin() -> None:
        while busy:
            sum(range(20_000))
            await asyncio.sleep(0)

    spinning = asyncio.create_task(spin())
    for first in range(1, 256 * 20, 256):
        await journal.append(SALE, flush(first, 256))
    busy = False
    await spinning
    assert await journal.verify(SALE) == 256 * 20
