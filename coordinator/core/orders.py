"""Orders, as the shop reports them: the same report twice, or out of order, ends in the same state.

How reports become an order is `order_life`, what led to it `attribution`, what does not add up `order_checks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import Field

from coordinator.core import attribution, coupon_orders, order_checks, order_life, rewards
from coordinator.core.attribution import Through
from coordinator.core.coupon_orders import CouponRedeemed
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Instant,
    Key,
    Member,
    Refusal,
    Turn,
    command,
    decides,
    evolves,
    result_of,
)
from coordinator.core.money import Minor
from coordinator.core.order_life import LIFE, Line, LineIn, Report, Reports

if TYPE_CHECKING:
    from coordinator.core.products import Product
    from coordinator.core.state import State

Status = Literal["placed", "paid", "shipped", "cancelled", "refunded"]
MAX_LINES = 1_000
NEWEST_KEPT = 500  # orders that consoles are shown; older ones are paged


class Order(msgspec.Struct, kw_only=True):
    """An order as all reports of it tell it. `flags` are those of `order_checks.FLAGS`."""

    id: str
    number: int
    """The how-manyeth it was, when it was first told of."""
    status: str
    member: str | None = None
    group: str | None = None
    link: str | None = None
    coupon: str | None = None
    through: Through | None = None
    lines: tuple[Line, ...] = ()
    amount: int = 0
    placed_at: int | None = None
    paid_at: int | None = None
    shipped_at: int | None = None
    cancelled_at: int | None = None
    refunded_at: int | None = None
    paid: int = 0
    refunded: int = 0
    flags: tuple[str, ...] = ()


class _Reported(Event, kw_only=True):
    """What the shop said, and what was decided: `through`, what led to the order, and `flags`, what does not add up."""

    order: str
    happened_at: int | None = None
    member: str | None = None
    group: str | None = None
    link: str | None = None
    coupon: str | None = None
    lines: tuple[Line, ...] = ()
    amount: int | None = None
    through: Through | None = None
    flags: tuple[str, ...] = ()


class OrderPlaced(_Reported, tag="order.placed"):
    pass


class OrderPaid(_Reported, tag="order.paid"):
    pass


class OrderShipped(_Reported, tag="order.shipped"):
    pass


class OrderCancelled(_Reported, tag="order.cancelled"):
    pass


class OrderRefunded(_Reported, tag="order.refunded"):
    pass


_EVENTS: dict[str, type[_Reported]] = {
    "placed": OrderPlaced, "paid": OrderPaid, "shipped": OrderShipped, "cancelled": OrderCancelled, "refunded": OrderRefunded,
}  # fmt: skip
_STATUS = {cls: status for status, cls in _EVENTS.items()}


@command(
    "order.report",
    after_close=True,
    events=(*(f"order.{s}" for s in LIFE), "delivery.requested", "coupon.paid", "coupon.lapsed", "coupon.ran_out"),
)
class OrderReport(Command):
    """What the shop says of an order. `amount` is its total; for `refunded` the total refunded so far, all where it is not said.

    `link` is the key of a link that was sent, or the id of a link or product; `coupon` a code, or a coupon's id.
    `happened_at` is when it happened: of two reports of one status the one that happened later counts, whichever comes
    first; where the shop does not say, the one that comes last.
    """

    order: Id
    status: Status
    happened_at: Instant | None = None
    member: Member | None = None
    group: Id | None = None
    link: Id | None = None
    coupon: Id | None = None
    lines: Annotated[list[LineIn], Field(max_length=MAX_LINES)] = []
    amount: Minor | None = None


@decides(OrderReport)
def report(turn: Turn, c: OrderReport) -> dict[str, Any] | None:
    from coordinator.core import deliveries

    state = turn.state
    if state.the.status == "closed" and c.status != "refunded":
        raise Refusal("too_late", "the sale is closed: only refunds are taken", {"status": "closed"})
    lines = tuple(Line(product=x.product, quantity=x.quantity, price=x.price) for x in c.lines)
    event = _EVENTS[c.status](
        order=c.order, happened_at=None if c.happened_at is None else min(c.happened_at, turn.at), member=c.member,
        group=c.group, link=c.link, coupon=c.coupon, lines=lines, amount=c.amount,
    )  # fmt: skip
    event.at = turn.at
    known = state.orders.get(c.order)
    reports = _with(state, event)
    if known is not None and reports is None:
        return {"order": c.order, "status": known.status, "again": True}
    facts = order_life.together(reports or {})
    event.through = attribution.attribute(state, c.order, facts)
    event.flags = order_checks.flags(state, c.order, facts, reports or {})
    stocks = {x.product: state.products[x.product].stock for x in facts.lines if x.product in state.products}
    turn.emit(event)
    coupon_orders.follow(turn, c.order)
    for product, stock in stocks.items():
        if state.products[product].stock != stock:
            deliveries.render_announced(turn, product)
    return None


def _with(state: State, e: _Reported) -> dict[str, tuple[Report, ...]] | None:
    """The order's reports with this one; None where it says nothing new."""
    status = _STATUS[type(e)]
    told = e.happened_at is not None
    at = e.at if e.happened_at is None else e.happened_at
    report = Report(
        at=at, told=told, amount=e.amount, member=e.member, group=e.group, link=e.link, coupon=e.coupon, lines=e.lines
    )
    known = state.reports.get(e.order, {})
    of = order_life.with_report(known.get(status, ()), status, report)
    return None if of is None else {**known, status: of}


