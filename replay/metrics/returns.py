"""What came of the reach and the cost: sales per thousand, return on cost, and the stream's own figures."""

from __future__ import annotations

import msgspec

from replay.metrics.figure import Figure, Why, figure, ratio
from replay.metrics.sales import NO_COST, NO_REACH
from replay.tables import Tables

NO_STREAM: Why = ("the stream's own figures were not reported", "未上报直播间数据")
VIEWS = "views of the stream, as reported"
REACH = "potential reach; views of the stream were not reported"


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
    costs = t.state.costs
    cost = sum(c.amount for c in costs.values()) if costs else None
    out += [
        figure(t, "cost", cost, why=NO_COST),
        *(figure(t, "cost", c.amount, scope={"what": c.id}) for c in costs.values()),
        ratio(t, "roas", paid, cost, why=NO_COST),
        ratio(t, "roi", net - cost if cost is not None else None, cost, why=NO_COST),
    ]
    out += [
        figure(t, f"stream_{name}", getattr(stream, name) if stream else None, why=NO_STREAM)
        for name in ("peak", "views", "likes", "comments", "shares", "followers")
    ]
    return out
