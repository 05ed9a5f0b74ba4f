"""What was said, by how many, and when."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from replay.metrics.figure import Figure, Why, figure, ratio
from replay.metrics.people import NO_MEMBERS, UNSEEN, seen
from replay.tables import Tables

MINUTE_MS = 60_000
NOBODY: Why = ("no message was seen", "没有消息")
NAMELESS: Why = ("the messages do not say who spoke", "消息没有发言人标识")


def zone_of(t: Tables) -> tzinfo:
    """The sale's time zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(t.state.p.timezone if t.state.plan is not None else "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def per_minute(t: Tables) -> Counter[int]:
    """Beginning of the minute → messages in it."""
    return Counter(m.at - m.at % MINUTE_MS for m in t.messages)


def figures(t: Tables) -> list[Figure]:
    out: list[Figure] = []
    known = seen(t)
    messages: Counter[str | None] = Counter(m.group for m in t.messages)
    messages[None] = len(t.messages)
    speakers: dict[str | None, set[str]] = {}
    for m in t.messages:
        if m.member is not None:
            speakers.setdefault(m.group, set()).add(m.member)
    speakers[None] = set().union(*speakers.values()) if speakers else set()
    persons = {group: len(t.persons(named)) for group, named in speakers.items()}
    by_group = t.members_by_group()
    for group in (None, *t.state.groups):
        scope = None if group is None else {"group": group}
        members = t.members() if group is None else by_group[group]
        said = messages[group] if known else None
        people: int | None = persons.get(group, 0) if known else None
        why = UNSEEN
        if people == 0 and said:
            people, why = None, NAMELESS
        out.append(figure(t, "messages", said, scope=scope, why=UNSEEN))
        out.append(figure(t, "people", people, scope=scope, why=why))
        out.append(ratio(t, "messages_per_member", said, members, scope=scope, why=NO_MEMBERS if known else UNSEEN))
    out += _interaction(t, known)
    minutes = per_minute(t)
    peak = min(minutes, key=lambda at: (-minutes[at], at)) if minutes else None
    out.append(figure(t, "peak_minute", peak, why=NOBODY))
    out.append(figure(t, "peak_minute_messages", minutes[peak] if peak is not None else None, why=NOBODY))
    return out


def _interaction(t: Tables, known: bool) -> list[Figure]:
    """Of the sale, and of each day and group where there is more than one."""
    zone = zone_of(t)
    days: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    minute, day = -1, ""
    for m in t.messages:
        if not m.valid or m.member is None:
            continue
        if m.at // MINUTE_MS != minute:
            minute = m.at // MINUTE_MS
            day = datetime.fromtimestamp(minute * 60, zone).date().isoformat()
        days.setdefault(day, set()).add(m.member)
        groups.setdefault(m.group, set()).add(m.member)
    members = t.members()
    why = NO_MEMBERS if known else UNSEEN
    if len(days) <= 1:
        active = len(t.persons(next(iter(days.values())))) if days else 0
        out = [ratio(t, "interaction_rate", active if known else None, members, why=why)]
    else:
        mean = sum(len(t.persons(d)) for d in days.values()) / len(days) / members if members else None
        out = [figure(t, "interaction_rate", mean, why=why)]
        out += [
            ratio(t, "interaction_rate", len(t.persons(who)), members, scope={"day": d})
            for d, who in sorted(days.items())
        ]
    for group, count in t.members_by_group().items():
        active = len(t.persons(groups.get(group, ())))
        out.append(ratio(t, "interaction_rate", active if known else None, count, scope={"group": group}, why=why))
    return out
