"""Whom a drop reaches, and through which relay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import selectors
from coordinator.core.kernel import Refusal
from coordinator.core.plan import CuePlan

if TYPE_CHECKING:
    from coordinator.core.groups import Group
    from coordinator.core.state import State


def reach(state: State, plan: CuePlan) -> list[str]:
    """The groups a cue goes into as things stand: those its selector means, less the frozen, within the coupon's."""
    if plan.groups is None or isinstance(plan.groups, str):
        chosen = selectors.select(plan.groups or "all", in_the_sheet(state))
    else:
        named = set(plan.groups)
        chosen = [g for g in state.groups if g in named]
    coupon = state.coupons.get(plan.fields.get("coupon") or "")
    if coupon is not None and coupon.groups:
        allowed = set(selectors.select(coupon.groups, in_the_sheet(state)))
        chosen = [g for g in chosen if g in allowed]
    return reachable(state, chosen)


Counts = dict[tuple[str | tuple[str, ...] | None, str | None], int]
"""(selector, coupon) → how many groups that reaches."""


def count(state: State, plan: CuePlan, known: Counts) -> int:
    """How many groups a cue goes into. `known` are those that were counted: hundreds of cues share a handful of selectors."""
    key = plan.groups, plan.fields.get("coupon")
    if key not in known:
        known[key] = len(reach(state, plan))
    return known[key]


def reachable(state: State, groups: Iterable[str]) -> list[str]:
    """Those of them that something can be sent into: neither frozen nor left out by a later sheet."""
    planned, known = state.index.groups, state.groups
    return [g for g in groups if g in planned and not known[g].frozen]


def in_the_sheet(state: State) -> list[Group]:
    """A group that a later sheet has left out keeps its past, and is sent nothing more."""
    planned = state.index.groups
    return [g for g in state.groups.values() if g.id in planned]


def check_groups(state: State, groups: str | list[str]) -> list[str]:
    """The groups that a command's `groups` means; refuses what cannot be read or is not there."""
    try:
        return selectors.select(groups, in_the_sheet(state))
    except selectors.SelectorError as e:
        raise Refusal("invalid", f"groups: {e}", {"field": "groups"}) from None


def relay_for(state: State, group: str, other_than: str | None = None) -> str:
    """The group's first relay that is here; else its first; empty where it has none."""
    wanted = [r for r in state.groups[group].relay if r != other_than]
    for name in wanted:
        relay = state.relays.get(name)
        if relay is not None and relay.here and group in relay.groups:
            return name
    for name, relay in sorted(state.relays.items()):
        if relay.here and group in relay.groups and name != other_than:
            return name
    return wanted[0] if wanted else ""


def has_hands(state: State, name: str) -> bool:
    """Whether a relay is a poster, a person: the sheet's team says so, or they came as one."""
    relay = state.relays.get(name)
    if relay is not None:
        return relay.hands
    return any(m.person == name and m.role == "poster" for m in state.p.team)


def is_for(state: State, name: str, group: str) -> bool:
    """Whether a group is one of this relay's: the sheet names it for the group, or it came with the group."""
    relay = state.relays.get(name)
    return name in state.groups[group].relay or (relay is not None and group in relay.groups)


def serves(state: State, name: str, group: str) -> bool:
    """Whether this relay is for that group: its token can narrow what the sheet says. One never seen is taken at the sheet's word."""
    relay = state.relays.get(name)
    return relay is None or group in relay.groups
