"""What led to the orders, by the rule of the sale's sheet (coordinator/core/attribution.py): how many, and how much was paid.

Every order counts once: under the one thing that is taken to have led to it, or as unattributed.
"""

from __future__ import annotations

from collections import Counter

from replay.metrics.figure import Figure, figure, ratio
from replay.metrics.sales import NO_ORDERS, NONE_PAID
from replay.tables import Tables

TOPICS = ("rule", "cue", "drop", "product", "coupon", "link", "group", "tier")


def figures(t: Tables) -> list[Figure]:
    orders: Counter[tuple[str, str]] = Counter()
    sales: Counter[tuple[str, str]] = Counter()
    tiers = {g.id: g.tier for g in t.state.groups.values()}
    lost, unpaid_for, paid = 0, 0, 0
    for o in t.orders.values():
        amount = o.paid if o.paid_at is not None else 0
        paid += amount
        through = o.through
        if through is None:
            lost += 1
            unpaid_for += amount
        elif o.paid_at is not None:
            for key in (
                ("rule", through.rule), ("cue", through.cue), ("drop", through.drop), (t.topic_of(through.what), through.what),
                ("group", through.group), ("tier", tiers.get(through.group or "")),
            ):  # fmt: skip
                if key[0] and key[1]:
                    orders[key[0], key[1]] += 1
                    sales[key[0], key[1]] += amount
    out = [
        ratio(t, "orders_unattributed", lost, len(t.orders), why=NO_ORDERS),
        ratio(t, "sales_unattributed", unpaid_for, paid, why=NONE_PAID),
    ]
    for topic, what in sorted(orders, key=lambda key: (TOPICS.index(key[0]), key[1])):
        scope = {topic: what}
        out.append(figure(t, "attributed_orders", orders[topic, what], scope=scope))
        out.append(figure(t, "attributed_sales", sales[topic, what], scope=scope))
    return out
