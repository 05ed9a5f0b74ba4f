"""What a coupon is worth and on which conditions, in words: one row for each kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator.core import State
from coordinator.core.coupons import Coupon
from coordinator.core.render import money
from coordinator.gateway.landing.words import Lang, say

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NAMES_SHOWN = 5  # products that the conditions name; of more it says how many there are


@dataclass(slots=True)
class Offer:
    """`worth` is read from two metres, `lines` stand under it, `terms` at the end."""

    worth: str
    unit: str = ""
    lines: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)


def offer(state: State, coupon: Coupon, lang: Lang) -> Offer:
    currency = state.the.currency

    def t(word: str, **fields: object) -> str:
        return say(lang, word, **fields)

    made = Offer(money(coupon.off, currency), t("off"))
    made.lines.append(t("if.over", over=money(coupon.over, currency)) if coupon.over else t("if.any"))
    made.terms = _terms(state, coupon, lang)
    return made


def _terms(state: State, coupon: Coupon, lang: Lang) -> list[str]:
    terms = []
    if coupon.valid_ms is not None:
        terms.append(say(lang, "if.hours", time=length(coupon.valid_ms, lang)))
    terms.append(say(lang, "if.member", n=coupon.per_member))
    if coupon.products:
        terms.append(say(lang, "if.products", names=_names(state, coupon.products, lang)))
    if coupon.groups:
        terms.append(say(lang, "if.groups"))
    return terms


def _names(state: State, products: tuple[str, ...], lang: Lang) -> str:
    names = [state.products[p].name for p in products if p in state.products]
    shown = ("、" if lang == "zh" else ", ").join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else say(lang, "if.more", names=shown, n=len(names))


def length(ms: int, lang: Lang) -> str:
    """90 min, 2 h, 3 days: in the largest unit that it fills."""
    for unit, word in ((DAY_MS, "time.days"), (HOUR_MS, "time.hours")):
        if ms >= unit and ms * 2 % unit == 0:
            return say(lang, word, n=f"{ms / unit:g}")
    return say(lang, "time.minutes", n=f"{ms / MINUTE_MS:g}")
