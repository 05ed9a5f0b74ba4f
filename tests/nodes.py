"""Several nodes on one Redis, each a process of its own: clients come to any of them that is up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coordinator.errors import JournalUnavailable
from coordinator.journal.redis import RedisJournal, key
from coordinator.journal.redis_link import RedisLink
from coordinator.leases import node_of
from tests.client import PATIENCE_S, Client
from tests.server import Room, ServerProcess


class Nodes(Room):
    def __init__(self, folder: Path, redis: str, count: int = 3, *, ways: Sequence[str] = ()) -> None:
        """`ways` are the addresses of Redis as each node has it, where they are others than the test's."""
        super().__init__()
        self.redis = redis
        self.nodes = [
            ServerProcess(folder / f"n{n}", env={"DROPCUE_REDIS": way}) for n, way in enumerate(ways or [redis] * count)
        ]
        self.up = list(self.nodes)
        self._link: RedisLink | None = None

    @property
    def url(self) -> str:  # type: ignore[override]  # another one each time it is asked for
        return random.choice(self.up).url

    async def start(self) -> None:
        """All of them, or none: what was started is ended where another one does not start."""
        try:
            for node in self.nodes:
                await node.start()
        except BaseException:
            for node in self.nodes:
                await node.gone()
            raise

    async def stop(self) -> None:
        await self.leave()
        if self._link is not None:
            await self._link.close()
        for node in self.nodes:
            node.signal(signal.SIGCONT)
            await node.kill()

    async def restart(self, node: ServerProcess) -> None:
        """kill -9; clients go to the others until it is up again."""
        self.up.remove(node)
        await node.kill()
        await node.start()
        self.up.append(node)

    async def owner(self, sale: str) -> ServerProcess:
        """The node that conducts a sale, as the lease says and it has said itself."""
        if self._link is None:
            self._link = await RedisLink.open(self.redis)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                token = None
                with contextlib.suppress(JournalUnavailable):  # it is asked again
                    token = await self._link.ask(key(sale, "owner"), "GET", key(sale, "owner"))
                name = node_of(token.decode()) if token else ""
                for node in self.nodes:
                    if name and any(f'"node": "{name}"' in line for line in node.log):
                        return node
                await asyncio.sleep(0.02)  # between two owners, or before its log was read: nothing tells of it

    def other(self, node: ServerProcess) -> ServerProcess:
        return next(n for n in self.up if n is not node)

    async def at(
        self, node: ServerProcess, sale: str, role: str = "controller", person: str = "li", **more: Any
    ) -> Client:
        """Joins at this node."""
        client = await node.join(sale, role, person, **more)
        self.clients.append(client)
        return client

    async def journal(self) -> RedisJournal:
        return await RedisJournal.open(self.redis, readonly=True)