@result_of(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled, OrderRefunded)
def reported_result(_: State, e: _Reported) -> dict[str, Any]:
    flagged = {"flags": list(e.flags)} if e.flags else {}
    return {"order": e.order, "status": _STATUS[type(e)], **flagged}


@evolves(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled, OrderRefunded)
def reported(state: State, e: _Reported) -> Iterable[Key]:
    reports = _with(state, e)
    if reports is None:
        return ()
    return _settle(state, e.order, reports, e.through, e.flags)


@evolves(CouponRedeemed)
def redeemed(state: State, e: CouponRedeemed) -> Iterable[Key]:
    """A code was taken for an order that is known: now it is known what led to it."""
    reports = state.reports.get(e.order)
    if reports is None:
        return ()
    facts = order_life.together(reports)
    through = attribution.attribute(state, e.order, facts)
    return _settle(state, e.order, reports, through, order_checks.flags(state, e.order, facts, reports))


def _settle(
    state: State, order: str, reports: dict[str, tuple[Report, ...]], through: Through | None, flags: tuple[str, ...]
) -> list[Key]:
    """The order anew, and all that is counted of it."""
    from coordinator.core import figures

    before, had = state.orders.get(order), state.reports.get(order)
    facts = order_life.together(reports)
    after = Order(
        id=order, number=before.number if before else state.counts.get("order", 0) + 1, status=facts.status, member=facts.member or _given_to(state, order, facts), link=facts.link, coupon=facts.coupon,
        group=(through.group if through else None) or facts.group, through=through, lines=facts.lines, amount=facts.amount,
        paid=facts.paid, refunded=facts.refunded, flags=flags,
        **{f"{status}_at": at for status, at in facts.times.items()},
    )  # fmt: skip
    state.reports[order], state.orders[order] = reports, after
    rewards.bought(state, after)
    figures.recount(state, before, after)
    keys: list[Key] = [("orders", order), ("figures", "sale"), *_sell(state, had, facts)]
    if before is None:
        state.count("order")
        state.newest_orders.append(order)
        if len(state.newest_orders) > NEWEST_KEPT:
            keys.append(("orders", state.newest_orders.pop(0)))  # it is not shown any more
    return keys


def _given_to(state: State, order: str, facts: order_life.Facts) -> str | None:
    """Whose code was used for it, where nobody says whose order it is."""
    for named in (facts.coupon, *state.redeemed.get(order, ())):
        code = state.codes.get(named or "")
        if code is not None and code.member is not None:
            return code.member
    return None


def sold_before(state: State, product: Product) -> None:
    """Counts what was sold of a product before it stood in the sheet."""
    known = [order_life.together(r) for r in state.reports.values()]
    product.sold = sum(order_life.taken(facts).get(product.id, 0) for facts in known)
    product.orders = sum(product.id in _products_of(facts) for facts in known)
    if product.stocked is not None:
        product.stocked += product.sold


def _sell(state: State, had: Reports | None, facts: order_life.Facts) -> list[Key]:
    """What an order has taken of the stock, or given back to it, since it was last told of."""
    was = order_life.together(had) if had else None
    before, after = order_life.taken(was) if was else {}, order_life.taken(facts)
    stood, stands = _products_of(was) if was else set(), _products_of(facts)
    keys: list[Key] = []
    for name in sorted({*before, *after, *(stood ^ stands)}):
        product, more = state.products.get(name), after.get(name, 0) - before.get(name, 0)
        if product is None or (not more and (name in stood) == (name in stands)):
            continue
        product.orders += (name in stands) - (name in stood)
        product.sold += more
        if product.stocked is not None and more:
            product.stock = max(0, product.stocked - product.sold)
        keys.append(("products", name))
    return keys


def _products_of(facts: order_life.Facts) -> set[str]:
    return {line.product for line in facts.lines}
