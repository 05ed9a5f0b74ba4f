"""Acknowledged is durable, and a disk that fails costs nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.errors import CannotStart, JournalUnavailable
from coordinator.journal.sqlite import SqliteJournal
from coordinator.journal.sqlite_file import FILE_NAME
from tests.contract.journal_suite import SALE, flush, index

ROOT = Path(__file__).parents[2]
KILLS = 12


async def test_after_kill_9_at_any_moment_everything_acknowledged_is_there(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    acknowledged = 0
    for _ in range(KILLS):
        # How many flushes are read before the kill; the writer is then somewhere in a later one.
        lines = moments.randint(1, 120)
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.journal.crash_writer", str(tmp_path), cwd=ROOT, stdout=subprocess.PIPE
        )
        assert writer.stdout
        for _ in range(lines):
            acknowledged = int(await writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = (await writer.stdout.read()).split(b"\n")
        await writer.wait()
        acknowledged = max([acknowledged, *(int(line) for line in rest[:-1])])

        journal = SqliteJournal.open(tmp_path)
        end = await journal.verify(SALE)
        assert end >= acknowledged, f"seed {seed}"
        assert (await journal.end(SALE)).seq == end
        assert [seq for _, _, seq in await index(journal)] == list(range(1, end + 1))
        await journal.close()


async def test_a_reader_sees_what_a_killed_writer_left(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.journal.crash_writer", str(tmp_path), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert writer.stdout
    acknowledged = int([await writer.stdout.readline() for _ in range(20)][-1])
    writer.kill()
    await writer.communicate()
    journal = SqliteJournal.open(tmp_path, readonly=True)
    assert await journal.verify(SALE) >= acknowledged
    await journal.close()


async def test_a_full_disk_is_said_in_plain_words_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.create(SALE)
    await journal.append(SALE, flush(1, 100, private=True))
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    before = await journal.end(SALE)
    for _ in range(3):
        with pytest.raises(JournalUnavailable, match="is full: make room"):
            await journal.append(SALE, flush(101, 2000, private=True))
        assert await journal.end(SALE) == before
        assert await journal.verify(SALE) == 100
    journal._writer.execute(f"PRAGMA max_page_count = {pages + 2000}")
    await journal.append(SALE, flush(101, 2000, private=True))
    assert await journal.verify(SALE) == 2100
    await journal.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a small file system can be mounted by root only")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_disk_that_is_really_full_loses_nothing(small_disk: Path) -> None:
    data = small_disk / "data"
    journal = SqliteJournal.open(data)
    await journal.create(SALE)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    end = 0

    async def fill() -> None:
        nonlocal end
        while True:
            await journal.append(SALE, flush(end + 1, 256, private=True))
            end += 256

    with pytest.raises(JournalUnavailable, match="full"):
        await fill()
    with pytest.raises(JournalUnavailable, match="full"):
        await journal.save_snapshot(SALE, end, bytes(1 << 20))
    assert not list((data / "snapshots").glob("*"))
    assert (await journal.end(SALE)).seq == end == await journal.verify(SALE)
    ballast.unlink()
    await journal.append(SALE, flush(end + 1, 256, private=True))
    assert await journal.verify(SALE) == end + 256
    await journal.close()
    again = SqliteJournal.open(data)
    assert await again.verify(SALE) == end + 256
    await again.close()


async def test_a_disk_mounted_read_only_can_be_read_and_says_why_it_cannot_be_written(small_disk: Path) -> None:
    data = small_disk / "data"
    journal = SqliteJournal.open(data)
    await journal.create(SALE)
    await journal.append(SALE, flush(1, private=True))
    await journal.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(CannotStart, match="read-only"):
        SqliteJournal.open(data)
    reader = SqliteJournal.open(data, readonly=True)
    assert await reader.verify(SALE) == 3
    assert len(await reader.read(SALE)) == 3
    with pytest.raises(JournalUnavailable, match="reading only"):
        await reader.append(SALE, flush(4))
    await reader.close()
    assert sorted(path.name for path in data.iterdir()) == ["journal.lock", FILE_NAME]


async def test_a_damaged_file_is_named_and_never_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this was a journal once" * 100)
    for readonly in (False, True):
        with pytest.raises(CannotStart, match="not an SQLite file"):
            SqliteJournal.open(tmp_path, readonly=readonly)
