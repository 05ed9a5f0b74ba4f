"""What a basket costs with the coupons that a member holds. `Line.price` is that of one piece before any coupon. Pure: the same arguments give the same price.

In this order, whatever order the coupons are given in:

1. group and flash prices: of a product's pieces the dearest get the lowest price, each code for its `units`;
2. percentages, of each line what is left of it, rounded down to a whole minor unit; together at most `at_most`;
3. sums of money (threshold, amount, paid, pool and the rewards), of all lines of the coupon's products together;
4. deposits: what they are worth comes off last.

A threshold looks at what the coupon's products cost before any coupon, so that no coupon takes another's ground away.
Of exclusive coupons the one counts that makes the basket cheapest, or none. What a coupon takes off is spread over its
lines in proportion to what is left of them, by the highest averages (D'Hondt): exact, and no line falls below zero.
Each step leaves no line dearer where one went in cheaper, so one more coupon never makes a basket dearer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import heapify, heapreplace
from typing import Literal

import msgspec

from coordinator.core.order_life import Line, worth

PRICES = frozenset({"group_price", "flash"})
MAX_HELD = 100  # coupons that are looked at for one basket


class Held(msgspec.Struct, kw_only=True, frozen=True):
    """A code as a basket sees it: what it is worth, and whether it is good now."""

    code: str
    coupon: str
    kind: str
    off: int = 0
    over: int = 0
    basis_points: int = 0
    at_most: int | None = None
    price: int | None = None
    units: int = 1
    products: tuple[str, ...] = ()
    exclusive: bool = True
    until: int | None = None
    standing: Literal["good", "unpaid", "lapsed", "redeemed"] = "good"


class Misfit(msgspec.Struct, kw_only=True, frozen=True):
    """Why a code does not hold for a basket, in the words and with the code of a refusal."""

    code: str
    message: str
    details: dict[str, int | str | list[str]] = {}


class Used(msgspec.Struct, kw_only=True, frozen=True):
    """What a code takes off, and of which lines: `lines` has a number for each of the basket's."""

    code: str
    coupon: str
    off: int
    lines: tuple[int, ...]


class Unused(msgspec.Struct, kw_only=True, frozen=True):
    code: str
    coupon: str
    why: str


class Priced(msgspec.Struct, kw_only=True, frozen=True):
    """`before` and `lines` are without coupons; `total` is what is to be paid: `before` less `off`."""

    before: int
    off: int
    total: int
    lines: tuple[int, ...]
    used: tuple[Used, ...]
    unused: tuple[Unused, ...]


def misfits(held: Held, lines: Sequence[Line], now: int) -> Iterator[Misfit]:
    """All that is wrong with using this code for that basket now. `lines` may be empty where nobody knows them."""
    if held.standing == "redeemed":
        yield Misfit(code="already", message=f"{held.code} was redeemed already")
    if held.standing == "lapsed":
        yield Misfit(code="too_late", message=f"{held.code} was not paid for in time, or its payment was given back")
    if held.until is not None and now > held.until:
        yield Misfit(code="too_late", message=f"{held.code} was good until {held.until}", details={"until": held.until})
    if held.standing == "unpaid":
        yield Misfit(code="too_early", message=f"{held.code} is not paid for yet")
    if not lines:
        return
    its = [line for line in lines if not held.products or line.product in held.products]
    if not its:
        yield Misfit(
            code="invalid",
            message=f"{held.code} is for {', '.join(held.products)}, which the basket has none of",
            details={"products": list(held.products)},
        )
        return
    basket = worth(its)
    if basket < held.over:
        yield Misfit(
            code="invalid",
            message=f"{held.code} holds from {held.over} on, the basket has {basket} of its products",
            details={"over": held.over, "basket": basket},
        )


def fits(held: Held, lines: Sequence[Line], now: int) -> Misfit | None:
    """The first thing that is wrong with using this code for that basket now, or None."""
    return next(misfits(held, lines, now), None)


