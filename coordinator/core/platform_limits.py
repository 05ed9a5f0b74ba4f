"""LENGTH and RATE: what the chat platforms take, asked before a text is on its way.

The relay alone keeps a platform's windows. This is a forecast: it tells who sends that a text will not fit, or will wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from coordinator.core.forecast import on_their_way
from coordinator.core.reaching import relay_for
from coordinator.core.rules import Fault, Judge, Platform
from coordinator.core.windows import Limit, way_of

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
    """RATE: where so much is on its way that the platform would make one more wait.

    By what the groups' relays have told of their windows; of a relay that tells nothing, by the sheet or its name.
    """
    rule = judge.of("RATE")
    if rule is None:
        return []
    told: dict[tuple[str, str], list[str]] = {}  # by the account that they share
    untold: list[str] = []
    for group in groups:
        way = way_of(state, relay_for(state, group), group) if group in state.groups else None
        if way is None:
            untold.append(group)
        else:
            told.setdefault(way, []).append(group)
    found = [*_by_account(state, told, at), *_by_name(state, judge, untold, at)]
    return [
        Fault(rule="RATE", severity="warn", term=each.shown, message=each.message, zh=each.zh, law=rule.law)
        for each in found
    ]


class Full(NamedTuple):
    """Groups in which a message would wait."""

    shown: str
    message: str
    zh: str


def _by_name(state: State, judge: Judge, groups: list[str], at: int) -> Iterator[Full]:
    if not groups:
        return
    counts: dict[str, int] = {}
    for drop in reversed(state.drops.values()):
        if drop.fire_at <= at - MINUTE_MS:
            break
        if drop.status != "withdrawn":
            for group in drop.groups:
                counts[group] = counts.get(group, 0) + 1
    full = []
    takes: dict[str, int | None] = {}  # relay → its platform's limit: hundreds of groups share a few
    for group in groups:
        known = state.groups.get(group)
        relay = known.relay[0] if known is not None and known.relay else ""
        if relay not in takes:
            takes[relay] = per_minute(state.p, judge, relay)
        most = takes[relay]
        if most is not None and counts.get(group, 0) >= most:
            full.append(group)
    if full:
        yield _in_a_minute(full, max(counts[group] for group in full))


def _by_account(state: State, told: dict[tuple[str, str], list[str]], at: int) -> Iterator[Full]:
    """One account's window is shared by all its groups; a platform can have another for each group beside it."""
    if not told:
        return
    waiting = on_their_way(state, told, at)
    crowded: list[str] = []
    most = 0
    for (relay, name), groups in told.items():
        known = state.windows[relay]
        account, before = known.credentials[name], waiting[relay, name]
        in_group: dict[str, int] = {}
        for job in before:
            in_group[job.group] = in_group.get(job.group, 0) + job.places
        for limit in worth_a_word(account.group_limits):
            for group in groups:
                n = in_group.get(group, 0) + sum(left > at - limit.per_ms for left in known.used.get(group, ()))
                if n >= limit.count and group not in crowded:
                    crowded.append(group)
                    most = max(most, n)
        for limit in worth_a_word(account.limits):
            n = sum(job.places for job in before) + sum(left > at - limit.per_ms for left in account.used)
            wait = groups[max(0, limit.count - n) :]
            if not wait:
                continue
            seconds = limit.per_ms // 1000
            yield Full(
                shown := _shown(wait),
                f"{len(groups)} of these groups share one account of {account.platform}, which takes {limit.count} messages in "
                f"{seconds} s and has {n} behind or before it; it will wait in {len(wait)} of them ({shown})",
                f"其中 {len(groups)} 个群共用一个 {account.platform} 账号, {seconds} 秒只收 {limit.count} 条, 已发和在途 {n} 条; "
                f"会在 {len(wait)} 个群里排队 ({shown})",
            )
            break
    if crowded:
        yield _in_a_minute(crowded, most)


def worth_a_word(limits: Iterable[Limit]) -> list[Limit]:
    """What a window of seconds makes wait is there before anybody has read of it."""
    return [limit for limit in limits if limit.per_ms >= MINUTE_MS]


def _in_a_minute(full: list[str], most: int) -> Full:
    shown = _shown(full)
    return Full(
        shown,
        f"{shown} had {most} messages within a minute, as many as the platform takes; it will wait there",
        f"{shown} 一分钟内已有 {most} 条, 达到平台上限; 这一条会在那里排队",
    )


def _shown(groups: list[str]) -> str:
    return ", ".join(groups[:3]) + (" …" if len(groups) > 3 else "")
