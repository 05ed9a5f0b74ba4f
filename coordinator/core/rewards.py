"""Coupons that are earned: for members who came by one's share (分享有礼), for an order that was paid (支付有礼).

Who has earned one may claim it, with or without a drop: one for each paid order of enough, one for each so many members
who came, up to `per_member`. A member came by a share where a relay saw them join with the channel `member:PSEUDONYM` of
who shared; each counts once in a sale, for the first who brought them, and nobody brings themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.groups import GroupJoined
from coordinator.core.kernel import Key, Refusal, evolves
from coordinator.core.members import MemberLinked, person

if TYPE_CHECKING:
    from coordinator.core.coupons import Coupon
    from coordinator.core.orders import Order
    from coordinator.core.state import State

EARNED = frozenset({"share_reward", "pay_reward"})
BY_A_SHARE = "member:"  # before the pseudonym, as a join's channel


def most(state: State, coupon: Coupon, member: str | None) -> int:
    """How many codes of it this member may have by now."""
    if coupon.kind not in EARNED:
        return coupon.per_member
    if member is None:
        raise Refusal("invalid", f"{coupon.id} is earned: say which member claims it", {"field": "member"})
    return min(coupon.per_member, _earned(state, coupon, person(state, member)))


def _earned(state: State, coupon: Coupon, whose: str) -> int:
    if coupon.kind == "share_reward":
        return came(state, whose) // max(1, coupon.shares)
    least = max(1, coupon.spend)
    orders = (state.orders[name] for name in state.bought.get(whose, ()))
    return sum(
        o.cancelled_at is None and o.paid - o.refunded >= least and person(state, o.member or "") == whose
        for o in orders
    )


def came(state: State, whose: str) -> int:
    """How many others came by this person's share."""
    return len({person(state, x) for x in state.brought.get(whose, ())} - {whose})


def not_earned(state: State, coupon: Coupon, member: str | None) -> Refusal:
    if coupon.kind == "share_reward":
        have = came(state, person(state, member)) if member else 0
        return Refusal(
            "too_early",
            f"{have} of {coupon.shares} members have come so far",
            {"field": "coupon", "came": have, "shares": coupon.shares},
        )
    return Refusal(
        "too_early",
        f"{coupon.id} is for members with a paid order" + (f" of {coupon.spend} or more" if coupon.spend else ""),
        {"field": "coupon", "spend": coupon.spend},
    )


def bought(state: State, order: Order) -> None:
    """Notes an order that was paid, for whom it is known."""
    if order.member is not None and order.paid_at is not None:
        whose = person(state, order.member)
        known = state.bought.get(whose, ())
        if order.id not in known:
            state.bought[whose] = (*known, order.id)


@evolves(GroupJoined)
def joined(state: State, e: GroupJoined) -> Iterable[Key]:
    if (
        e.member is not None
        and e.channel is not None
        and e.channel.startswith(BY_A_SHARE)
        and e.member not in state.came
    ):
        whose = person(state, e.channel.removeprefix(BY_A_SHARE))
        if whose != person(state, e.member):
            state.came.add(e.member)
            state.brought[whose] = (*state.brought.get(whose, ()), e.member)
    return ()


@evolves(MemberLinked)
def linked(state: State, e: MemberLinked) -> Iterable[Key]:
    for book in (state.bought, state.brought):
        if e.was in book:
            book[e.person] = (*book.get(e.person, ()), *book.pop(e.was))
    return ()
