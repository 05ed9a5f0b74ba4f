"""kill -9 at any moment: nothing that was answered is lost, nothing happens twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from coordinator.journal.sqlite import SqliteJournal
from tests.chaos.load import check, under_load, whole
from tests.server import ServerProcess, dropcue


async def kill_under_load(server: ServerProcess, kills: int, quantity: int) -> dict[str, Any]:
    async def strike(_: random.Random) -> None:
        await server.restart()

    load = await under_load(server, strike, kills, quantity)
    await server.kill()
    figures = check(await whole(SqliteJournal.open(server.data, readonly=True), load.sale), load)
    code, out, err = await dropcue("verify", load.sale, "--data", str(server.data))
    assert code == 0, (out, err)
    return figures


async def test_eight_kills_under_load_lose_nothing_and_double_nothing(server: ServerProcess) -> None:
    figures = await kill_under_load(server, 8, 1_000)
    assert figures["answered"] > 100
    assert figures["fired"] > 20


@pytest.mark.long
async def test_fifty_kills_under_load_lose_nothing_and_double_nothing(server: ServerProcess) -> None:
    figures = await kill_under_load(server, 50, 20_000)
    print(figures)
    assert figures["answered"] > 1000
    assert figures["fired"] > 200
