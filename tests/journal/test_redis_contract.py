"""Journal, leases and bus in Redis keep the contract of their kind, on one server and on a cluster."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from coordinator.journal import Journal
from coordinator.journal.redis import RedisJournal
from coordinator.journal.redis_leases import RedisBus, RedisLeases
from coordinator.journal.redis_link import RedisLink, _slots
from coordinator.leases import Bus, Leases
from tests.contract.journal_suite import JournalContract
from tests.contract.leases_suite import BusContract, LeasesContract, until
from tests.redis_server import RedisCluster, RedisServer, standalone


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with standalone() as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    cluster = RedisCluster()
    try:
        yield cluster
    finally:
        cluster.close()


class TestRedisJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _empty(self, server: RedisServer) -> None:
        server.client.flushall()
        self.url = server.url

    async def open_journal(self) -> RedisJournal:
        return await RedisJournal.open(self.url)


@pytest.mark.xdist_group("redis cluster")
class TestRedisClusterJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _empty(self, cluster: RedisCluster) -> None:
        cluster.clear()
        self.url = cluster.url

    async def open_journal(self) -> RedisJournal:
        return await RedisJournal.open(self.url)


@pytest.mark.xdist_group("redis cluster")
class TestRedisClusterLeases(LeasesContract):
    @pytest.fixture(autouse=True)
    def _empty(self, cluster: RedisCluster) -> None:
        cluster.clear()
        self.url = cluster.url

    async def open_leases(self) -> tuple[Journal, Leases]:
        journal = await RedisJournal.open(self.url)
        return journal, RedisLeases(journal.link)


@pytest.mark.xdist_group("redis cluster")
class TestRedisClusterBus(BusContract):
    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RedisCluster) -> None:
        self.cluster = cluster

    async def open_bus(self) -> Bus:
        return RedisBus(await RedisLink.open(self.cluster.url))

    async def test_a_server_that_hangs_holds_up_neither_who_speaks_nor_who_listens(self) -> None:
        # It closes nothing: the line to it was listened to for ever, and each message waited for it first.
        one, two = await self.open_bus(), await self.open_bus()
        await two.subscribe("a")
        heard = two.messages()
        for server in self.cluster.masters():
            word = b"still here: %d" % server.port
            listening = asyncio.ensure_future(_until_heard(heard, word))
            server.signal(signal.SIGSTOP)
            try:

                async def said(word: bytes = word, listening: asyncio.Future[None] = listening) -> bool:
                    await one.publish("a", word)
                    return listening.done()

                await until(said)
                await listening
            finally:
                server.signal(signal.SIGCONT)
            await asyncio.to_thread(self.cluster.until_well)
        await one.close()
        await two.close()


async def _until_heard(heard: AsyncIterator[tuple[str, bytes]], word: bytes) -> None:
    while await anext(heard) != ("a", word):
        pass


def test_a_cluster_that_names_no_endpoints_is_asked_where_it_was_asked_before() -> None:
    def row(endpoint: bytes) -> list[object]:
        node = [
            b"id",
            b"x",
            b"port",
            7000,
            b"ip",
            b"10.0.0.1",
            b"endpoint",
            endpoint,
            b"role",
            b"master",
            b"health",
            b"online",
        ]
        return [b"slots", [0, 16383], b"nodes", [node]]

    assert _slots([row(b"")], "redis.example") == [(0, 16383, ("redis.example", 7000))]
    assert _slots([row(b"?")], "redis.example") == [(0, 16383, ("redis.example", 7000))]
    assert _slots([row(b"10.0.0.1")], "redis.example") == [(0, 16383, ("10.0.0.1", 7000))]
