"""Coupons of every kind: what they are worth, when they can be had; dropped into groups, stopped, expired.

How they are claimed is in `claims.py`, how they are paid for and redeemed in `coupon_orders.py`, what a basket costs with
them in `baskets.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
)
from coordinator.core.readings import count, things, truth

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import At, CouponPlan, CuePlan
    from coordinator.core.state import State

CODE_LENGTH = 10  # of 32 signs: 50 bits, so that guessing one of a million codes takes a billion tries


class Coupon(msgspec.Struct, kw_only=True):
    """As the plan has it, and what has become of it. Money in minor units, times in ms."""

    id: str
    kind: str
    title: str
    over: int = 0
    off: int = 0
    basis_points: int = 0
    at_most: int | None = None
    pay: int = 0
    pay_within_ms: int | None = None
    price: int | None = None
    units: int = 1
    pool: int = 0
    pool_left: int = 0
    shares: int = 0
    spend: int = 0
    exclusive: bool = True
    quantity: int
    per_member: int = 1
    valid_ms: int | None = None
    opens_at: int | None = None
    closes_at: int | None = None
    products: tuple[str, ...] = ()
    groups: str | None = None
    claimed: int = 0
    paid: int = 0
    lapsed: int = 0
    redeemed: int = 0
    left: int
    stopped: bool = False
    expired: bool = False
    dropped_at: int | None = None
    drop: str | None = None
    drops: list[str] = []


things(
    "coupon", "coupons", id_needed=True,
    left=count("codes that can still be claimed", of="quantity"), claimed=count("codes that were claimed", of="quantity"),
    redeemed=count("codes that the shop has taken", of="quantity"), paid=count("codes that were paid for", of="quantity"),
    stopped=truth("no more can be claimed"), expired=truth("its window is over"),
)  # fmt: skip


TERMS = ("kind", "over", "off", "basis_points", "at_most", "pay", "price", "units", "exclusive", "products")
"""What a code is worth: it stays as it is once codes are out."""


class CouponDropped(Event, tag="coupon.dropped", kw_only=True):
    coupon: str
    drop: str
    cue: str
    run: str
    groups: list[str]
    quantity: int | None = None


class CouponStopped(Event, tag="coupon.stopped", kw_only=True):
    coupon: str


class CouponExpired(Event, tag="coupon.expired", kw_only=True):
    """Its window is over: nobody can claim it any more."""

    coupon: str


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


def need_coupon(state: State, coupon: str) -> Coupon:
    found = state.coupons.get(coupon)
    if found is None:
        raise Refusal("unknown", f"there is no coupon {coupon}", {"field": "coupon"})
    return found


@decides(CouponDrop)
def drop(turn: Turn, c: CouponDrop) -> None:
    from coordinator.core import checks, firing, reaching

    coupon = need_coupon(turn.state, c.coupon)
    need_open(turn.state, coupon)
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


def need_open(state: State, coupon: Coupon, *, closed: bool = False) -> None:
    """Refuses a coupon that nobody can claim any more; `closed`: where the sale's close alone is no reason."""
    if state.the.status == "closed" and not closed:
        raise Refusal("too_late", "the sale is closed", {"field": "coupon"})
    if coupon.stopped:
        raise Refusal("too_late", f"{coupon.id} is stopped", {"field": "coupon"})
    if coupon.expired:
        raise Refusal(
            "too_late", f"{coupon.id} ended at {coupon.closes_at}", {"field": "coupon", "until": coupon.closes_at or 0}
        )


def locked(state: State, coupon: str) -> bool:
    """Whether a coupon waits for a chain: one of the sheet's cues or chains unlocks it, and none of those is complete."""
    waits = coupon in state.index.prizes_of_chains
    for chain in state.chains.values():
        if chain.unlocks is not None and chain.unlocks.coupon == coupon:
            if chain.status == "completed":
                return False
            waits = True
    return waits


def check_replaced(known: Coupon, new: CouponPlan) -> None:
    """A live edit: what codes that are out were promised stays so."""
    where = {"field": "sheet.coupons"}
    out = known.claimed - known.lapsed
    if new.quantity < out:
        raise Refusal("invalid", f"{out} of {new.id} are claimed: its quantity cannot be less", where)
    changed = [name for name in TERMS if getattr(new, name) != getattr(known, name)]
    if changed:
        raise Refusal(
            "invalid",
            f"codes of {new.id} are out: its {', '.join(changed)} cannot change; stop it, and add another coupon",
            where,
        )
    if new.pool and new.pool - (known.pool - known.pool_left) < new.quantity - out:
        raise Refusal("invalid", f"what is left of {new.id}'s pool is too little for those who are to share it", where)


def _promised(state: State, coupon: Coupon) -> int:
    """What parts of earlier drops still hold for their groups."""
    drops = [d for d in state.drops.values() if d.kind == "coupon" and d.what == coupon.id and d.status != "withdrawn"]
    return sum(d.quantity - d.claimed for d in drops if d.quantity is not None)


@decides(CouponStop)
def stop(turn: Turn, c: CouponStop) -> None:
    coupon = need_coupon(turn.state, c.coupon)
    if coupon.stopped:
        raise Refusal("stale", f"{coupon.id} is stopped already", {"current": coupon.drop})
    turn.emit(CouponStopped(coupon=coupon.id))


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


@evolves(CouponExpired)
def expired(state: State, e: CouponExpired) -> Iterable[Key]:
    state.coupons[e.coupon].expired = True
    return (("coupons", e.coupon),)


# ---------------------------------------------------------------- when it can be had
def windows(state: State) -> Iterable[Key]:
    """Brings the moments up to date between which coupons can be claimed; what of them has changed.

    They hang on the show's start alone: what was promised to the audience runs on while the show pauses or is shifted.
    """
    for plan in state.p.coupons:
        coupon = state.coupons[plan.id]
        opens, closes = fixed_instant(state, plan.opens), fixed_instant(state, plan.closes)
        if (opens, closes) != (coupon.opens_at, coupon.closes_at):
            coupon.opens_at, coupon.closes_at = opens, closes
            coupon.expired = coupon.expired and closes is not None and closes <= state.at
            yield ("coupons", coupon.id)


def fixed_instant(state: State, at: At | None) -> int | None:
    """The instant of a moment that hangs on the show's start alone, or on the clock."""
    if at is None:
        return None
    return at.instant - state.stepped if at.instant is not None else state.the.start + at.offset


@moments
def ends(state: State) -> Iterable[tuple[int, int, str]]:
    if state.the.status != "closed":
        for coupon in state.coupons.values():
            if coupon.closes_at is not None and not coupon.expired and not coupon.stopped:
                yield coupon.closes_at, 7, f"coupon.expire={coupon.id}"


@due_key("coupon.expire")
def expire(turn: Turn, name: str) -> None:
    coupon = turn.state.coupons.get(name)
    if coupon is not None and not coupon.expired and coupon.closes_at is not None and coupon.closes_at <= turn.at:
        turn.emit(CouponExpired(coupon=name))
