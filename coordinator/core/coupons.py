"""Coupons: dropped into groups, claimed by members, redeemed by the shop.

One writer decides all claims of a sale one after the other, so a coupon can not be given out more often
than its quantity. A code is unguessable; a member who has had all of theirs gets the last one again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from coordinator.core import selectors
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.groups import need_group, own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    evolves,
    result_of,
)
from coordinator.core.readings import count, things, truth

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

CODE_LENGTH = 10  # of 32 signs: 50 bits, so that guessing one of a million codes takes a billion tries


class Coupon(msgspec.Struct, kw_only=True):
    id: str
    kind: str
    title: str
    over: int = 0
    off: int
    quantity: int
    per_member: int = 1
    valid_ms: int | None = None
    products: tuple[str, ...] = ()
    groups: str | None = None
    claimed: int = 0
    redeemed: int = 0
    left: int
    stopped: bool = False
    dropped_at: int | None = None
    drop: str | None = None
    drops: list[str] = []


things(
    "coupon", "coupons", id_needed=True,
    left=count("codes that can still be claimed", of="quantity"), claimed=count("codes that were claimed", of="quantity"),
    redeemed=count("codes that the shop has taken", of="quantity"), stopped=truth("no more can be claimed"),
)  # fmt: skip


class Code(msgspec.Struct, kw_only=True):
    coupon: str
    member: str | None = None
    claimed_at: int
    drop: str | None = None
    group: str | None = None
    order: str | None = None


class CouponDropped(Event, tag="coupon.dropped", kw_only=True):
    coupon: str
    drop: str
    cue: str
    run: str
    groups: list[str]
    quantity: int | None = None


class CouponStopped(Event, tag="coupon.stopped", kw_only=True):
    coupon: str


class CouponClaimed(Event, tag="coupon.claimed", kw_only=True):
    coupon: str
    member: str | None = None
    group: str | None = None
    drop: str | None = None
    code: str
    left: int


class CouponRanOut(Event, tag="coupon.ran_out", kw_only=True):
    coupon: str


class CouponRedeemed(Event, tag="coupon.redeemed", kw_only=True):
    coupon: str
    code: str
    order: str
    member: str | None = None
    off: int = 0


@command("coupon.drop", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "coupon.dropped"))
class CouponDrop(Command):
    """Puts a coupon into groups, at now + lead. `quantity` is this drop's part of the coupon's total."""

    coupon: Id
    groups: str | list[Id]
    quantity: Annotated[int, Field(ge=1, le=10**9)] | None = None
    text: Text | None = None


@command("coupon.stop", events=("coupon.stopped",))
class CouponStop(Command):
    """Ends the claiming; codes that are out stay good."""

    coupon: Id


@command("coupon.claim", after_close=True, events=("coupon.claimed", "coupon.ran_out"))
class CouponClaim(Command):
    """One code for a member. `group` is where they saw it, where that is known."""

    coupon: Id
    member: Member | None = None
    group: Id | None = None


@command("coupon.redeem", events=("coupon.redeemed",))
class CouponRedeem(Command):
    """The shop took a code for an order."""

    code: Id
    order: Id


def _went_out(turn: Turn, drop: Drop) -> None:
    turn.emit(
        CouponDropped(
            coupon=drop.what or "", drop=drop.id, cue=drop.cue, run=drop.run, groups=drop.groups, quantity=drop.quantity
        )
    )


def _stop(turn: Turn, plan: CuePlan, _cue: Cue) -> None:
    coupon = turn.state.coupons.get(plan.fields["coupon"])
    if coupon is not None and not coupon.stopped:
        turn.emit(CouponStopped(coupon=coupon.id))


cue_kind(
    "coupon.drop",
    dropped=_went_out,
    late=LATE_DROP,
    ready_text="领券啦: {coupon.title}, 先到先得 {coupon}",
    priority=0,
    about=("coupon",),
)
cue_kind("coupon.stop", perform=_stop, about=("coupon",))


@current(CouponDrop)
def last_drop(state: State, c: CouponDrop) -> str | None:
    coupon = state.coupons.get(c.coupon)
    return coupon.drop if coupon else None


def _need(state: State, coupon: str) -> Coupon:
    found = state.coupons.get(coupon)
    if found is None:
        raise Refusal("unknown", f"there is no coupon {coupon}", {"field": "coupon"})
    return found


@decides(CouponDrop)
def drop(turn: Turn, c: CouponDrop) -> None:
    from coordinator.core import checks, firing, reaching

    coupon = _need(turn.state, c.coupon)
    if turn.state.the.status == "closed" or coupon.stopped:
        raise Refusal(
            "too_late", f"{coupon.id} is stopped" if coupon.stopped else "the sale is closed", {"field": "coupon"}
        )
    if coupon.left <= 0:
        raise Refusal("exhausted", f"{coupon.id} has run out", {"left": 0})
    free = coupon.left - _promised(turn.state, coupon)
    if c.quantity is not None and c.quantity > free:
        raise Refusal("invalid", f"only {free} of {coupon.id} are free", {"field": "quantity", "left": free})
    groups = reaching.check_groups(turn.state, c.groups)
    checks.need_clean(turn, c.text)
    fields: dict[str, Any] = {"coupon": c.coupon}
    if c.quantity is not None:
        fields["quantity"] = c.quantity
    firing.drop_by_hand(turn, "coupon.drop", fields, groups, c.text)


def _promised(state: State, coupon: Coupon) -> int:
    """What parts of earlier drops still hold for their groups."""
    drops = [d for d in state.drops.values() if d.kind == "coupon" and d.what == coupon.id and d.status != "withdrawn"]
    return sum(d.quantity - d.claimed for d in drops if d.quantity is not None)


@decides(CouponStop)
def stop(turn: Turn, c: CouponStop) -> None:
    coupon = _need(turn.state, c.coupon)
    if coupon.stopped:
        raise Refusal("stale", f"{coupon.id} is stopped already", {"current": coupon.drop})
    turn.emit(CouponStopped(coupon=coupon.id))


@decides(CouponClaim)
def claim(turn: Turn, c: CouponClaim) -> dict[str, Any] | None:
    from coordinator.core import chains

    state = turn.state
    coupon = state.coupons.get(c.coupon)
    if coupon is None:
        raise Refusal("unknown", f"there is no coupon {c.coupon}", {"field": "coupon"})
    if c.group is not None and turn.actor.role in {"relay", "poster"}:
        need_group(turn, c.group)
    member = own_member(turn, c.member)
    if member is not None:
        had = state.claims.get(c.coupon, _NOBODY).get(member)
        if had is not None and len(had) >= coupon.per_member:
            return {"code": had[-1], "left": coupon.left, "again": True}
    if coupon.dropped_at is None:
        raise Refusal("too_early", f"{c.coupon} is not dropped yet", {"field": "coupon"})
    if chains.locked(state, c.coupon):
        raise Refusal(
            "too_early", f"{c.coupon} is locked until its chain is complete", {"field": "coupon", "locked": True}
        )
    if coupon.stopped or state.the.status == "closed":
        raise Refusal(
            "too_late", f"{c.coupon} is stopped" if coupon.stopped else "the sale is closed", {"field": "coupon"}
        )
    source = _drop_for(state, coupon, c.group)
    if coupon.left <= 0 or (source.quantity is not None and source.claimed >= source.quantity):
        raise Refusal("exhausted", f"{c.coupon} has run out", {"left": 0})
    turn.emit(
        CouponClaimed(
            coupon=c.coupon,
            member=member,
            group=c.group,
            drop=source.id,
            code=turn.secret(CODE_LENGTH),
            left=coupon.left - 1,
        )
    )
    if coupon.left == 0:
        turn.emit(CouponRanOut(coupon=c.coupon))
    return None


_NOBODY: dict[str, tuple[str, ...]] = {}


def _drop_for(state: State, coupon: Coupon, group: str | None) -> Drop:
    """The newest fired drop with something left that a claim counts for; where the group is known, one that went there."""
    if group is not None and group not in state.groups:
        raise Refusal("unknown", f"there is no group {group}", {"field": "group"})
    newest: Drop | None = None
    for name in reversed(coupon.drops):
        drop = state.drops[name]
        if group is None or group in drop.groups:
            if drop.quantity is None or drop.claimed < drop.quantity:
                return drop
            newest = newest or drop
    if newest is not None:
        return newest  # every part is used up: the claim is told so
    if coupon.groups and group not in selectors.select(coupon.groups, list(state.groups.values())):
        raise Refusal("forbidden", f"{coupon.id} is not for {group}", {"field": "group"})
    coming = (d for d in state.drops.values() if d.status == "announced" and d.kind == "coupon" and d.what == coupon.id)
    if any(group in d.groups for d in coming):
        raise Refusal("too_early", f"{coupon.id} is not dropped into {group} yet", {"field": "group"})
    raise Refusal("forbidden", f"{coupon.id} was not dropped into {group}", {"field": "group"})


@result_of(CouponClaimed)
def claimed_result(_: State, e: CouponClaimed) -> dict[str, Any]:
    return {"code": e.code, "left": e.left}


@decides(CouponRedeem)
def redeem(turn: Turn, c: CouponRedeem) -> dict[str, Any] | None:
    state = turn.state
    code = state.codes.get(c.code)
    if code is None:
        raise Refusal("unknown", f"there is no code {c.code}", {"field": "code"})
    if code.order is not None:
        if code.order == c.order:
            return {"coupon": code.coupon, "order": code.order, "again": True}
        raise Refusal("already", f"{c.code} was redeemed for another order", {"order": code.order})
    coupon = state.coupons[code.coupon]
    if coupon.valid_ms is not None and turn.at > code.claimed_at + coupon.valid_ms:
        raise Refusal(
            "too_late",
            f"{c.code} was good until {code.claimed_at + coupon.valid_ms}",
            {"until": code.claimed_at + coupon.valid_ms},
        )
    turn.emit(CouponRedeemed(coupon=code.coupon, code=c.code, order=c.order, member=code.member, off=coupon.off))
    return None


@result_of(CouponRedeemed)
def redeemed_result(_: State, e: CouponRedeemed) -> dict[str, Any]:
    return {"coupon": e.coupon, "order": e.order, "off": e.off}


@evolves(CouponDropped)
def dropped(state: State, e: CouponDropped) -> Iterable[Key]:
    coupon = state.coupons[e.coupon]
    coupon.dropped_at = e.at
    coupon.drops.append(e.drop)
    return (("coupons", e.coupon),)


@evolves(CouponStopped)
def stopped(state: State, e: CouponStopped) -> Iterable[Key]:
    state.coupons[e.coupon].stopped = True
    return (("coupons", e.coupon),)


@evolves(CouponRanOut)
def ran_out(_: State, e: CouponRanOut) -> Iterable[Key]:
    return (("coupons", e.coupon),)


@evolves(CouponClaimed)
def claimed(state: State, e: CouponClaimed) -> Iterable[Key]:
    coupon = state.coupons[e.coupon]
    coupon.claimed += 1
    coupon.left -= 1
    state.codes[e.code] = Code(coupon=e.coupon, member=e.member, claimed_at=e.at, drop=e.drop, group=e.group)
    if e.member is not None:
        had = state.claims.setdefault(e.coupon, {})
        had[e.member] = (*had.get(e.member, ()), e.code)
    if e.drop is None:
        return (("coupons", e.coupon),)
    state.drops[e.drop].claimed += 1
    return (("coupons", e.coupon), ("drops", e.drop))


@evolves(CouponRedeemed)
def redeemed(state: State, e: CouponRedeemed) -> Iterable[Key]:
    state.coupons[e.coupon].redeemed += 1
    state.codes[e.code].order = e.order
    return (("coupons", e.coupon),)
