"""The journal that is meant: the file in a data folder, or a Redis that nodes share."""

from __future__ import annotations

from pathlib import Path

from coordinator.journal.base import Journal


async def open_journal(data: Path, redis: str | None, *, readonly: bool = False) -> Journal:
    """Opens it. Raises `CannotStart`; for a file also where another process writes it, unless `readonly`."""
    if redis is not None:
        from coordinator.journal.redis import RedisJournal

        return await RedisJournal.open(redis, readonly=readonly)
    from coordinator.journal.sqlite import SqliteJournal

    return SqliteJournal.open(data, readonly=readonly)
