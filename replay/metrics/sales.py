"""What was ordered, paid and given back, from the shop's reports. Amounts are whole minor units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from coordinator.core.order_life import counts
from coordinator.core.orders import Order
from replay.metrics.figure import Figure, Scope, Why, figure, ratio
from replay.metrics.people import NO_MEMBERS
from replay.tables import Tables

NO_ORDERS: Why = ("the shop reported no order", "商城未上报订单")
NONE_PAID: Why = ("no paid order was reported", "没有已支付订单")
NO_BUYERS: Why = ("no paid order names its member", "已支付订单均无成员标识")
NO_LINES: Why = ("no paid order names its items", "已支付订单均无明细")
NO_REACH: Why = ("no link or coupon was sent into a group", "没有链接或优惠券发到群里")
NO_COST: Why = ("no cost was reported", "未上报成本")
NO_TARGET: Why = ("the sheet sets no target", "脚本未设目标")


def refund_of(order: Order) -> int:
    """What of the paid amount was given back."""
    return min(order.refunded, order.paid) if order.paid_at is not None else 0


def figures(t: Tables) -> list[Figure]:
    orders = list(t.orders.values())
    out = _amounts(t, orders, None)
    groups: dict[str, list[Order]] = {}
    products: dict[str, list[Order]] = {}
    for o in orders:
        if (group := o.group) is not None and group in t.state.groups:
            groups.setdefault(group, []).append(o)
        for product in counts(o.lines):
            products.setdefault(product, []).append(o)
    by_group = t.members_by_group()
    for group in t.state.groups:
        theirs = groups.get(group, [])
        out += _amounts(t, theirs, {"group": group})
        buyers = len({t.person(o.member) for o in theirs if o.paid_at is not None and o.member is not None})
        out.append(ratio(t, "conversion_buyers", buyers, by_group[group], scope={"group": group}, why=NO_MEMBERS))
    for product in t.state.products:
        # An order of several products has one amount: what each brought is not told, so only counts are by product.
        out += [f for f in _amounts(t, products.get(product, []), {"product": product}) if f.unit == "count"]
    return out + _per_head(t, orders)


def totals(t: Tables) -> tuple[int, int]:
    """What was paid, and what is left of it after refunds."""
    paid = [o for o in t.orders.values() if o.paid_at is not None]
    gross = sum(o.paid for o in paid)
    return gross, gross - sum(refund_of(o) for o in paid)


def _amounts(t: Tables, orders: Iterable[Order], scope: Scope | None) -> list[Figure]:
    orders = list(orders)
    paid = [o for o in orders if o.paid_at is not None]
    buyers = {t.person(o.member) for o in paid if o.member is not None}
    gross = sum(o.paid for o in paid)
    return [
        figure(t, "orders_created", len(orders), scope=scope),
        figure(t, "orders_paid", len(paid), scope=scope),
        figure(t, "orders_flagged", sum(1 for o in orders if o.flags), scope=scope),
        figure(t, "buyers", len(buyers) if buyers or not paid else None, scope=scope, why=NO_BUYERS),
        figure(t, "sales_created", sum(o.amount for o in orders), scope=scope),
        figure(t, "sales_paid", gross, scope=scope),
        figure(t, "sales_net", gross - sum(refund_of(o) for o in paid), scope=scope),
    ]


def _per_head(t: Tables, orders: list[Order]) -> list[Figure]:
    paid = [o for o in orders if o.paid_at is not None]
    by_member = Counter(t.person(o.member) for o in paid if o.member is not None)
    buyers = len(by_member)
    gross = sum(o.paid for o in paid)
    members = t.members()
    with_lines = [o for o in paid if o.lines]
    whole = [o for o in paid if o.refunded_at is not None and o.refunded >= o.paid]
    part = [o for o in paid if 0 < o.refunded < o.paid]
    targets = t.state.the.targets
    bought = buyers if buyers or not paid else None
    return [
        ratio(t, "orders_without_member", sum(1 for o in orders if o.member is None), len(orders), why=NO_ORDERS),
        ratio(t, "conversion_buyers", bought, members, why=NO_MEMBERS if bought is not None else NO_BUYERS),
        ratio(t, "conversion_orders", len(paid), members, why=NO_MEMBERS),
        ratio(
            t,
            "order_value_per_buyer",
            sum(o.paid for o in paid if o.member is not None),
            buyers,
            why=NO_BUYERS if paid else NONE_PAID,
        ),
        ratio(t, "order_value_per_order", gross, len(paid), why=NONE_PAID),
        ratio(
            t,
            "items_per_order",
            sum(x.quantity for o in with_lines for x in o.lines),
            len(with_lines),
            why=NO_LINES if paid else NONE_PAID,
        ),
        ratio(t, "arpu", gross, members, why=NO_MEMBERS),
        ratio(
            t, "repeat_rate", sum(1 for n in by_member.values() if n > 1), buyers, why=NO_BUYERS if paid else NONE_PAID
        ),
        ratio(t, "refund_rate", len(whole), len(paid), why=NONE_PAID),
        ratio(t, "refund_rate_partial", len(part), len(paid), why=NONE_PAID),
        ratio(t, "refund_rate_amount", sum(refund_of(o) for o in paid), gross, why=NONE_PAID),
        ratio(t, "target_sales", gross, targets.get("sales"), why=NO_TARGET),
        ratio(t, "target_buyers", bought, targets.get("buyers"), why=NO_TARGET),
    ]
