"""Whole sales from one journal to another: a backup, the way back, and the move from a data folder to Redis.

A sale is copied flush by flush, each checked on its way, so that a copy has the same numbers, the same bytes and the
same hash at its end. It is another incarnation: numbers beyond its end may be given again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from coordinator.errors import CannotStart, Corrupt, JournalError, JournalUnavailable, Newer, UsageError
from coordinator.journal.base import End
from coordinator.journal.chain import Kept, check_kept, genesis
from coordinator.journal.lock import nobody_writes
from coordinator.journal.redis import RedisJournal
from coordinator.journal.redis_leases import RedisFacts
from coordinator.journal.sqlite import SqliteJournal
from coordinator.journal.sqlite_copy import SqliteCopy
from coordinator.journal.sqlite_file import FILE_NAME, reason
from coordinator.leases import REVOKED
from coordinator.settings import REVOKED_FILE


class Copied(msgspec.Struct, frozen=True):
    """A sale as it was copied."""

    sale: str
    events: int
    hash: str
    incarnation: str


# ---------------------------------------------------------------- backup
async def back_up(
    source: SqliteJournal | RedisJournal, data: Path, to: Path
) -> tuple[list[Copied], list[JournalError]]:
    """Copies all sales into a folder of its own, each as it stood when this began, and the tokens that were revoked.

    The journal may be in use. The folder is a data folder: `serve` starts on a copy of it. Of Redis, a sale that is not
    what was written, or that only a newer version can read, is left out and said; the others are copied. Raises
    `CannotStart` where the folder has a journal already or cannot be written.
    """
    left_out: list[JournalError] = []
    try:
        if isinstance(source, SqliteJournal):
            await source.backup(to)
            revoked = _revoked_in(data)
        else:
            left_out = await _written(source, to)
            revoked = await RedisFacts(source.link).members(REVOKED)
        _revoke_in(to, revoked)
    except (OSError, sqlite3.Error) as e:
        raise CannotStart(f"no backup was made: {reason(e, to)}") from None
    except JournalUnavailable as e:
        raise CannotStart(f"no backup was made: {e.reason}") from None
    copy = SqliteJournal.open(to, readonly=True)
    try:
        return [_copied(sale, await copy.end(sale)) for sale in await copy.sales()], left_out
    finally:
        await copy.close()


async def _written(source: RedisJournal, to: Path) -> list[JournalError]:
    """Writes the sales into a folder; why some are not in it."""
    left_out: list[JournalError] = []
    # The ends of all sales first, so that they are of one moment, or nearly: what comes after them is left out.
    ends: dict[str, End] = {}
    for sale in await source.sales():
        try:
            ends[sale] = await source.end(sale)
        except Newer as e:
            left_out.append(e)
    copy = SqliteCopy(to)
    try:
        for sale, end in ends.items():
            if not end.seq:
                continue  # it was never finished creating
            copy.begin(sale)
            try:
                async for kept in checked(sale, source.flushes(sale, end.seq), end):
                    copy.add(kept)
                copy.end_at(end)
            except Corrupt as e:
                copy.leave_out()
                left_out.append(e)
        copy.finish()
    except BaseException:
        copy.abandon()
        raise
    return left_out


async def checked(sale: str, flushes: AsyncIterator[Kept], end: End) -> AsyncIterator[Kept]:
    """The flushes, each found to be what was written; at the last one, that they lead to this end. Raises `Corrupt`."""
    reached, link = 0, genesis(sale)
    async for kept in flushes:
        check_kept(sale, reached + 1, link, kept)
        reached, link = kept.batch.last, kept.batch.hash
        yield kept
    if (reached, link) != (end.seq, end.hash):
        raise Corrupt(sale, reached, f"the record ends here or has another hash; its end was said to be {end.seq}")


# ---------------------------------------------------------------- the way back
async def restore_to_redis(folder: Path, redis: RedisJournal, only: Sequence[str] = ()) -> list[Copied]:
    """Puts the sales of a backup, or of a data folder that nobody serves, into Redis; nodes may be running on it.

    Each sale appears whole or not at all. Raises `JournalError`, and has changed nothing, where one is there already.
    """
    with nobody_writes(folder):
        source = SqliteJournal.open(folder, readonly=True)
        try:
            sales = _chosen(await source.sales(), only, folder)
            there = sorted(set(sales) & set(await redis.sales()))
            if there:
                raise JournalError(
                    f"Redis has {', '.join(there)} already, and nothing was restored: choose others with --sale, or "
                    "use a Redis that is empty of them"
                )
            # First, so that no sale is there for a moment with a token that was revoked.
            facts = RedisFacts(redis.link)
            for entry in sorted(_revoked_in(folder)):
                await facts.add(REVOKED, entry)
            out = []
            for sale in sales:
                end = await source.end(sale)
                if end.seq:
                    put = await redis.put(sale, checked(sale, source.flushes(sale, end.seq), end))
                    out.append(_copied(sale, put))
            return out
        finally:
            await source.close()


async def restore_to_folder(folder: Path, data: Path) -> list[Copied]:
    """Makes a data folder of a backup. Raises `CannotStart` where that has a journal already."""
    if (data / FILE_NAME).exists():
        raise CannotStart(f"{data} has a journal already: restore into another folder, or move that one away")
    with nobody_writes(folder):
        source = SqliteJournal.open(folder, readonly=True)
        try:
            for sale in await source.sales():
                await source.verify(sale)
            copied, _ = await back_up(source, folder, data)
            return copied
        finally:
            await source.close()


def _chosen(known: Sequence[str], only: Sequence[str], folder: Path) -> list[str]:
    for sale in only:
        if sale not in known:
            raise UsageError(f"there is no sale {sale} in {folder}; there are: {', '.join(known) or 'none'}")
    return [sale for sale in known if not only or sale in only]


def _copied(sale: str, end: End) -> Copied:
    return Copied(sale, end.seq, end.hash.hex(), end.incarnation)


def _revoked_in(folder: Path) -> set[str]:
    with suppress(FileNotFoundError):
        return set((folder / REVOKED_FILE).read_text("utf-8").split())
    return set()


def _revoke_in(folder: Path, entries: set[str]) -> None:
    """Adds to what is revoked there."""
    all_of_them = sorted(entries | _revoked_in(folder))
    if all_of_them:
        (folder / REVOKED_FILE).write_text("".join(f"{entry}\n" for entry in all_of_them), "utf-8")
