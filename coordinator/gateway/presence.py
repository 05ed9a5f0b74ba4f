"""Who is here: counted by person and not by tab, told to the sale when it changes.

A console that reloads is not away; a relay that broke its line holds its lease until it has run out,
because it may still be sending.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coordinator import clock
from coordinator.attendance import LEASED, RELAYS, Here
from coordinator.core import Actor

if TYPE_CHECKING:
    from coordinator.gateway.session import Session
    from coordinator.registry import Registry, Sale

AWAY_SECONDS = 5.0  # a reload, or a change of network, takes less
STORM_SECONDS = 120.0  # while many come back, so long nobody is said to have left
LEASE_SECONDS = 3.0  # a relay that was not heard for this long sends nothing any more


class Presence:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._here: dict[tuple[str, str], list[Session]] = {}
        self._leaving: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._waiting: set[Session] = set()  # of relays, until the lease of the one before them has run out

    def has_lease(self, sale: Sale, actor: Actor) -> bool:
        """Whether a connection that comes now leads: the first of its relay does, the next when that one ends.

        A poster's phones all show what is to be posted: the person posts it once, and a second "posted" changes nothing.
        """
        if actor.role == "poster":
            return True
        first = not self._here.get((sale.id, actor.sender))
        return first and (actor.role not in LEASED or self._leads(sale, actor.name))

    def _leads(self, sale: Sale, relay: str) -> bool:
        return self._registry.leads(sale, relay) and self._registry.vouches(sale, relay)

    def leads_changed(self, sale: Sale, lost: int) -> None:
        """Another node's connection of a relay leads now, or this one's does; `lost` is the code of a lost lease."""
        for (name, _), here in list(self._here.items()):
            actor = here[0].identity.actor
            box = here[0].outbox
            if name != sale.id or actor.role not in LEASED:
                continue
            leads = self._registry.leads(sale, actor.name)
            if not box.rights.lease and here[0] not in self._waiting and self._leads(sale, actor.name):
                self._lead((name, actor.sender))
            elif not leads and box.rights.lease:
                here[0].close(lost, "another connection of this relay leads: your lease is over")

    def came(self, connection: Session) -> None:
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

    def went(self, connection: Session, *, gave_back: bool = False) -> None:
        """A connection ended, or will say no more. `gave_back`: a relay says that it sends nothing from here on."""
        sale, actor = connection.sale, connection.identity.actor
        key = (sale.id, actor.sender)
        here = self._here.get(key)
        if here is None or connection not in here:
            return
        led = here[0] is connection
        # What it was told by then, it had asked for before it was last heard: its lease hangs on that.
        left = 0.0 if gave_back else max(0.0, LEASE_SECONDS - (clock.monotonic() - connection.heard))
        here.remove(connection)
        self._waiting.discard(connection)
        if here:
            if led and actor.role in LEASED:
                # The one that went may be sending still: the next one leads when its lease has run out.
                self._waiting.add(here[0])
                asyncio.get_running_loop().call_later(left, self._take_over, key)
            return
        del self._here[key]
        self._leave(sale, actor, key, clock.monotonic(), left if actor.role in LEASED else AWAY_SECONDS)

    def _leave(self, sale: Sale, actor: Actor, key: tuple[str, str], since: float, after: float) -> None:
        self._leaving[key] = asyncio.get_running_loop().call_later(after, self._gone, sale, actor, key, since)

    def _take_over(self, key: tuple[str, str]) -> None:
        """The next one leads once the sale knows that the first may have sent what was due and not reported.

        It may be another process with a record of its own: it cannot know what the first one sent.
        """
        here = self._here.get(key)
        if here:
            sale, actor = here[0].sale, here[0].identity.actor
            self._registry.taken_over(sale, self._who(sale, actor), lambda: self._lead(key))

    def _lead(self, key: tuple[str, str]) -> None:
        here = self._here.get(key)
        if not here:
            return
        self._waiting.discard(here[0])
        box = here[0].outbox
        if self._leads(here[0].sale, here[0].identity.actor.name):
            box.rights = box.rights._replace(lease=True)
            box.switch(box.hub.view_of(box.rights))

    def _gone(self, sale: Sale, actor: Actor, key: tuple[str, str], since: float) -> None:
        self._leaving.pop(key, None)
        if actor.role not in LEASED and self._registry.crowded() and clock.monotonic() - since < STORM_SECONDS:
            # To tell thousands that thousands have left, who are waiting to be let in, would keep them out.
            self._leave(sale, actor, key, since, AWAY_SECONDS)
            return
        self._tell(sale, actor, here=False)

    def close(self) -> None:
        for timer in self._leaving.values():
            timer.cancel()

    def _tell(self, sale: Sale, actor: Actor, *, here: bool) -> None:
        self._registry.present(sale, self._who(sale, actor), here=here)

    def _who(self, sale: Sale, actor: Actor) -> Here:
        groups = actor.groups
        if actor.role in RELAYS and groups is None:
            groups = tuple(g.id for g in sale.conductor.state.groups.values() if actor.name in g.relay)
        return Here(actor.role, actor.name, groups)
