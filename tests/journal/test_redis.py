"""What a journal in Redis does when its servers sleep, die, forget or were tampered with."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coordinator.errors import CannotStart, Conflict, Corrupt, JournalUnavailable, UsageError
from coordinator.journal import Flush, Journal
from coordinator.journal.redis import RedisJournal, key
from coordinator.journal.redis_leases import RedisBus, RedisLeases
from coordinator.journal.redis_link import Address, RedisLink
from coordinator.leases import Bus, Leases
from tests.contract.journal_suite import SALE, body, flush
from tests.contract.leases_suite import BusContract, LeasesContract, until
from tests.redis_server import RedisServer, free_port, replicated, standalone


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with standalone() as server:
        yield server


@pytest.fixture
def server(shared: RedisServer) -> RedisServer:
    shared.client.flushall()
    return shared


class TestRedisLeases(LeasesContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.url = server.url

    async def open_leases(self) -> tuple[Journal, Leases]:
        journal = await RedisJournal.open(self.url)
        return journal, RedisLeases(journal.link)


class TestRedisBus(BusContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.server = server

    async def open_bus(self) -> Bus:
        return RedisBus(await RedisLink.open(self.server.url))

    async def test_a_line_that_was_cut_is_made_again(self) -> None:
        one, two = await self.open_bus(), await self.open_bus()
        await two.subscribe("a")
        heard = two.messages()
        getting = asyncio.ensure_future(anext(heard))
        self.server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        async def said() -> bool:
            await one.publish("a", b"there again")
            return getting.done()

        await until(said)
        assert await getting == ("a", b"there again")


# ---------------------------------------------------------------- an append and its answer
async def opened(url: str) -> RedisJournal:
    journal = await RedisJournal.open(url)
    await journal.create(SALE)
    return journal


async def test_a_server_that_dies_and_comes_back_has_all_that_was_answered() -> None:
    with standalone() as server:
        journal = await opened(server.url)
        answered, sent = 0, 0
        for _ in range(3):
            work = asyncio.ensure_future(_append_without_end(journal))
            await asyncio.wait([work], timeout=0.3)
            server.kill()
            with pytest.raises(JournalUnavailable) as raised:
                await work
            assert "cannot reach Redis" in str(raised.value)
            server.start()
            answered, sent = journal_answered[journal]
            end = await journal.verify(SALE)
            assert end in (answered, sent), "all that was answered, and at most the one that nobody knows of"
            journal_answered[journal] = (end, end)
        await journal.close()


journal_answered: dict[Journal, tuple[int, int]] = {}


async def _append_without_end(journal: Journal) -> None:
    for _ in itertools.count():
        first = (await journal.end(SALE)).seq + 1
        journal_answered[journal] = (first - 1, first + 2)
        await journal.append(SALE, flush(first, private=True))
        journal_answered[journal] = (first + 2, first + 2)


async def test_hundreds_who_read_at_once_leave_a_connection_for_who_appends(server: RedisServer) -> None:
    # A follower's commands that were sent again were answered from the record, all at once: there were too many
    # connections, and what stood was told `busy`.
    journal = await opened(server.url)
    await journal.append(SALE, flush(1, 9))
    reading = [asyncio.ensure_future(journal.read(SALE, n % 9, 1)) for n in range(500)]
    await journal.append(SALE, flush(10))
    assert [entries[0].seq for entries in await asyncio.gather(*reading)] == [n % 9 + 1 for n in range(500)]
    clients = server.client.info("clients")["connected_clients"]
    assert clients < 100
    await journal.close()


async def test_what_no_replica_has_confirmed_is_not_answered() -> None:
    with replicated() as (master, replica):
        journal = await opened(master.url)
        await journal.append(SALE, flush(1))
        replica.signal(signal.SIGSTOP)
        with pytest.raises(JournalUnavailable, match=r"no replica .* has confirmed"):
            await journal.append(SALE, flush(4))
        replica.signal(signal.SIGCONT)
        # It stands on the master all the same: who reads on finds it there.
        end = (await journal.end(SALE)).seq
        assert end == 6

        async def added() -> bool:
            try:
                await journal.append(SALE, flush((await journal.end(SALE)).seq + 1))
            except JournalUnavailable:
                return False
            return True

        await until(added)
        assert replica.client.xlen(key(SALE, "batches")) == master.client.xlen(key(SALE, "batches"))
        await journal.close()


async def test_a_server_that_wants_replicas_and_has_none_takes_nothing() -> None:
    with standalone() as server:
        journal = await opened(server.url)
        server.client.config_set("min-replicas-to-write", 1)
        with pytest.raises(JournalUnavailable, match="too few replicas"):
            await journal.append(SALE, flush(1))
        assert (await journal.end(SALE)).seq == 0
        server.client.config_set("min-replicas-to-write", 0)
        await journal.append(SALE, flush(1))
        await journal.close()


async def test_a_full_memory_takes_nothing_and_the_journal_goes_on_when_there_is_room(server: RedisServer) -> None:
    journal = await opened(server.url)
    server.client.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(JournalUnavailable, match="no memory left"):
            await journal.append(SALE, Flush(1, [body(1, text="x" * 200_000)]))
    finally:
        server.client.config_set("maxmemory", "0")
    assert await journal.verify(SALE) == 0
    await journal.append(SALE, flush(1))
    await journal.close()


async def test_a_server_that_has_forgotten_the_scripts_is_told_again(server: RedisServer) -> None:
    journal = await opened(server.url)
    await journal.append(SALE, flush(1))
    server.client.script_flush()
    await journal.append(SALE, flush(4))
    assert await journal.verify(SALE) == 6
    await journal.close()


async def test_another_history_at_the_same_number_is_a_conflict(server: RedisServer) -> None:
    journal, other = await opened(server.url), await RedisJournal.open(server.url)
    await journal.append(SALE, flush(1))
    await other.append(SALE, flush(4))
    # As after a failover that lost its end, and another who wrote as much since.
    server.client.hset(key(SALE, "head"), "last", 3)
    with pytest.raises(Conflict):
        await journal.append(SALE, flush(4))
    await journal.close()
    await other.close()


# ---------------------------------------------------------------- changed bytes
def of_batch(field: str, change: Callable[[bytes], bytes]) -> Callable[[RedisServer], None]:
    """Writes the streams anew, with one field of the second batch changed."""

    def damage(server: RedisServer) -> None:
        what = "index" if field == "commands" else "batches"
        name, client = key(SALE, what), server.client
        rows: Any = client.xrange(name)
        client.delete(name)
        for n, (id_, fields) in enumerate(rows):
            name_ = field.encode()
            client.xadd(name, {**fields, name_: change(fields[name_])} if n == 1 else fields, id=id_)

    return damage


def changed(data: bytes) -> bytes:
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


DAMAGE: dict[str, tuple[Callable[[RedisServer], Any], int]] = {
    "body": (of_batch("body", changed), 6),
    "hash": (of_batch("hash", changed), 4),
    "marks": (of_batch("marks", changed), 4),
    "index": (of_batch("commands", lambda data: data.replace(b"c5", b"x5")), 4),
    "first": (of_batch("first", lambda _: b"5"), 4),
    "private": (lambda s: s.client.hset(key(SALE, "private"), 4, b'{"salt":"","text":"x"}'), 4),
    "private gone": (lambda s: s.client.hdel(key(SALE, "private"), 4), 4),
    "private too many": (lambda s: s.client.hset(key(SALE, "private"), 99, b"{}"), 10),
    "erased": (lambda s: s.client.sadd(key(SALE, "erased"), 4), 4),
    "last": (lambda s: s.client.hset(key(SALE, "head"), "last", 8), 7),
    "lost end": (lambda s: s.client.xtrim(key(SALE, "batches"), maxlen=0), 1),
    "lost batch": (lambda s: s.client.xdel(key(SALE, "batches"), "6-0"), 4),
    "end's hash": (lambda s: s.client.hset(key(SALE, "head"), "hash", b"x" * 32), 9),
    "seal": (lambda s: s.client.hset(key(SALE, "head"), "incarnation", "another"), 0),
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_a_changed_byte_is_found_with_its_number(server: RedisServer, what: str) -> None:
    journal = await opened(server.url)
    for first in (1, 4, 7):
        await journal.append(SALE, flush(first, private=True))
    assert await journal.verify(SALE) == 9
    damage, seq = DAMAGE[what]
    damage(server)
    with pytest.raises(Corrupt) as raised:
        await journal.verify(SALE)
    assert raised.value.seq in {seq, *([5, 6] if what in {"index", "marks", "body"} else [])}, raised.value
    await journal.close()


async def test_a_damaged_snapshot_is_passed_over(server: RedisServer) -> None:
    journal = await opened(server.url)
    await journal.append(SALE, flush(1))
    await journal.save_snapshot(SALE, 2, b"two")
    await journal.save_snapshot(SALE, 3, b"three")
    data = server.client.hget(key(SALE, "snapshots"), "3")
    assert isinstance(data, bytes)
    server.client.hset(key(SALE, "snapshots"), "3", data[:-1] + b"x")
    assert await journal.snapshot(SALE) == (2, b"two")
    server.client.hset(key(SALE, "snapshots"), "2", b"\xc1")
    assert await journal.snapshot(SALE) is None
    await journal.close()


async def test_what_is_erased_is_gone_from_the_append_only_file(server: RedisServer) -> None:
    journal = await opened(server.url)
    await journal.append(SALE, flush(1, private=True))
    await journal.erase(SALE, [2])

    async def gone() -> bool:
        files = b""
        for file in (server.folder / "appendonlydir").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the old ones are being removed
                files += file.read_bytes()
        return bool(files) and b"member 2?" not in files

    await until(gone)
    assert await journal.verify(SALE) == 3
    await journal.close()


# ---------------------------------------------------------------- starting
async def test_weak_settings_are_told_in_plain_words() -> None:
    with standalone("--appendfsync", "everysec") as server:
        journal = await RedisJournal.open(server.url)
        assert any("appendfsync always" in w for w in journal.warnings)
        assert any("no replica" in w for w in journal.warnings)
        server.client.config_set("appendonly", "no")
        again = await RedisJournal.open(server.url)
        assert any("Set appendonly yes" in w for w in again.warnings)
        await journal.close()
        await again.close()
    with replicated() as (master, _):
        journal = await RedisJournal.open(master.url)
        assert journal.warnings == []
        await journal.close()


async def test_a_redis_that_is_not_there_is_named_and_its_password_is_not() -> None:
    port = free_port()
    with pytest.raises(CannotStart, match=rf"cannot reach Redis at 127\.0\.0\.1:{port}") as raised:
        await RedisJournal.open(f"redis://:secret@127.0.0.1:{port}")
    assert "secret" not in str(raised.value)


async def test_a_wrong_password_is_said() -> None:
    with standalone() as locked:
        locked.client.config_set("requirepass", "right")
        with pytest.raises(CannotStart, match=re.compile("password", re.IGNORECASE)):
            await RedisJournal.open(f"redis://:wrong@127.0.0.1:{locked.port}")
        journal = await RedisJournal.open(f"redis://:right@127.0.0.1:{locked.port}")
        await journal.create(SALE)
        await journal.close()


@pytest.mark.parametrize("url", ["", "http://x", "redis://", "redis://host:port", "redis://h/x", "unix:///tmp/x"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="redis://host"):
        Address.of(url)


def test_addresses_are_read_with_all_their_parts() -> None:
    assert Address.of("rediss://ann:p%40ss@h1:7000,h2/3") == Address(
        (("h1", 7000), ("h2", 6379)), True, "ann", "p@ss", 3
    )
    assert str(Address.of("redis://:secret@[::1]:7000")) == "::1:7000"


async def test_a_channel_can_be_asked_for_while_no_server_is_there() -> None:
    # A node that had just lost a sale's lease could not listen for who conducts it now, gave up on it, and followed it
    # no more. The line is made again anyway, with all channels.
    link = RedisLink(Address.of(f"redis://127.0.0.1:{free_port()}"))
    bus = RedisBus(link)
    await bus.subscribe("sale:x")
    await bus.close()
    await link.close()
