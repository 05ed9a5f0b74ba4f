"""The service: journal, registry and gateway put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable
from typing import cast

import structlog
from aiohttp import web

from coordinator import rules
from coordinator.contacts import FileContacts, RedisContacts
from coordinator.ending import end
from coordinator.errors import CannotStart, JournalError
from coordinator.gateway import (
    api,
    builtin_relay,
    checking,
    contacts,
    documents,
    forecasting,
    hooks,
    landing,
    lists,
    ops,
    pricing,
    screens,
    sheets,
    wire,
)
from coordinator.gateway.auth import Tokens
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.heartbeat import heartbeat
from coordinator.gateway.problem import busy
from coordinator.gateway.session import Session
from coordinator.gateway.socket import socket
from coordinator.journal.base import Journal
from coordinator.journal.opening import open_journal
from coordinator.journal.redis import RedisJournal
from coordinator.journal.redis_leases import RedisBus, RedisFacts, RedisLeases
from coordinator.journal.snapshotting import Snapshotter
from coordinator.leases import REVOKED, Facts
from coordinator.problem import as_it_is, problems
from coordinator.registry import Registry, Sale
from coordinator.settings import Settings
from coordinator.shared_registry import SharedRegistry

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 6_000_000  # above a workbook's own limit: one that is too large is told so, and what to do
LEARN_SECONDS = 1.0  # how often is looked for what was revoked at another node


def make_app(gateway: Gateway) -> web.Application:
    app = web.Application(middlewares=[problems, as_it_is, busy], client_max_size=MAX_BODY_BYTES)
    app[GATEWAY] = gateway
    app.router.add_get("/ws", socket)
    api.add_routes(app)
    sheets.add_routes(app)
    contacts.add_routes(app)
    lists.add_routes(app)
    checking.add_routes(app)
    forecasting.add_routes(app)
    hooks.add_routes(app)
    landing.add_routes(app)
    ops.add_routes(app)
    pricing.add_routes(app)
    documents.add_routes(app)
    screens.add_routes(app)
    return app


class Service:
    """One node. `start` returns when it is ready; `stop` finishes what is under way."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.gateway: Gateway
        self._runner: web.AppRunner | None = None
        self._journal: Journal | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._snapshotter: Snapshotter | None = None

    async def start(self) -> None:
        """Raises CannotStart or UsageError with what to do."""
        settings = self.settings
        if settings.rules is not None:
            rules.take(settings.rules)
        journal = self._journal = await open_journal(settings.data, settings.redis)
        tokens = Tokens(settings.signing_key(), settings.data if settings.redis is None else None)
        self._snapshotter = Snapshotter(settings.data, settings.redis)
        registry = await self._registry(journal, self._snapshotter)
        gateway = self.gateway = Gateway(settings, registry, tokens)
        gateway.contacts = (
            RedisContacts(journal.link) if isinstance(journal, RedisJournal) else FileContacts(settings.data)
        )
        registry.crowded = lambda: gateway.door.crowded
        if isinstance(journal, RedisJournal) and isinstance(registry, SharedRegistry):
            gateway.facts = RedisFacts(journal.link)
            await self._agree(gateway.facts, tokens)
            registry.leads_changed = lambda sale: gateway.presence.leads_changed(sale, wire.LOST_LEASE)
            registry.cut_off = self._send_away
            registry.left = self._send_away_from
        self._runner = web.AppRunner(
            make_app(gateway), access_log=None, handler_cancellation=False, auto_decompress=False
        )
        await self._runner.setup()
        serve = cast("Callable[[], asyncio.Protocol]", self._runner.server)  # it is there since `setup`
        try:
            await gateway.door.open(settings.host, settings.port, serve)
        except OSError as e:
            await self.stop()
            raise CannotStart(
                f"cannot listen on {settings.host}:{settings.port} ({e.strerror or e}): is it running already? Choose another --port"
            ) from None
        if settings.port == 0:
            settings.port = gateway.door.addresses[0][1]
            registry.public = settings.address()
        gateway.builtin = builtin_relay.BuiltinRelays(gateway)
        registry.on_open = gateway.builtin.serve
        await registry.start()
        self._tasks.append(asyncio.create_task(heartbeat(gateway)))
        if gateway.facts is not None:
            self._tasks.append(asyncio.create_task(self._learn(gateway.facts)))
        # What stands at the start lives as long as the process: collecting it again and again would only
        # make cues late.
        gc.collect()
        gc.freeze()
        # A pass takes about a µs for each object that is new: ten thousand at once are ten ms, which a cue waits for.
        gc.set_threshold(2_000, 5, 2_000)
        gateway.ready = True
        log.info("ready", address=settings.address(), data=str(settings.data), sales=len(registry.here()))

    async def _registry(self, journal: Journal, snapshotter: Snapshotter) -> Registry:
        settings = self.settings
        if not isinstance(journal, RedisJournal):
            return Registry(journal, public=settings.address(), on_snapshot=snapshotter.wanted)
        for warning in journal.warnings:
            log.warning("Redis is set to lose what was promised", what=warning)
        return SharedRegistry(
            journal, RedisLeases(journal.link), RedisBus(journal.link), public=settings.address(),
            on_snapshot=snapshotter.wanted,
        )  # fmt: skip

    async def _agree(self, facts: Facts, tokens: Tokens) -> None:
        """Joins only nodes that have the same key: else a link of theirs would open nothing here."""
        if await facts.once("key", tokens.fingerprint()) != tokens.fingerprint():
            raise CannotStart(
                "this node's key is not the one of the nodes that share this Redis: give all of them the same DROPCUE_KEY"
            )
        tokens.learn(await facts.members(REVOKED))

    async def _learn(self, facts: Facts) -> None:
        """What was revoked at another node opens nothing here, a moment later."""
        while True:
            await asyncio.sleep(LEARN_SECONDS)
            with contextlib.suppress(JournalError):
                if self.gateway.tokens.learn(await facts.members(REVOKED)):
                    self.gateway.close_revoked()

    def _send_away(self) -> None:
        """This node does not reach the store: the others do, or nobody does."""
        for connection in list(self.gateway.connections):
            self._to_come_back(connection, "this node does not reach its store: come back, another one may")

    def _to_come_back(self, connection: Session, why: str) -> None:
        """Closes a connection, each to come back at a moment of its own."""
        connection.close(wire.GOING_AWAY, why, self.gateway.door.back_in(connection.identity.actor.role))

    def _send_away_from(self, sale: Sale, why: str) -> None:
        """This node can serve a sale no longer: another one does."""
        for connection in [c for c in self.gateway.connections if c.sale is sale]:
            connection.close(wire.GOING_AWAY, why)

    async def stop(self) -> None:
        gateway = getattr(self, "gateway", None)
        if gateway is not None:
            gateway.ready = False
            await gateway.door.close()
            for connection in list(gateway.connections):
                self._to_come_back(connection, "the service is restarting: come back in a moment")
            if (builtin := getattr(gateway, "builtin", None)) is not None:  # not there where the port was in use
                await builtin.close()
            gateway.presence.close()
            await gateway.registry.close()
            await gateway.contacts.close()
        await end(self._tasks)
        if self._snapshotter is not None:
            self._snapshotter.close()
        if self._runner is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._runner.cleanup()
        if self._journal is not None:
            await self._journal.close()


async def until_told_to_stop() -> None:
    """Waits for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
