"""Tasks are ended for sure."""

from __future__ import annotations

import asyncio

from coordinator.ending import end


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    # A node that was told to stop waited for ever: the line to the store had taken the cancellation for its own end.
    swallowed = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end([task])
    assert swallowed.is_set()
    assert task.cancelled()


async def test_what_a_task_ended_with_is_nobody_s_trouble() -> None:
    async def fails() -> None:
        raise ValueError("on its own")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end([task])
    assert task.done()
