"""Texts with live fields: `{link}`, `{coupon}`, `{coupon.left}`, `{price}`, `{stock}` …, and wordings `{a|b}`.

A field that has no value here stays as it was written: a reader of the sheet sees what it meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from coordinator.core.money import minor_digits

if TYPE_CHECKING:
    from coordinator.core.coupons import Coupon
    from coordinator.core.products import Product
    from coordinator.core.state import State

_FIELD = re.compile(r"\{([^{}]{1,200})\}")
_LIVE = re.compile(r"\{(price|stock|coupon\.left)\}")

SIGNS = {"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}


def money(amount: int, currency: str) -> str:
    """Minor units as people write them: 12900 CNY is ¥129."""
    digits = minor_digits(currency)
    whole, rest = divmod(abs(amount), 10**digits)
    text = f"{whole}.{rest:0{digits}d}" if rest else str(whole)
    return f"{'-' if amount < 0 else ''}{SIGNS.get(currency, currency + ' ')}{text}"


def worth(coupon: Coupon, currency: str) -> str:
    """What a coupon is worth in a word: money off, a percentage off, the sum that is shared, or its price."""
    if coupon.kind == "percent":
        return f"{coupon.basis_points / 100:g}%"
    return money(coupon.pool or (coupon.off if coupon.price is None else coupon.price), currency)


def is_live(text: str) -> bool:
    """Whether the text holds a figure that can change after it was written."""
    return _LIVE.search(text) is not None


def wording(text: str, index: int) -> str:
    """One of the wordings: of each `{a|b|c}` the one that `index` falls on, so that neighbours differ."""
    turn = index

    def choose(m: re.Match[str]) -> str:
        nonlocal turn
        choices = m.group(1).split("|")
        if len(choices) == 1:
            return m.group(0)
        turn, chosen = divmod(turn, len(choices))
        return choices[chosen]

    return _FIELD.sub(choose, text)


def fill(
    state: State,
    text: str,
    what: str | None = None,
    link: str | None = None,
    coupon: str | None = None,
    beside: Mapping[str, str] | None = None,
) -> str:
    """The text with its fields filled in from the state as it is now, and from what stands beside it."""
    if "{" not in text:
        return text
    given: dict[str, str | None] = {"link": link, "coupon": coupon, **(beside or {})}

    def one(m: re.Match[str]) -> str:
        name = m.group(1).strip()
        value = given[name] if name in given else _value(state, name, what)
        return m.group(0) if value is None else value

    return _FIELD.sub(one, text)


def _value(state: State, name: str, what: str | None) -> str | None:
    """What a field stands for just now. Only those that a text names are worked out: hundreds of groups get one each."""
    match name:
        case "title":
            return state.the.title
        case "buyers":
            return str(len(state.buyers))
        case "segment.left":
            return _minutes_left(state)
    currency = state.the.currency
    if name.startswith("coupon."):
        dropped = state.coupons.get(what or "") or _newest_coupon(state)
        return _of_coupon(dropped, name, currency) if dropped else None
    product = state.products.get(what or "") or state.products.get(state.the.product or "")
    return _of_product(product, name, currency) if product else None


def _of_coupon(coupon: Coupon, name: str, currency: str) -> str | None:
    match name:
        case "coupon.left":
            return str(coupon.left)
        case "coupon.title":
            return coupon.title
        case "coupon.off":
            return worth(coupon, currency)
        case "coupon.claimed":
            return str(coupon.claimed)
    return None


def _of_product(product: Product, name: str, currency: str) -> str | None:
    match name:
        case "product" | "name":
            return product.name
        case "price":
            return money(product.price, currency)
        case "list_price":
            return money(product.list_price, currency) if product.list_price else None
        case "stock":
            return None if product.stock is None else str(product.stock)
        case "sold":
            return str(product.sold)
    return None


def of_group(state: State, group: str) -> dict[str, str]:
    """What a text into a group may say of it: its name and owner, and its rules, announcement and welcome, as the sheet has them."""
    plan, floor = state.index.groups.get(group), state.p.floor
    known = state.groups[group]
    return {
        "group": known.name or group,
        "owner": known.owner,
        "rules": (plan.rules if plan else "") or floor.rules,
        "announcement": (plan.announcement if plan else "") or floor.announcement,
        "welcome": (plan.welcome if plan else "") or floor.welcome,
    }


def _minutes_left(state: State) -> str | None:
    """Whole minutes until the running segment ends, as things stand."""
    segment = state.segments.get(state.the.segment or "")
    return None if segment is None or segment.end <= state.at else str(-(-(segment.end - state.at) // 60_000))


def _newest_coupon(state: State) -> Coupon | None:
    dropped = [c for c in state.coupons.values() if c.dropped_at is not None]
    return max(dropped, key=lambda c: c.dropped_at or 0) if dropped else next(iter(state.coupons.values()), None)
