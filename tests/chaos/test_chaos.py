"""A whole installation under faults: nodes and Redis servers are killed, paused and cut off while hundreds look on."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.chaos.stage import Stage, Strike
from tests.chaos.told import check_told


async def play(stage: Stage, strikes: list[Strike]) -> dict[str, object]:
    await stage.open()
    try:
        began = time.monotonic()
        for strike in strikes:
            async with asyncio.timeout(120):
                await stage.strike(strike)
        seconds = round(time.monotonic() - began)
        await stage.end()
        return {**await check_told(stage), "strikes": len(strikes), "seconds": seconds}
    finally:
        await stage.close()


async def test_whatever_is_killed_paused_or_cut_off_everybody_was_told_what_the_journal_holds(tmp_path: Path) -> None:
    stage = Stage(tmp_path, consoles=500, quantity=2_000, minutes=2)
    strikes: list[Strike] = ["kill owner", "kill master", "pause owner", "cut owner", "pause master", "cut relays"]
    stage.random.shuffle(strikes)
    figures = await play(stage, strikes)
    print(figures)
    assert figures["answered"] > 100


@pytest.mark.long
async def test_two_hundred_kills_of_nodes_and_redis_servers_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, consoles=500, quantity=60_000, minutes=25)
    kills: list[Strike] = random.Random(stage.seed).choices(
        ["kill owner", "kill node", "kill master", "kill server"], k=200
    )
    figures = await play(stage, kills)
    print(figures)
    assert figures["answered"] > 1_000
