"""What a person does with a message that was handed to them, as the platform tells it later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from roles.relay.adapters.base import Adapter, Outcome, Routes
from roles.relay.sending.outbox import ANSWER_WITHIN_S, Outbox

log = structlog.get_logger("relay")

Became = Callable[[str, int, Outcome], Awaitable[None]]


async def follow(
    outbox: Outbox,
    routes: Routes,
    group_of: Callable[[str], str | None],
    became: Became,
    every_s: float,
    answer_within_s: float = ANSWER_WITHIN_S,
) -> None:
    """Asks the platforms that can tell, until it is cancelled; what they say is reported."""
    if not any(type(adapter).follow is not Adapter.follow for adapter in routes.adapters.values()):
        return
    while True:
        await asyncio.sleep(every_s)
        for delivery, attempt, platform_id in outbox.awaiting():
            group = group_of(delivery)
            route = routes.to(group) if group is not None else None
            if route is None or type(route.adapter).follow is Adapter.follow:
                continue
            try:
                async with asyncio.timeout(answer_within_s):  # one that never answers must not keep the others waiting
                    outcome = await route.adapter.follow(route.group, platform_id)
            except Exception as error:  # the text can quote an address with its key
                log.warning("what became of a message cannot be asked", delivery=delivery, why=type(error).__name__)
                continue
            if isinstance(outcome, Outcome):
                await became(delivery, attempt, outcome)
