"""What a basket costs with coupons: laws that hold for any basket, and the trade's examples."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.baskets import PRICES, Held, Priced, fits, price, spread
from coordinator.core.order_life import Line

NOW = 1_000
PRODUCTS = ("pan", "knife", "pot")

lines = st.lists(
    st.builds(
        Line,
        product=st.sampled_from(PRODUCTS),
        quantity=st.integers(1, 4),
        price=st.integers(0, 300) | st.integers(0, 50_000),
    ),
    min_size=1,
    max_size=5,
)
some_products = st.lists(st.sampled_from(PRODUCTS), unique=True, max_size=3).map(tuple)


@st.composite
def coupons(draw: st.DrawFn) -> Held:
    kind = draw(
        st.sampled_from(
            [
                "threshold",
                "amount",
                "percent",
                "deposit",
                "paid",
                "pool",
                "share_reward",
                "pay_reward",
                "group_price",
                "flash",
            ]
        )
    )
    money = st.integers(1, 60) | st.integers(1, 20_000)
    worth: dict[str, Any] = {"products": draw(some_products)}
    if kind == "percent":
        worth |= {"basis_points": draw(st.integers(1, 10_000)), "at_most": draw(st.none() | money)}
    elif kind in PRICES:
        worth = {
            "products": (draw(st.sampled_from(PRODUCTS)),),
            "price": draw(st.integers(0, 300)),
            "units": draw(st.integers(1, 3)),
        }
    else:
        worth["off"] = draw(money)
    return Held(
        code="",
        coupon=kind,
        kind=kind,
        over=draw(st.just(0) | money) if kind not in PRICES else 0,
        exclusive=draw(st.booleans()),
        until=draw(st.none() | st.sampled_from([NOW - 1, NOW])),
        standing=draw(st.sampled_from(["good", "good", "good", "unpaid", "redeemed", "lapsed"])),
        **worth,
    )


def named(held: list[Held]) -> list[Held]:
    from msgspec.structs import replace

    return [replace(each, code=f"code{n}") for n, each in enumerate(held)]


held = st.lists(coupons(), max_size=6).map(named)


def check(priced: Priced, basket: list[Line], given_: list[Held]) -> None:
    assert priced.before == sum(line.quantity * line.price for line in basket) == sum(priced.lines)
    assert priced.total == priced.before - priced.off
    assert priced.off == sum(each.off for each in priced.used)
    for each in priced.used:
        assert each.off == sum(each.lines) > 0
    for n, amount in enumerate(priced.lines):
        taken = [each.lines[n] for each in priced.used]
        assert all(part >= 0 for part in taken)
        assert sum(taken) <= amount
    assert sorted(each.code for each in (*priced.used, *priced.unused)) == sorted(each.code for each in given_)


@given(lines, held)
def test_it_never_falls_below_zero_and_every_minor_unit_is_accounted_for(basket: list[Line], hands: list[Held]) -> None:
    check(price(basket, hands, NOW), basket, hands)


@given(lines, held)
def test_at_most_one_exclusive_coupon_holds(basket: list[Line], hands: list[Held]) -> None:
    exclusive = {each.code for each in hands if each.exclusive}
    assert sum(each.code in exclusive for each in price(basket, hands, NOW).used) <= 1


@given(lines, held)
def test_what_does_not_fit_takes_nothing_off(basket: list[Line], hands: list[Held]) -> None:
    wrong = {each.code for each in hands if fits(each, basket, NOW) is not None}
    assert not wrong & {each.code for each in price(basket, hands, NOW).used}


@given(lines, held, coupons(), st.integers(0, 6))
def test_one_more_coupon_never_makes_it_dearer(basket: list[Line], hands: list[Held], one: Held, at: int) -> None:
    more = named([*hands[:at], one, *hands[at:]])
    assert price(basket, more, NOW).total <= price(basket, hands, NOW).total


@given(lines, st.lists(coupons(), min_size=2, max_size=3).map(named))
def test_the_order_in_which_a_member_got_them_does_not_make_it_dearer_than_without_them(
    basket: list[Line], hands: list[Held]
) -> None:
    without = price(basket, [], NOW).total
    for each in itertools.permutations(hands):
        assert price(basket, each, NOW).total <= without


@given(lines, held)
def test_a_coupon_touches_only_lines_of_its_products(basket: list[Line], hands: list[Held]) -> None:
    of = {each.code: each.products for each in hands}
    for each in price(basket, hands, NOW).used:
        for line, part in zip(basket, each.lines, strict=True):
            assert not part or not of[each.code] or line.product in of[each.code]


@given(st.lists(st.integers(0, 1_000), max_size=8).flatmap(lambda x: st.tuples(st.just(x), st.integers(0, sum(x)))))
def test_a_sum_is_spread_exactly_and_within_one_unit_of_its_share_from_below(case: tuple[list[int], int]) -> None:
    amounts, off = case
    parts = spread(off, amounts)
    assert sum(parts) == off
    for amount, part in zip(amounts, parts, strict=True):
        assert off * amount // max(1, sum(amounts)) <= part <= amount


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5), st.data())
def test_where_a_line_gets_cheaper_no_line_is_dearer_after_the_coupon(amounts: list[int], data: st.DataObject) -> None:
    off = data.draw(st.integers(0, 400))
    less = [data.draw(st.integers(0, x)) for x in amounts]
    before, after = spread(min(off, sum(amounts)), amounts), spread(min(off, sum(less)), less)
    for x, d, y, e in zip(amounts, before, less, after, strict=True):
        assert y - e <= x - d


PAN = Line(product="pan", quantity=1, price=12_900)
KNIFE = Line(product="knife", quantity=2, price=5_900)


def one(kind: str, **more: Any) -> Held:
    return Held(code=more.pop("code", kind), coupon=kind, kind=kind, **more)


@pytest.mark.parametrize(
    ("coupon", "total"),
    [
        (one("threshold", over=10_000, off=2_000), 10_900),
        (one("threshold", over=12_901, off=2_000), 12_900),
        (one("amount", off=500), 12_400),
        (one("amount", off=99_900), 0),
        (one("percent", basis_points=2_000), 10_320),
        (one("percent", basis_points=2_000, at_most=1_000), 11_900),
        (one("percent", basis_points=1), 12_899),
        (one("deposit", off=3_000, products=("pan",)), 9_900),
        (one("paid", off=2_000), 10_900),
        (one("pool", off=137), 12_763),
        (one("share_reward", off=300), 12_600),
        (one("pay_reward", off=300), 12_600),
        (one("group_price", price=9_900, products=("pan",)), 9_900),
        (one("flash", price=100, products=("pan",)), 100),
        (one("flash", price=100, products=("knife",)), 12_900),
    ],
)
def test_each_kind_takes_off_what_it_says(coupon: Held, total: int) -> None:
    assert price([PAN], [coupon], NOW).total == total


def test_prices_come_first_then_percentages_then_sums_then_deposits() -> None:
    hands = [
        one("deposit", off=3_000, exclusive=False),
        one("amount", off=1_000, exclusive=False),
        one("percent", basis_points=1_000, exclusive=False),
        one("group_price", price=9_000, products=("pan",), exclusive=False),
    ]
    priced = price([PAN], hands, NOW)
    assert {each.coupon: each.off for each in priced.used} == {
        "group_price": 3_900, "percent": 900, "amount": 1_000, "deposit": 3_000,
    }  # fmt: skip
    assert priced.total == 4_100


def test_of_exclusive_coupons_the_one_that_takes_off_most_holds_and_the_others_are_kept() -> None:
    priced = price([PAN], [one("amount", off=500), one("percent", basis_points=2_000), one("pool", off=137)], NOW)
    assert [each.coupon for each in priced.used] == ["percent"]
    assert {each.coupon: each.why for each in priced.unused} == dict.fromkeys(
        ("amount", "pool"), "only one such coupon holds, and percent takes off no less"
    )


def test_a_threshold_looks_at_what_its_products_cost_before_any_coupon() -> None:
    hands = [
        one("threshold", over=12_900, off=2_000, products=("pan",)),
        one("flash", price=100, products=("pan",), exclusive=False),
    ]
    assert price([PAN, KNIFE], hands, NOW).total == 11_800, "100 for the pan, and 20 yuan off it take no more than 100"
    assert fits(hands[0], [KNIFE], NOW) is not None
    misfit = fits(one("threshold", over=12_901, off=1), [PAN], NOW)
    assert misfit is not None
    assert misfit.details == {"over": 12_901, "basket": 12_900}


def test_a_price_holds_for_its_pieces_and_the_dearest_ones_first() -> None:
    basket = [Line(product="pan", quantity=2, price=10_000), Line(product="pan", quantity=1, price=12_000)]
    two = one("flash", price=9_000, products=("pan",), units=2, exclusive=False)
    assert price(basket, [two], NOW).used[0].lines == (1_000, 3_000)
    other = one("group_price", code="x", price=1_000, products=("pan",), exclusive=False)
    assert price(basket, [two, other], NOW).total == 1_000 + 9_000 + 9_000
