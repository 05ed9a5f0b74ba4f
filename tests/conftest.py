"""What all tests share: hypothesis profiles, and a control room to talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.nodes import Nodes
from tests.redis_server import RedisServer, standalone
from tests.server import InProcess, ServerProcess
from tests.small_disk import small_disk as small_disk  # noqa: PLC0414 - a fixture for all

# Two busy cores say nothing about a product: examples have no deadline, slow data is no fault.
settings.register_profile(
    "dropcue", deadline=None, derandomize=False, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dropcue")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[InProcess]:
    """A control room in this process, on a free port; its clients are closed with it."""
    room = InProcess(tmp_path / "data")
    await room.start()
    yield room
    await room.stop()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A control room in a process of its own, that can be killed and started again on its data and port."""
    server = ServerProcess(tmp_path / "data")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    with standalone() as redis:
        yield redis


@pytest.fixture
async def nodes(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Nodes]:
    """Two nodes that share it."""
    nodes = Nodes(tmp_path, redis.url, 2)
    await nodes.start()
    try:
        yield nodes
    finally:
        await nodes.stop()
