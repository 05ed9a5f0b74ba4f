"""Claims: one code for a member, never more than the coupon has, never more than a member may have.

One writer decides all claims of a sale one after the other, so a coupon can not be given out more often than its
quantity. A code is unguessable; a member who has had all of theirs gets the last one again. What counts for a member
counts for all pseudonyms of one person.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import rewards, selectors
from coordinator.core.coupons import Coupon, locked, need_coupon, need_open
from coordinator.core.groups import need_group, own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    Turn,
    command,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)
from coordinator.core.members import MemberLinked, person

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State

CODE_LENGTH = 10  # of 32 signs: 50 bits, so that guessing one of a million codes takes a billion tries
LAPSES_AT_ONCE = 200  # in one append; the others follow in the next


class Code(msgspec.Struct, kw_only=True):
    """A code and what has become of it: claimed, paid where its coupon costs something, redeemed."""

    coupon: str
    member: str | None = None
    claimed_at: int
    drop: str | None = None
    group: str | None = None
    off: int = 0  # its part of a pool
    reward: str | None = None
    paid: int = 0
    paid_order: str | None = None
    lapsed: bool = False
    order: str | None = None  # it was redeemed for


class CouponClaimed(Event, tag="coupon.claimed", kw_only=True):
    coupon: str
    member: str | None = None
    group: str | None = None
    drop: str | None = None
    code: str
    left: int
    off: int = 0  # its part of a pool
    reward: str | None = None  # the round that it was won or earned in


class CouponRanOut(Event, tag="coupon.ran_out", kw_only=True):
    coupon: str


class CouponLapsed(Event, tag="coupon.lapsed", kw_only=True):
    """A code that was to be paid for is void, and its place is free again. `why`: unpaid, or refunded."""

    coupon: str
    code: str
    why: str
    left: int


@command("coupon.claim", after_close=True, events=("coupon.claimed", "coupon.ran_out"))
class CouponClaim(Command):
    """One code for a member. `group` is where they saw it; a coupon for some groups only needs it."""

    coupon: Id
    member: Member | None = None
    group: Id | None = None


@decides(CouponClaim)
def claim(turn: Turn, c: CouponClaim) -> dict[str, Any] | None:
    state = turn.state
    coupon = need_coupon(state, c.coupon)
    if c.group is not None and turn.actor.role in {"relay", "poster"}:
        need_group(turn, c.group)
    member = own_member(turn, c.member)
    had = codes_of(state, c.coupon, member)
    most = rewards.most(state, coupon, member)
    if had and len(had) >= most:
        return {**_result(state, had[-1], coupon.left), "again": True}
    if coupon.dropped_at is None and coupon.kind not in rewards.EARNED:
        raise Refusal("too_early", f"{c.coupon} is not dropped yet", {"field": "coupon"})
    group = _need_claimable(turn, coupon, c.group)
    source = _drop_for(state, coupon, group)
    if not most:
        raise rewards.not_earned(state, coupon, member)
    if coupon.left <= 0 or (source is not None and source.quantity is not None and source.claimed >= source.quantity):
        raise Refusal("exhausted", f"{c.coupon} has run out", {"left": 0})
    _give(turn, coupon, member, group, source=source)
    return None


def _need_claimable(turn: Turn, coupon: Coupon, group: str | None, *, closed: bool = False) -> str | None:
    """The group that a claim counts for; refuses where it is not the coupon's time, or not its group."""
    if locked(turn.state, coupon.id):
        raise Refusal(
            "too_early", f"{coupon.id} is locked until its chain is complete", {"field": "coupon", "locked": True}
        )
    need_open(turn.state, coupon, closed=closed)
    if coupon.closes_at is not None and turn.at >= coupon.closes_at:
        raise Refusal("too_late", f"{coupon.id} ended at {coupon.closes_at}", {"until": coupon.closes_at})
    if coupon.opens_at is not None and turn.at < coupon.opens_at:
        raise Refusal("too_early", f"{coupon.id} begins at {coupon.opens_at}", {"from": coupon.opens_at})
    return _group(turn, coupon, group)


def _give(
    turn: Turn, coupon: Coupon, member: str | None, group: str | None, *, source: Drop | None = None, reward: str | None = None
) -> None:  # fmt: skip
    code = turn.secret(CODE_LENGTH)
    turn.emit(
        CouponClaimed(
            coupon=coupon.id,
            member=member,
            group=group,
            drop=source.id if source is not None else None,
            code=code,
            left=coupon.left - 1,
            off=share(code, coupon.pool_left, coupon.left) if coupon.pool else 0,
            reward=reward,
        )
    )
    if coupon.left == 0:
        turn.emit(CouponRanOut(coupon=coupon.id))


