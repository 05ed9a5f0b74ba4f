"""Who came, stayed and went."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from replay.metrics.figure import Figure, Why, figure, ratio
from replay.tables import Tables

UNSEEN: Why = ("no relay was connected: nobody saw what happened in the groups", "没有群助手连接, 无人看到群内情况")
NO_EXPOSURES: Why = ("no channel's exposures were reported", "未上报渠道曝光数")
TOO_EARLY: Why = ("the record does not yet reach that many days past the sale's joins", "记录尚未达到所需天数")
NO_MEMBERS: Why = (
    "no members are known: the sheet gives no counts and nobody was seen",
    "群成员数未知: 脚本未给出, 也未见到任何成员",
)


class Moves(NamedTuple):
    joins: int
    leaves: int
    removed: int
    dissolved: int
    leavers: int


def seen(t: Tables) -> bool:
    """Whether anything could be seen of the groups at all."""
    return bool(t.state.relays or t.comings or t.messages)


def moves(t: Tables) -> dict[str | None, Moves]:
    """By group, and for the whole sale under None."""
    counts: Counter[tuple[str, str | None]] = Counter()
    leavers: dict[str | None, set[str | None]] = {}
    unnamed: Counter[str | None] = Counter()
    for c in t.comings:
        for key in (None, c.group):
            counts[c.what, key] += c.heads
            if c.what == "left":
                if c.member is None:
                    unnamed[key] += c.heads
                else:
                    leavers.setdefault(key, set()).add(t.person(c.member))
    return {
        g: Moves(
            counts["joined", g],
            counts["left", g],
            counts["removed", g],
            counts["dissolved", g],
            len(leavers.get(g, ())) + unnamed[g],
        )
        for g in (None, *t.state.groups)
    }


def figures(t: Tables) -> list[Figure]:
    out: list[Figure] = []
    by_group = t.members_by_group()
    known = seen(t)
    for group, m in moves(t).items():
        scope = None if group is None else {"group": group}
        start = t.members_start() if group is None else t.heads(group)
        members = t.members() if group is None else by_group[group]
        for name, value in (
            ("joins", m.joins), ("leaves", m.leaves), ("removed", m.removed), ("dissolved", m.dissolved), ("net_growth", m.joins - m.leaves),
        ):  # fmt: skip
            out.append(figure(t, name, value if known else None, scope=scope, why=UNSEEN))
        out.append(figure(t, "members", members or None, scope=scope, why=NO_MEMBERS))
        out.append(figure(t, "members_start", start or None, scope=scope, why=NO_MEMBERS))
        why = NO_MEMBERS if known else UNSEEN
        out.append(ratio(t, "leave_rate", m.leavers if known else None, members, scope=scope, why=why))
        out.append(ratio(t, "leave_rate_base", m.leavers if known else None, start + m.joins, scope=scope, why=why))
    channels = Counter[str]()
    for c in t.comings:
        if c.what == "joined" and c.channel is not None:
            channels[c.channel] += c.heads
    for channel, count in sorted(channels.items()):
        out.append(figure(t, "joins", count, scope={"channel": channel}))
    exposed = {c.id: c.exposures for c in t.state.channels.values() if c.exposures}
    out.append(ratio(t, "join_rate", sum(channels[c] for c in exposed), sum(exposed.values()), why=NO_EXPOSURES))
    for channel, exposures in sorted(exposed.items()):
        out.append(figure(t, "exposures", exposures, scope={"channel": channel}))
        out.append(ratio(t, "join_rate", channels[channel], exposures, scope={"channel": channel}))
    out += [figure(t, f"retention_d{days}", None, why=TOO_EARLY) for days in (1, 7, 30)]
    return out
