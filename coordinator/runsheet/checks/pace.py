"""RATE and DUP: how much goes into a group within a minute, and what goes there twice within ten.

RATE goes by what the relays that are here have told of their platforms' windows; of the others by the sheet or their
names, and says which it was. Both look at the sheet as planned. What is pressed by hand comes on top; the relay keeps the platform's window whatever comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from coordinator.core import selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.deliveries import PAGES
from coordinator.core.matching import folded
from coordinator.core.plan import Plan
from coordinator.core.platform_limits import MINUTE_MS, per_minute, platform_of, worth_a_word
from coordinator.core.rules import Judge
from coordinator.core.windows import Account
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
    pictures: int = 0
    linked: bool = False


def check(sheet: Sheet, plan: Plan, judge: Judge, told: Mapping[tuple[str, str], Account] = {}) -> Iterator[Found]:
    sends = sorted(_sends(sheet, plan), key=lambda each: each.at)
    if judge.of("RATE") is not None:
        ways = {
            group.id: next((told[relay, group.id] for relay in group.relay if (relay, group.id) in told), None)
            for group in plan.groups
        }
        yield from _by_account(sends, {group: way for group, way in ways.items() if way is not None})
        yield from _by_name(sends, plan, judge, {group for group, way in ways.items() if way is None})
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
            pictures, linked = len((cue.fields.get("content") or {}).get("images", ())), cue.do in PAGES
            yield _Send(due(cue.at, plan, window), path, cue.id, cue.text or "", groups, pictures, linked)


def _by_account(sends: list[_Send], ways: Mapping[str, Account]) -> Iterator[Found]:
    """One account's window is shared by all its groups; a platform can have another for each group beside it."""
    windows: dict[tuple[object, ...], deque[int]] = {}
    for send in sends:
        theirs: dict[Account, list[str]] = {}
        for group in send.groups:
            if group in ways:
                theirs.setdefault(ways[group], []).append(group)
        waits: list[str] = []
        why: tuple[Account, int, int, bool] | None = None
        for account, groups in theirs.items():
            each = account.takes(send.pictures, linked=send.linked)
            for group in groups:
                for limit in worth_a_word(account.group_limits):
                    window = windows.setdefault((account, limit, group), deque())
                    if _into(window, send.at, limit.per_ms, each) > limit.count and group not in waits:
                        waits.append(group)
                        why = why or (account, limit.count, limit.per_ms, True)
            for limit in worth_a_word(account.limits):
                window = windows.setdefault((account, limit), deque())
                over = _into(window, send.at, limit.per_ms, each * len(groups)) - limit.count
                if over > 0:
                    late = (over + each - 1) // each
                    waits += [group for group in groups[-late:] if group not in waits]
                    why = why or (account, limit.count, limit.per_ms, False)
        if why is not None:
            account, most, per_ms, in_each = why
            shown, n, seconds = ", ".join(waits[:3]) + (" …" if len(waits) > 3 else ""), len(waits), per_ms // 1000
            what = "in each group" if in_each else f"over {account.credential}, for all its groups together,"
            message = (
                f"{send.cue} would wait in {n} {'group' if n == 1 else 'groups'} ({shown}): {account.platform} takes {most} messages in {seconds} s "
                f"{what} as {account.relay}, which is here, has told; move it, leave something out, or give the groups more accounts"
            )
            of = "每个群" if in_each else f"账号 {account.credential} 名下的群合计"
            zh = f"{send.cue} 会在 {n} 个群里排队 ({shown}): 在线的群助手 {account.relay} 报的 {account.platform} 限流是{of} {seconds} 秒 {most} 条; 挪开、删去一些, 或给群多配几个账号"
            yield Found("warn", "RATE", (*send.path, "at"), message, zh)


def _into(window: deque[int], at: int, per_ms: int, n: int) -> int:
    """How many a window holds with `n` more of this moment."""
    while window and window[0] <= at - per_ms:
        window.popleft()
    window.extend([at] * n)
    return len(window)


def _by_name(sends: list[_Send], plan: Plan, judge: Judge, groups: set[str]) -> Iterator[Found]:
    """Of relays that have told nothing: what the sheet or their names say of their platforms."""
    relays = {group.id: group.relay[0] if group.relay else "" for group in plan.groups}
    limits = {group: per_minute(plan, judge, relays[group]) for group in groups}
    within: dict[str, deque[int]] = {}
    for send in sends:
        full: list[str] = []
        for group in send.groups:
            if group not in groups:
                continue
            most = limits[group]
            if _into(within.setdefault(group, deque()), send.at, MINUTE_MS, 1) > (most or 0) and most is not None:
                full.append(group)
        if full:
            n, relay = len(within[full[0]]), relays[full[0]]
            basis, basis_zh = _basis(plan, judge, relay)
            message = (
                f"{send.cue} is message {n} within a minute into {full[0]}"
                + (f" and {len(full) - 1} more groups" if len(full) > 1 else "")
                + f", the platform takes {limits[full[0]]} ({basis}); it would wait there, move it or leave something out"
            )
            others = f" 等 {len(full)} 个群" if len(full) > 1 else ""
            zh = f"{send.cue} 是一分钟内发到 {full[0]}{others} 的第 {n} 条, 平台只收 {limits[full[0]]} 条 ({basis_zh}); 会在那里排队, 挪开或删去一些"
            yield Found("warn", "RATE", (*send.path, "at"), message, zh)


def _basis(plan: Plan, judge: Judge, relay: str) -> tuple[str, str]:
    """Where a limit is from that no relay has told."""
    name, platform = platform_of(plan, judge, relay)
    if platform is None or platform.per_minute is None:
        return "what group robots take, as no relay is here that has told", "一般群机器人的限流, 还没有群助手报过"
    if relay in plan.checks.platforms:
        return f"{name}, as the sheet says of {relay}", f"脚本写明 {relay} 是 {name}"
    return f"{name}, by the name of {relay}, which has told nothing", f"按名字 {relay} 认作 {name}, 它还没报过"


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