# ---------------------------------------------------------------- what is given without being asked for
def why_not(turn: Turn, name: str, member: str, group: str | None, *, kept: bool = False) -> str | None:
    """Why a member cannot be given a coupon as a prize, as a refusal's code; None where they can. It needs no drop.

    `kept`: it was promised while the sale was open, and its close takes nothing of that back.
    """
    state = turn.state
    try:
        coupon = need_coupon(state, name)
        _need_claimable(turn, coupon, group, closed=kept)
    except Refusal as e:
        return e.code
    if len(codes_of(state, name, member)) >= coupon.per_member:
        return "capped"
    return "exhausted" if coupon.left <= 0 else None


def give(turn: Turn, name: str, member: str, group: str | None, reward: str) -> None:
    """Gives a member a code for a round, after `why_not` had nothing against it."""
    coupon = turn.state.coupons[name]
    _give(turn, coupon, member, _group(turn, coupon, group), reward=reward)


def code_for(state: State, coupon: str, member: str, reward: str) -> str | None:
    """The code that a member's person was given for a round."""
    return next((x for x in codes_of(state, coupon, member) if state.codes[x].reward == reward), None)


_NOBODY: dict[str, tuple[str, ...]] = {}


def share(code: str, left: int, members: int) -> int:
    """What this code gets of a pool of which so much is left for so many members, itself among them.

    Decided by the code's own random bits, so that anyone who has the journal can compute it again. At least 1; on
    average what an even split gives, at most twice that; the last member gets what is left.
    """
    if members <= 1:
        return left
    most = min(left - (members - 1), max(1, 2 * left // members))
    return 1 + int.from_bytes(blake2b(code.encode(), digest_size=8).digest(), "big") % most


def _group(turn: Turn, coupon: Coupon, group: str | None) -> str | None:
    """The group that a claim counts for; refuses one that is not its sender's, or that the coupon is not for."""
    state, actor = turn.state, turn.actor
    if actor.role == "audience":
        if group is None and actor.groups is not None and len(actor.groups) == 1:
            group = actor.groups[0]
        if group is not None and actor.groups is not None and group not in actor.groups:
            raise Refusal("forbidden", f"this member is not in {group}", {"field": "group"})
        if coupon.groups is not None and actor.groups is None:
            raise Refusal(
                "forbidden",
                f"{coupon.id} is for some groups only, and the token does not say the member's",
                {"field": "group"},
            )
    if group is not None and group not in state.groups:
        raise Refusal("unknown", f"there is no group {group}", {"field": "group"})
    if coupon.groups is not None:
        if group is None:
            raise Refusal("invalid", f"{coupon.id} is for some groups only: say which group it is", {"field": "group"})
        if group not in selectors.select(coupon.groups, [state.groups[group]]):
            raise Refusal("forbidden", f"{coupon.id} is not for {group}", {"field": "group"})
    return group


def _drop_for(state: State, coupon: Coupon, group: str | None) -> Drop | None:
    """The newest fired drop with something left that a claim counts for; where the group is known, one that went there.

    What was earned needs none.
    """
    newest: Drop | None = None
    for name in reversed(coupon.drops):
        drop = state.drops[name]
        if group is None or group in drop.groups:
            if drop.quantity is None or drop.claimed < drop.quantity:
                return drop
            newest = newest or drop
    if newest is not None:
        return newest  # every part is used up: the claim is told so
    if coupon.kind in rewards.EARNED:
        return None
    coming = (d for d in state.drops.values() if d.status == "announced" and d.kind == "coupon" and d.what == coupon.id)
    if any(group in d.groups for d in coming):
        raise Refusal("too_early", f"{coupon.id} is not dropped into {group} yet", {"field": "group"})
    raise Refusal("forbidden", f"{coupon.id} was not dropped into {group}", {"field": "group"})


def _result(state: State, code: str, left: int) -> dict[str, Any]:
    """What its member is told of a code: their part of a pool, and what is still to be paid for it."""
    found = state.codes[code]
    out: dict[str, Any] = {"code": code, "left": left}
    if found.off:
        out["off"] = found.off
    pay = state.coupons[found.coupon].pay
    if pay and found.paid_order is None:
        out["pay"] = pay
    return out


@result_of(CouponClaimed)
def claimed_result(state: State, e: CouponClaimed) -> dict[str, Any]:
    return _result(state, e.code, e.left)


def given_to(state: State, coupon: str, member: str | None) -> tuple[str, ...]:
    """The codes that a member's person was given, the last one last; some may be void by now."""
    return state.claims.get(coupon, _NOBODY).get(person(state, member), ()) if member else ()


def codes_of(state: State, coupon: str, member: str | None) -> tuple[str, ...]:
    """Those of them that are not void."""
    given = given_to(state, coupon, member)
    return tuple(x for x in given if not state.codes[x].lapsed) if given and state.coupons[coupon].pay else given


@evolves(CouponClaimed)
def claimed(state: State, e: CouponClaimed) -> Iterable[Key]:
    coupon = state.coupons[e.coupon]
    coupon.claimed += 1
    coupon.left -= 1
    coupon.pool_left -= e.off
    state.codes[e.code] = Code(
        coupon=e.coupon, member=e.member, claimed_at=e.at, drop=e.drop, group=e.group, off=e.off, reward=e.reward
    )
    if e.member is not None:
        had = state.claims.setdefault(e.coupon, {})
        whose = person(state, e.member)
        had[whose] = (*had.get(whose, ()), e.code)
    keys: list[Key] = [("coupons", e.coupon)]
    if e.drop is not None:
        state.drops[e.drop].claimed += 1
        keys.append(("drops", e.drop))
    if coupon.pay:
        waiting = state.unpaid.setdefault(e.coupon, [])
        waiting.append(e.code)
        if len(waiting) == 1:
            keys.append(("unpaid", e.coupon))
    return keys


@evolves(CouponRanOut)
def ran_out(_: State, e: CouponRanOut) -> Iterable[Key]:
    return (("coupons", e.coupon),)


@evolves(MemberLinked)
def linked(state: State, e: MemberLinked) -> Iterable[Key]:
    for had in state.claims.values():
        if e.was in had:
            had[e.person] = (*had.get(e.person, ()), *had.pop(e.was))
    return ()


# ---------------------------------------------------------------- codes that are to be paid for
def is_unpaid(code: Code) -> bool:
    """Whether a code of a coupon that costs something waits for its payment."""
    return code.paid_order is None and not code.lapsed


@moments
def lapses(state: State) -> Iterable[tuple[int, int, str]]:
    if state.the.status == "closed":
        return
    for name, waiting in state.unpaid.items():
        if waiting:
            yield _pay_until(state, waiting[0]), 8, f"coupon.lapse={name}"


def _pay_until(state: State, code: str) -> int:
    found = state.codes[code]
    return found.claimed_at + (state.coupons[found.coupon].pay_within_ms or 0)


@due_key("coupon.lapse")
def lapse(turn: Turn, name: str) -> None:
    state = turn.state
    coupon = state.coupons[name]
    for code in [x for x in state.unpaid.get(name, [])[:LAPSES_AT_ONCE] if _pay_until(state, x) <= turn.at]:
        if is_unpaid(state.codes[code]):
            turn.emit(CouponLapsed(coupon=name, code=code, why="unpaid", left=coupon.left + 1))


@evolves(CouponLapsed)
def lapsed(state: State, e: CouponLapsed) -> Iterable[Key]:
    coupon, code = state.coupons[e.coupon], state.codes[e.code]
    coupon.left += 1
    coupon.lapsed += 1
    if code.paid_order is not None:
        coupon.paid -= 1
        code.paid_order, code.paid = None, 0
    code.lapsed = True
    keys: list[Key] = [("coupons", e.coupon)]
    if code.drop is not None:
        state.drops[code.drop].claimed -= 1
        keys.append(("drops", code.drop))
    return [*keys, *settled(state, e.coupon)]


def settled(state: State, coupon: str) -> Iterable[Key]:
    """The next code that waits for its payment comes to the head of its line."""
    waiting = state.unpaid.get(coupon, [])
    before = len(waiting)
    while waiting and not is_unpaid(state.codes[waiting[0]]):
        waiting.pop(0)
    return (("unpaid", coupon),) if len(waiting) != before else ()


def revived(state: State, code: Code) -> Iterable[Key]:
    """A void code was paid for late, while there is still a place."""
    coupon = state.coupons[code.coupon]
    coupon.left -= 1
    coupon.lapsed -= 1
    code.lapsed = False
    yield ("coupons", code.coupon)
    if code.drop is not None:
        state.drops[code.drop].claimed += 1
        yield ("drops", code.drop)
