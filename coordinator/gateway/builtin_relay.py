"""The built-in console relay of rehearsals: it serves all their groups, over the same websocket as any relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from coordinator import clock as clocks
from coordinator.gateway.auth import in_days
from coordinator.registry import Sale
from roles.relay.adapters.base import Routes
from roles.relay.adapters.console import ConsoleAdapter, ConsoleCredential
from roles.relay.agent import Agent
from roles.relay.wire.saletime import SaleClock

if TYPE_CHECKING:
    from coordinator.gateway.context import Gateway

log = structlog.get_logger(__name__)

NAME = "console"
LOOK_AGAIN_SECONDS = 0.001  # a rehearsal's clock that stands still is looked at again, not spun on
Heard = Callable[[str, Any], None]
"""(group, content): what a group would see."""


class SharedTime(SaleClock):
    """The rehearsal's own clock. A guess from round trips would run on while that one waits for its relay."""

    def __init__(self, sale: Sale) -> None:
        super().__init__()
        self._sale = sale

    def now(self) -> int:
        return self._sale.conductor.clock.now()

    def at(self, local: float) -> int:
        ahead = (local - clocks.monotonic()) * 1000 * (self._sale.conductor.clock.speed or 1.0)
        return self.now() + round(ahead)

    def seconds_until(self, sale_ms: float) -> float:
        clock = self._sale.conductor.clock
        return 0.0 if clock.now() >= sale_ms else max(LOOK_AGAIN_SECONDS, clock.delay(int(sale_ms)))


class BuiltinRelays:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.agents: dict[str, Agent] = {}
        self.heard: dict[str, Heard] = {}

    def serve(self, sale: Sale) -> None:
        """Starts the relay of a rehearsal; nothing for the real thing."""
        state = sale.conductor.state
        if state.rehearsal is None or state.the.status == "closed" or sale.id in self._tasks:
            return
        # Time stands still until the relay is there to bring what is due.
        sale.conductor.clock.hold("relay", sale.conductor.clock.now())
        token, _ = self._gateway.tokens.make("relay", NAME, sale=sale.id, expires=in_days(400))
        settings = self._gateway.settings
        host = settings.host if settings.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - a comparison
        adapter = ConsoleAdapter(
            "builtin", ConsoleCredential(platform="console", silent=True), None, heard=self._hear(sale.id)
        )
        agent = Agent(
            f"http://{host}:{settings.port}", token, Routes({}, adapter), everything=True, clock=SharedTime(sale),
            record=NAME,  # after a restart a rehearsal goes on as if this one knew what was sent: no group has it
        )  # fmt: skip
        self.agents[sale.id] = agent
        self._tasks[sale.id] = asyncio.create_task(self._run(sale, agent), name=f"relay of {sale.id}")

    def _hear(self, sale: str) -> Heard:
        def heard(group: str, content: Any) -> None:
            listener = self.heard.get(sale)
            if listener is not None:
                listener(group, content)

        return heard

    async def _run(self, sale: Sale, agent: Agent) -> None:
        async def release() -> None:
            await agent.connected.wait()
            sale.conductor.clock.release("relay")
            sale.conductor.wake()

        releasing = asyncio.create_task(release())
        try:
            await agent.run()
        except Exception:  # whatever ends it, the rehearsal goes on without it
            log.exception("the built-in relay ended", sale=sale.id)
        finally:
            releasing.cancel()
            sale.conductor.clock.release("relay")

    async def close(self) -> None:
        for agent in self.agents.values():
            agent.stop()
        for task in self._tasks.values():
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(3):
                    await task
