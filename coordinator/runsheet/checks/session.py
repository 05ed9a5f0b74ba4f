"""PLAN: the nine things that a good session has, and whether what is sold fits its kind."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.matching import folded
from coordinator.core.money import to_minor
from coordinator.core.plan import Plan
from coordinator.core.rules import Judge
from coordinator.runsheet.checks.found import Found
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.source import Path

NOTICES = 3  # what all must see goes out morning, noon and evening
CLEARANCE = ("清仓", "尾货", "临期", "处理品", "库存货")


def nine_things(sheet: Sheet, plan: Plan) -> Iterator[Found]:
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
        (bool(sheet.guests) or "guest" in kinds or "嘉宾" in words, here, "guest introduction", "add a guest segment, or introduce the guest (嘉宾) in a cue"),
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


def fitting(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    """A flash sale sells what is decided on at once: cheap, and never what nobody wanted."""
    if sheet.kind != "flash" or sheet.currency != "CNY":
        return
    most, easy, low = (judge.limit("PLAN", each) for each in ("flash_most_yuan", "flash_easy", "flash_easy_yuan"))
    for index, product in enumerate(plan.products):
        if most is not None and product.price > to_minor(str(most), "CNY"):
            message = f"{product.id} costs more than {most} yuan, which nobody decides on at once; a flash sale is not its place"
            yield Found("warn", "PLAN", ("products", index, "price"), message)
        words = folded(" ".join((product.name, *product.points, product.script)))
        stale = next((each for each in CLEARANCE if each in words), None)
        if stale is not None:
            message = f"{product.id} is clearance stock ({stale}); a flash sale sells new things and what sells well"
            yield Found("warn", "PLAN", ("products", index), message)
    if easy is not None and low is not None and len(plan.products) > easy:
        cheap = sum(each.price <= to_minor(str(low), "CNY") for each in plan.products)
        if cheap < easy:
            message = f"{cheap} of {len(plan.products)} products cost {low} yuan or less; a flash sale wants at least {easy} that are easily decided on"
            yield Found("inform", "PLAN", ("products",), message)
