"""What a node does again and again with a store that may hang or be away."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.errors import JournalUnavailable
from coordinator.upkeep import Upkeep


async def test_what_hangs_is_begun_once_and_holds_up_nothing_else() -> None:
    upkeep, begun, gate = Upkeep(), [], asyncio.Event()

    async def hangs() -> None:
        begun.append("hangs")
        await gate.wait()

    async def quick() -> None:
        begun.append("quick")

    for _ in range(3):
        upkeep.alone("hangs", hangs)
        upkeep.alone("quick", quick)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert begun.count("hangs") == 1
    assert begun.count("quick") == 3
    gate.set()
    await upkeep.under_way["hangs"]
    assert not upkeep.under_way


async def test_how_long_the_store_is_silent_counts_from_its_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("coordinator.clock.monotonic", lambda: now[0])
    upkeep = Upkeep()

    async def away() -> None:
        raise JournalUnavailable("no line")

    async def there() -> None:
        pass

    now[0] = 103.0
    await upkeep.tried("looks", away)
    assert upkeep.silent_for() == 3.0
    await upkeep.tried("looks", there)
    assert upkeep.silent_for() == 0.0


async def test_a_node_that_stood_still_itself_does_not_blame_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that woke from a pause of its process sent all its consoles away before it had asked whether the store was there."""
    now = [100.0]
    monkeypatch.setattr("coordinator.clock.monotonic", lambda: now[0])
    upkeep = Upkeep()
    now[0] = 105.2
    upkeep.stood_still(5.0)
    assert upkeep.silent_for() == pytest.approx(0.2)
    upkeep.answered()
    upkeep.stood_still(5.0)  # the answer was read first
    assert upkeep.silent_for() == 0.0
