"""Connections that are opened ahead, over all credentials together."""

from __future__ import annotations

import asyncio

from roles.relay.adapters.warming import MOST_OF_ONE, MOST_TOGETHER, opening


async def test_hundreds_of_credentials_open_theirs_a_few_at_a_time_and_in_turn() -> None:
    now, most, order = 0, 0, []

    async def warm(name: int, count: int) -> None:
        nonlocal now, most
        async with opening(count):
            order.append(name)
            now += count
            most = max(most, now)
            try:
                await asyncio.sleep(0)
            finally:
                now -= count

    wants = [1, MOST_OF_ONE, 7, MOST_OF_ONE, 3] * 100
    given_up = asyncio.create_task(warm(-1, MOST_OF_ONE))
    tasks = [asyncio.create_task(warm(n, count)) for n, count in enumerate(wants)]
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(*tasks)
    assert most <= MOST_TOGETHER
    assert [n for n in order if n >= 0] == list(range(len(wants)))
    async with asyncio.timeout(5), opening(MOST_OF_ONE), opening(MOST_OF_ONE):
        pass  # what was given up has given back its turn
