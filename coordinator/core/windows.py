"""What relays tell of their platforms' rate windows, so that the core can forecast what will wait.

The relay alone keeps a window. What it tells are names, platforms and numbers, never a key; and a relay that tells
nothing is served all the same: then nothing is known, and nothing is forecast.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Command, Event, Id, Instant, Key, ShortText, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State

MOST_LIMITS = 8  # of one credential
MOST_CREDENTIALS = 2_000
MOST_GROUPS = 10_000
MOST_PICTURES = 3  # of a message


class Limit(msgspec.Struct, frozen=True):
    """At most `count` messages in any `per_ms`, both ends of the stretch included."""

    count: int
    per_ms: int


class Credential(msgspec.Struct, kw_only=True):
    """One account or robot of a relay, and when it was last used: as often as its limits look back on, in order."""

    platform: str
    limits: tuple[Limit, ...] = ()
    used: list[int] = []
    group_limits: tuple[Limit, ...] = ()  # what holds in each of its groups alone, beside `limits`
    places: tuple[int, ...] = ()  # of its windows that a message takes, by the number of its pictures; none: one
    places_linked: tuple[int, ...] = ()  # and where it has a link or a coupon

    def takes(self, pictures: int, *, linked: bool) -> int:
        """How many messages of its windows one with so many pictures is."""
        return _place(self.places_linked if linked else self.places, pictures)


def _place(by_number: tuple[int, ...], pictures: int) -> int:
    return by_number[min(pictures, len(by_number) - 1)] if by_number else 1


def looks_back(limits: tuple[Limit, ...]) -> int:
    return max((limit.count for limit in limits), default=0)


def use(used: list[int], limits: tuple[Limit, ...], at: int, places: int) -> None:
    if limits:
        for _ in range(places):
            insort(used, at)
        del used[: -looks_back(limits)]


class Told(msgspec.Struct, kw_only=True):
    """What one relay has told: its credentials by name, and which of them each group is reached by.

    `used`: when something last left for a group, for those whose credential has windows of each group.
    """

    credentials: dict[str, Credential] = {}
    groups: dict[str, str] = {}
    used: dict[str, list[int]] = {}


class RelayTold(Event, tag="relay.told", kw_only=True):
    relay: str
    credentials: dict[str, Credential]
    groups: dict[str, str]
    used: dict[str, list[int]] = {}


class LimitIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    per_ms: Annotated[int, Field(ge=1, le=30 * 86_400_000)]


class CredentialIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    credential: ShortText
    platform: ShortText
    limits: Annotated[list[LimitIn], Field(max_length=MOST_LIMITS)] = []
    group_limits: Annotated[list[LimitIn], Field(max_length=MOST_LIMITS)] = []
    used: Annotated[list[Instant], Field(max_length=10_000)] = []
    places: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=MOST_PICTURES + 1)] = []
    places_linked: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=MOST_PICTURES + 1)] = []


@command("relay.limits", after_close=True, events=("relay.told",))
class RelayLimits(Command):
    """The rate windows of a relay's credentials, and which credential each group is reached by. Names only, no keys.

    Given after each welcome and when it changes. `group_limits` hold in each group alone. `used`: when each credential, and
    each group with windows of its own, was used of late, as far as its windows reach. `places`: how many of its messages
    one with 0, 1, 2, 3 pictures is, `places_linked` one with a link or coupon; left out, it is one.
    """

    credentials: Annotated[list[CredentialIn], Field(max_length=MOST_CREDENTIALS)]
    groups: Annotated[dict[Id, ShortText], Field(max_length=MOST_GROUPS)]
    used: Annotated[dict[Id, Annotated[list[Instant], Field(max_length=10_000)]], Field(max_length=MOST_GROUPS)] = {}


@decides(RelayLimits)
def tell(turn: Turn, c: RelayLimits) -> None:
    state, name = turn.state, turn.actor.name
    before = state.windows.get(name, Told())
    credentials = {}
    for each in c.credentials:
        limits = _limits(each.limits)
        known = before.credentials.get(each.credential)
        credentials[each.credential] = Credential(
            platform=each.platform,
            limits=limits,
            used=_used(known.used if known is not None and known.limits == limits else (), each.used, limits, turn.at),
            group_limits=_limits(each.group_limits),
            places=tuple(each.places),
            places_linked=tuple(each.places_linked),
        )
    groups = {group: by for group, by in c.groups.items() if group in state.groups and by in credentials}
    used = {}
    for group, by in groups.items():
        limits = credentials[by].group_limits
        theirs = _used(before.used.get(group, ()), c.used.get(group, ()), limits, turn.at)
        if theirs:
            used[group] = theirs
    if credentials != before.credentials or groups != before.groups or used != before.used:
        turn.emit(RelayTold(relay=name, credentials=credentials, groups=groups, used=used))


def _limits(given: list[LimitIn]) -> tuple[Limit, ...]:
    return tuple(Limit(limit.count, limit.per_ms) for limit in given)


def _used(known: Sequence[int], given: Sequence[int], limits: tuple[Limit, ...], now: int) -> list[int]:
    """What went out in other sales, or before this one was here, is known to the relay alone; the rest is known here too."""
    if not limits:
        return []
    longest = max(limit.per_ms for limit in limits)
    said = sorted(min(at, now) for at in given)
    known_in_reach, said_in_reach = (sum(at >= now - longest for at in used) for used in (known, said))
    used = said if said_in_reach > known_in_reach else list(known)
    return used[-looks_back(limits) :]


@evolves(RelayTold)
def told(state: State, e: RelayTold) -> Iterable[Key]:
    from coordinator.core import traffic

    # Copies: a state is changed by what follows, an event never.
    credentials = {name: msgspec.structs.replace(each, used=list(each.used)) for name, each in e.credentials.items()}
    used = {group: list(times) for group, times in e.used.items()}
    state.windows[e.relay] = Told(credentials=credentials, groups=dict(e.groups), used=used)
    return traffic.placed(state, e.relay)


def way_of(state: State, relay: str, group: str) -> tuple[str, str] | None:
    """The credential that a relay reaches a group by, where it has told: the relay's name and the credential's."""
    known = state.windows.get(relay)
    name = None if known is None else known.groups.get(group)
    return None if name is None else (relay, name)


def credential_of(state: State, relay: str, group: str) -> Credential | None:
    way = way_of(state, relay, group)
    return None if way is None else state.windows[way[0]].credentials[way[1]]


def used(state: State, relay: str, d: Delivery, at: int) -> None:
    """A delivery left for its group, or may have."""
    found = credential_of(state, relay, d.group)
    if found is not None:
        places = takes(found, d)
        use(found.used, found.limits, at, places)
        if found.group_limits:
            use(state.windows[relay].used.setdefault(d.group, []), found.group_limits, at, places)


def takes(credential: Credential, d: Delivery) -> int:
    """How many messages of its credential's windows a delivery is."""
    return credential.takes(len(d.content.images), linked=bool(d.content.link or d.content.coupon))


class Account(msgspec.Struct, frozen=True):
    """How a relay that is here reaches a group: by which account, and what its platform takes of it."""

    relay: str
    credential: str
    platform: str
    limits: tuple[Limit, ...]
    group_limits: tuple[Limit, ...]
    places: tuple[int, ...] = ()
    places_linked: tuple[int, ...] = ()

    def takes(self, pictures: int, *, linked: bool) -> int:
        """How many messages of its windows one with so many pictures is."""
        return _place(self.places_linked if linked else self.places, pictures)


def accounts(state: State) -> dict[tuple[str, str], Account]:
    """Relay and group → account, of the relays that are here and have told."""
    found = {}
    for relay, told in state.windows.items():
        if (here := state.relays.get(relay)) is None or not here.here:
            continue
        known = {
            name: Account(relay, name, each.platform, each.limits, each.group_limits, each.places, each.places_linked)
            for name, each in told.credentials.items()
        }
        found.update({(relay, group): known[name] for group, name in told.groups.items()})
    return found


def platform_of(state: State, relay: str, group: str) -> str:
    """The platform of a group's relay; empty where nobody has told."""
    found = credential_of(state, relay, group)
    return "" if found is None else found.platform
