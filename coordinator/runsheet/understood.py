"""What was understood of a sheet: its run of show with the hours as the sale's clock shows them, and whom each cue reaches.

For people who have just written a sheet, and see here whether it says what they mean, before anybody is sent anything.
"""

from __future__ import annotations

from typing import TypedDict
from zoneinfo import ZoneInfo

from coordinator.core import selectors
from coordinator.core.cue_kinds import into_groups, subject
from coordinator.core.plan import CuePlan, Plan
from coordinator.runsheet import times
from coordinator.runsheet.checks import due, windows


class Reach(TypedDict):
    """`members` as the sheet counts them."""

    groups: int
    members: int


class UnderstoodCue(TypedDict):
    """`at` is ms since 1970, `local` the same as the sheet's zone shows it; both are None where `when` sets it off."""

    id: str
    at: int | None
    local: str | None
    when: str | None
    do: str
    about: str | None
    to: str | None
    groups: str | None
    reach: Reach | None
    text: str | None
    confirm: str | None
    late: str


class UnderstoodSegment(TypedDict):
    id: str
    kind: str
    name: str
    product: str | None
    start: int
    start_local: str
    end: int
    end_local: str
    manual: bool
    cues: list[UnderstoodCue]


class Understood(TypedDict):
    """Cues of a segment stand in the order of their moments, those with a condition last."""

    title: str
    kind: str
    timezone: str
    currency: str
    start: int
    start_local: str
    reach: Reach
    segments: list[UnderstoodSegment]


def understood(plan: Plan) -> Understood:
    """The same plan always gives the same."""
    zone = ZoneInfo(plan.timezone)
    segments: list[UnderstoodSegment] = []
    for segment, window in zip(plan.segments, windows(plan), strict=True):
        begin, end = window
        cues = [_cue(plan, zone, each, window) for each in segment.cues]
        cues.sort(key=lambda each: (each["at"] is None, each["at"] or 0))
        segments.append(
            UnderstoodSegment(
                id=segment.id,
                kind=segment.kind,
                name=segment.name,
                product=segment.product,
                start=begin,
                start_local=times.local_text(begin, zone),
                end=end,
                end_local=times.local_text(end, zone),
                manual=segment.advance == "manual",
                cues=cues,
            )
        )
    return Understood(
        title=plan.title,
        kind=plan.kind,
        timezone=plan.timezone,
        currency=plan.currency,
        start=plan.start,
        start_local=times.local_text(plan.start, zone),
        reach=Reach(groups=len(plan.groups), members=sum(each.members for each in plan.groups)),
        segments=segments,
    )


def _cue(plan: Plan, zone: ZoneInfo, cue: CuePlan, window: tuple[int, int]) -> UnderstoodCue:
    at = None if cue.at is None else due(cue.at, plan, window)
    told = cue.fields.get("to") or cue.fields.get("who")
    confirm = None
    if cue.confirm is not None:
        within = f" within {times.length_text(cue.confirm.within)}" if cue.confirm.within is not None else ""
        confirm = cue.confirm.role + within
    return UnderstoodCue(
        id=cue.id,
        at=at,
        local=None if at is None else times.local_text(at, zone),
        when=cue.when,
        do=cue.do,
        about=subject(cue),
        to=told if isinstance(told, str) else None,
        groups=cue.groups if isinstance(cue.groups, str) else None,
        reach=_reach(plan, cue) if into_groups(cue.do) else None,
        text="\n".join(cue.texts) if cue.texts else cue.text,
        confirm=confirm,
        late=f"{cue.late.rule} {'within' if cue.late.rule == 'fire' else 'after'} {times.length_text(cue.late.within)}",
    )


def _reach(plan: Plan, cue: CuePlan) -> Reach:
    """As the core will have it when it fires, but that no group is frozen yet."""
    chosen = set(selectors.select("all" if cue.groups is None else cue.groups, plan.groups))
    coupon = next((each for each in plan.coupons if each.id == cue.fields.get("coupon")), None)
    if coupon is not None and coupon.groups:
        chosen &= set(selectors.select(coupon.groups, plan.groups))
    return Reach(groups=len(chosen), members=sum(each.members for each in plan.groups if each.id in chosen))
