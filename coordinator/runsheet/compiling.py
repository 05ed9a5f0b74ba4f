"""From a sheet to the plan that the core runs: defaults filled in, local times made instants, money minor units."""

from __future__ import annotations

import itertools
import re
from datetime import datetime, time, timedelta
from typing import Any

from pydantic import BaseModel

from coordinator.core import cue_kinds
from coordinator.core import plan as plans
from coordinator.core.cue_kinds import into_groups
from coordinator.core.money import to_minor
from coordinator.core.plan import Plan
from coordinator.runsheet import coupons, service, times
from coordinator.runsheet.model import Cue, Keyword, Member, PastPrice, Segment, Sheet, cue_id

MAX_WORDINGS = 50  # of one task; {a|b} five times over is already 32

# What is said where a drop has no text of its own. Numbers that change are filled in when it is sent.
_LINK_TEXTS = {
    "room": "直播间已开, 点这里进: {link}",
    "reserve": "预约入口在这里, 开播提醒你: {link}",
    "join": "点这里入群: {link}",
    "card": "加企微好友, 有问题随时问: {link}",
    "replay": "错过的朋友看回放: {link}",
    "survey": "请花一分钟填一下问卷: {link}",
}
_VARIANTS = re.compile(r"\{([^{}|]*(?:\|[^{}|]*)+)\}")


def compile_plan(sheet: Sheet) -> Plan:
    """The plan of a sheet without faults. The same sheet always gives the same plan.

    Whatever clock time the zone's clock leaps over becomes the first instant after the leap; one that it shows
    twice, the first of the two.
    """
    start, _ = times.start_instant(sheet.start, sheet.timezone)
    return Plan(
        title=sheet.title,
        kind=sheet.kind,
        timezone=sheet.timezone.key,
        start=start,
        currency=sheet.currency,
        lead=sheet.lead,
        unknown=sheet.unknown,
        auto_start=sheet.auto_start,
        team=tuple(_member(each) for each in sheet.team),
        groups=tuple(
            plans.GroupPlan(
                id=each.id,
                name=each.name,
                tier=each.tier,
                stage=each.stage,
                org=each.org,
                tags=tuple(each.tags),
                relay=tuple(each.relay),
                members=each.members,
                welcome=each.welcome,
                owner=each.owner,
                rules=each.rules,
                announcement=each.announcement,
            )
            for each in sheet.groups
        ),
        products=tuple(
            plans.ProductPlan(
                id=each.id,
                name=each.name,
                line=each.line or "",
                price=to_minor(each.price, sheet.currency),
                list_price=_minor(each.list_price, sheet),
                stock=each.stock,
                url=each.url,
                points=tuple(each.points),
                script=each.script,
                image=each.image,
                history=tuple(_past(sheet, past) for past in each.history),
            )
            for each in sheet.products
        ),
        coupons=tuple(coupons.plan_of(each, sheet) for each in sheet.coupons),
        links=tuple(
            plans.LinkPlan(
                id=each.id, kind=each.kind, url=each.url, title=each.title, closes=coupons.moment(each.closes, sheet)
            )
            for each in sheet.links
        ),
        phrases=service.phrases(sheet),
        service=service.service(sheet),
        keywords=tuple(_keyword(each) for each in sheet.keywords),
        followup=service.followup(sheet),
        cheer=service.cheer(sheet),
        golden=service.golden(sheet),
        pacing=plans.Pacing(
            same_content=sheet.pacing.same_content,
            caps=_caps(sheet),
        ),
        posters=plans.PostersPlan(remind=sheet.posters.remind),
        floor=plans.FloorPlan(**sheet.floor.model_dump()),
        guests=tuple(plans.GuestPlan(**each.model_dump()) for each in sheet.guests),
        targets=plans.Targets(sales=_minor(sheet.targets.sales, sheet), buyers=sheet.targets.buyers),
        attribution=plans.Attribution(window=sheet.attribution.window, rule=sheet.attribution.rule),
        checks=plans.Checking(
            rules=sheet.checks.rules, exceptions=tuple(sheet.checks.exceptions), platforms=sheet.checks.platforms
        ),
        segments=tuple(_segment(sheet, segment, index) for index, segment in enumerate(sheet.segments)),
    )


MOMENTS = frozenset({"moments", "朋友圈"})
MOMENTS_CAP = plans.Cap(per=86_400_000, most=5)  # the trade's: 3 to 5 posts a day are the most that friends bear


def _caps(sheet: Sheet) -> dict[str, plans.Cap]:
    """As the sheet has them; Moments, which are a group of a tier of their own, have the trade's without a word of it."""
    usual = {group.tier: MOMENTS_CAP for group in sheet.groups if group.tier in MOMENTS}
    return usual | {name: plans.Cap(per=cap.per, most=cap.most) for name, cap in sheet.pacing.caps.items()}


def _member(each: Member) -> plans.TeamMember:
    return plans.TeamMember(person=each.person, role=each.role, groups=each.groups, mark=each.mark, member=each.member)


def _past(sheet: Sheet, past: PastPrice) -> plans.PastPrice:
    """Asked until the end of that day, where the sheet is."""
    until = None
    if past.until is not None:
        until, _ = times.instant(datetime.combine(past.until + timedelta(days=1), time()), sheet.timezone)
    return plans.PastPrice(price=to_minor(past.price, sheet.currency), until=until)


