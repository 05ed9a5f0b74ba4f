"""What a sheet says of support: its clocks, its phrases."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from coordinator.core import plan as plans
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


def faults(sheet: Sheet, products: Collection[str], coupons: Collection[str]) -> Iterator[tuple[Path, str]]:
    """What does not fit together: (where, what is wrong and what to do)."""
    asked = sheet.service
    if not asked.acknowledge < asked.warn < asked.breach:
        yield ("service",), "the clocks follow each other: acknowledge is shorter than warn, and warn than breach"
    for index, phrase in enumerate(sheet.phrases):
        here: Path = ("phrases", index)
        if phrase.product is not None and phrase.coupon is not None:
            yield (*here, "coupon"), "a phrase is about a product or a coupon; remove one"
        for name, id_, known in (("product", phrase.product, products), ("coupon", phrase.coupon, coupons)):
            if id_ is not None and id_ not in known:
                yield (*here, name), f"there is no {name} {id_[:40]}; add it under {name}s, or name another"
