"""Orders, as the shop reports them: the same report twice, or out of order, ends in the same state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Command, Event, Id, Key, Member, Refusal, Turn, command, decides, evolves, result_of

if TYPE_CHECKING:
    from coordinator.core.state import State

Amount = Annotated[int, Field(ge=0, le=10**12)]
Status = Literal["placed", "paid", "shipped", "cancelled", "refunded"]
LATER = ("placed", "paid", "shipped", "cancelled", "refunded")


class Line(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    product: str
    quantity: int = 1
    price: int = 0


class LineIn(BaseModel):
    """One line of an order: the product's id, how many, and the price of one in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product: Id
    quantity: Annotated[int, Field(ge=1, le=10**6)] = 1
    price: Amount = 0


class Order(msgspec.Struct, kw_only=True):
    id: str
    status: str = "placed"
    member: str | None = None
    group: str | None = None
    link: str | None = None
    coupon: str | None = None
    cue: str | None = None
    drop: str | None = None
    lines: tuple[Line, ...] = ()
    amount: int = 0
    placed_at: int | None = None
    paid_at: int | None = None
    shipped_at: int | None = None
    cancelled_at: int | None = None
    refunded_at: int | None = None
    paid: int = 0
    refunded: int = 0


class _Reported(Event, kw_only=True):
    order: str
    member: str | None = None
    group: str | None = None
    link: str | None = None
    coupon: str | None = None
    cue: str | None = None
    drop: str | None = None
    lines: tuple[Line, ...] = ()
    amount: int = 0


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


@command("order.report", after_close=True, events=(*(f"order.{s}" for s in LATER), "delivery.requested"))
class OrderReport(Command):
    """What the shop says of an order. `amount` is its total; for `refunded` the total refunded so far."""

    order: Id
    status: Status
    member: Member | None = None
    group: Id | None = None
    link: Id | None = None
    coupon: Id | None = None
    lines: list[LineIn] = []
    amount: Amount = 0


@decides(OrderReport)
def report(turn: Turn, c: OrderReport) -> dict[str, Any] | None:
    from coordinator.core import deliveries

    state = turn.state
    known = state.orders.get(c.order)
    if state.the.status == "closed" and c.status != "refunded":
        raise Refusal("too_late", "the sale is closed: only refunds are taken", {"status": "closed"})
    said = known is not None and getattr(known, f"{c.status}_at") is not None
    # A refund may grow, part by part; everything else is said once.
    if known is not None and said and (c.status != "refunded" or c.amount <= known.refunded):
        return {"order": c.order, "status": known.status, "again": True}
    key = state.keys.get(c.link or "")
    code = state.codes.get(c.coupon or "")
    turn.emit(
        _EVENTS[c.status](
            order=c.order,
            member=c.member or (code.member if code else None),
            group=c.group or (key.group if key else None),
            link=c.link,
            coupon=c.coupon,
            cue=key.cue if key else None,
            drop=key.drop if key else (code.drop if code else None),
            lines=tuple(Line(product=x.product, quantity=x.quantity, price=x.price) for x in c.lines),
            amount=c.amount,
        )
    )
    if c.status == "paid":
        for line in state.orders[c.order].lines:
            deliveries.render_announced(turn, line.product)
    return None


@result_of(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled, OrderRefunded)
def reported_result(_: State, e: Any) -> dict[str, str]:
    return {"order": e.order, "status": str(e.__struct_config__.tag).partition(".")[2]}


@evolves(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled, OrderRefunded)
def reported(state: State, e: Any) -> Iterable[Key]:
    order = state.orders.setdefault(e.order, Order(id=e.order))
    counted = order.lines if order.paid_at is not None else ()
    for name in ("member", "group", "link", "coupon", "cue", "drop"):
        if getattr(order, name) is None and getattr(e, name) is not None:
            setattr(order, name, getattr(e, name))
    status = str(e.__struct_config__.tag).partition(".")[2]
    setattr(order, f"{status}_at", e.at)
    if status == "refunded":
        order.refunded = e.amount
    else:
        if e.amount:
            order.amount = e.amount
        if e.lines:
            order.lines = e.lines
    if status == "paid":
        order.paid = e.amount
    # What is sold is what stands in a paid order, whichever of its reports came first.
    for lines, sign in ((counted, -1), (order.lines if order.paid_at is not None else (), 1)):
        for line in lines:
            product = state.products.get(line.product)
            if product is not None:
                product.sold += sign * line.quantity
                if product.stock is not None:
                    product.stock = max(0, product.stock - sign * line.quantity)
    done = [s for s in LATER if getattr(order, f"{s}_at") is not None]
    order.status = done[-1]
    return [("orders", e.order), *(("products", x.product) for x in order.lines if x.product in state.products)]
