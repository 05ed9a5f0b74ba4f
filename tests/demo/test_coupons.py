"""The simulated audience uses each kind of coupon as it is meant, by the sale's own rule."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.demo.crowd import GroupOfDemo, Person
from coordinator.demo.goods import Catalogue, Goods, Terms
from coordinator.demo.planning import Action, Planner, Rates
from tests.demo.fakes import START

SET = Goods("set", "三件套", 23_900)
TERMS = (
    Terms("amount", "立减10元", off=1_000),
    Terms("percent", "88折", off=0, kind="percent", basis_points=1_200, at_most=2_000),
    Terms("flash", "秒杀", off=0, kind="flash", price=19_900, products=("set",)),
    Terms("pool", "瓜分", off=0, kind="pool"),
    Terms("deposit", "定金", off=3_000, kind="deposit", products=("set",)),
    Terms("back", "返券", off=500, kind="pay_reward"),
)
CLAIMED: dict[str, Any] = {"do": "claim", "key": "kC", "product": "set"}


def planner() -> Planner:
    rates = Rates(claim=1.0, order_after_claim=1.0, pay=1.0, refund=0.0)
    return Planner(7, [GroupOfDemo("g1", 50)], Catalogue((SET,), TERMS), rates)


def person(plan: Planner) -> Person:
    return next(iter(plan.crowds["g1"].present))


@pytest.mark.parametrize(
    ("coupon", "off", "takes"),
    [("amount", None, {1_000}), ("percent", None, {2_000}), ("flash", None, {4_000}), ("pool", 321, {321})],
)
def test_a_basket_costs_what_the_sales_rule_says(coupon: str, off: int | None, takes: set[int]) -> None:
    plan = planner()
    claim = Action(START, person=person(plan), coupon=coupon, **CLAIMED)
    [place] = plan.claimed(claim, START, "CODE", off=off)
    order = place.order
    assert order is not None
    before = sum(n * price for _, n, price in order.lines)
    assert (order.coupon, order.buys) == ("CODE", None)
    assert before - order.amount in takes


def test_a_deposit_is_paid_first_and_used_then() -> None:
    plan = planner()
    claim = Action(START, person=person(plan), coupon="deposit", **CLAIMED)
    [first] = plan.claimed(claim, START, "CODE", pay=1_000)
    assert first.order is not None
    assert (first.order.lines, first.order.amount, first.order.buys) == ((("deposit", 1, 1_000),), 1_000, "deposit")
    [then] = plan.paid(first, first.at)
    assert then.order is not None
    assert then.order.coupon == "CODE"
    assert then.at > first.at
    assert sum(n * price for _, n, price in then.order.lines) - then.order.amount == 3_000


def test_what_is_for_buyers_is_claimed_by_who_has_paid() -> None:
    plan = planner()
    opened = Action(START, "open", person(plan), key="kC", product="set")
    assert plan.opened(opened, START, "back") == []
    claim = Action(START, person=opened.person, coupon="amount", **CLAIMED)
    [place] = plan.claimed(claim, START, "CODE")
    plan.paid(place, START)
    assert [a.do for a in plan.opened(opened, START, "back")] == ["claim"]
