"""PLAN: whether the parts of a sheet work out together: times, segments, cues, coupons, addresses, the team."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from coordinator.core import cue_kinds, selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.money import to_minor
from coordinator.core.plan import CuePlan, Plan, SegmentPlan
from coordinator.runsheet import coupons, times
from coordinator.runsheet.checks.found import Found, due, each_cue, windows
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
_IN_TASKS = PLACEHOLDERS | {"group", "owner"}
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
    yield from _addresses(sheet)
    yield from _prices(sheet)
    yield from _team(sheet)
    yield from _braces(sheet, plan)


def _times(sheet: Sheet, plan: Plan, now_ms: int) -> Iterator[Found]:
    zone = sheet.timezone
    if plan.start < now_ms:
        ago = times.length_text((now_ms - plan.start) // 60_000 * 60_000 or 1000)
        message = f"the planned start lies {ago} in the past; move it, or begin with the sale's start set to now"
        yield Found("warn", "PLAN", ("start",), message)
    clocks: list[tuple[Path, int, times.Clock]] = [(("start",), *times.start_instant(sheet.start, zone))]
    for number, segment in enumerate(sheet.segments):
        moments: list[tuple[Path, times.Moment | None]] = [(("segments", number), segment.at)]
        moments += [(("segments", number, "cues", index), cue.at) for index, cue in enumerate(segment.cues)]
        for place, moment in moments:
            if moment is not None and moment.base == "clock":
                clocks.append(((*place, "at"), *times.clock_instant(moment, sheet.start, zone)))
    for path, instant, clock in clocks:
        shown = f"{times.local_text(instant, zone)} in {zone.key}"
        if clock == "skipped":
            message = (
                f"the clock leaps over this time that day; it becomes {shown}, write another time if that is not meant"
            )
            yield Found("warn", "PLAN", path, message)
        elif clock == "twice":
            message = f"the clock shows this time twice that day; the first, {shown}, is taken, write another time if that is not meant"
            yield Found("warn", "PLAN", path, message)


def _segments(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    if not sheet.segments:
        yield Found("warn", "PLAN", ("segments",), "the sheet has no segments; add at least one with cues")
    for number, ((before, after), (one, other)) in enumerate(
        zip(pairwise(windows(plan)), pairwise(plan.segments), strict=True)
    ):
        if after[0] < before[1]:
            over = times.length_text(before[1] - after[0])
            message = (
                f"{one.id} runs over: {other.id} begins {over} before it ends; shorten {one.id} or move {other.id}"
            )
            yield Found("warn", "PLAN", ("segments", number + 1, "at"), message)
    for number, segment in enumerate(plan.segments):
        here: Path = ("segments", number)
        if segment.kind == "guest" and not any(guest.segment == segment.id for guest in plan.guests):
            message = (
                f"{segment.id} is a guest segment without a guest; add one under guests, with segment: {segment.id}"
            )
            yield Found("inform", "PLAN", here, message)
        if segment.kind != "product":
            continue
        if segment.product is None:
            yield Found(
                "warn", "PLAN", (*here, "product"), f"{segment.id} is a product segment without a product; add product:"
            )


def _cues(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    people = {member.person for member in sheet.team}
    no_relay = {group.id for group in plan.groups if not group.relay}
    for path, cue, compiled, segment, window in each_cue(sheet, plan):
        uses = _uses(compiled.do) | _ALWAYS
        for name in Cue.model_fields:
            if getattr(cue, name) is not None and name not in uses:
                yield Found("warn", "PLAN", (*path, name), f"{name} has no effect on {compiled.do}; remove it")
        if compiled.at is not None:
            yield from _placed(path, compiled, segment, window, due(compiled.at, plan, window))
        for name, who in (("prompt", cue.prompt), ("task", cue.task), ("to", cue.to), ("who", cue.who)):
            if who is not None and who not in ROLES and who not in people:
                message = f"{who} is neither a role nor in the team; add the person under team, or write one of {', '.join(ROLES)}"
                yield Found("warn", "PLAN", (*path, name), message)
        if compiled.confirm is not None and not may(compiled.confirm.role, "cue.confirm"):
            message = (
                f"{compiled.confirm.role} has no button for it: the controller confirms; write confirm: controller"
            )
            yield Found("warn", "PLAN", (*path, "confirm"), message)
        if into_groups(compiled.do):
            reached = selectors.select(compiled.groups or "all", plan.groups)
            place = (*path, "groups" if cue.groups else "do")
            if not reached:
                yield Found(
                    "warn", "PLAN", place, f"{compiled.groups} is no group of the sheet; name groups that it has"
                )
            elif without := [each for each in reached if each in no_relay]:
                some = ", ".join(without[:3]) + (" …" if len(without) > 3 else "")
                message = f"{len(without)} of {len(reached)} groups have no relay ({some}), nothing will reach them; add relay: to them"
                yield Found("warn", "PLAN", place, message)


def _placed(path: Path, cue: CuePlan, segment: SegmentPlan, window: tuple[int, int], instant: int) -> Iterator[Found]:
    if instant < window[0] and segment.kind != "preheat":
        early = times.length_text(window[0] - instant)
        message = (
            f"{cue.id} lies {early} before its segment {segment.id}; move it to the one that runs then, or change at"
        )
        yield Found("warn", "PLAN", (*path, "at"), message)
    # What counts from the segment's end may lie behind it; anything else there is withdrawn when the segment ends.
    elif cue.at is not None and cue.at.base != "end" and instant > window[1] and segment.kind != "aftercare":
        late = times.length_text(instant - window[1])
        message = f"{cue.id} lies {late} after the end of {segment.id} and would be skipped; write at: end +{late}, or make the segment longer"
        yield Found("warn", "PLAN", (*path, "at"), message)


def _coupons(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    asked: dict[str, int] = {}
    for _, _, cue, _, _ in each_cue(sheet, plan):
        unlocked = (cue.fields.get("unlocks") or {}).get("coupon")  # a chain that is full drops what it unlocks
        if cue.do == "coupon.drop" or unlocked is not None:
            coupon = str(unlocked or cue.fields["coupon"])
            asked[coupon] = asked.get(coupon, 0) + int(cue.fields.get("quantity", 0))
    for finding in coupons.checks(sheet, plan, asked):
        yield Found(*finding)


def _addresses(sheet: Sheet) -> Iterator[Found]:
    addresses: list[tuple[Path, str | None]] = []
    for index, link in enumerate(sheet.links):
        addresses.append((("links", index, "url"), link.url))
    for index, product in enumerate(sheet.products):
        addresses += [(("products", index, "url"), product.url), (("products", index, "image"), product.image)]
    addresses += [(("guests", index, "poster"), guest.poster) for index, guest in enumerate(sheet.guests)]
    for path, address in addresses:
        if address is not None and not address.lower().startswith("https://"):
            yield Found(
                "warn", "PLAN", path, "the address is not https; platforms warn their members of it, write https://"
            )


def _prices(sheet: Sheet) -> Iterator[Found]:
    for index, product in enumerate(sheet.products):
        if product.list_price is not None:
            price, listed = to_minor(product.price, sheet.currency), to_minor(product.list_price, sheet.currency)
            if listed < price:
                message = f"{product.id} costs more than its list price; check price and list_price"
                yield Found("warn", "PLAN", ("products", index, "list_price"), message)


def _team(sheet: Sheet) -> Iterator[Found]:
    for index, member in enumerate(sheet.team):
        if member.groups is not None and not selectors.select(member.groups, sheet.groups):
            message = (
                f"{member.groups} is no group of the sheet, {member.person} would see none; name groups that it has"
            )
            yield Found("warn", "PLAN", ("team", index, "groups"), message)


def _braces(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    for path, cue, compiled, _, _ in each_cue(sheet, plan):
        filled = (_IN_TASKS if compiled.do == "task.assign" else PLACEHOLDERS).union(cue_kinds.names_of(compiled.do))
        known = ", ".join(f"{{{each}}}" for each in sorted(filled))
        for text in cue.text or ():
            for name in _PLACEHOLDER.findall(text):
                if name not in filled:
                    message = f"{{{name}}} is not filled in and would be sent as it stands; known are {known}"
                    yield Found("warn", "PLAN", (*path, "text"), message)
