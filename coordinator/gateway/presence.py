"""Who is here: counted by person and not by tab, told to the sale when it changes.

A console that reloads is not away; a relay that broke its line holds its lease until it has run out,
because it may still be sending.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from coordinator.core import CLOCK, Actor

if TYPE_CHECKING:
    from coordinator.registry import Sale

AWAY_SECONDS = 5.0  # a reload, or a change of network, takes less
LEASE_SECONDS = 3.0  # a relay that was not heard for this long sends nothing any more


class Presence:
    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}
        self._leaving: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def came(self, sale: Sale, actor: Actor) -> None:
        if actor.role in {"audience", "shop"}:
            return
        key = (sale.id, actor.sender)
        timer = self._leaving.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._count[key] = self._count.get(key, 0) + 1
        if self._count[key] == 1 and timer is None:
            self._tell(sale, actor, here=True)

    def went(self, sale: Sale, actor: Actor) -> None:
        key = (sale.id, actor.sender)
        if key not in self._count:
            return
        self._count[key] -= 1
        if self._count[key] > 0:
            return
        del self._count[key]
        after = LEASE_SECONDS if actor.role in {"relay", "poster"} else AWAY_SECONDS
        self._leaving[key] = asyncio.get_running_loop().call_later(after, self._gone, sale, actor, key)

    def _gone(self, sale: Sale, actor: Actor, key: tuple[str, str]) -> None:
        self._leaving.pop(key, None)
        self._tell(sale, actor, here=False)

    def close(self) -> None:
        for timer in self._leaving.values():
            timer.cancel()

    @staticmethod
    def _tell(sale: Sale, actor: Actor, *, here: bool) -> None:
        command: dict[str, Any]
        if actor.role in {"relay", "poster"}:
            groups = list(actor.groups) if actor.groups is not None else []
            if not groups:
                groups = [g.id for g in sale.conductor.state.groups.values() if actor.name in g.relay]
            command = {"kind": "presence.relay", "relay": actor.name, "groups": groups, "here": here}
        else:
            command = {"kind": "presence.person", "person": actor.name, "role": actor.role, "here": here}
        sale.conductor.submit(CLOCK, [command], lambda _: None)
