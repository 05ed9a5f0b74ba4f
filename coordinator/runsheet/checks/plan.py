"""PLAN: whether the parts of a sheet work out together: times, segments, cues, coupons, addresses, the team."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from coordinator.core import cue_kinds, draws, selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.money import to_minor
from coordinator.core.plan import CuePlan, Plan, SegmentPlan
from coordinator.core.rewards import EARNED
from coordinator.runsheet import coupons, times
from coordinator.runsheet.checks.found import Found, due, each_cue, pictures, windows
from coordinator.runsheet.model import ROLES, Cue, Sheet
from coordinator.runsheet.source import Path
from roles.permissions import may

PLACEHOLDERS = frozenset(  # what the core fills in when a text is sent
    (
        "link",
        "coupon",
        "coupon.left",
        "coupon.claimed",
        "sold",
        "buyers",
        "segment.left",
        "coupon.title",
        "coupon.off",
        "product",
        "name",
        "price",
        "list_price",
        "stock",
        "title",
    )
)
GIVES = frozenset({"quiz.open", "poll.open", "survey.open", "checkin.open"})
"""What gives whoever takes part, or wins, the coupon that it names."""
_IN_TASKS = PLACEHOLDERS | {"group", "owner"}
_OF_A_GROUP = frozenset({"rules", "announcement", "welcome", "owner"})
_IN_GROUPS = _IN_TASKS | _OF_A_GROUP
_PLACEHOLDER = re.compile(r"\{([^{}|]{1,40})\}")

_ALWAYS = frozenset({"id", "at", "when", "again_after", "do", "prompt", "task", "confirm", "late", "note"})


def _uses(kind: str) -> frozenset[str]:
    """The fields that a kind of cue makes use of, beside those that every cue has."""
    row = cue_kinds.kind_of(kind)
    if row is None:
        return frozenset(Cue.model_fields)
    own = (
        {"groups", "text", "lead", "images", "announcement"}
        if row.into_groups
        else {"text"}
        if row.needs_text
        else set()
    )
    return frozenset(row.model.model_fields) | own | ({"groups"} if kind == "task.assign" else set())


def check(sheet: Sheet, plan: Plan, now_ms: int) -> Iterator[Found]:
    yield from _times(sheet, plan, now_ms)
    yield from _segments(sheet, plan)
    yield from _cues(sheet, plan)
    yield from _coupons(sheet, plan)
    yield from _links(sheet, plan)
    yield from _gifts(sheet, plan)
    yield from _streaks(sheet, plan)
    yield from _addresses(sheet)
    yield from _prices(sheet)
    yield from _team(sheet)
    yield from _braces(sheet, plan)


def _times(sheet: Sheet, plan: Plan, now_ms: int) -> Iterator[Found]:
    zone = sheet.timezone
    if plan.start < now_ms:
        ago = times.length_text((now_ms - plan.start) // 60_000 * 60_000 or 1000)
        message = f"the planned start lies {ago} in the past; move it, or begin with the sale's start set to now"
        zh = f"计划开始时间已过去 {ago}; 改时间, 或以现在为开始时间创建场次"
        yield Found("warn", "PLAN", ("start",), message, zh)
    clocks: list[tuple[Path, int, times.Clock]] = [(("start",), *times.start_instant(sheet.start, zone))]
    for number, segment in enumerate(sheet.segments):
        moments: list[tuple[Path, times.Moment | None]] = [(("segments", number), segment.at)]
        moments += [(("segments", number, "cues", index), cue.at) for index, cue in enumerate(segment.cues)]
        for place, moment in moments:
            if moment is not None and moment.base == "clock":
                clocks.append(((*place, "at"), *times.clock_instant(moment, sheet.start, zone)))
    for path, instant, clock in clocks:
        local = times.local_text(instant, zone)
        shown = f"{local} in {zone.key}"
        if clock == "skipped":
            message = (
                f"the clock leaps over this time that day; it becomes {shown}, write another time if that is not meant"
            )
            zh = f"当天时钟跳过这一时刻, 会变成 {zone.key} 的 {local}; 如非本意请换时间"
            yield Found("warn", "PLAN", path, message, zh)
        elif clock == "twice":
            message = f"the clock shows this time twice that day; the first, {shown}, is taken, write another time if that is not meant"
            zh = f"当天这一时刻出现两次, 取第一次, 即 {zone.key} 的 {local}; 如非本意请换时间"
            yield Found("warn", "PLAN", path, message, zh)


def _segments(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    if not sheet.segments:
        message = "the sheet has no segments; add at least one with cues"
        yield Found("warn", "PLAN", ("segments",), message, "脚本没有环节; 至少加一个带节点的环节")
    for number, ((before, after), (one, other)) in enumerate(
        zip(pairwise(windows(plan)), pairwise(plan.segments), strict=True)
    ):
        if after[0] < before[1]:
            over = times.length_text(before[1] - after[0])
            message = (
                f"{one.id} runs over: {other.id} begins {over} before it ends; shorten {one.id} or move {other.id}"
            )
            zh = f"{one.id} 超时: 它结束前 {over}, {other.id} 已开始; 缩短 {one.id} 或推后 {other.id}"
            yield Found("warn", "PLAN", ("segments", number + 1, "at"), message, zh)
    for number, segment in enumerate(plan.segments):
        here: Path = ("segments", number)
        if segment.kind == "guest" and not any(guest.segment == segment.id for guest in plan.guests):
            message = (
                f"{segment.id} is a guest segment without a guest; add one under guests, with segment: {segment.id}"
            )
            zh = f"{segment.id} 是嘉宾环节却没有嘉宾; 在 guests 里加一位, 写 segment: {segment.id}"
            yield Found("inform", "PLAN", here, message, zh)
        if segment.kind != "product":
            continue
        if segment.product is None:
            message = f"{segment.id} is a product segment without a product; add product:"
            yield Found("warn", "PLAN", (*here, "product"), message, f"{segment.id} 是商品环节却没有商品; 写 product:")


def _cues(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    people = {member.person for member in sheet.team}
    no_relay = {group.id for group in plan.groups if not group.relay}
    for path, cue, compiled, segment, window in each_cue(sheet, plan):
        uses = _uses(compiled.do) | _ALWAYS
        for name in Cue.model_fields:
            if getattr(cue, name) is not None and name not in uses:
                message = f"{name} has no effect on {compiled.do}; remove it"
                yield Found("warn", "PLAN", (*path, name), message, f"{name} 对 {compiled.do} 不起作用; 删去")
        if compiled.at is not None:
            yield from _placed(path, compiled, segment, window, due(compiled.at, plan, window))
        for name, who in (("prompt", cue.prompt), ("task", cue.task), ("to", cue.to), ("who", cue.who)):
            if who is not None and who not in ROLES and who not in people:
                message = f"{who} is neither a role nor in the team; add the person under team, or write one of {', '.join(ROLES)}"
                zh = f"{who} 既不是角色也不在团队里; 加到 team, 或写 {', '.join(ROLES)} 之一"
                yield Found("warn", "PLAN", (*path, name), message, zh)
        if compiled.confirm is not None and not may(compiled.confirm.role, "cue.confirm"):
            message = (
                f"{compiled.confirm.role} has no button for it: the controller confirms; write confirm: controller"
            )
            zh = f"{compiled.confirm.role} 没有确认按钮, 由场控确认; 写 confirm: controller"
            yield Found("warn", "PLAN", (*path, "confirm"), message, zh)
        if into_groups(compiled.do):
            reached = selectors.select(compiled.groups or "all", plan.groups)
            place = (*path, "groups" if cue.groups else "do")
            if not reached:
                message = f"{compiled.groups} is no group of the sheet; name groups that it has"
                yield Found("warn", "PLAN", place, message, f"脚本里没有群符合 {compiled.groups}; 写已有的群")
            elif without := [each for each in reached if each in no_relay]:
                some = ", ".join(without[:3]) + (" …" if len(without) > 3 else "")
                message = f"{len(without)} of {len(reached)} groups have no relay ({some}), nothing will reach them; add relay: to them"
                zh = f"{len(reached)} 个群中 {len(without)} 个没有群助手 ({some}), 收不到任何内容; 给它们写 relay:"
                yield Found("warn", "PLAN", place, message, zh)


def _placed(path: Path, cue: CuePlan, segment: SegmentPlan, window: tuple[int, int], instant: int) -> Iterator[Found]:
    if instant < window[0] and segment.kind != "preheat":
        early = times.length_text(window[0] - instant)
        message = (
            f"{cue.id} lies {early} before its segment {segment.id}; move it to the one that runs then, or change at"
        )
        zh = f"{cue.id} 比所在环节 {segment.id} 早 {early}; 移到当时的环节, 或改 at"
        yield Found("warn", "PLAN", (*path, "at"), message, zh)
    # What counts from the segment's end may lie behind it; anything else there is withdrawn when the segment ends.
    elif cue.at is not None and cue.at.base != "end" and instant > window[1] and segment.kind != "aftercare":
        late = times.length_text(instant - window[1])
        message = f"{cue.id} lies {late} after the end of {segment.id} and would be skipped; write at: end +{late}, or make the segment longer"
        zh = f"{cue.id} 在 {segment.id} 结束后 {late}, 会被跳过; 写 at: end +{late}, 或延长环节"
        yield Found("warn", "PLAN", (*path, "at"), message, zh)


def _coupons(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    asked: dict[str, int] = {}
    for _, _, cue, _, _ in each_cue(sheet, plan):
        unlocked = (cue.fields.get("unlocks") or {}).get("coupon")  # a chain that is full drops what it unlocks
        if cue.do == "coupon.drop" or unlocked is not None:
            coupon = str(unlocked or cue.fields["coupon"])
            asked[coupon] = asked.get(coupon, 0) + int(cue.fields.get("quantity", 0))
        for given in given_by(cue):
            asked.setdefault(given.coupon, 0)
    for finding in coupons.checks(sheet, plan, asked):
        yield Found(*finding)


def _links(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    """A link that has an end is not dropped after it."""
    ends: dict[str, int] = {}
    for link in plan.links:
        if link.closes is not None:
            at = link.closes
            ends[link.id] = at.instant if at.instant is not None else plan.start + at.offset
    for path, _, cue, _, window in each_cue(sheet, plan):
        end = ends.get(str(cue.fields.get("link")))
        if cue.do != "link.drop" or cue.at is None or end is None:
            continue
        late = due(cue.at, plan, window) - end
        if late >= 0:
            what, after = cue.fields["link"], f"{times.length_text(late)} after" if late else "at"
            message = f"{cue.id} drops {what} {after} its end and leads nobody there; move its until, or the cue"
            zh = f"{cue.id} 投放 {what} 时它已到期" + (f" {times.length_text(late)}" if late else "")
            yield Found("warn", "PLAN", (*path, "at"), message, f"{zh}, 点开只见到期页; 改它的 until 或节点时间")


def _gifts(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    """What games give away: enough of it for those who win, and nothing that is no gift."""
    known = {coupon.id: coupon for coupon in plan.coupons}
    promised: dict[str, int] = {}
    for path, _, cue, _, _ in each_cue(sheet, plan):
        for given in given_by(cue):
            coupon, place = known[given.coupon], (*path, *given.place)
            if coupon.pay or coupon.kind in EARNED:
                why, zh = (
                    ("has to be paid for", "要付款") if coupon.pay else ("is earned in another way", "要另外达成条件")
                )
                message = f"{coupon.id} {why}, it cannot be given; name another coupon"
                yield Found("warn", "PLAN", place, message, f"{coupon.id} {zh}, 不能作奖品; 换一张券")
            if given.winners is None:
                continue
            before = promised.get(coupon.id, 0)
            promised[coupon.id] = in_all = before + given.winners
            if in_all > coupon.quantity:
                others = f", {before} of them elsewhere" if before else ""
                message = f"{in_all} winners are promised a {coupon.id}{others}, there are {coupon.quantity}; raise its quantity or lower winners"
                zh = f"{coupon.id} 只有 {coupon.quantity} 张, 却许给 {in_all} 名获奖者; 加数量或减名额"
                yield Found("warn", "PLAN", place if cue.do == "draw.open" else (*path, "winners"), message, zh)


class Given(NamedTuple):
    """A coupon that a cue gives away: to so many winners, or, None, to whoever takes part."""

    coupon: str
    place: Path
    winners: int | None


def given_by(cue: CuePlan) -> Iterator[Given]:
    if cue.do in GIVES and "coupon" in cue.fields:
        winners = int(cue.fields.get("winners", 1)) if cue.do == "quiz.open" else None
        yield Given(cue.fields["coupon"], ("coupon",), winners)
    elif cue.do == "draw.open":
        for number, prize in enumerate(draws.rules_of(cue.fields)[0]):
            if prize.coupon is not None:
                yield Given(prize.coupon, ("prizes", number, "coupon"), prize.quantity)


def _streaks(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    """A streak that is as long as the series is at most by then."""
    moments: dict[str, list[int]] = {}
    for _, _, cue, _, window in each_cue(sheet, plan):
        if cue.do == "checkin.open" and cue.at is not None and "series" in cue.fields:
            moments.setdefault(cue.fields["series"], []).append(due(cue.at, plan, window))
    for path, _, cue, _, window in each_cue(sheet, plan):
        if cue.do != "checkin.open" or cue.at is None or "series" not in cue.fields:
            continue
        series, streak, at = cue.fields["series"], int(cue.fields.get("streak", 1)), due(cue.at, plan, window)
        there = sum(moment <= at for moment in moments[series])
        if streak > there:
            message = f"{cue.id} gives its coupon for {streak} sign-ins in a row, {series} has {there} by then; nobody can earn it, lower streak"
            zh = f"{cue.id} 要连续 {streak} 次, 到那时 {series} 只有 {there} 次, 没人拿得到; 减小 streak"
            yield Found("warn", "PLAN", (*path, "streak"), message, zh)


def _addresses(sheet: Sheet) -> Iterator[Found]:
    addresses: list[tuple[Path, str | None]] = []
    for index, link in enumerate(sheet.links):
        addresses.append((("links", index, "url"), link.url))
    for index, product in enumerate(sheet.products):
        addresses.append((("products", index, "url"), product.url))
    addresses += pictures(sheet)
    for path, address in addresses:
        if address is not None and not address.lower().startswith("https://"):
            message = "the address is not https; platforms warn their members of it, write https://"
            yield Found("warn", "PLAN", path, message, "地址不是 https, 平台会提示风险; 改为 https://")


def _prices(sheet: Sheet) -> Iterator[Found]:
    for index, product in enumerate(sheet.products):
        if product.list_price is not None:
            price, listed = to_minor(product.price, sheet.currency), to_minor(product.list_price, sheet.currency)
            if listed < price:
                message = f"{product.id} costs more than its list price; check price and list_price"
                zh = f"{product.id} 比划线价还贵; 核对 price 和 list_price"
                yield Found("warn", "PLAN", ("products", index, "list_price"), message, zh)


def _team(sheet: Sheet) -> Iterator[Found]:
    for index, member in enumerate(sheet.team):
        if member.groups is not None and not selectors.select(member.groups, sheet.groups):
            message = (
                f"{member.groups} is no group of the sheet, {member.person} would see none; name groups that it has"
            )
            zh = f"脚本里没有群符合 {member.groups}, {member.person} 会看不到任何群; 写已有的群"
            yield Found("warn", "PLAN", ("team", index, "groups"), message, zh)


def _braces(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    for path, cue, compiled, _, _ in each_cue(sheet, plan):
        filled = _IN_GROUPS if into_groups(compiled.do) else _IN_TASKS if compiled.do == "task.assign" else PLACEHOLDERS
        filled = filled.union(cue_kinds.names_of(compiled.do))
        known = ", ".join(f"{{{each}}}" for each in sorted(filled))
        for text in cue.text or ():
            for name in _PLACEHOLDER.findall(text):
                if name not in filled:
                    message = f"{{{name}}} is not filled in and would be sent as it stands; known are {known}"
                    zh = f"{{{name}}} 不会被填写, 将原样发出; 可用的有 {known}"
                    yield Found("warn", "PLAN", (*path, "text"), message, zh)
                elif into_groups(compiled.do) and name in _OF_A_GROUP and not getattr(plan.floor, name, ""):
                    yield from _unsaid(plan, compiled, name, (*path, "text"))


def _unsaid(plan: Plan, cue: CuePlan, name: str, path: Path) -> Iterator[Found]:
    """A text names what some of its groups do not have: they would be sent it with a gap."""
    reached = set(selectors.select(cue.groups or "all", plan.groups))
    without = [g.id for g in plan.groups if g.id in reached and not getattr(g, name)]
    if without:
        some = ", ".join(without[:5])
        message = f"{len(without)} of {len(reached)} groups have no {name} ({some}), and {{{name}}} leaves a gap there; add {name}: to them"
        zh = f"{len(reached)} 个群里有 {len(without)} 个没有 {name} ({some}), {{{name}}} 会空着; 给这些群写 {name}:"
        yield Found("warn", "PLAN", path, message, zh)
