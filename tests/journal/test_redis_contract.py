"""The journal in Redis keeps the contract of every journal, on one server and on a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coordinator.journal.redis import RedisJournal
from tests.contract.journal_suite import JournalContract
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
