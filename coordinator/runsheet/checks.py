"""Whether a sheet that can be read is a good one: what blocks it, what somebody should look at.

PLAN: parts that do not work out together. LENGTH: too long for people or platforms. AD-ABS, PII: what the texts
say. SHILL: several people with one wording. Nothing here is lost on the way: a finding never changes the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from coordinator.core import cue_kinds, selectors, wording
from coordinator.core.cue_kinds import into_groups
from coordinator.core.money import to_minor
from coordinator.core.plan import At, CuePlan, Plan, SegmentPlan
from coordinator.runsheet import times
from coordinator.runsheet.findings import SEVERITIES, Finding, Severity
from coordinator.runsheet.model import ROLES, Cue, Sheet
from coordinator.runsheet.reading import Reading
from coordinator.runsheet.source import Path
from roles.permissions import may

PRODUCT_LENGTH_MS = 180_000  # the trade's rule: three minutes a product
TEXT_BYTES = 2048  # the smallest limit among the group robots that relays speak to
NOTICES = 3  # what all must see goes out morning, noon and evening
PLACEHOLDERS = frozenset(  # what the core fills in when a text is sent
    (
        "link",
        "coupon",
        "coupon.left",
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
_PLACEHOLDER = re.compile(r"\{([^{}|]{1,40})\}")

_ALWAYS = frozenset({"id", "at", "when", "again_after", "do", "prompt", "task", "confirm", "late", "note"})


def _uses(kind: str) -> frozenset[str]:
    """The fields that a kind of cue makes use of, beside those that every cue has."""
    row = cue_kinds.kind_of(kind)
    if row is None:
        return frozenset(Cue.model_fields)
    own = {"groups", "text", "lead"} if row.into_groups else {"text"} if row.needs_text else set()
    return frozenset(row.model.model_fields) | own | ({"groups"} if kind == "task.assign" else set())


@dataclass(frozen=True, slots=True)
class Found:
    severity: Severity
    rule: str
    path: Path
    message: str


def check(reading: Reading, plan: Plan, *, now_ms: int) -> list[Finding]:
    """Everything the checks have to say of a sheet and the plan made of it, the worst first, then in the sheet's order."""
    sheet = reading.sheet
    if sheet is None:
        return []
    found = [
        *_times(sheet, plan, now_ms),
        *_segments(sheet, plan),
        *_cues(sheet, plan),
        *_coupons(sheet, plan),
        *_addresses(sheet),
        *_prices(sheet),
        *_team(sheet),
        *_texts(sheet, plan),
        *_nine_things(sheet, plan),
    ]
    found.sort(key=lambda each: (SEVERITIES.index(each.severity), reading.source.line(each.path) or 0))
    return [reading.finding(each.severity, each.rule, each.path, each.message) for each in found]


def windows(plan: Plan) -> list[tuple[int, int]]:
    """Start and end of each segment, as planned, in ms since 1970."""
    found: list[tuple[int, int]] = []
    for segment in plan.segments:
        begin = found[-1][1] if found else plan.start
        if segment.at is not None:
            begin = segment.at.instant if segment.at.instant is not None else plan.start + segment.at.offset
        found.append((begin, begin + segment.lasts))
    return found


def due(at: At, plan: Plan, window: tuple[int, int]) -> int:
    """The instant of a timed cue of a segment with that window, as planned."""
    if at.instant is not None:
        return at.instant
    base = {"show": plan.start, "start": window[0], "end": window[1]}[at.base]
    return base + at.offset


def _each_cue(sheet: Sheet, plan: Plan) -> Iterator[tuple[Path, Cue, CuePlan, SegmentPlan, tuple[int, int]]]:
    for number, (segment, planned, window) in enumerate(zip(sheet.segments, plan.segments, windows(plan), strict=True)):
        for index, (cue, compiled) in enumerate(zip(segment.cues, planned.cues, strict=True)):
            yield ("segments", number, "cues", index), cue, compiled, planned, window


# ---- PLAN


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
        if segment.kind != "product":
            continue
        if segment.product is None:
            yield Found(
                "warn", "PLAN", (*here, "product"), f"{segment.id} is a product segment without a product; add product:"
            )
        if segment.lasts > PRODUCT_LENGTH_MS:
            message = f"{segment.id} lasts {times.length_text(segment.lasts)}; three minutes is the most a product holds, make it shorter or two"
            yield Found("warn", "LENGTH", (*here, "lasts"), message)