def price(lines: Sequence[Line], held: Iterable[Held], now: int) -> Priced:
    """The cheapest that the basket can cost with these codes at that moment."""
    fitting: list[Held] = []
    unused: list[Unused] = []
    for each in held:
        misfit = fits(each, lines, now)
        if misfit is not None:
            unused.append(Unused(code=each.code, coupon=each.coupon, why=misfit.message))
        elif len(fitting) == MAX_HELD:
            unused.append(Unused(code=each.code, coupon=each.coupon, why=f"more than {MAX_HELD} codes"))
        else:
            fitting.append(each)
    common = [each for each in fitting if not each.exclusive]
    best, chosen = _taken(lines, common), None
    for each in fitting:
        if each.exclusive:
            found = _taken(lines, [*common, each])
            if _sum(found) > _sum(best):
                best, chosen = found, each
    before = tuple(line.quantity * line.price for line in lines)
    used = []
    for each in fitting:
        part = best.get(each.code)
        if part is not None and any(part):
            used.append(Used(code=each.code, coupon=each.coupon, off=sum(part), lines=tuple(part)))
        else:
            another = each.exclusive and chosen is not None and chosen is not each
            why = (
                f"only one such coupon holds, and {chosen.coupon} takes off no less"
                if another and chosen
                else "takes nothing off"
            )
            unused.append(Unused(code=each.code, coupon=each.coupon, why=why))
    off = _sum(best)
    return Priced(
        before=sum(before), off=off, total=sum(before) - off, lines=before, used=tuple(used), unused=tuple(unused)
    )


def _sum(taken: dict[str, list[int]]) -> int:
    return sum(map(sum, taken.values()))


def _taken(lines: Sequence[Line], held: Sequence[Held]) -> dict[str, list[int]]:
    """What each of these codes takes off each line, all used together."""
    left = [line.quantity * line.price for line in lines]
    out = _priced(lines, [each for each in held if each.kind in PRICES])
    for part in out.values():
        left = [a - b for a, b in zip(left, part, strict=True)]
    steps = (
        [each for each in held if each.kind == "percent"],
        [each for each in held if each.kind not in PRICES and each.kind not in {"percent", "deposit"}],
        [each for each in held if each.kind == "deposit"],
    )
    for each in (each for step in steps for each in step):
        amounts = [
            x if not each.products or line.product in each.products else 0 for x, line in zip(left, lines, strict=True)
        ]
        if each.kind == "percent":
            part = [x * each.basis_points // 10_000 for x in amounts]
            if each.at_most is not None and sum(part) > each.at_most:
                part = spread(each.at_most, amounts)
        else:
            part = spread(min(each.off, sum(amounts)), amounts)
        out[each.code] = part
        left = [a - b for a, b in zip(left, part, strict=True)]
    return out


def _priced(lines: Sequence[Line], held: Sequence[Held]) -> dict[str, list[int]]:
    """What codes with a price of their own take off: the dearest pieces of a product get the lowest price."""
    out: dict[str, list[int]] = {}
    for product in dict.fromkeys(name for each in held for name in each.products):
        pieces = sorted((n for n, line in enumerate(lines) if line.product == product), key=lambda n: -lines[n].price)
        free = [lines[n].quantity for n in pieces]
        at = 0
        for each in sorted((h for h in held if product in h.products), key=lambda h: h.price or 0):
            units = each.units
            part = out.setdefault(each.code, [0] * len(lines))
            while units and at < len(pieces) and lines[pieces[at]].price > (each.price or 0):
                count = min(units, free[at])
                part[pieces[at]] += count * (lines[pieces[at]].price - (each.price or 0))
                units, free[at] = units - count, free[at] - count
                at += free[at] == 0
    return out


def spread(off: int, amounts: Sequence[int]) -> list[int]:
    """Cuts `off`, at most their sum, over the amounts: in proportion, exact, and never more than an amount has."""
    whole = sum(amounts)
    if not whole:
        return [0] * len(amounts)
    out = [x * off // whole for x in amounts]
    # The next unit goes where it leaves the most for each unit given; to the first among equals.
    averages = [(Fraction(-x, d + 1), n) for n, (x, d) in enumerate(zip(amounts, out, strict=True)) if x]
    heapify(averages)
    for _ in range(off - sum(out)):
        n = averages[0][1]
        out[n] += 1
        heapreplace(averages, (Fraction(-amounts[n], out[n] + 1), n))
    return out
