"""What relays tell of their platforms' rate windows, so that the core can forecast what will wait.

The relay alone keeps a window. What it tells are names, platforms and numbers, never a key; and a relay that tells
nothing is served all the same: then nothing is known, and nothing is forecast.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Command, Event, Id, Instant, Key, ShortText, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.state import State

MOST_LIMITS = 8  # of one credential
MOST_CREDENTIALS = 2_000
MOST_GROUPS = 10_000


class Limit(msgspec.Struct, frozen=True):
    """At most `count` messages in any `per_ms`, both ends of the stretch included."""

    count: int
    per_ms: int


class Credential(msgspec.Struct, kw_only=True):
    """One account or robot of a relay, and when it was last used: as often as its limits look back on, in order."""

    platform: str
    limits: tuple[Limit, ...] = ()
    used: list[int] = []

    @property
    def looks_back(self) -> int:
        return max((limit.count for limit in self.limits), default=0)

    def use(self, at: int) -> None:
        if self.limits:
            insort(self.used, at)
            del self.used[: -self.looks_back]


class Told(msgspec.Struct, kw_only=True):
    """What one relay has told: its credentials by name, and which of them each group is reached by."""

    credentials: dict[str, Credential] = {}
    groups: dict[str, str] = {}


class RelayTold(Event, tag="relay.told", kw_only=True):
    relay: str
    credentials: dict[str, Credential]
    groups: dict[str, str]


class LimitIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    per_ms: Annotated[int, Field(ge=1, le=30 * 86_400_000)]


class CredentialIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    credential: ShortText
    platform: ShortText
    limits: Annotated[list[LimitIn], Field(max_length=MOST_LIMITS)] = []
    used: Annotated[list[Instant], Field(max_length=10_000)] = []


@command("relay.limits", after_close=True, events=("relay.told",))
class RelayLimits(Command):
    """The rate windows of a relay's credentials, and which credential each group is reached by. Names only, no keys.

    Given after each welcome and when it changes. `used`: when each was used of late, as far as its windows reach.
    """

    credentials: Annotated[list[CredentialIn], Field(max_length=MOST_CREDENTIALS)]
    groups: Annotated[dict[Id, ShortText], Field(max_length=MOST_GROUPS)]


@decides(RelayLimits)
def tell(turn: Turn, c: RelayLimits) -> None:
    state, name = turn.state, turn.actor.name
    before = state.windows.get(name, Told())
    credentials = {}
    for each in c.credentials:
        limits = tuple(Limit(limit.count, limit.per_ms) for limit in each.limits)
        credentials[each.credential] = credential = Credential(platform=each.platform, limits=limits)
        known = before.credentials.get(each.credential)
        credential.used = list(known.used) if known is not None and known.limits == limits else []
        used = sorted(min(at, turn.at) for at in each.used)
        # What went out in other sales, or before this one was here, is known to the relay alone.
        if _in_reach(used, credential, turn.at) > _in_reach(credential.used, credential, turn.at):
            credential.used = used
        del credential.used[: -credential.looks_back or len(credential.used)]
    groups = {group: by for group, by in c.groups.items() if group in state.groups and by in credentials}
    if credentials != before.credentials or groups != before.groups:
        turn.emit(RelayTold(relay=name, credentials=credentials, groups=groups))


def _in_reach(used: list[int], credential: Credential, now: int) -> int:
    longest = max((limit.per_ms for limit in credential.limits), default=0)
    return sum(at >= now - longest for at in used)


@evolves(RelayTold)
def told(state: State, e: RelayTold) -> Iterable[Key]:
    from coordinator.core import traffic

    # Copies: a state is changed by what follows, an event never.
    credentials = {name: msgspec.structs.replace(each, used=list(each.used)) for name, each in e.credentials.items()}
    state.windows[e.relay] = Told(credentials=credentials, groups=dict(e.groups))
    return traffic.placed(state, e.relay)


def way_of(state: State, relay: str, group: str) -> tuple[str, str] | None:
    """The credential that a relay reaches a group by, where it has told: the relay's name and the credential's."""
    known = state.windows.get(relay)
    name = None if known is None else known.groups.get(group)
    return None if name is None else (relay, name)


def credential_of(state: State, relay: str, group: str) -> Credential | None:
    way = way_of(state, relay, group)
    return None if way is None else state.windows[way[0]].credentials[way[1]]


def used(state: State, relay: str, group: str, at: int) -> None:
    """Something left for a group, or may have."""
    found = credential_of(state, relay, group)
    if found is not None:
        found.use(at)


def platform_of(state: State, relay: str, group: str) -> str:
    """The platform of a group's relay; empty where nobody has told."""
    found = credential_of(state, relay, group)
    return "" if found is None else found.platform
