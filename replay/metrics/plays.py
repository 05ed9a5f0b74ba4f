"""Chains, draws and red packets: how many filled up, who took part, what was given."""

from __future__ import annotations

from coordinator.core import redpackets
from replay.metrics.figure import Figure, Why, figure, ratio
from replay.tables import Tables

NO_CHAIN: Why = ("no chain has ended", "没有结束的接龙")


def figures(t: Tables) -> list[Figure]:
    state = t.state
    chains = state.chains.values()
    completed = sum(c.status == "completed" for c in chains)
    ended = sum(c.status != "open" for c in chains)
    out = [
        figure(t, "chains_completed", completed),
        ratio(t, "chain_completion_rate", completed, ended, why=NO_CHAIN),
        figure(t, "chain_members", len(t.persons(m.member for c in chains for m in c.members))),
        figure(t, "draw_entries", sum(d.count for d in state.draws.values())),
        figure(t, "draw_winners", sum(len(d.winners) for d in state.draws.values())),
        figure(t, "redpackets_sent", sum(p.count for p in state.redpackets.values() if p.sent_at is not None)),
        figure(t, "redpacket_cost", redpackets.cost(state)),
    ]
    out += [figure(t, "chain_members", c.count, scope={"chain": c.id, "product": c.product}) for c in chains]
    return out + [figure(t, "draw_entries", d.count, scope={"draw": d.id}) for d in state.draws.values()]
