"""Conditions of triggered cues."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.conditions import FIGURES, MAX_DEPTH, ConditionError, parse

STATE = {
    ("coupons", "c20"): SimpleNamespace(quantity=500, left=50, claimed=450, redeemed=12),
    ("products", "pan"): SimpleNamespace(stock=19, sold=281),
    ("products", "digital"): SimpleNamespace(stock=None, sold=3),
    ("groups", "g1"): SimpleNamespace(members=200, messages=31, joins=4, leaves=1, removed=0),
    ("figures", "sale"): SimpleNamespace(messages=1000, sales_paid=500_000, questions_open=7),
}


def holds(text: str, currency: str = "CNY") -> bool:
    return parse(text, currency).holds(lambda topic, id_: STATE.get((topic, id_)))


@pytest.mark.parametrize(
    "text",
    [
        "coupon c20 left <= 10%",
        "coupon c20 left<=10%",
        "coupon c20 left == 10 %",
        "coupon c20 left < 10.1%",
        "coupon c20 claimed >= 50",
        "coupon c20 claimed >= 90%",
        "product pan stock < 20",
        "group g1 members >= 200",
        "figures messages >= 1000",
        "messages >= 1000",
        'sales_paid >= "5000.00"',
        "sales_paid >= 5000",
        "sales_paid = 5000",
        "product pan stock ≤ 19",
        "product pan stock ＜ 20 and messages ≥ 1000",
        "messages < 1 or product pan stock != 20",
        "messages < 1 and messages < 2 or messages > 3",
        "messages > 3 and (messages < 2 or messages > 999)",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "coupon c20 left < 10%",
        "coupon c20 left < 9.9%",
        "product pan stock < 19",
        'sales_paid >= "5000.01"',
        "messages > 3 and messages < 2 or messages < 1",
    ],
)
def test_a_condition_does_not_hold(text: str) -> None:
    assert not holds(text)


def test_what_is_not_known_makes_its_comparison_false_and_breaks_nothing() -> None:
    assert not holds("coupon gone left <= 10%")
    assert not holds("product digital stock < 20")
    assert not holds("product digital stock >= 0")
    assert not holds("clicks >= 0")
    assert holds("coupon gone left <= 10% or messages > 1")


def test_it_says_what_it_reads() -> None:
    condition = parse(
        'coupon c20 left <= 10% and (product pan stock < 20 or sales_paid >= "1") or group g1 members > 2'
    )
    assert condition.reads == {("coupons", "c20"), ("products", "pan"), ("figures", "sale"), ("groups", "g1")}


def test_money_is_in_the_major_units_of_the_sale_s_currency() -> None:
    assert holds('sales_paid >= "500000"', "JPY")
    assert not holds('sales_paid >= "500001"', "JPY")
    with pytest.raises(ConditionError, match="JPY has 0"):
        parse('sales_paid >= "5000.00"', "JPY")
    with pytest.raises(ConditionError, match="3 digits"):
        parse("sales_paid >= 5000.001")


def test_a_percentage_at_the_edge_is_exact() -> None:
    thirds = SimpleNamespace(quantity=3, left=1)
    assert parse("coupon c left > 33.333%").holds(lambda *_: thirds)
    assert not parse("coupon c left >= 33.334%").holds(lambda *_: thirds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected coupon"),
        ("coupon", "the coupon's id"),
        ("coupon c20", "one of left, claimed, redeemed"),
        ("coupon c20 price < 3", "no 'price' to compare"),
        ("coupon c20 left", "one of < <="),
        ("coupon c20 left <", "expected a number"),
        ("coupon c20 left < many", "no whole number"),
        ("coupon c20 left < 2.5", "no whole number"),
        ("coupon c20 left < -1", "no whole number"),
        ("coupon c20 left < 1000000%", "no percentage"),
        ("product pan stock < 5%", "needs a quantity"),
        ("messages >= 5%", "needs a quantity"),
        ("likes > 3", "no figure"),
        ("figures likes > 3", "no figure"),
        ("messages > 3 and", "expected coupon"),
        ("messages > 3 messages > 4", "expected and, or"),
        ("(messages > 3", "add )"),
        ("messages > 3)", "expected and, or"),
        ('sales_paid > "3', "never closed"),
        ("messages > 3 & clicks > 2", "expected and, or"),
    ],
)
def test_a_fault_says_where_and_what_to_do(text: str, says: str) -> None:
    with pytest.raises(ConditionError, match="at character") as raised:
        parse(text)
    assert says in str(raised.value)


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(ConditionError, match="several cues"):
        parse("messages > 1" + " or messages > 1" * 60)
    assert holds("(" * MAX_DEPTH + "messages > 1" + ")" * MAX_DEPTH)
    with pytest.raises(ConditionError, match="flatter"):
        parse("(" * 200 + "messages > 1" + ")" * 200)
    with pytest.raises(ConditionError):
        parse(None)  # type: ignore[arg-type]


@given(st.text(max_size=60) | st.text(alphabet='coupn lef<>=10%()"ador.', max_size=60))
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    position: int | None = 0
    try:
        holds(text)
    except ConditionError as error:
        position = error.position
    assert position is not None
    assert 0 <= position <= len(text)


@given(
    st.sampled_from(sorted(FIGURES - {"sales_created", "sales_paid", "sales_net", "discount"})),
    st.integers(0, 99),
    st.integers(0, 99),
)
def test_a_comparison_means_what_python_means(figure: str, actual: int, limit: int) -> None:
    def lookup(*_: str) -> object:
        return SimpleNamespace(**{figure: actual})

    assert parse(f"{figure} < {limit}").holds(lookup) is (actual < limit)
    assert parse(f"{figure} >= {limit}").holds(lookup) is (actual >= limit)
    assert parse(f"{figure} == {limit} or {figure} != {limit}").holds(lookup)
