"""What a node keeps of who is here, for each sale: whom it has itself and, while it conducts, whom all have.

A relay may send as long as its node answers it. So a node answers its relays only while it is sure that who conducts the
sale has heard of it: it is told again and again which of its reports was heard last. A node that is cut off falls silent
to its relays before others are given what they had.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from coordinator import clock as clocks
from coordinator.attendance import RELAYS, VOUCH_SECONDS, Attendance, Here
from coordinator.core import CLOCK
from coordinator.follower import Follower
from coordinator.nodes import Attending, Durable

if TYPE_CHECKING:
    from coordinator.registry import Sale
    from coordinator.shared_registry import SharedRegistry

ATTEND_SECONDS = 0.05  # people who come or go within this are told of together
KEPT = 16  # tellings of which not all is read yet: some seconds of them


class Desk:
    def __init__(self) -> None:
        self.here: dict[tuple[str, str], Here] = {}
        self.leads: dict[str, str] = {}  # relay → node, as who conducts the sale last said
        self.attendance: Attendance | None = None
        self.vouched_for: set[str] = set()
        """Relays that lead here and were answered, when that was last looked at."""
        self._heard = float("-inf")
        self._coming: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def told(self, told: Durable, node: str) -> None:
        """Who conducts the sale says which report of this node it has heard, and how far the sale stood then."""
        if node in told.heard:
            self._coming.append((told.seq, told.heard[node]))

    def vouched(self, reached: int) -> bool:
        """Whether relays may be answered. What they had and lost by then must be here to be told: up to `reached` it is."""
        while self._coming and self._coming[0][0] <= reached:
            self._heard = max(self._heard, self._coming.popleft()[1])
        return clocks.monotonic() < self._heard + VOUCH_SECONDS


class Desks:
    """Those of all sales that this node serves: who comes is told to who conducts the sale, and who leads is heard."""

    def __init__(self, registry: SharedRegistry) -> None:
        self._registry = registry
        self._desks: dict[str, Desk] = {}
        self._attending: set[str] = set()  # sales whose people are told of in a moment

    def of(self, sale: str) -> Desk:
        return self._desks.setdefault(sale, Desk())

    # ------------------------------------------------------------ this node's own
    def present(self, sale: Sale, who: Here, *, here: bool) -> None:
        """Somebody is connected to this node, or no longer is."""
        desk = self.of(sale.id)
        if here:
            desk.here[who.role, who.name] = who
        else:
            desk.here.pop((who.role, who.name), None)
        if who.role in RELAYS:
            desk.vouched_for.discard(who.name)  # it may be another connection, that waits for it
            self.attend(sale)  # its deliveries wait for it
        elif sale.id not in self._attending:
            # Thousands come at once after a restart: told of one by one, each telling would name all before it.
            self._attending.add(sale.id)
            asyncio.get_running_loop().call_later(ATTEND_SECONDS, self.attend, sale)

    def leads(self, sale: str, relay: str) -> bool:
        """Whether this node's connection of a relay leads."""
        return self.of(sale).leads.get(relay) == self._registry.node

    def vouches(self, sale: Sale, relay: str) -> bool:
        """Whether this node may answer a relay, and so let it send."""
        known = sale.conductor.state.relays.get(relay)
        if known is None or not known.here or known.joined > sale.hub.head:
            return False  # what it had may be going to another in this moment: its coming is told after that
        if isinstance(sale.conductor, Follower):
            return self.of(sale.id).vouched(sale.conductor.reached)
        return self._registry.holds(sale.id)

    def _goes_by(self, sale: Sale, relay: str) -> bool:
        """Whether the connection of it that is here, if any, is of the process that the sale has as here."""
        known, mine = sale.conductor.state.relays.get(relay), self.of(sale.id).here.get(("relay", relay))
        return known is not None and mine is not None and known.record == mine.record

    # ------------------------------------------------------------ between nodes
    def attend(self, sale: Sale) -> None:
        """Says whom this node has, to who conducts the sale."""
        self._attending.discard(sale.id)
        registry, desk = self._registry, self.of(sale.id)
        here = list(desk.here.values())
        mine = [r for r, node in desk.leads.items() if node == registry.node and self._goes_by(sale, r)]
        if desk.attendance is not None:
            desk.attendance.report(registry.node, here, mine)
            self._count(sale, desk.attendance)
        else:
            registry.say_to_owner(sale.id, Attending(sale.id, registry.node, here, mine, clocks.monotonic()))
        vouched_for = {
            r for r in desk.leads if self.leads(sale.id, r) and self.vouches(sale, r) and self._goes_by(sale, r)
        }
        if not vouched_for <= desk.vouched_for:
            registry.leads_changed(sale)  # they have waited for it
        desk.vouched_for = vouched_for

    def reported(self, sale: Sale, said: Attending) -> None:
        """Another node says whom it has."""
        desk = self.of(sale.id)
        if desk.attendance is not None:
            desk.attendance.report(said.node, said.here, said.leads, said.sent)
            self.attend(sale)

    def told(self, sale: Sale | None, durable: Durable) -> None:
        """Who conducts a sale says how far it stands, whom it has heard, and who leads."""
        self.of(durable.sale).told(durable, self._registry.node)
        self._led(durable.sale, sale, durable.leads)

    def _count(self, sale: Sale, attendance: Attendance) -> None:
        registry = self._registry
        changes = attendance.changes(sale.conductor.state, crowded=registry.crowded())
        if changes:
            sale.conductor.submit(CLOCK, changes, lambda _: None)
        if self._led(sale.id, sale, attendance.leads) and not isinstance(sale.conductor, Follower):
            registry.tell(sale.id, sale.conductor)

    def _led(self, name: str, sale: Sale | None, leads: dict[str, str]) -> bool:
        """Takes over who leads; whether it is another than before."""
        desk = self.of(name)
        if desk.leads == leads:
            return False
        desk.leads = dict(leads)
        if sale is not None:
            self._registry.leads_changed(sale)
        return True
