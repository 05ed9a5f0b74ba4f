"""What a sheet says of support and cheer: clocks, phrases, quiet hours, golden hours."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta

from coordinator.core import plan as plans
from coordinator.runsheet import times
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.source import Path


def service(sheet: Sheet) -> plans.ServicePlan:
    asked = sheet.service
    return plans.ServicePlan(acknowledge=asked.acknowledge, warn=asked.warn, breach=asked.breach, lease=asked.lease)


def phrases(sheet: Sheet) -> tuple[plans.PhrasePlan, ...]:
    return tuple(
        plans.PhrasePlan(id=each.id, title=each.title, text=each.text, product=each.product, coupon=each.coupon)
        for each in sheet.phrases
    )


NIGHTS_BEFORE, NIGHTS_AFTER = 31, 62  # days around the sheet's own; before and after them as on the first and the last


def followup(sheet: Sheet) -> plans.FollowupPlan:
    """The rules of follow-ups. Quiet hours are instants by the sheet's zone."""
    asked = sheet.followup
    nights: list[tuple[int, int]] = []
    if asked.quiet is not None:
        begin, end = asked.quiet
        start, _ = times.start_instant(sheet.start, sheet.timezone)
        first = _day(start, sheet) - timedelta(days=NIGHTS_BEFORE)
        for n in range((_day(_last(sheet, start), sheet) - first).days + NIGHTS_AFTER):
            day = first + timedelta(days=n)
            over = day if end > begin else day + timedelta(days=1)
            night = (_instant(day, begin, sheet), _instant(over, end, sheet))
            if night[0] < night[1]:  # else the clock leaps over all of it
                nights.append(night)
    return plans.FollowupPlan(after=asked.after, every=asked.every, lease=asked.lease, quiet=tuple(nights))


def _last(sheet: Sheet, start: int) -> int:
    """About the last moment of the sheet."""
    moments = [at for x in sheet.segments for at in (x.at, *(cue.at for cue in x.cues)) if at is not None]
    clocks = [times.clock_instant(at, sheet.start, sheet.timezone)[0] for at in moments if at.base == "clock"]
    return max([start + sum(segment.lasts for segment in sheet.segments), *clocks])


def _day(at: int, sheet: Sheet) -> date:
    return datetime.fromtimestamp(at / 1000, sheet.timezone).date()


def _instant(day: date, clock: time, sheet: Sheet) -> int:
    return times.instant(datetime.combine(day, clock), sheet.timezone)[0]


def cheer(sheet: Sheet) -> plans.CheerPlan:
    return plans.CheerPlan(within=sheet.cheer.within, minutes=sheet.cheer.minutes)


def golden(sheet: Sheet) -> tuple[plans.GoldenPlan, ...]:
    """The golden hours: from the show's start, or at a clock time of the sheet's zone, as an instant."""
    hours = []
    for each in sheet.golden:
        if each.at.base == "clock":
            instant, _ = times.clock_instant(each.at, sheet.start, sheet.timezone)
            at = plans.At(base="clock", instant=instant)
        else:
            at = plans.At(base="show", offset=each.at.offset)
        hours.append(plans.GoldenPlan(at=at, lasts=each.lasts, minutes=each.minutes))
    return tuple(hours)


def faults(sheet: Sheet, products: Collection[str], coupons: Collection[str]) -> Iterator[tuple[Path, str]]:
    """What does not fit together: (where, what is wrong and what to do)."""
    asked = sheet.service
    if not asked.acknowledge < asked.warn < asked.breach:
        yield ("service",), "the clocks follow each other: acknowledge is shorter than warn, and warn than breach"
    for index, hour in enumerate(sheet.golden):
        if hour.at.base == "end":
            yield (
                ("golden", index, "at"),
                "a golden hour begins at a clock time or from the show's start; write 20:00 or -10m",
            )
        if hour.minutes * 60_000 > hour.lasts:
            yield (
                ("golden", index, "minutes"),
                f"it has fewer than {hour.minutes} minutes; make it longer, or ask for fewer",
            )
    for index, phrase in enumerate(sheet.phrases):
        here: Path = ("phrases", index)
        if phrase.product is not None and phrase.coupon is not None:
            yield (*here, "coupon"), "a phrase is about a product or a coupon; remove one"
        for name, id_, known in (("product", phrase.product, products), ("coupon", phrase.coupon, coupons)):
            if id_ is not None and id_ not in known:
                yield (*here, name), f"there is no {name} {id_[:40]}; add it under {name}s, or name another"
