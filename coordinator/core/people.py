"""Who is here: the team's people by person and not by tab, and the relays with their leases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import schedule
from coordinator.core.kernel import Command, Event, Id, Key, Turn, command, decides, evolves, number

if TYPE_CHECKING:
    from coordinator.core.state import State


class Person(msgspec.Struct, kw_only=True):
    id: str
    person: str
    role: str
    here: bool = False
    ready: bool = False
    since: int | None = None
    groups: tuple[str, ...] | None = None  # those their token names; None: it leaves that to the sheet


class Relay(msgspec.Struct, kw_only=True):
    name: str
    here: bool = False
    groups: frozenset[str] = frozenset()
    left_at: int | None = None
    hands: bool = False  # a poster: a relay with hands
    record: str = ""  # whose record of what it sent it goes by; empty: it does not say
    joined: int = 0  # the number of its last coming


class PersonJoined(Event, tag="person.joined", kw_only=True):
    person: str
    role: str
    groups: tuple[str, ...] | None = None


class PersonLeft(Event, tag="person.left", kw_only=True):
    person: str
    role: str


class PersonReady(Event, tag="person.ready", kw_only=True):
    person: str
    role: str


class RelayJoined(Event, tag="relay.joined", kw_only=True):
    relay: str
    groups: tuple[str, ...] = ()
    hands: bool = False
    record: str = ""


class RelayLeft(Event, tag="relay.left", kw_only=True):
    relay: str


class ClockStepped(Event, tag="clock.stepped", kw_only=True):
    by_ms: int


@command("person.ready", events=("person.ready",))
class PersonReadyCommand(Command):
    """Says that the sender is ready."""


# The service itself gives these; no client may.
@command("presence.person", after_close=True, events=("person.joined", "person.left"))
class PresencePerson(Command):
    """The first connection of a person came, or the last one went."""

    person: Id
    role: Id
    here: bool
    groups: list[Id] | None = None


@command(
    "presence.relay", after_close=True, events=("relay.joined", "relay.left", "delivery.requested", "delivery.unknown")
)
class PresenceRelay(Command):
    """A relay took its lease, or lost it; or a poster, who needs none, came or put the phone away.

    Who comes with another `record` than who was here cannot know what that one sent: the first has left by that.
    """

    relay: Id
    groups: list[Id] = []
    here: bool
    hands: bool = False
    record: str = ""


@command("clock.step", after_close=True, events=("clock.stepped",))
class ClockStep(Command):
    """Wall clock and monotonic clock have parted by more than a quarter of a second."""

    by_ms: int


INTERNAL = frozenset({"presence.person", "presence.relay", "clock.step", "sale.create", "link.preview"})


@decides(PersonReadyCommand)
def ready(turn: Turn, _: PersonReadyCommand) -> dict[str, bool] | None:
    person = turn.state.people.get(turn.actor.sender)
    if person is not None and person.ready:
        return {"again": True}
    turn.emit(PersonReady(person=turn.actor.name, role=turn.actor.role))
    return None


@decides(PresencePerson)
def presence(turn: Turn, c: PresencePerson) -> None:
    known = turn.state.people.get(f"{c.role}:{c.person}")
    groups = None if c.groups is None else tuple(g for g in c.groups if g in turn.state.groups)
    if not c.here:
        if known is not None and known.here:
            turn.emit(PersonLeft(person=c.person, role=c.role))
    elif known is None or not known.here or known.groups != groups:
        turn.emit(PersonJoined(person=c.person, role=c.role, groups=groups))


@decides(PresenceRelay)
def relay_presence(turn: Turn, c: PresenceRelay) -> None:
    from coordinator.core import failover

    known = turn.state.relays.get(c.relay)
    if c.here:
        groups = tuple(g for g in c.groups if g in turn.state.groups)
        before = None if known is None else known.record
        if known is not None and known.here and known.record not in {"", c.record}:
            turn.emit(RelayLeft(relay=c.relay))
            failover.relay_gone(turn, c.relay)
        if (
            known is None
            or not known.here
            or (known.groups, known.hands, known.record) != (frozenset(groups), c.hands, c.record)
        ):
            turn.emit(RelayJoined(relay=c.relay, groups=groups, hands=c.hands, record=c.record))
            failover.relay_here(turn, c.relay, before)
    elif known is not None and known.here:
        turn.emit(RelayLeft(relay=c.relay))
        failover.relay_gone(turn, c.relay)


@decides(ClockStep)
def stepped(turn: Turn, c: ClockStep) -> None:
    turn.emit(ClockStepped(by_ms=c.by_ms))


def person(state: State, role: str, name: str) -> Person:
    """The person's entry, made where there is none."""
    id_ = f"{role}:{name}"
    return state.people.setdefault(id_, Person(id=id_, person=name, role=role))


@evolves(PersonJoined, PersonLeft, PersonReady)
def person_changed(state: State, e: Any) -> Iterable[Key]:
    who = person(state, e.role, e.person)
    match e:
        case PersonJoined():
            who.here, who.since, who.groups = True, e.at, e.groups
        case PersonLeft():
            who.here, who.since = False, e.at
        case PersonReady():
            who.ready = True
    return [("people", who.id)]


@evolves(RelayJoined, RelayLeft)
def relay_changed(state: State, e: Any) -> Iterable[Key]:
    relay = state.relays.setdefault(e.relay, Relay(name=e.relay))
    if isinstance(e, RelayJoined):
        relay.groups, relay.hands, relay.record, relay.joined = frozenset(e.groups), e.hands, e.record, e.seq
    who = person(state, "poster" if relay.hands else "relay", e.relay)
    relay.here = who.here = isinstance(e, RelayJoined)
    who.ready = who.here or relay.hands  # a poster who has had the page open knows of the sale, phone away or not
    who.since = e.at
    if not who.here:
        relay.left_at = e.at
    theirs: list[Key] = [
        ("deliveries", d) for d in sorted(state.opened, key=number) if state.deliveries[d].relay == e.relay
    ]
    return [("people", who.id), *theirs]  # what it is shown of them hangs on the groups it serves now


@evolves(ClockStepped)
def clock_stepped(state: State, e: ClockStepped) -> Iterable[Key]:
    """The sale's time runs on as it did; only what hangs on a clock time is planned anew."""
    state.stepped += e.by_ms
    return schedule.replan(state)
