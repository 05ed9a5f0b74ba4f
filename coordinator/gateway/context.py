"""What the gateway's handlers share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web

from coordinator.gateway import wire
from coordinator.gateway.auth import Identity, TokenError, Tokens
from coordinator.gateway.door import Door
from coordinator.gateway.elsewhere import Elsewhere
from coordinator.gateway.pace import Pace
from coordinator.gateway.presence import Presence
from coordinator.leases import Facts
from coordinator.problem import Problem
from coordinator.registry import Registry, Sale

if TYPE_CHECKING:
    from coordinator.contacts import Contacts
    from coordinator.gateway.builtin_relay import BuiltinRelays
    from coordinator.gateway.session import Session
    from coordinator.settings import Settings


class Gateway:
    def __init__(self, settings: Settings, registry: Registry, tokens: Tokens) -> None:
        self.settings, self.registry, self.tokens = settings, registry, tokens
        self.presence = Presence(registry)
        self.door = Door()
        self.connections: dict[Session, None] = {}  # in the order in which they came
        self.builtin: BuiltinRelays
        self.contacts: Contacts
        self._spawned: set[asyncio.Task[None]] = set()
        self.ready = False
        self.facts: Facts | None = None
        """What all nodes know alike, where there are several."""
        self.shed_clicks = 0
        self.pace = Pace()
        self.elsewhere = Elsewhere(registry)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Lets something go on by itself, such as an answer that has to be looked up."""
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    def close_revoked(self) -> None:
        """Closes the connections whose token opens nothing any more."""
        for connection in list(self.connections):
            if self.tokens.revoked(connection.identity.jti, connection.identity.sale):
                connection.close(wire.REVOKED, "this token was revoked: ask the owner for a new join link")

    def identify(self, request: web.Request) -> Identity:
        """Who asks. Raises Problem 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            return self.tokens.read(token.strip() if scheme.lower() == "bearer" else None)
        except TokenError as e:
            raise Problem(401, "forbidden", str(e)) from None

    async def sale(self, request: web.Request, identity: Identity) -> Sale:
        """The sale of the path, if the token is for it. Raises Problem 403 or 404."""
        name = request.match_info["sale"]
        if identity.sale is not None and identity.sale != name:
            raise Problem(403, "forbidden", "the token is for another sale")
        sale = await self.registry.get(name)
        if sale is None:
            raise Problem(404, "unknown", f"there is no sale {name[:80]}")
        return sale


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway")
