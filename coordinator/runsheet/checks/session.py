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
    things: tuple[tuple[bool, Path, tuple[str, str], tuple[str, str]], ...] = (
        ("preheat" in kinds, here, ("preparation", "准备"), ("add a preheat segment before the show", "在开播前加一个预热环节")),
        (does.count("message.send") >= NOTICES, here, ("repeated notice", "反复通知"), (f"send what all must see {NOTICES} times, for example morning, noon and evening", f"必须人人看到的发 {NOTICES} 次, 如早、中、晚")),
        ("rules" in kinds or "规则" in words or "群规" in words, here, ("rules", "规则"), ("add a rules segment or a message with the rules", "加一个规则环节, 或发一条群规")),
        ("warmup" in kinds, here, ("warm-up", "暖场"), ("add a warmup segment", "加一个暖场环节")),
        (bool(sheet.guests) or "guest" in kinds or "嘉宾" in words, here, ("guest introduction", "介绍嘉宾"), ("add a guest segment, or introduce the guest (嘉宾) in a cue", "加一个嘉宾环节, 或在节点里介绍嘉宾")),
        (bool({"interaction", "qa"} & kinds) or "checkin.open" in does, here, ("invitation to take part", "邀请参与"), ("add a sign-in, an interaction or a qa segment", "加签到、互动或答疑")),
        (any(member.role == "controller" for member in sheet.team), ("team",), ("control of the floor", "控场"), ("add a controller to the team", "在团队里加一名场控")),
        ("wrapup" in kinds, here, ("summary", "总结"), ("add a wrapup segment", "加一个收尾环节")),
        ("coupon.drop" in does, here, ("benefit", "福利"), ("drop a coupon", "投放一张优惠券")),
    )  # fmt: skip
    for there, path, name, remedy in things:
        if not there:
            message = f"{name[0]}, one of the nine things of a good session, is missing; {remedy[0]}"
            yield Found("inform", "PLAN", path, message, f"好场次九件事里缺「{name[1]}」; {remedy[1]}")


def fitting(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    """A flash sale sells what is decided on at once: cheap, and never what nobody wanted."""
    if sheet.kind != "flash" or sheet.currency != "CNY":
        return
    most, easy, low = (judge.limit("PLAN", each) for each in ("flash_most_yuan", "flash_easy", "flash_easy_yuan"))
    for index, product in enumerate(plan.products):
        if most is not None and product.price > to_minor(str(most), "CNY"):
            message = f"{product.id} costs more than {most} yuan, which nobody decides on at once; a flash sale is not its place"
            zh = f"{product.id} 超过 {most} 元, 没人能当场决定; 不适合快闪群"
            yield Found("warn", "PLAN", ("products", index, "price"), message, zh)
        words = folded(" ".join((product.name, *product.points, product.script)))
        stale = next((each for each in CLEARANCE if each in words), None)
        if stale is not None:
            message = f"{product.id} is clearance stock ({stale}); a flash sale sells new things and what sells well"
            zh = f"{product.id} 是清仓货 ({stale}); 快闪群卖新品和好卖的"
            yield Found("warn", "PLAN", ("products", index), message, zh)
    if easy is not None and low is not None and len(plan.products) > easy:
        cheap = sum(each.price <= to_minor(str(low), "CNY") for each in plan.products)
        if cheap < easy:
            message = f"{cheap} of {len(plan.products)} products cost {low} yuan or less; a flash sale wants at least {easy} that are easily decided on"
            zh = f"{len(plan.products)} 个商品里只有 {cheap} 个不超过 {low} 元; 快闪群至少要 {easy} 个容易下决心的"
            yield Found("inform", "PLAN", ("products",), message, zh)
