"""RATE and DUP: how much goes into a group within a minute, and what goes there twice within ten.

Both look at the sheet as planned. What is pressed by hand comes on top; the relay keeps the platform's window whatever comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from coordinator.core import selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.matching import folded
from coordinator.core.plan import Plan
from coordinator.core.platform_limits import MINUTE_MS, per_minute
from coordinator.core.rules import Judge
from coordinator.runsheet import times
from coordinator.runsheet.checks.found import Found, due, each_cue
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.source import Path


class _Send(NamedTuple):
    at: int
    path: Path
    cue: str
    text: str
    groups: tuple[str, ...]


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    sends = sorted(_sends(sheet, plan), key=lambda each: each.at)
    yield from _too_many(sends, plan, judge)
    yield from _again(sends, plan, judge)
    tiers = {group.tier for group in plan.groups}
    for name in plan.pacing.caps:
        if not name.startswith("group:") and name not in tiers:
            message = f"no group has the tier {name[:40]}, so this caps nothing; name a tier of the groups, or group:ID"
            zh = f"没有群的层级是 {name[:40]}, 这一条不起作用; 写群里有的层级, 或 group:ID"
            yield Found("warn", "PLAN", ("pacing", "caps", name), message, zh)


def _sends(sheet: Sheet, plan: Plan) -> Iterator[_Send]:
    """What goes into groups at a time that the plan knows."""
    for path, _, cue, _, window in each_cue(sheet, plan):
        if cue.at is not None and into_groups(cue.do):
            groups = tuple(selectors.select(cue.groups or "all", plan.groups))
            yield _Send(due(cue.at, plan, window), path, cue.id, cue.text or "", groups)


def _too_many(sends: list[_Send], plan: Plan, judge: Judge) -> Iterator[Found]:
    if judge.of("RATE") is None:
        return
    relays = {group.id: group.relay[0] if group.relay else "" for group in plan.groups}
    limits = {group: per_minute(plan, judge, relay) for group, relay in relays.items()}
    within: dict[str, deque[int]] = {}
    for send in sends:
        full: list[str] = []
        for group in send.groups:
            window = within.setdefault(group, deque())
            window.append(send.at)
            while window[0] <= send.at - MINUTE_MS:
                window.popleft()
            most = limits[group]
            if most is not None and len(window) > most:
                full.append(group)
        if full:
            n = len(within[full[0]])
            message = (
                f"{send.cue} is message {n} within a minute into {full[0]}"
                + (f" and {len(full) - 1} more groups" if len(full) > 1 else "")
                + f", the platform takes {limits[full[0]]}; it would wait there, move it or leave something out"
            )
            others = f" 等 {len(full)} 个群" if len(full) > 1 else ""
            zh = f"{send.cue} 是一分钟内发到 {full[0]}{others} 的第 {n} 条, 平台只收 {limits[full[0]]} 条; 会在那里排队, 挪开或删去一些"
            yield Found("warn", "RATE", (*send.path, "at"), message, zh)


def _again(sends: list[_Send], plan: Plan, judge: Judge) -> Iterator[Found]:
    if judge.of("DUP") is None:
        return
    window = plan.pacing.same_content  # what holds it back in the show, too
    last: dict[tuple[str, str], _Send] = {}
    for send in sends:
        text = folded(send.text)
        before = [last[text, group] for group in send.groups if (text, group) in last]
        near = [each for each in before if send.at - each.at < window]
        if text and near:
            message = (
                f"{send.cue} says the same as {near[0].cue} into the same group, {times.length_text(max(send.at - near[0].at, 1000))} "
                f"later, and would be held back; word it otherwise, or leave {times.length_text(window)} between them"
            )
            zh = (
                f"{send.cue} 与 {near[0].cue} 发到同一个群的内容相同, 只隔 {times.length_text(max(send.at - near[0].at, 1000))}, "
                f"会被压住; 换一种说法, 或相隔 {times.length_text(window)}"
            )
            yield Found("warn", "DUP", (*send.path, "text"), message, zh)
        last.update({(text, group): send for group in send.groups})
