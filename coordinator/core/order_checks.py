"""What does not add up in an order. It is recorded all the same, and flagged: the shop knows more than the sale does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from coordinator.core.baskets import price
from coordinator.core.coupon_orders import buys, held, misfits, priced_lines, worth_of
from coordinator.core.members import person
from coordinator.core.order_life import counts, worth

if TYPE_CHECKING:
    from coordinator.core.order_life import Facts, Reports
    from coordinator.core.state import State

FLAGS = {
    "amount": "its amount is not the sum of its lines, with or without its coupons",
    "paid": "what was paid is not its amount",
    "refund": "more was given back than was paid",
    "refund_unpaid": "something was given back, and no payment is known",
    "refund_lines": "more pieces were given back than were ordered",
    "member": "its reports name several members",
    "link_unknown": "its link is none of this sale",
    "coupon_unknown": "its coupon is none of this sale",
    "coupon_member": "its code was given to another member",
    "coupon_order": "its code was redeemed for another order",
    "coupon_late": "its code was no longer good",
    "coupon_unpaid": "its code was not paid for",
    "coupon_basket": "its coupon does not fit what was ordered",
}  # fmt: skip
"""Flag → what is meant; an order's `flags` are some of these."""


def flags(state: State, order: str, facts: Facts, reports: Reports) -> tuple[str, ...]:
    """The flags of an order, in the order of FLAGS."""
    found = _of_sums(state, order, facts, reports) | _of_coupons(state, order, facts)
    named = {person(state, r.member) for of in reports.values() for r in of if r.member is not None}
    if len(named) > 1:
        found.add("member")
    link = facts.link
    if link is not None and not (link in state.keys or link in state.links or link in state.products):
        found.add("link_unknown")
    return tuple(flag for flag in FLAGS if flag in found)


def _of_sums(state: State, order: str, facts: Facts, reports: Reports) -> set[str]:
    found = set()
    if facts.lines and facts.amount not in {worth(facts.lines), worth(facts.lines) - _off(state, order, facts)}:
        found.add("amount")
    if "paid" in reports and facts.paid != facts.amount:
        found.add("paid")
    if "refunded" in reports:
        if "paid" not in reports:
            found.add("refund_unpaid")
        elif facts.refunded > facts.paid:
            found.add("refund")
        if facts.lines:
            ordered = counts(facts.lines)
            if any(n > ordered.get(product, 0) for product, n in counts(facts.returned).items()):
                found.add("refund_lines")
    return found


def _codes(state: State, order: str, facts: Facts) -> list[str]:
    """The codes that were used for it, as far as they are known."""
    named = dict.fromkeys((*((facts.coupon,) if facts.coupon else ()), *state.redeemed.get(order, ())))
    return [name for name in named if name in state.codes and not buys(facts.lines, state.codes[name])]


def _off(state: State, order: str, facts: Facts) -> int:
    """What its coupons take off, used together; whether they may be is another question."""
    used = [replace(held(state, name), standing="good", until=None) for name in _codes(state, order, facts)]
    if facts.coupon in state.coupons:
        used.append(worth_of(state.coupons[facts.coupon], facts.coupon))
    return price(facts.lines, used, facts.moment).off


_FLAG_OF = {
    "already": "coupon_order",
    "too_late": "coupon_late",
    "too_early": "coupon_unpaid",
    "invalid": "coupon_basket",
}
"""What does not fit → its flag."""


def _of_coupons(state: State, order: str, facts: Facts) -> set[str]:
    found = set()
    if facts.coupon is not None and facts.coupon not in state.codes and facts.coupon not in state.coupons:
        found.add("coupon_unknown")
    lines = priced_lines(state, facts.lines)
    for name in _codes(state, order, facts):
        code = state.codes[name]
        whose = code.member and person(state, code.member)
        if whose is not None and facts.member is not None and whose != person(state, facts.member):
            found.add("coupon_member")
        found |= {_FLAG_OF[misfit.code] for misfit in misfits(state, name, lines, facts.moment, order)}
    return found
