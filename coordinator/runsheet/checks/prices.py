"""PRICE: a compared price needs the price history behind it, and no headline is below what can be paid."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.plan import CouponPlan, Plan, ProductPlan
from coordinator.core.price_claims import Priced, backed, lowest, price_faults, unbacked
from coordinator.core.rules import Judge
from coordinator.runsheet.checks.found import Found, each_cue
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.source import Path


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    priced = {each.id: _priced(each, plan.coupons) for each in plan.products}
    for index, product in enumerate(plan.products):
        listed = product.list_price
        here: Path = ("products", index)
        if listed is not None and listed > product.price and not backed(judge, listed, product.history, plan.start):
            for fault in unbacked(judge, "", f"list_price {sheet.products[index].list_price}"):
                yield Found(fault.severity, fault.rule, (*here, "list_price"), fault.message, fault.zh)
        said: list[tuple[Path, str]] = [((*here, "script"), product.script)]
        said += [((*here, "points", at), point) for at, point in enumerate(product.points)]
        for path, text in said:
            yield from _said(path, text, product.id, plan, judge, priced)
    for path, cue, compiled, segment, _ in each_cue(sheet, plan):
        about = compiled.fields.get("product") or segment.product
        several = len(cue.text or ()) > 1
        for at, text in enumerate(cue.text or ()):
            place: Path = (*path, "text", at) if several else (*path, "text")
            yield from _said(place, text, about, plan, judge, priced)


def _said(path: Path, text: str, about: object, plan: Plan, judge: Judge, priced: dict[str, Priced]) -> Iterator[Found]:
    of = priced.get(about) if isinstance(about, str) else None
    for fault in price_faults(judge, text, of, list(priced.values()), plan.start, plan.currency):
        yield Found(fault.severity, fault.rule, path, fault.message, fault.zh)


def _priced(product: ProductPlan, coupons: tuple[CouponPlan, ...]) -> Priced:
    using = [each for each in coupons if not each.products or product.id in each.products]
    told = all(each.kind in {"threshold", "amount"} for each in using)
    return Priced(
        id=product.id,
        price=product.price,
        list_price=product.list_price,
        lowest=lowest(product.price, [(each.over, each.off) for each in using]) if told else None,
        history=product.history,
    )