def wordings(texts: list[str]) -> tuple[str, ...]:
    """Each text with every choice of its `{this|that}` parts, each once, at most `MAX_WORDINGS`."""
    found: dict[str, None] = {}
    for text in texts:
        parts = _VARIANTS.split(text)  # fixed, choices, fixed, choices, fixed
        choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
        for choice in itertools.islice(itertools.product(*choices), MAX_WORDINGS):
            if len(found) < MAX_WORDINGS:
                found["".join(choice)] = None
    return tuple(found)


def _keyword(keyword: Keyword) -> plans.KeywordPlan:
    fields = {name: getattr(keyword, name) for name in ("coupon", "link", "product")}
    fields = {name: value for name, value in fields.items() if value is not None}
    do = "coupon.drop" if keyword.coupon else "link.drop" if fields else "message.send"
    words = tuple(keyword.words)
    return plans.KeywordPlan(
        id=keyword.name, words=words, do=do, fields=fields, text=keyword.text, groups=keyword.groups
    )


def _minor(text: str | None, sheet: Sheet) -> int | None:
    return None if text is None else to_minor(text, sheet.currency)


def _segment(sheet: Sheet, segment: Segment, index: int) -> plans.SegmentPlan:
    at = None
    if segment.at is not None:
        at = _at(sheet, segment.at, plain="show")
        if at.base == "start":  # `start` of a segment is the show's
            at = plans.At(base="show", offset=at.offset)
    elif index == 0:  # there is none before it to follow
        at = plans.At(base="show")
    return plans.SegmentPlan(
        id=segment.id,
        kind=segment.kind,
        name=segment.name,
        product=segment.product,
        at=at,
        lasts=segment.lasts,
        advance=segment.advance,
        cues=tuple(_cue(sheet, segment, each, cue_id(segment, number)) for number, each in enumerate(segment.cues)),
    )


def _at(sheet: Sheet, moment: times.Moment, *, plain: Any) -> plans.At:
    if moment.base == "clock":
        instant, _ = times.clock_instant(moment, sheet.start, sheet.timezone)
        return plans.At(base="clock", instant=instant)
    return plans.At(base=plain if moment.base == "plain" else moment.base, offset=moment.offset)


def _cue(sheet: Sheet, segment: Segment, cue: Cue, id_: str) -> plans.CuePlan:
    action = cue.action
    kind = action.kind if action else ""
    fields = _in_minor_units(cue_fields(cue, segment, kind), sheet.currency)
    texts = wordings(cue.text) if cue.text and kind == "task.assign" else tuple(cue.text or ())
    text = texts[0] if texts else _ready_text(sheet, kind, fields)
    late = cue.late
    return plans.CuePlan(
        id=id_,
        do=kind,
        at=None if cue.at is None else _at(sheet, cue.at, plain="start"),
        when=cue.when,
        again_after=cue.again_after,
        fields=fields,
        groups=cue.groups or ("all" if into_groups(kind) else None),
        text=text,
        texts=texts if len(texts) > 1 else (),
        confirm=plans.Confirm(role=cue.confirm.role, within=cue.confirm.within) if cue.confirm else None,
        late=plans.Late(rule=late.rule, within=late.within) if late else cue_kinds.late_of(kind),
        lead=cue.lead if into_groups(kind) else None,
    )


def cue_fields(cue: Cue, segment: Segment, kind: str) -> dict[str, Any]:
    """The fields of the command that the cue carries out, apart from groups and text."""
    row = cue_kinds.kind_of(kind)
    if row is None:
        return {}
    fields: dict[str, Any] = {name: getattr(cue, name, None) for name in row.model.model_fields}
    if kind == "prompt.send":
        fields["to"] = cue.prompt or cue.to
    if kind == "task.assign":
        fields["who"] = cue.task or cue.who
    if "product" in fields and not cue.link:
        fields["product"] = cue.product or segment.product
    beside = {"images": cue.images, "as": "announcement" if cue.announcement else None}
    if into_groups(kind) and any(beside.values()):
        fields["content"] = {name: value for name, value in beside.items() if value}
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    """What the sheet has within a cue, as JSON."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value


def _in_minor_units(fields: dict[str, Any], currency: str) -> dict[str, Any]:
    """The money that stands in a cue's fields."""
    if "unlocks" in fields and "price" in fields["unlocks"]:
        fields["unlocks"] = {"price": to_minor(fields["unlocks"]["price"], currency)}
    if "amount" in fields:
        fields["amount"] = to_minor(fields["amount"], currency)
    for prize in fields.get("prizes", ()):
        if isinstance(prize, dict) and "worth" in prize:
            prize["worth"] = to_minor(prize["worth"], currency)
    return fields


def _ready_text(sheet: Sheet, kind: str, fields: dict[str, Any]) -> str | None:
    match kind:
        case "link.drop" if "link" in fields:
            link = next(each for each in sheet.links if each.id == fields["link"])
            return (f"{link.title}: " if link.title else "") + _LINK_TEXTS[link.kind]
        case "link.drop":
            product = next(each for each in sheet.products if each.id == fields["product"])
            return f"3, 2, 1, 上链接! {product.name} {{price}}: {{link}}"
        case "coupon.drop":
            coupon = next(each for each in sheet.coupons if each.id == fields["coupon"])
            return f"{coupon.title}, 先到先得, 还剩 {{coupon.left}} 张: {{coupon}}"
    return cue_kinds.ready_text(kind, fields) or None
