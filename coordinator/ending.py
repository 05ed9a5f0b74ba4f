"""Ends tasks for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:  # Any: whatever they would give
    """Cancels tasks until all of them are over, whatever they end with.

    A cancellation can be lost on its way: a library that is between its question and the answer takes it for a broken
    line, and whoever waits for the task's end waits for ever. So it is given again.
    """
    everything = list(tasks)
    left = {task for task in everything if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
    await asyncio.gather(*everything, return_exceptions=True)
