"""The beat of all connections, from one task: a timer each would be thousands."""

from __future__ import annotations

import asyncio

from coordinator import clock
from coordinator.gateway.context import Gateway

BEAT_SECONDS = 1.0
NAP_SECONDS = 0.25  # a beat that is later than this tells that the service itself stood still
SLICE_SECONDS = 0.001  # a thousand pings are a thousand system calls: cues must not wait for them


async def heartbeat(gateway: Gateway) -> None:
    """Pings, and closes what has not answered. The time in which the service itself stood still is nobody's silence."""
    last = clock.monotonic()
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        now = clock.monotonic()
        nap, last = now - last - BEAT_SECONDS, now
        if nap > NAP_SECONDS:
            # What was said meanwhile is still to be read.
            for connection in gateway.connections:
                connection.heard = min(now, connection.heard + nap)
        started = clock.perf()
        for connection in list(gateway.connections):
            connection.beat(now)
            if clock.perf() - started > SLICE_SECONDS:
                await asyncio.sleep(0)
                started = clock.perf()
