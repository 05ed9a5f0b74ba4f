"""One node as it runs for real, without its sockets: registry, gateway and sessions on a way to the store."""

from __future__ import annotations

from collections.abc import Callable

from coordinator import clock
from coordinator.errors import JournalError
from coordinator.gateway import wire
from coordinator.gateway.auth import Tokens
from coordinator.gateway.context import Gateway
from coordinator.gateway.heartbeat import heartbeat
from coordinator.gateway.session import greet
from coordinator.registry import Sale
from coordinator.settings import Settings
from coordinator.shared_registry import SharedRegistry
from tests.simulation.loop import Process
from tests.simulation.network import ServerEnd
from tests.simulation.store import Way

PUBLIC = "https://d.example"


class Node:
    """A node's one start. `ended` is called where it stops, or cannot start."""

    def __init__(self, process: Process, way: Way, boot: int, tokens: Tokens) -> None:
        self.process, self.way = process, way
        self.registry = SharedRegistry(way, way, way, public=PUBLIC, node=f"{process.name}x{boot}")
        self.gateway = Gateway(Settings.model_construct(), self.registry, tokens)
        self.registry.leads_changed = lambda sale: self.gateway.presence.leads_changed(sale, wire.LOST_LEASE)
        self.registry.left = self._left
        self.registry.cut_off = lambda: self._send_away(
            "this node does not reach its store: come back, another one may"
        )

    def _send_away(self, why: str) -> None:
        for session in list(self.gateway.connections):
            session.close(wire.GOING_AWAY, why)

    def _left(self, sale: Sale, why: str) -> None:
        for session in [s for s in self.gateway.connections if s.sale is sale]:
            session.close(wire.GOING_AWAY, why)

    async def start(self, ready: Callable[[], None], ended: Callable[[], None]) -> None:
        try:
            await self.registry.start()
        except JournalError:
            ended()
            return
        self.process.start(heartbeat(self.gateway))
        ready()

    async def stop(self, ended: Callable[[], None]) -> None:
        """As at SIGTERM."""
        self._send_away("the service is restarting: come back in a moment")
        self.gateway.presence.close()
        await self.registry.close()
        ended()

    def take(self, line: ServerEnd) -> None:
        """A new line."""
        self.process.start(self._serve(line))

    async def _serve(self, line: ServerEnd) -> None:
        text = await line.receive()
        session = None if text is None else await greet(self.gateway, line, text)
        try:
            while session is not None and (text := await line.receive()) is not None:
                session.heard = clock.monotonic()
                if text:
                    session.take(text)
            await line.over()
        finally:
            if session is not None:
                session.ended()
