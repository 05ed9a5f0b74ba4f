"""The relay's own HTTP server, where others hand in what they saw; and all of receiving, for as long as a relay runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import web

from coordinator.errors import CannotStart
from coordinator.problem import Problem, as_it_is, problems
from roles.relay.agent import Agent
from roles.relay.errors import DiskFailed
from roles.relay.receiving import carrying
from roles.relay.receiving.inbox import Inbox
from roles.relay.receiving.inlet import Inlet
from roles.relay.receiving.intake import AGAIN_MS, Intake
from roles.relay.receiving.reading import Reader
from roles.relay.receiving.settings import InletSettings, ReceivingSettings, Staff

log = structlog.get_logger("relay")

MAX_BODY = 1024 * 1024
DISK_AGAIN_S = 5.0
STOP_WITHIN_S = 2.0  # for bodies that are just being taken


class Source(Protocol):
    """A platform that a relay also listens to."""

    def add_to(self, app: web.Application) -> None:
        """Adds what the platform calls, where it calls."""

    async def run(self) -> None:
        """Listens until it is cancelled; returns where it only waits to be called."""


@web.middleware
async def kept(
    request: web.Request, handler: Any
) -> web.StreamResponse:  # Any: aiohttp's own type of handlers is private
    """What cannot be kept is not answered as if it were."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except DiskFailed as e:
        log.error("what was seen cannot be kept", why=e.reason)
        why = "the relay cannot keep it: its disk does not take it; send it again later"
        raise Problem(503, "busy", why, {"retry_ms": AGAIN_MS}) from None


class Receiving:
    """What groups say and do, from all sources, to the coordinator of `agent`. `run` until it is cancelled."""

    def __init__(
        self,
        agent: Agent,
        *,
        coordinator: str,
        token: str,
        data: Path | None,
        groups: frozenset[str],
        settings: ReceivingSettings | None = None,
        staff: Staff | None = None,
        inlet: InletSettings | None = None,
    ) -> None:
        self._agent, self._coordinator, self._token, self._inlet = agent, coordinator, token, inlet
        settings = settings or ReceivingSettings()
        self.inbox = Inbox(data)
        self.intake = Intake(
            self.inbox, Reader(settings, staff or {}, groups), keep=settings.keep, sale=lambda: agent.sale
        )
        self.sources: list[Source] = []
        self.listening = asyncio.Event()
        self.url = ""

    async def run(self) -> None:
        """Raises `CannotStart` where the address is taken, `DiskFailed` where nothing can be kept."""
        await self.inbox.open()
        runner = await self._serve(self._inlet) if self._inlet is not None else None
        self.listening.set()
        work = [
            again_with_the_disk(lambda: carrying.tell(self._agent, self.inbox)),
            again_with_the_disk(
                lambda: carrying.hand_in(self._agent, self._coordinator, self._token, self.inbox),
            ),
        ]
        tasks = [asyncio.create_task(each) for each in (*work, *(source.run() for source in self.sources))]
        try:
            await asyncio.gather(*tasks)
        finally:
            if runner is not None:
                await runner.cleanup()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.inbox.close()

    async def _serve(self, inlet: InletSettings) -> web.AppRunner:
        app = web.Application(middlewares=[problems, as_it_is, kept], client_max_size=MAX_BODY)
        app.router.add_get("/healthz", self._health)
        if inlet.secrets:
            Inlet(self.intake, inlet.secrets).add_to(app)
        for source in self.sources:
            source.add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S, auto_decompress=False)
        await runner.setup()
        host, port = inlet.host, inlet.port
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise CannotStart(
                f"the inlet cannot listen on {host}:{port} ({error.strerror}); stop what listens there, or change `inlet.port`"
            ) from None
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        log.info("the inlet listens", at=self.url)
        return runner

    async def _health(self, _: web.Request) -> web.Response:
        body = {"waiting": self.inbox.waiting, "connected": self._agent.connected.is_set()}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def again_with_the_disk(work: Callable[[], Awaitable[None]]) -> None:
    """Begins anew where the inbox's disk fails: no drop stops for it, and what is told a second time counts once."""
    said = False
    while True:
        try:
            return await work()
        except DiskFailed as error:
            if not said:
                log.error("what was seen cannot be told now: the inbox's disk fails", why=error.reason)
            said = True
        await asyncio.sleep(DISK_AGAIN_S)


async def together(agent: Agent, receiving: Receiving | None) -> None:
    """Runs a relay and what it receives until the agent stops; what ends the one ends the other."""
    if receiving is None:
        await agent.run()
        return
    working, listening = asyncio.create_task(agent.run()), asyncio.create_task(receiving.run())
    try:
        await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and not working.done():
            agent.stop()
            await asyncio.wait({working})
            listening.result()
        working.result()
    finally:
        for task in (listening, working):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(listening, working, return_exceptions=True)
