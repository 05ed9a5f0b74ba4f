"""Coupons and the shop: a code is paid for where its coupon costs something, and redeemed for an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import Field

from coordinator.core import baskets, claims
from coordinator.core.baskets import Held
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves, result_of
from coordinator.core.order_life import Line, LineIn

if TYPE_CHECKING:
    from coordinator.core.claims import Code
    from coordinator.core.coupons import Coupon
    from coordinator.core.state import State

NEEDS_A_BASKET = frozenset({"percent", *baskets.PRICES})


class CouponPaid(Event, tag="coupon.paid", kw_only=True):
    """The order has bought this code."""

    coupon: str
    code: str
    order: str
    member: str | None = None
    amount: int


class CouponRedeemed(Event, tag="coupon.redeemed", kw_only=True):
    coupon: str
    code: str
    order: str
    member: str | None = None
    off: int = 0
    paid: int = 0  # of it, what the member had paid for the code


@command("coupon.redeem", after_close=True, events=("coupon.redeemed",))
class CouponRedeem(Command):
    """The shop took a code for an order. `lines` are its basket, where the order itself was not reported before.

    A code is good until its own end, also after the sale's close; one that has none, until the close that follows it.
    """

    code: Id
    order: Id
    lines: Annotated[list[LineIn], Field(max_length=500)] = []


# ---------------------------------------------------------------- what a code is worth now
def held(state: State, name: str) -> Held:
    """A code as `baskets` sees it."""
    code = state.codes[name]
    coupon = state.coupons[code.coupon]
    standing: Literal["good", "unpaid", "lapsed", "redeemed"] = "good"
    if code.order is not None:
        standing = "redeemed"
    elif code.lapsed:
        standing = "lapsed"
    elif coupon.pay and code.paid_order is None:
        standing = "unpaid"
    until = code.claimed_at + coupon.valid_ms if coupon.valid_ms is not None else coupon.closes_at
    if until is None and state.the.closed_at is not None and code.claimed_at <= state.the.closed_at:
        until = state.the.closed_at  # what was won in a draw that ran after the close has no end to be told
    return msgspec.structs.replace(worth_of(coupon, name), off=code.off or coupon.off, until=until, standing=standing)


def worth_of(coupon: Coupon, code: str) -> Held:
    """What a code of this coupon is worth, in good standing."""
    return Held(
        code=code,
        coupon=coupon.id,
        kind=coupon.kind,
        off=coupon.off,
        over=coupon.over,
        basis_points=coupon.basis_points,
        at_most=coupon.at_most,
        price=coupon.price,
        units=coupon.units,
        products=coupon.products,
        exclusive=coupon.exclusive,
    )


def priced_lines(state: State, lines: Iterable[Any]) -> list[Line]:
    """An order's lines with the sale's price where they tell none."""
    out = []
    for line in lines:
        product = state.products.get(line.product)
        price = line.price or (product.price if product is not None else 0)
        out.append(Line(product=line.product, quantity=line.quantity, price=price))
    return out


def misfits(state: State, name: str, lines: Sequence[Line], at: int, order: str | None = None) -> list[baskets.Misfit]:
    """All that is wrong with this code for an order with these lines. `lines` may be empty: then only what is known."""
    code = state.codes.get(name)
    if code is None:
        return [baskets.Misfit(code="unknown", message=f"there is no code {name}")]
    found = held(state, name)
    if order is not None and code.order == order:
        found = msgspec.structs.replace(found, standing="good")
    out = list(baskets.misfits(found, lines, at))
    others = state.redeemed.get(order, ()) if order is not None and found.exclusive else ()
    for other in others:
        if other != name and state.coupons[state.codes[other].coupon].exclusive:
            message = f"{order} has {other} already, and only one such coupon holds for an order"
            out.append(baskets.Misfit(code="invalid", message=message, details={"with": other}))
    return out


def fits(state: State, name: str, lines: Sequence[Line], at: int, order: str | None = None) -> baskets.Misfit | None:
    """The first thing that is wrong with this code for an order with these lines, or None."""
    return next(iter(misfits(state, name, lines, at, order)), None)


def basket(
    state: State, lines: Iterable[tuple[str, int, int | None]], codes: Iterable[str], member: str | None, at: int
) -> baskets.Priced:
    """What (product, quantity, price) cost with these codes and all of this member's, oldest first; None: the sale's price.

    Raises Refusal where a line has no price and is none of the sale's products.
    """
    bought = []
    for n, (product, quantity, price) in enumerate(lines):
        found = state.products.get(product)
        if price is None and found is None:
            raise Refusal("unknown", f"there is no product {product}: give its price", {"field": f"lines.{n}.product"})
        own = found.price if found is not None else 0
        bought.append(Line(product=product, quantity=quantity, price=own if price is None else price))
    names = list(codes)
    if member is not None:
        for coupon in state.claims:
            names += claims.codes_of(state, coupon, member)
    known = sorted({x for x in names if x in state.codes}, key=lambda x: (state.codes[x].claimed_at, x))
    priced = baskets.price(bought, [held(state, x) for x in known], at)
    strange = tuple(
        baskets.Unused(code=x, coupon="", why=f"there is no code {x}")
        for x in dict.fromkeys(names)
        if x not in state.codes
    )
    return msgspec.structs.replace(priced, unused=(*priced.unused, *strange))


# ---------------------------------------------------------------- redeeming
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
    order = state.orders.get(c.order)
    lines = priced_lines(state, c.lines or (order.lines if order is not None else ()))
    misfit = fits(state, c.code, lines, turn.at, c.order)
    if misfit is not None:
        raise Refusal(misfit.code, misfit.message, {"field": "code", **misfit.details})
    coupon = state.coupons[code.coupon]
    if not lines and coupon.kind in NEEDS_A_BASKET:
        raise Refusal("invalid", f"what {c.code} takes off hangs on the basket: give its lines", {"field": "lines"})
    turn.emit(
        CouponRedeemed(
            coupon=code.coupon,
            code=c.code,
            order=c.order,
            member=code.member,
            off=_takes_off(state, c.code, c.order, lines, turn.at) if lines else code.off or coupon.off,
            paid=code.paid,
        )
    )
    return None


def _takes_off(state: State, name: str, order: str, lines: Sequence[Line], at: int) -> int:
    """What the code takes off beside those that were redeemed for this order before."""
    before = [
        msgspec.structs.replace(held(state, x), standing="good", until=None) for x in state.redeemed.get(order, ())
    ]
    without = baskets.price(lines, before, at)
    return without.total - baskets.price(lines, [*before, held(state, name)], at).total


@result_of(CouponRedeemed)
def redeemed_result(_: State, e: CouponRedeemed) -> dict[str, Any]:
    return {"coupon": e.coupon, "order": e.order, "off": e.off}


@evolves(CouponRedeemed)
def redeemed(state: State, e: CouponRedeemed) -> Iterable[Key]:
    state.coupons[e.coupon].redeemed += 1
    state.codes[e.code].order = e.order
    had = state.redeemed.get(e.order, ())
    if e.code not in had:
        state.redeemed[e.order] = (*had, e.code)
    return (("coupons", e.coupon),)


# ---------------------------------------------------------------- paying
def buys(lines: Iterable[Line], code: Code) -> bool:
    """Whether an order with these lines pays for the code, and does not use it."""
    return any(line.product == code.coupon for line in lines)


def follow(turn: Turn, name: str) -> None:
    """What an order's report means for the code that it buys: a line of it is the coupon's id, `coupon` is the code.

    Once it is paid the code is good; where that payment is given back the code is void.
    """
    state = turn.state
    order = state.orders[name]
    code = state.codes.get(order.coupon or "")
    if code is None or order.coupon is None or not state.coupons[code.coupon].pay:
        return
    coupon = state.coupons[code.coupon]
    if not buys(order.lines, code):
        return
    kept = order.paid - order.refunded if order.paid_at is not None and order.cancelled_at is None else 0
    if code.paid_order == name and kept < coupon.pay and code.order is None:
        turn.emit(claims.CouponLapsed(coupon=coupon.id, code=order.coupon, why="refunded", left=coupon.left + 1))
    elif code.paid_order is None and kept >= coupon.pay and (not code.lapsed or coupon.left > 0):
        late = code.lapsed
        turn.emit(CouponPaid(coupon=coupon.id, code=order.coupon, order=name, member=code.member, amount=coupon.pay))
        if late and coupon.left == 0:
            turn.emit(claims.CouponRanOut(coupon=coupon.id))


@evolves(CouponPaid)
def paid(state: State, e: CouponPaid) -> Iterable[Key]:
    coupon, code = state.coupons[e.coupon], state.codes[e.code]
    keys = tuple(claims.revived(state, code)) if code.lapsed else (("coupons", e.coupon),)
    coupon.paid += 1
    code.paid, code.paid_order = e.amount, e.order
    return (*keys, *claims.settled(state, e.coupon))
