"""Who is here: counted by person and not by tab, told to the sale when it changes.

A console that reloads is not away; a relay that broke its line holds its lease until it has run out,
because it may still be sending.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from coordinator.core import CLOCK, Actor

if TYPE_CHECKING:
    from coordinator.gateway.socket import Connection
    from coordinator.registry import Sale

RELAYS = frozenset({"relay", "poster"})
AWAY_SECONDS = 5.0  # a reload, or a change of network, takes less
LEASE_SECONDS = 3.0  # a relay that was not heard for this long sends nothing any more


class Presence:
    def __init__(self) -> None:
        self._here: dict[tuple[str, str], list[Connection]] = {}
        self._leaving: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def has_lease(self, sale: Sale, actor: Actor) -> bool:
        """Whether a connection that comes now leads: the first of its relay does, the next when that one ends."""
        return not self._here.get((sale.id, actor.sender))

    def came(self, connection: Connection) -> None:
        sale, actor = connection.sale, connection.identity.actor
        if actor.role in {"audience", "shop"}:
            return
        key = (sale.id, actor.sender)
        timer = self._leaving.pop(key, None)
        if timer is not None:
            timer.cancel()
        here = self._here.setdefault(key, [])
        here.append(connection)
        if len(here) == 1 and timer is None:
            self._tell(sale, actor, here=True)

    def went(self, connection: Connection) -> None:
        sale, actor = connection.sale, connection.identity.actor
        key = (sale.id, actor.sender)
        here = self._here.get(key)
        if here is None or connection not in here:
            return
        led = here[0] is connection
        here.remove(connection)
        if here:
            if led and actor.role in RELAYS:
                # The one that went may be sending still: the next one leads when its lease has run out.
                asyncio.get_running_loop().call_later(LEASE_SECONDS, self._lead, key)
            return
        del self._here[key]
        after = LEASE_SECONDS if actor.role in RELAYS else AWAY_SECONDS
        self._leaving[key] = asyncio.get_running_loop().call_later(after, self._gone, sale, actor, key)

    def _lead(self, key: tuple[str, str]) -> None:
        here = self._here.get(key)
        if here and here[0].outbox is not None:
            box = here[0].outbox
            box.rights = box.rights._replace(lease=True)
            box.switch(box.hub.view_of(box.rights))

    def _gone(self, sale: Sale, actor: Actor, key: tuple[str, str]) -> None:
        self._leaving.pop(key, None)
        self._tell(sale, actor, here=False)

    def close(self) -> None:
        for timer in self._leaving.values():
            timer.cancel()

    @staticmethod
    def _tell(sale: Sale, actor: Actor, *, here: bool) -> None:
        command: dict[str, Any]
        if actor.role in RELAYS:
            groups = list(actor.groups) if actor.groups is not None else []
            if not groups:
                groups = [g.id for g in sale.conductor.state.groups.values() if actor.name in g.relay]
            command = {"kind": "presence.relay", "relay": actor.name, "groups": groups, "here": here}
        else:
            command = {"kind": "presence.person", "person": actor.name, "role": actor.role, "here": here}
        sale.conductor.submit(CLOCK, [command], lambda _: None)
