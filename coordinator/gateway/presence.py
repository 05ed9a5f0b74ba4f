"""Who is here: counted by person and not by tab, told to the sale when it changes.

A console that reloads is not away; a relay that broke its line holds its lease until it has run out,
because it may still be sending. Who comes back with the same record of what was sent is the same relay and goes on.
Another process, with a record of its own, leads once the sale has been told that the first has gone.
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
UNNAMED = "~"  # begins the record of a relay that does not name its own
RECORD_CHARACTERS = 64

Key = tuple[str, str]
"""Sale, and whoever is connected to it."""


class Presence:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._here: dict[Key, list[Session]] = {}
        """Of a relay the one that leads, or is to lead next, is the first."""
        self._leaving: dict[Key, asyncio.TimerHandle] = {}
        self._taking_over: set[Key] = set()  # relays whose sale is being told that another process has come

    # ------------------------------------------------------------ who leads
    def record_of(self, sale: Sale, actor: Actor, given: object) -> str:
        """Which record of what was sent a connection goes by.

        A relay that names none counts as the one that was there before, unless it comes to wait behind it here.
        """
        if actor.role not in LEASED:
            return ""
        if isinstance(given, str) and given and not given.startswith(UNNAMED):
            return given[:RECORD_CHARACTERS]
        if self._here.get((sale.id, actor.sender)):
            return f"{UNNAMED}{clock.bits()[:6].hex()}"
        known = sale.conductor.state.relays.get(actor.name)
        return known.record if known is not None and known.here and known.record.startswith(UNNAMED) else UNNAMED

    def has_lease(self, sale: Sale, actor: Actor, record: str) -> bool:
        """Whether a connection that comes now leads: the first of its relay does, the next when that one ends.

        A poster's phones all show what is to be posted: the person posts it once, and a second "posted" changes nothing.
        """
        if actor.role == "poster":
            return True
        here = self._here.get((sale.id, actor.sender), ())
        if actor.role not in LEASED:
            return not here
        return not any(c.outbox.rights.lease for c in here) and self._may_lead(sale, actor, record)

    def _may_lead(self, sale: Sale, actor: Actor, record: str) -> bool:
        registry = self._registry
        return (
            self._goes_on(sale, actor, record)
            and registry.leads(sale, actor.name)
            and registry.vouches(sale, actor.name)
        )

    def _goes_on(self, sale: Sale, actor: Actor, record: str) -> bool:
        """Whether it knows what was sent by the relay that the sale has as here: it has the same record, or nobody is."""
        known = sale.conductor.state.relays.get(actor.name)
        same = known is None or not known.here or known.record in {"", record}
        return same and (sale.id, actor.sender) not in self._taking_over

    def leads_changed(self, sale: Sale, lost: int) -> None:
        """Another node's connection of a relay leads now, or this one's does; `lost` is the code of a lost lease."""
        for (name, sender), here in list(self._here.items()):
            if name != sale.id or here[0].identity.actor.role not in LEASED:
                continue
            if self._registry.leads(sale, here[0].identity.actor.name):
                self._lead((name, sender))
            elif here[0].outbox.rights.lease:
                here[0].close(lost, "another connection of this relay leads: your lease is over")

    def _lead(self, key: Key) -> None:
        here = self._here.get(key)
        if not here or key in self._leaving:
            return
        sale, actor, box = here[0].sale, here[0].identity.actor, here[0].outbox
        if not box.rights.lease and self._may_lead(sale, actor, here[0].record):
            box.rights = box.rights._replace(lease=True)
            box.switch(box.hub.view_of(box.rights))

    # ------------------------------------------------------------ coming and going
    def came(self, connection: Session) -> None:
        sale, actor = connection.sale, connection.identity.actor
        if actor.role in {"audience", "shop"}:
            return
        key = (sale.id, actor.sender)
        here = self._here.setdefault(key, [])
        if actor.role in LEASED:
            self._relay_came(connection, key, here)
            return
        here.append(connection)
        timer = self._leaving.pop(key, None)
        if timer is not None:
            timer.cancel()
        elif len(here) == 1:
            self._tell(sale, actor, here=True)

    def _relay_came(self, connection: Session, key: Key, here: list[Session]) -> None:
        sale, actor, record = connection.sale, connection.identity.actor, connection.record
        behind = any(c.outbox.rights.lease or c.record == record for c in here)
        if behind or not self._goes_on(sale, actor, record):
            here.append(connection)
            if len(here) == 1 and key not in self._leaving:
                # Who was here, at another node or before a start, may be sending still.
                self._leave(sale, actor, key, clock.monotonic(), LEASE_SECONDS)
            return
        here.insert(0, connection)  # the one that led is back: who waits, waits on
        timer = self._leaving.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._registry.present(sale, self._who(connection), here=True)

    def went(self, connection: Session, *, gave_back: bool = False) -> None:
        """A connection ended, or will say no more. `gave_back`: a relay says that it sends nothing from here on."""
        sale, actor = connection.sale, connection.identity.actor
        key = (sale.id, actor.sender)
        here = self._here.get(key)
        if here is None or connection not in here:
            return
        first = here[0] is connection
        here.remove(connection)
        if here and (actor.role not in LEASED or not first):
            return
        same = next((c for c in here if c.record == connection.record), None)
        if same is not None and key not in self._leaving:
            # Another line of one process: it knows what it sends.
            here.remove(same)
            here.insert(0, same)
            self._registry.present(sale, self._who(same), here=True)
            self._lead(key)
            return
        if not here:
            del self._here[key]
        if key not in self._leaving:
            # It may be sending still: the next one leads when its lease has run out. What it was told by now, it had
            # asked for before it was last heard: its lease hangs on that.
            left = 0.0 if gave_back else max(0.0, LEASE_SECONDS - (clock.monotonic() - connection.heard))
            self._leave(sale, actor, key, clock.monotonic(), left if actor.role in LEASED else AWAY_SECONDS)

    def _leave(self, sale: Sale, actor: Actor, key: Key, since: float, after: float) -> None:
        self._leaving[key] = asyncio.get_running_loop().call_later(after, self._gone, sale, actor, key, since)

    def _gone(self, sale: Sale, actor: Actor, key: Key, since: float) -> None:
        self._leaving.pop(key, None)
        here = self._here.get(key)
        if here:
            # The next one leads once the sale knows that the first may have sent what was due and not reported: it is
            # another process, with a record of its own.
            self._taking_over.add(key)
            self._registry.taken_over(sale, self._who(here[0]), lambda: self._taken_over(key))
            return
        if actor.role not in LEASED and self._registry.crowded() and clock.monotonic() - since < STORM_SECONDS:
            # To tell thousands that thousands have left, who are waiting to be let in, would keep them out.
            self._leave(sale, actor, key, since, AWAY_SECONDS)
            return
        self._taking_over.discard(key)  # who was to lead has gone before the sale could be told
        self._tell(sale, actor, here=False)

    def _taken_over(self, key: Key) -> None:
        self._taking_over.discard(key)
        self._lead(key)

    def close(self) -> None:
        for timer in self._leaving.values():
            timer.cancel()

    def _tell(self, sale: Sale, actor: Actor, *, here: bool) -> None:
        self._registry.present(sale, _who(sale, actor), here=here)

    def _who(self, connection: Session) -> Here:
        return _who(connection.sale, connection.identity.actor, connection.record)


def _who(sale: Sale, actor: Actor, record: str = "") -> Here:
    groups = actor.groups
    if actor.role in RELAYS and groups is None:
        groups = tuple(g.id for g in sale.conductor.state.groups.values() if actor.name in g.relay)
    return Here(actor.role, actor.name, groups, record)
