"""PRICE: what a text says of a price. A compared price needs the price history behind it; a headline is not below what can be paid.

The history stands with the product in the sheet: prices that were really asked, and until when.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from coordinator.core.matching import Span
from coordinator.core.money import MoneyError, to_minor
from coordinator.core.plan import PastPrice
from coordinator.core.rules import Fault, Judge, fault

DAY_MS = 86_400_000
_LIST_PRICE = "{list_price}"
_AMOUNT = re.compile(r"\d+(?:\.\d{1,2})?")


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A product as far as its price goes."""

    id: str
    price: int
    list_price: int | None = None
    lowest: int | None = None  # what can be paid for it with the sale's coupons; None: not known
    history: tuple[PastPrice, ...] = ()


def backed(judge: Judge, price: int, history: Iterable[PastPrice], now: int) -> bool:
    """Whether so much, or more, was asked not too long ago."""
    days = judge.limit("PRICE", "days")
    since = 0 if days is None else now - days * DAY_MS
    return any(each.price >= price and (each.until is None or each.until >= since) for each in history)


def lowest(price: int, offs: Iterable[tuple[int, int]]) -> int:
    """The least that can be paid for one piece. `offs`: (what a basket needs, what is taken off) of each coupon that may be used."""
    return max(0, price - max((off for over, off in offs if over <= price), default=0))


def price_faults(
    judge: Judge, text: str, about: Priced | None, products: Sequence[Priced], now: int, currency: str
) -> list[Fault]:
    """What a text says of prices that nothing stands behind. `about` is the product that it is about, where that is known."""
    faults: list[Fault] = []
    for each in judge.patterns(text, "PRICE"):
        amount = _amount(each.term, currency)
        if amount is None:
            continue
        if each.about == "compared":
            of = (about,) if about is not None else products
            if not any(backed(judge, amount, product.history, now) for product in of):
                faults.append(each)
        elif about is not None and about.lowest is not None and amount < about.lowest:
            faults.append(each)
    listed = about.list_price if about is not None else None
    if (
        about is not None
        and listed is not None
        and _LIST_PRICE in text
        and not backed(judge, listed, about.history, now)
    ):
        faults += unbacked(judge, text, _LIST_PRICE)
    return faults


def unbacked(judge: Judge, text: str, term: str) -> list[Fault]:
    """The fault of a compared price without a history, in the words of the rule; none where the set has no such rule."""
    rule = judge.of("PRICE")
    of = next((each for each in rule.patterns if each.about == "compared"), None) if rule else None
    at = text.find(term)
    return [] if rule is None or of is None else [fault(rule, of, term, Span(at, at + len(term)) if at >= 0 else None)]


def _amount(term: str, currency: str) -> int | None:
    found = _AMOUNT.findall(term)
    try:
        return to_minor(found[-1], currency) if found else None
    except MoneyError:
        return None
