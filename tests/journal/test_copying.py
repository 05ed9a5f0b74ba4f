"""Backup and the way back: whole sales from one journal to another, byte for byte, while nodes write."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coordinator.errors import CannotStart, Corrupt, JournalError, Newer, UsageError
from coordinator.journal import Flush, Journal
from coordinator.journal.base import SaleExists
from coordinator.journal.chain import Kept
from coordinator.journal.copying import back_up, checked, restore_to_folder, restore_to_redis
from coordinator.journal.redis import RedisJournal, key
from coordinator.journal.redis_leases import RedisFacts
from coordinator.journal.sqlite import SqliteJournal
from coordinator.leases import REVOKED
from tests.contract.journal_suite import SALE, flush
from tests.redis_server import RedisCluster, RedisServer, standalone
from tests.server import dropcue

OTHER = "{other} 场%"


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with standalone() as server:
        yield server


@pytest.fixture
async def redis(shared: RedisServer) -> AsyncIterator[RedisJournal]:
    shared.client.flushall()
    journal = await RedisJournal.open(shared.url)
    yield journal
    await journal.close()


async def fill(journal: Journal, *sales: str) -> None:
    """Flushes of many sizes, with commands and private parts, some of which are erased."""
    for sale in sales:
        await journal.create(sale)
        first = 1
        for events in (1, 7, 2, 300, 1, 12):
            await journal.append(sale, flush(first, events, private=True))
            first += events
        await journal.erase(sale, [2, 4, 200])


async def everything(journal: Journal, sale: str) -> object:
    end = await journal.end(sale)
    return end.seq, end.hash, await journal.read(sale, 0, end.seq), [c async for c in journal.commands(sale)]


async def test_a_backup_of_redis_is_a_data_folder_with_the_same_bytes(redis: RedisJournal, tmp_path: Path) -> None:
    await fill(redis, SALE, OTHER)
    await redis.create("never finished")
    await RedisFacts(redis.link).add(REVOKED, "*:abc")
    copied, left_out = await back_up(redis, tmp_path / "nothing", tmp_path / "kept")
    assert not left_out
    assert [c.sale for c in copied] == [SALE, OTHER]
    kept = SqliteJournal.open(tmp_path / "kept")
    for sale in (SALE, OTHER):
        assert await everything(kept, sale) == await everything(redis, sale)
        assert await kept.verify(sale) == 323
        assert (await kept.end(sale)).incarnation != (await redis.end(sale)).incarnation
        await kept.append(sale, flush(324))
    await kept.close()
    assert (tmp_path / "kept" / "revoked.txt").read_text() == "*:abc\n"
    assert (tmp_path / "kept" / "journal.sqlite").stat().st_mode & 0o077 == 0


async def test_a_backup_that_is_made_under_load_is_a_prefix_that_verifies(redis: RedisJournal, tmp_path: Path) -> None:
    await redis.create(SALE)
    await redis.append(SALE, flush(1, 3, private=True))

    async def load() -> None:
        first = 4
        while True:
            await redis.append(SALE, flush(first, 5, private=True))
            await redis.erase(SALE, [first + 1])
            first += 5

    loading = asyncio.create_task(load())
    ends = []
    for n in range(8):
        reader = await RedisJournal.open(f"redis://{redis.link.address}", readonly=True)
        await back_up(reader, tmp_path, tmp_path / str(n))
        await reader.close()
        while (await redis.end(SALE)).seq < 3 + 50 * (n + 1):
            await asyncio.sleep(0)
    loading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loading
    whole = [entry.body for entry in await redis.read(SALE, 0, 1_000_000)]
    for n in range(8):
        kept = SqliteJournal.open(tmp_path / str(n), readonly=True)
        end = await kept.verify(SALE)
        assert [entry.body for entry in await kept.read(SALE, 0, 1_000_000)] == whole[:end]
        ends.append(end)
        await kept.close()
    assert ends == sorted(ends)
    assert len(set(ends)) > 1, "nothing was written meanwhile"


async def test_a_sale_that_goes_to_redis_and_back_is_the_same(redis: RedisJournal, tmp_path: Path) -> None:
    first = SqliteJournal.open(tmp_path / "a")
    await fill(first, SALE, OTHER)
    before = [await everything(first, sale) for sale in (SALE, OTHER)]
    incarnations = {(await first.end(SALE)).incarnation}
    await first.close()
    (tmp_path / "a" / "revoked.txt").write_text("*:one\ns:two\n")
    await RedisFacts(redis.link).add(REVOKED, "*:there")
    put = await restore_to_redis(tmp_path / "a", redis)
    assert [(c.sale, c.events) for c in put] == [(SALE, 323), (OTHER, 323)]
    assert [await everything(redis, sale) for sale in (SALE, OTHER)] == before
    assert await redis.verify(SALE) == await redis.verify(OTHER) == 323
    assert await redis.sales() == [SALE, OTHER]
    assert await RedisFacts(redis.link).members(REVOKED) == {"*:one", "s:two", "*:there"}
    incarnations.add((await redis.end(SALE)).incarnation)
    await redis.append(SALE, flush(324))
    await back_up(redis, tmp_path, tmp_path / "b")
    await restore_to_folder(tmp_path / "b", tmp_path / "c")
    last = SqliteJournal.open(tmp_path / "c")
    assert await everything(last, OTHER) == before[1]
    assert await everything(last, SALE) == await everything(redis, SALE)
    incarnations.add((await last.end(SALE)).incarnation)
    assert len(incarnations) == 3
    await last.close()
    assert (tmp_path / "c" / "revoked.txt").read_text().split() == ["*:one", "*:there", "s:two"]


async def test_what_is_there_already_is_not_touched(redis: RedisJournal, tmp_path: Path) -> None:
    await fill(redis, SALE, OTHER)
    await back_up(redis, tmp_path, tmp_path / "kept")
    await redis.append(SALE, flush(324))
    with pytest.raises(JournalError, match=f"{SALE} already.*--sale"):
        await restore_to_redis(tmp_path / "kept", redis, [SALE])
    with pytest.raises(UsageError, match="there is no sale kitchen"):
        await restore_to_redis(tmp_path / "kept", redis, ["kitchen"])
    with pytest.raises(CannotStart, match="has a journal already"):
        await restore_to_folder(tmp_path / "kept", tmp_path / "kept")
    with pytest.raises(CannotStart, match="folder of its own"):
        await back_up(redis, tmp_path, tmp_path / "kept")
    assert await redis.verify(SALE) == 326
    assert await redis.sales() == [SALE, OTHER]


async def test_one_sale_of_a_backup_can_be_put_back(shared: RedisServer, redis: RedisJournal, tmp_path: Path) -> None:
    await fill(redis, SALE, OTHER)
    await back_up(redis, tmp_path, tmp_path / "kept")
    before = await everything(redis, OTHER)
    shared.client.flushall()
    await restore_to_redis(tmp_path / "kept", redis, [OTHER])
    assert await redis.sales() == [OTHER]
    assert await everything(redis, OTHER) == before


async def test_a_restore_that_breaks_off_leaves_no_sale_and_can_be_done_again(
    redis: RedisJournal, tmp_path: Path
) -> None:
    source = SqliteJournal.open(tmp_path)
    await fill(source, SALE)
    end = await source.end(SALE)

    async def breaking() -> AsyncIterator[Kept]:
        n = 0
        async for kept in source.flushes(SALE, end.seq):
            n += 1
            if n == 4:
                raise OSError("the plug")
            yield kept

    with pytest.raises(OSError, match="the plug"):
        await redis.put(SALE, breaking())
    assert await redis.sales() == []
    with pytest.raises(JournalError, match="no sale"):
        await redis.end(SALE)
    await redis.put(SALE, checked(SALE, source.flushes(SALE, end.seq), end))
    assert await everything(redis, SALE) == await everything(source, SALE)
    # The last step of all was lost: it is there, but not in the list.
    await redis.link.ask("dropcue:sales", "DEL", "dropcue:sales")
    incarnation = (await redis.end(SALE)).incarnation
    again = await redis.put(SALE, source.flushes(SALE, end.seq))
    assert (again.incarnation, await redis.sales()) == (incarnation, [SALE])
    with pytest.raises(SaleExists):
        await redis.put(SALE, source.flushes(SALE, end.seq))
    assert not await redis.link.ask(key(SALE, "head"), "KEYS", "*restoring*")
    await source.close()


async def test_a_folder_that_is_in_use_is_backed_up_and_not_taken(redis: RedisJournal, tmp_path: Path) -> None:
    source = SqliteJournal.open(tmp_path / "a")
    await fill(source, SALE)
    for restoring in (restore_to_redis(tmp_path / "a", redis), restore_to_folder(tmp_path / "a", tmp_path / "b")):
        with pytest.raises(CannotStart, match=r"a process writes to .*dropcue backup"):
            await restoring
    await source.close()
    await restore_to_redis(tmp_path / "a", redis)


async def test_a_sale_that_was_changed_is_left_out_and_the_others_are_copied(
    shared: RedisServer, redis: RedisJournal, tmp_path: Path
) -> None:
    await fill(redis, SALE, OTHER, "newer")
    rows = shared.client.xrange(key(SALE, "batches"))
    rows[1][1][b"body"] = rows[1][1][b"body"].replace(b":", b";", 1)
    shared.client.delete(key(SALE, "batches"))
    for id_, fields in rows:
        shared.client.xadd(key(SALE, "batches"), fields, id=id_)
    shared.client.hset(key("newer", "head"), "format", "2")
    copied, left_out = await back_up(redis, tmp_path, tmp_path / "kept")
    assert [c.sale for c in copied] == [OTHER]
    assert [type(e) for e in left_out] == [Newer, Corrupt]
    kept = SqliteJournal.open(tmp_path / "kept")
    assert await everything(kept, OTHER) == await everything(redis, OTHER)
    assert await kept.verify(OTHER) == 323
    await kept.close()
    code, _, err = await dropcue("backup", str(tmp_path / "again"), "--redis", shared.url)
    assert code == 1
    assert f"sale {SALE}, number 2" in err
    assert "holds the other sales" in err


async def test_what_was_changed_in_a_backup_is_not_put_back(
    shared: RedisServer, redis: RedisJournal, tmp_path: Path
) -> None:
    await fill(redis, SALE)
    await back_up(redis, tmp_path, tmp_path / "kept")
    connection = sqlite3.connect(tmp_path / "kept" / "journal.sqlite")
    connection.execute("UPDATE private SET part = x'00' WHERE seq = 6")
    connection.commit()
    connection.close()
    shared.client.flushall()
    with pytest.raises(Corrupt) as raised:
        await restore_to_redis(tmp_path / "kept", redis)
    assert raised.value.seq == 6
    assert await redis.sales() == []
    with pytest.raises(Corrupt):
        await restore_to_folder(tmp_path / "kept", tmp_path / "third")
    assert not (tmp_path / "third").exists()


async def test_a_backup_that_cannot_be_written_says_where(redis: RedisJournal, tmp_path: Path) -> None:
    await redis.create(SALE)
    await redis.append(SALE, Flush(1, [b'{"seq":1}']))
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match=r"no backup was made: .*file"):
        await back_up(redis, tmp_path, tmp_path / "file" / "kept")


@pytest.mark.xdist_group("redis cluster")
async def test_a_cluster_is_backed_up_whole_and_put_back_over_its_masters(tmp_path: Path) -> None:
    cluster = RedisCluster()
    try:
        sales = [f"sale-{n}" for n in range(6)]
        journal = await RedisJournal.open(cluster.url)
        await fill(journal, *sales)
        assert len({cluster.master_of(key(sale, "head")).port for sale in sales}) > 1
        before = [await everything(journal, sale) for sale in sales]
        await back_up(journal, tmp_path, tmp_path / "kept")
        cluster.clear()
        await restore_to_redis(tmp_path / "kept", journal)
        assert [await everything(journal, sale) for sale in sales] == before
        assert [await journal.verify(sale) for sale in sales] == [323] * 6
        assert await journal.sales() == sales
        await journal.close()
    finally:
        cluster.close()