def _cues(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    people = {member.person for member in sheet.team}
    no_relay = {group.id for group in plan.groups if not group.relay}
    for path, cue, compiled, segment, window in _each_cue(sheet, plan):
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
    for _, _, cue, _, _ in _each_cue(sheet, plan):
        if cue.do == "coupon.drop":
            coupon = str(cue.fields["coupon"])
            asked[coupon] = asked.get(coupon, 0) + int(cue.fields.get("quantity", 0))
    for index, each in enumerate(plan.coupons):
        here: Path = ("coupons", index)
        if asked.get(each.id, 0) > each.quantity:
            message = f"{each.id} has {each.quantity}, its drops give out {asked[each.id]}; raise quantity to {asked[each.id]} or lower theirs"
            yield Found("block", "PLAN", (*here, "quantity"), message)
        if each.over and each.off > each.over:
            yield Found(
                "warn", "PLAN", (*here, "off"), f"{each.id} takes off more than the basket it needs; check over and off"
            )
        if each.id not in asked:
            yield Found("inform", "PLAN", here, f"no cue drops {each.id}; it can only be dropped by hand")


def _addresses(sheet: Sheet) -> Iterator[Found]:
    addresses: list[tuple[Path, str | None]] = []
    for index, link in enumerate(sheet.links):
        addresses.append((("links", index, "url"), link.url))
    for index, product in enumerate(sheet.products):
        addresses += [(("products", index, "url"), product.url), (("products", index, "image"), product.image)]
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


# ---- what is said


def _texts(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    addresses = [each.url for each in sheet.links] + [each.url for each in sheet.products if each.url]
    for path, text, sent in _said(sheet):
        faults = wording.absolute_terms(text)
        if sent:
            faults += wording.personal_data(text) + wording.foreign_addresses(text, addresses)
        for fault in faults:
            yield Found(fault.severity, fault.rule, path, fault.message)
    cheers = sum(member.role == "cheer" for member in sheet.team)
    for path, cue, compiled, _, _ in _each_cue(sheet, plan):
        place = (*path, "text")
        wordings = max(len(compiled.texts), 1)
        if compiled.do == "task.assign" and compiled.fields.get("who") == "cheer" and wordings < cheers:
            message = f"{cheers} people would post {wordings} wordings, some of them the same; give at least {cheers}"
            yield Found("warn", "SHILL", place, message)
        for text in cue.text or ():
            size = len(text.encode())
            if into_groups(compiled.do) and size > TEXT_BYTES:
                message = (
                    f"the text has {size} bytes, group robots take {TEXT_BYTES}; shorten it or make it two messages"
                )
                yield Found("warn", "LENGTH", place, message)
            for name in _PLACEHOLDER.findall(text):
                if name not in PLACEHOLDERS:
                    known = ", ".join(f"{{{each}}}" for each in sorted(PLACEHOLDERS))
                    yield Found(
                        "warn",
                        "PLAN",
                        place,
                        f"{{{name}}} is not filled in and would be sent as it stands; known are {known}",
                    )


def _said(sheet: Sheet) -> Iterator[tuple[Path, str, bool]]:
    """Every text of the sheet that somebody will read or hear; True where members of the groups can read it."""
    for index, group in enumerate(sheet.groups):
        yield ("groups", index, "welcome"), group.welcome, True
    for index, product in enumerate(sheet.products):
        yield ("products", index, "name"), product.name, True
        yield ("products", index, "script"), product.script, False
        for at, point in enumerate(product.points):
            yield ("products", index, "points", at), point, True
    for index, coupon in enumerate(sheet.coupons):
        yield ("coupons", index, "title"), coupon.title, True
    for index, link in enumerate(sheet.links):
        yield ("links", index, "title"), link.title, True
    for index, phrase in enumerate(sheet.phrases):
        yield ("phrases", index, "text"), phrase.text, True
    for number, segment in enumerate(sheet.segments):
        for index, cue in enumerate(segment.cues):
            path: Path = ("segments", number, "cues", index, "text")
            sent = cue.action is not None and cue.action.kind != "prompt.send"
            several = len(cue.text or ()) > 1
            for at, text in enumerate(cue.text or ()):
                yield (*path, at) if several else path, text, sent


# ---- the nine things that a good session has


def _nine_things(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    kinds = {segment.kind for segment in sheet.segments}
    cues = [cue for segment in plan.segments for cue in segment.cues]
    does = [cue.do for cue in cues]
    words = " ".join(cue.text or "" for cue in cues)
    here: Path = ("segments",)
    things: tuple[tuple[bool, Path, str, str], ...] = (
        ("preheat" in kinds, here, "preparation", "add a preheat segment before the show"),
        (does.count("message.send") >= NOTICES, here, "repeated notice", f"send what all must see {NOTICES} times, for example morning, noon and evening"),
        ("rules" in kinds or "规则" in words or "群规" in words, here, "rules", "add a rules segment or a message with the rules"),
        ("warmup" in kinds, here, "warm-up", "add a warmup segment"),
        ("guest" in kinds or "嘉宾" in words, here, "guest introduction", "add a guest segment, or introduce the guest (嘉宾) in a cue"),
        (bool({"interaction", "qa"} & kinds) or "checkin.open" in does, here, "invitation to take part", "add a sign-in, an interaction or a qa segment"),
        (any(member.role == "controller" for member in sheet.team), ("team",), "control of the floor", "add a controller to the team"),
        ("wrapup" in kinds, here, "summary", "add a wrapup segment"),
        ("coupon.drop" in does, here, "benefit", "drop a coupon"),
    )  # fmt: skip
    for there, path, name, remedy in things:
        if not there:
            yield Found(
                "inform", "PLAN", path, f"{name}, one of the nine things of a good session, is missing; {remedy}"
            )
