"""What can be bought in the demo: the shop's side of the sale, which the audience orders from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from coordinator.core.baskets import Held, price
from coordinator.core.order_life import Line
from coordinator.core.plan import CouponPlan, Plan

_KEY = re.compile(r"/(l|c)/([A-Za-z0-9_-]{1,128})(?![A-Za-z0-9_-])")


@dataclass(frozen=True, slots=True)
class Goods:
    """One product; `price` in minor units."""

    id: str
    name: str
    price: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a coupon takes off (minor units), from which basket on, for which products (none: all)."""

    id: str
    title: str
    off: int
    over: int = 0
    products: tuple[str, ...] = ()
    kind: str = "amount"
    basis_points: int = 0
    at_most: int | None = None
    price: int | None = None
    units: int = 1

    @classmethod
    def of(cls, c: CouponPlan) -> Terms:
        return cls(c.id, c.title, c.off, c.over, c.products, c.kind, c.basis_points, c.at_most, c.price, c.units)

    @property
    def earned(self) -> bool:
        """Only who has paid for something gets it."""
        return self.kind == "pay_reward"

    def held(self, code: str, off: int | None) -> Held:
        """A code of it; `off` is its part of a pool."""
        return Held(
            code=code, coupon=self.id, kind=self.kind, off=self.off if off is None else off, over=self.over,
            products=self.products, basis_points=self.basis_points, at_most=self.at_most, price=self.price,
            units=self.units,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Catalogue:
    goods: tuple[Goods, ...]
    coupons: tuple[Terms, ...] = ()

    @classmethod
    def of_plan(cls, plan: Plan) -> Catalogue:
        """The shop's catalogue of a sale's own sheet."""
        return cls(
            tuple(Goods(p.id, p.name, p.price, p.url or "") for p in plan.products),
            tuple(Terms.of(c) for c in plan.coupons),
        )

    def named_in(self, text: str) -> Goods | None:
        """The product that a message names: the longest name that stands in it."""
        found = [g for g in self.goods if g.name and g.name in text]
        return max(found, key=lambda g: len(g.name), default=None)

    def behind(self, address: str) -> Goods | None:
        """The product whose page an address is; None where it is the room or some other page."""
        return next((g for g in self.goods if g.url and g.url == address), None)

    def by_id(self, product: str | None) -> Goods | None:
        return next((g for g in self.goods if g.id == product), None)

    def terms_of(self, coupon: str | None) -> Terms | None:
        return next((c for c in self.coupons if c.id == coupon or (coupon and c.title == coupon)), None)

    def any_product(self, rng: Random) -> Goods | None:
        return rng.choice(self.goods) if self.goods else None


@dataclass(frozen=True, slots=True)
class Heard:
    """What reached a group, as its members see it: the words and the keys of the addresses in it, nothing else."""

    group: str
    at: int
    text: str
    links: tuple[str, ...] = ()
    coupons: tuple[str, ...] = ()

    @classmethod
    def from_content(cls, group: str, at: int, content: dict[str, object]) -> Heard:
        """From a delivery's content (`text`, `link`, `coupon`); keys are taken from addresses like `…/l/KEY`."""
        fields = [content.get(name) for name in ("text", "link", "coupon")]
        words = [value for value in fields if isinstance(value, str)]
        found = dict.fromkeys(pair for value in words for pair in _KEY.findall(value))
        return cls(
            group,
            at,
            words[0] if isinstance(content.get("text"), str) else "",
            tuple(key for kind, key in found if kind == "l"),
            tuple(key for kind, key in found if kind == "c"),
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A basket that a member means to buy. `coupon` is the code it is paid with, `amount` what is paid.

    `buys`: it is the code itself that is paid for, a deposit or a paid coupon of this id.
    """

    id: str
    lines: tuple[tuple[str, int, int], ...]  # product, quantity, price
    amount: int
    link: str | None = None
    coupon: str | None = None
    buys: str | None = None

    def as_lines(self) -> list[dict[str, object]]:
        return [{"product": product, "quantity": n, "price": price} for product, n, price in self.lines]


def basket(
    rng: Random,
    catalogue: Catalogue,
    order: str,
    wanted: Goods,
    *,
    link: str | None,
    code: str | None,
    coupon: str | None,
    off: int | None = None,
) -> Order:
    """What one order holds: mostly one piece, sometimes more, sometimes a second product (连单). A coupon that is good
    for it takes off what the sale's own rule says; `off` is the code's own worth, where it has one."""
    lines = [(wanted, rng.choices((1, 2, 3), (80, 15, 5))[0])]
    if len(catalogue.goods) > 1 and rng.random() < 0.12:
        lines.append((rng.choice([g for g in catalogue.goods if g.id != wanted.id]), 1))
    terms = catalogue.terms_of(coupon) if code else None
    total = sum(g.price * n for g, n in lines)
    if code is not None and terms is not None:
        good_for = sum(g.price * n for g, n in lines if not terms.products or g.id in terms.products)
        if good_for < terms.over <= good_for * 2:
            lines = [(g, n * 2) for g, n in lines]  # half-way there: one takes two
            total *= 2
        priced = price([Line(product=g.id, quantity=n, price=g.price) for g, n in lines], [terms.held(code, off)], 0)
        if priced.used:
            total = priced.total
        else:
            code = None  # too far from the threshold, or for something else: the coupon is kept
    return Order(order, tuple((g.id, n, g.price) for g, n in lines), total, link, code)
