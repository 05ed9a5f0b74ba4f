"""LENGTH and RATE: what the chat platforms take, asked before a text is on its way.

The relay alone keeps a platform's windows. This is a forecast: it tells who sends that a text will not fit, or will wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.rules import Fault, Judge, Platform

if TYPE_CHECKING:
    from coordinator.core.plan import Plan
    from coordinator.core.state import State

MINUTE_MS = 60_000


def platform_of(plan: Plan, judge: Judge, relay: str) -> tuple[str, Platform | None]:
    """The platform that a relay speaks to: the sheet says so, or the relay is named after it (wecom-main)."""
    name = plan.checks.platforms.get(relay) or relay.partition("-")[0].lower()
    return name, judge.rules.platforms.get(name)


def per_minute(plan: Plan, judge: Judge, relay: str) -> int | None:
    """How many messages a group takes in a minute; None is no limit that anybody knows."""
    _, platform = platform_of(plan, judge, relay)
    if platform is not None and platform.per_minute is not None:
        return platform.per_minute
    return judge.limit("RATE", "per_minute")


def too_long(plan: Plan, judge: Judge, text: str, relays: Iterable[str]) -> list[Fault]:
    """LENGTH: said once, for the platform that takes least of it."""
    size, signs = len(text.encode("utf-8", "replace")), len(text)
    rule, most = judge.of("LENGTH"), judge.limit("LENGTH", "text_bytes")
    if rule is None:
        return []
    worst: tuple[int, str, str, str] | None = None
    for relay in sorted(set(relays)) or [""]:
        name, platform = platform_of(plan, judge, relay)
        limit, has, unit, zh = most, size, "bytes", "字节"
        who = "group robots"
        if platform is not None and platform.text_signs is not None:
            limit, has, unit, zh, who = platform.text_signs, signs, "characters", "字", name
        elif platform is not None and platform.text_bytes is not None:
            limit, who = platform.text_bytes, name
        if limit is not None and has > limit and (worst is None or has - limit > worst[0]):
            worst = (
                has - limit,
                f"{has} {unit}",
                f"the text has {has} {unit}, {who} take{'' if who.endswith('s') else 's'} {limit}; shorten it or make it two messages",
                f"文字有 {has} {zh}, {'群机器人' if who == 'group robots' else name} 最多 {limit}; 请缩短或分两条发",
            )
    if worst is None:
        return []
    return [Fault(rule="LENGTH", severity="warn", term=worst[1], message=worst[2], zh=worst[3], law=rule.law)]


def too_many(state: State, judge: Judge, groups: Iterable[str], at: int) -> list[Fault]:
    """RATE: into which groups so much is on its way that the platform would make the next one wait."""
    rule = judge.of("RATE")
    if rule is None:
        return []
    counts: dict[str, int] = {}
    for drop in reversed(state.drops.values()):
        if drop.fire_at <= at - MINUTE_MS:
            break
        if drop.status != "withdrawn":
            for group in drop.groups:
                counts[group] = counts.get(group, 0) + 1
    full = []
    for group in groups:
        known = state.groups.get(group)
        relay = known.relay[0] if known is not None and known.relay else ""
        most = per_minute(state.p, judge, relay)
        if most is not None and counts.get(group, 0) >= most:
            full.append(group)
    if not full:
        return []
    shown = ", ".join(full[:3]) + (" …" if len(full) > 3 else "")
    n = max(counts[group] for group in full)
    return [
        Fault(
            rule="RATE",
            severity="warn",
            term=shown,
            message=f"{shown} had {n} messages within a minute, as many as the platform takes; it will wait there",
            zh=f"{shown} 一分钟内已有 {n} 条, 达到平台上限; 这一条会在那里排队",
            law=rule.law,
        )
    ]
