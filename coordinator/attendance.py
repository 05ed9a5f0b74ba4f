"""Who is here over all nodes, as who conducts a sale counts it: by person and not by tab.

Each node says again and again whom it has. A node that falls silent has nobody. Of a relay's connections one leads,
on one node: another takes the lead once the first can no longer be sending. Where that is another process, with a record
of its own of what it sent, the sale is told so before it is given anything: what was due is then unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from coordinator import clock as clocks
from coordinator.core import State

RELAYS = frozenset({"relay", "poster"})  # a poster is a relay with hands
LEASED = frozenset({"relay"})  # a machine sends while its lease lasts; a person's phone sleeps, and comes back
SILENT_SECONDS = 3.0  # a node that was not heard for so long has no relay any more
RELAY_SECONDS = (
    2.0  # how long a relay may send after it asked for an answer that it then had (`roles/relay/wire/saletime.py`)
)
VOUCH_SECONDS = SILENT_SECONDS - RELAY_SECONDS
"""So long after it said whom it has, and was heard, a node may answer its relays: their leases are over before it is
taken for silent, and what they had is given to others."""
NAP_SECONDS = 1.0  # who looks more seldom than this stood still itself: it looks a few times a second
FIRST_SECONDS = 3.5  # so long after it took a sale up, a conductor has not heard all nodes yet
MOVED_SECONDS = 8.0  # people of a node that is silent have come to another one by then, or have left
BACK_SECONDS = 12.0  # after a start or a take-over, so long everybody has to come back: a console tries each 8 s


class Here(msgspec.Struct, frozen=True):
    """A person or a relay that is connected to a node, with the groups that its token names; None: it leaves that open."""

    role: str
    name: str
    groups: tuple[str, ...] | None = None
    record: str = ""  # a relay's: what it knows of what was sent; empty: it does not say

    def of(self, state: State) -> tuple[str, ...] | None:
        """Those of them that the sale has."""
        return None if self.groups is None else tuple(g for g in self.groups if g in state.groups)


class Attendance:
    """Of one sale, kept by who conducts it; made anew with each take-over, from what the nodes say."""

    def __init__(self, *, new: bool = False) -> None:
        """`new` is a sale that nobody has conducted before: nobody can be leading anywhere."""
        self._since = clocks.monotonic() - (FIRST_SECONDS if new else 0.0)
        self._looked = clocks.monotonic()
        self._nodes: dict[str, tuple[float, tuple[Here, ...]]] = {}
        self.leads: dict[str, str] = {}
        """Relay → the node whose connection leads."""
        self._records: dict[str, str] = {}  # relay → the record of that connection
        self.heard: dict[str, float] = {}
        """Node → what its clock said when it sent what was last heard of it."""

    def report(self, node: str, here: Sequence[Here], leads: Sequence[str], sent: float = 0.0) -> None:
        """A node says whom it has, and for which relays it has the lead as far as it knows; `sent` is its own clock's."""
        if sent < self.heard.get(node, 0.0):
            return  # it was overtaken on its way
        self.heard[node] = sent
        self._nodes[node] = (clocks.monotonic(), tuple(here))
        records = {who.name: who.record for who in here if who.role in LEASED}
        for relay in leads:
            if relay in records and relay not in self.leads:  # after a take-over who led goes on leading
                self.leads[relay], self._records[relay] = node, records[relay]

    def changes(self, state: State, *, crowded: bool = False) -> list[dict[str, Any]]:
        """What the sale has to be told, as commands of the service's own. While many come back, nobody has left."""
        now = clocks.monotonic()
        nap, self._looked = now - self._looked, now
        if nap > NAP_SECONDS:
            # What the nodes said meanwhile is still to be read.
            self._nodes = {n: (min(now, heard + nap), here) for n, (heard, here) in self._nodes.items()}
        for node in [n for n, (heard, _) in self._nodes.items() if now - heard > MOVED_SECONDS and not crowded]:
            del self._nodes[node]
        self._lead(now, state)
        here = [
            self._counted(who, state)
            for node, (heard, people) in self._nodes.items()
            for who in people
            if who.role not in LEASED or (now - heard <= SILENT_SECONDS and self.leads.get(who.name, node) == node)
        ]
        since = now - self._since
        return differences(
            state, here, relays_left=since > FIRST_SECONDS, people_left=since > BACK_SECONDS and not crowded
        )

    def _counted(self, who: Here, state: State) -> Here:
        """While nobody leads, a relay that the sale has as here is still the one that it has."""
        known = state.relays.get(who.name)
        if who.role not in LEASED or who.name in self.leads or known is None or not known.here:
            return who
        return msgspec.structs.replace(who, record=known.record)

    def _lead(self, now: float, state: State) -> None:
        """One node leads for each relay that is here: the one that led, else who has the record that the sale goes by."""
        has: dict[str, dict[str, str]] = {}
        for node, (heard, people) in self._nodes.items():
            for who in people:
                if who.role in LEASED and now - heard <= SILENT_SECONDS:
                    has.setdefault(who.name, {})[node] = who.record
        for relay, node in list(self.leads.items()):
            # Silent for so long that its connection's lease is over too. Or the node no longer has it, or another one in
            # its place: it says so only when that lease has run out.
            if has.get(relay, {}).get(node) != self._records[relay]:
                del self.leads[relay]
        if now - self._since <= FIRST_SECONDS:
            return
        for relay, records in has.items():
            if relay not in self.leads:
                known = state.relays.get(relay)
                goes_by = known.record if known is not None else ""
                node = next((n for n, record in records.items() if record == goes_by), next(iter(records)))
                self.leads[relay], self._records[relay] = node, records[node]


def differences(state: State, here: Sequence[Here], *, relays_left: bool, people_left: bool) -> list[dict[str, Any]]:
    """What a sale has to be told of who is here. Who is not is told only where it is known that they have left.

    After a start everybody comes back within seconds: who does has never left, and nobody need be told of thousands.
    """
    met: dict[tuple[str, str], Here] = {}
    for who in here:
        met.setdefault(_name(who), who)
    told = [told_of(who, here=True) for who in met.values() if not _is_known(state, who)]
    left: list[Here] = []
    if relays_left:
        left += [Here("relay", r.name) for r in state.relays.values() if r.here and not r.hands]
    if people_left:
        left += [Here("poster", r.name) for r in state.relays.values() if r.here and r.hands]
        left += [Here(p.role, p.person) for p in state.people.values() if p.here and p.role not in RELAYS]
    return told + [told_of(who, here=False) for who in left if _name(who) not in met]


def _name(who: Here) -> tuple[str, str]:
    return ("relay" if who.role in RELAYS else who.role), who.name


def _is_known(state: State, who: Here) -> bool:
    """Whether the sale has them as here already."""
    if who.role in RELAYS:
        relay = state.relays.get(who.name)
        hands = who.role == "poster"
        stands = (frozenset(who.of(state) or ()), hands, who.record)
        return relay is not None and relay.here and (relay.groups, relay.hands, relay.record) == stands
    person = state.people.get(f"{who.role}:{who.name}")
    return person is not None and person.here and person.groups == who.of(state)


def told_of(who: Here, *, here: bool) -> dict[str, Any]:
    """The command by which the service itself tells a sale that somebody came or went."""
    groups = None if who.groups is None else list(who.groups)
    if who.role in RELAYS:
        hands = who.role == "poster"
        told = {"kind": "presence.relay", "relay": who.name, "groups": groups or [], "here": here, "hands": hands}
        return told | ({"record": who.record} if who.record else {})
    return {"kind": "presence.person", "person": who.name, "role": who.role, "here": here, "groups": groups}
