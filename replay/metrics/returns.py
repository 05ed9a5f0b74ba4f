"""What came of the reach and the cost: sales per thousand, return on cost, and the stream's own figures."""

from __future__ import annotations

import msgspec

from coordinator.core import redpackets
from replay.metrics.figure import Figure, Why, figure, ratio
from replay.metrics.sales import NO_COST, NO_REACH
from replay.tables import Tables

NO_STREAM: Why = ("the stream's own figures were not reported", "未上报直播间数据")
RED_PACKETS = frozenset({"红包", "redpackets", "red packets"})
VIEWS = "views of the stream, as reported"
REACH = "potential reach; views of the stream were not reported"


def costs_of(t: Tables) -> dict[str, int]:
    """What was spent, by kind: as the owner said, and the red packets that were sent where they said nothing of those."""
    costs = {c.id: c.amount for c in t.state.costs.values()}
    sent = redpackets.cost(t.state)
    if sent and not costs.keys() & RED_PACKETS:
        costs["红包"] = sent
    return costs


def figures(t: Tables, reach: int | None, paid: int, net: int) -> list[Figure]:
    """`paid` and `net` are the sale's sales; `reach` its potential reach, the base where the stream told no views."""
    stream = t.state.audience.get("stream")
    views = stream.views if stream else None
    base = reach if views is None else views
    per_thousand = ratio(t, "gpm", paid * 1000, base, why=NO_REACH)
    out = [
        msgspec.structs.replace(
            per_thousand, source=f"{per_thousand.source}; base: {REACH if views is None else VIEWS}"
        )
    ]
    costs = costs_of(t)
    cost = sum(costs.values()) if costs else None
    out += [
        figure(t, "cost", cost, why=NO_COST),
        *(figure(t, "cost", amount, scope={"what": what}) for what, amount in costs.items()),
        ratio(t, "roas", paid, cost, why=NO_COST),
        ratio(t, "roi", net - cost if cost is not None else None, cost, why=NO_COST),
    ]
    out += [
        figure(t, f"stream_{name}", getattr(stream, name) if stream else None, why=NO_STREAM)
        for name in ("peak", "views", "likes", "comments", "shares", "followers")
    ]
    return out
