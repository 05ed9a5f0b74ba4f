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


def offer(state: State, coupon: Coupon, lang: Lang, share: int = 0) -> Offer:
    """`share` is what a code got of its coupon's pool."""
    currency = state.the.currency

    def t(word: str, **fields: object) -> str:
        return say(lang, word, **fields)

    def m(amount: int) -> str:
        return money(amount, currency)

    match coupon.kind:
        case "percent":
            # Chinese says what is paid, in tenths; English what is taken off.
            n = (10_000 - coupon.basis_points) / 1000 if lang == "zh" else coupon.basis_points / 100
            made = Offer(t("percent", n=f"{n:g}") if coupon.basis_points < 10_000 else t("free"))
            if coupon.at_most is not None:
                made.lines.append(t("if.at_most", most=m(coupon.at_most)))
        case "deposit":
            made = Offer(m(coupon.off), t("off"), [t("if.deposit", pay=m(coupon.pay), off=m(coupon.off))])
        case "paid":
            made = Offer(m(coupon.off), t("off"), [t("if.pay", pay=m(coupon.pay))])
        case "pool" if share:
            made = Offer(m(share), t("off"), [t("if.shared", pool=m(coupon.pool), n=coupon.quantity)])
        case "pool":
            made = Offer(m(coupon.pool), t("pool"), [t("if.pool", n=coupon.quantity)])
        case "share_reward":
            made = Offer(m(coupon.off), t("off"), [t("if.shares", n=coupon.shares)])
        case "pay_reward":
            made = Offer(
                m(coupon.off), t("off"), [t("if.spend", spend=m(coupon.spend)) if coupon.spend else t("if.paid")]
            )
        case "group_price" | "flash":
            made = Offer(m(coupon.price or 0), t(coupon.kind), [t("if.units", n=coupon.units)])
        case _:
            made = Offer(m(coupon.off), t("off"))
    if coupon.over:
        made.lines.append(t("if.over", over=m(coupon.over)))
    elif coupon.kind in {"threshold", "amount"}:
        made.lines.append(t("if.any"))
    made.terms = _terms(state, coupon, lang)
    return made


def _terms(state: State, coupon: Coupon, lang: Lang) -> list[str]:
    terms = []
    if coupon.valid_ms is not None:
        terms.append(say(lang, "if.hours", time=length(coupon.valid_ms, lang)))
    terms.append(say(lang, "if.member", n=coupon.per_member))
    if coupon.products:
        terms.append(say(lang, "if.products", names=_names(state, coupon.products, lang)))
    if coupon.pay_within_ms is not None:
        terms.append(say(lang, "if.pay_within", time=length(coupon.pay_within_ms, lang)))
    if coupon.groups:
        terms.append(say(lang, "if.groups"))
    if coupon.exclusive:
        terms.append(say(lang, "if.exclusive"))
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
    if ms % MINUTE_MS:
        return say(lang, "time.seconds", n=f"{ms / 1000:g}")
    return say(lang, "time.minutes", n=f"{ms // MINUTE_MS}")
