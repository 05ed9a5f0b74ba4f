"""The relay's own record."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from coordinator.errors import CannotStart
from roles.relay.errors import DiskFailed
from roles.relay.sending.log import Report, Sending, SendLog


def sending(n: int, sale: str = "s1") -> Sending:
    return Sending(sale, f"d{n}", 1, "bot")


async def test_what_was_begun_and_has_no_end_becomes_unknown_once(tmp_path):
    first = SendLog(tmp_path)
    await first.begin([sending(1), sending(2), sending(3, "another sale")])
    await first.finish("s1", Report.make("d2", 1, {"outcome": "sent", "sent_at": 5}))
    await first.close()
    for _ in range(2):
        second = SendLog(tmp_path)
        await second.recover("s1", "why")
        untold = await second.unacknowledged("s1")
        assert [r.id for r in untold] == ["d2:1:sent", "d1:1:unknown"]
        assert untold[0].body["sent_at"] == 5
        await second.close()


async def test_what_was_acknowledged_is_not_told_again(tmp_path):
    store = SendLog(tmp_path)
    await store.begin([sending(1)])
    await store.finish("s1", Report.make("d1", 1, {"outcome": "sent"}))
    await store.acknowledge("s1", ["d1:1:sent"])
    assert await store.unacknowledged("s1") == []
    known = (await store.known("s1"))["d1"]
    assert (known.outcome, known.acknowledged) == ("sent", True)
    await store.close()


async def test_what_was_undone_was_never_begun(tmp_path):
    store = SendLog(tmp_path)
    await store.begin([sending(1)])
    await store.undo([sending(1)])
    await store.recover("s1", "why")
    assert await store.unacknowledged("s1") == []
    assert await store.used("bot", 60) == []
    await store.close()


async def test_the_rate_log_counts_what_has_no_end_as_just_sent(tmp_path):
    store = SendLog(tmp_path)
    await store.begin([sending(1), sending(2, "s2")])
    await store.finish("s1", Report.make("d1", 1, {"outcome": "unknown"}))
    ages = await store.used("bot", 60)
    assert len(ages) == 2
    assert all(0 <= age < 60 for age in ages)
    await store.close()


async def test_writes_that_come_together_share_commits(tmp_path):
    store = SendLog(tmp_path)
    commits = []
    commit = store._disk._commit
    store._disk._commit = lambda statements: (commits.append(len(statements)), commit(statements))[1]
    await asyncio.gather(*(store.begin([sending(n)]) for n in range(100)))
    assert sum(commits) == 100
    assert len(commits) == 1
    await store.close()


async def test_a_disk_that_does_not_take_it_says_so(tmp_path):
    store = SendLog(tmp_path)

    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    store._disk._commit = full
    with pytest.raises(DiskFailed, match="disk is full"):
        await store.begin([sending(1)])
    await store.close()


async def test_a_file_that_is_no_record_is_named(tmp_path):
    (tmp_path / "relay.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(CannotStart, match=r"relay\.sqlite"):
        SendLog(tmp_path)


async def test_its_file_is_flushed_at_each_commit(tmp_path):
    store = SendLog(tmp_path)
    assert store._disk._db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert store._disk._db.execute("pragma synchronous").fetchone() == (2,)
    await store.close()


async def test_a_folder_of_another_version_is_told_with_what_to_do(tmp_path):
    store = SendLog(tmp_path)
    await store.close()
    with sqlite3.connect(tmp_path / "relay.sqlite") as db:
        db.execute("alter table sendings drop column places")
    db.close()
    with pytest.raises(CannotStart) as error:
        SendLog(tmp_path)
    said = str(error.value)
    assert f"{tmp_path / 'relay.sqlite'} was written by another version of the relay: it has no sendings.places" in said
    assert "give `data` an empty folder" in said
    with sqlite3.connect(tmp_path / "relay.sqlite") as db:
        db.execute("alter table sendings add column places integer not null default 1")
    db.close()
    await SendLog(tmp_path).close()  # the lock is free
