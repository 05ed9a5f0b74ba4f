"""What a node says to the others over the bus: in the order in which it was said, and within bounds."""

from __future__ import annotations

import asyncio
from collections import deque

from coordinator import nodes
from coordinator.leases import Bus

OUTGOING = 10_000  # messages that may wait for the bus; of more the oldest are lost, and asked for again
OUTGOING_BYTES = 64 << 20  # of them
SAID_TOGETHER = 256  # messages that go to the bus at once


class Speaker:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.outgoing: deque[tuple[str, bytes]] = deque()
        """(channel, message) of what is still to be said."""
        self.bytes = 0
        self._speak = asyncio.Event()

    def say(self, channel: str, message: nodes.Message) -> None:
        data = nodes.encode(message)
        self.outgoing.append((channel, data))
        self.bytes += len(data)
        while len(self.outgoing) > OUTGOING or self.bytes > OUTGOING_BYTES:
            self.bytes -= len(self.outgoing.popleft()[1])
        self._speak.set()

    async def run(self) -> None:
        """One after the other, so that what was said first is heard first."""
        while True:
            await self._speak.wait()
            self._speak.clear()
            while self.outgoing:
                # Together: a server that brings each change to its disk answers after that, to whoever asks.
                together = [self.outgoing.popleft() for _ in range(min(len(self.outgoing), SAID_TOGETHER))]
                self.bytes -= sum(len(data) for _, data in together)
                await self._bus.publish_all(together)
