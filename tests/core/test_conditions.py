"""Conditions of triggered cues: what can be written, what it means, and what is said of what cannot be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coordinator.core  # noqa: F401  every topic says what can be read of it
from coordinator.core.conditions import MAX_DEPTH, MAX_LENGTH, ConditionError, parse
from coordinator.core.figures import Figures
from coordinator.core.readings import PHRASES, THINGS

COUNTS = sorted(words[0] for words, reading in PHRASES.items() if len(words) == 1 and reading.kind == "count")
NOW = 1_000_000


def segment(**more: Any) -> Any:
    return SimpleNamespace(**{"status": "running", "end": NOW - 30_000} | more)


STATE: Any = SimpleNamespace(
    coupons={"c20": SimpleNamespace(quantity=500, left=50, claimed=450, redeemed=12, stopped=False)},
    products={"pan": SimpleNamespace(stock=19, sold=281, orders=60, on_air=True), "digital": SimpleNamespace(stock=None)},
    groups={
        "g1": SimpleNamespace(members=200, messages=31, joins=4, leaves=1, removed=0, last=[SimpleNamespace(at=NOW - 300_000)]),
        "g2": SimpleNamespace(members=20, last=[]),
    },
    segments={"intro": segment(), "next": segment(status="planned")},
    the=SimpleNamespace(segment="intro"),
    questions={"q1": SimpleNamespace(at=NOW - 61_000), "q2": SimpleNamespace(at=NOW - 9_000)},
    unanswered={"q1", "q2"},
    figures={"sale": Figures(messages=1000, people=80, clicks=0, sales_paid=500_000, sales_created=900_000, questions_open=7)},
)  # fmt: skip


def holds(text: str, currency: str = "CNY", happened: str | None = None) -> bool:
    return parse(text, currency).holds(STATE, NOW, happened)


@pytest.mark.parametrize(
    "text",
    [
        "coupon c20 left <= 10%",
        "coupon c20 left<=10%",
        "coupon c20 left == 10 %",
        "coupon c20 left < 10.1%",
        'coupon c20 left <= "10%"',
        "claimed of c20 = 450",
        "coupon c20 claimed >= 50",
        "coupon c20 claimed >= 90%",
        "product pan stock < 20",
        "orders of pan >= 50",
        "product pan on_air",
        "not coupon c20 stopped",
        "group g1 members >= 200",
        "group g1 quiet >= 5m",
        "figures messages >= 1000",
        "messages >= 1000",
        'sales_paid >= "5000.00"',
        "sales_paid >= 5000",
        "sales_paid = 5000",
        "sales_paid >= 50% of sales_created",
        "messages - people > 900",
        "messages > people + product pan sold",
        "messages - people + 5 = 925",
        "product pan stock ≤ 19",
        "product pan stock ＜ 20 and messages ≥ 1000",
        "messages < 1 or product pan stock != 20",
        "messages < 1 and messages < 2 or messages > 3",
        "messages > 3 and (messages < 2 or messages > 999)",
        "not (messages < 2 or messages > 5000)",
        "not not messages > 3",
        "messages > 3 and not messages > 5000",
        "（messages ＞ 3）",
        "questions waiting > 6",
        "question oldest > 60s",
        "question oldest <= 1m1s",
        "segment over by 30s",
        "segment over by 30s and not segment over by 31s",
        "segment intro over >= 500ms",
        "segment running and segment intro running",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "coupon c20 left < 10%",
        "coupon c20 left < 9.9%",
        "coupon c20 stopped",
        "product pan stock < 19",
        'sales_paid >= "5000.01"',
        "messages > 3 and messages < 2 or messages < 1",
        "not messages > 3 or messages < 1",
        "segment over by 31s",
        "segment next over by 0s",
        "question oldest > 61s",
    ],
)
def test_a_condition_does_not_hold(text: str) -> None:
    assert not holds(text)


def test_what_is_not_known_is_neither_true_nor_false_and_breaks_nothing() -> None:
    assert not holds("coupon gone left <= 10%")
    assert not holds("product digital stock < 20")
    assert not holds("product digital stock >= 0")
    assert not holds("group g2 quiet > 0s")
    assert holds("coupon gone left <= 10% or messages > 1")


def test_not_does_not_make_what_is_not_known_true() -> None:
    assert not holds("not coupon gone left <= 10%")
    assert not holds("not (product digital stock >= 20 and messages > 1)")
    assert holds("not (product digital stock >= 20 and messages < 1)")


def test_a_share_of_nothing_is_nothing() -> None:
    assert holds("clicks >= 10% of clicks")


def test_what_happens_is_true_at_its_event_alone() -> None:
    assert holds("member joined and messages > 3", happened="group.joined")
    assert not holds("member joined and messages > 3", happened="group.left")
    assert not holds("member joined")
    assert parse("member joined").happenings == {"group.joined"}


def test_it_says_what_it_reads_and_whether_time_alone_can_change_it() -> None:
    condition = parse(
        'coupon c20 left <= 10% and (product pan stock < 20 or sales_paid >= "1") or group g1 members > 2'
    )
    assert condition.reads == {("coupons", "c20"), ("products", "pan"), ("figures", "sale"), ("groups", "g1")}
    assert not condition.timed
    assert parse("segment over by 30s").timed


def test_it_says_which_things_it_names_and_where() -> None:
    named = parse("coupon c20 left < 3 or stock of pan < 4").names
    assert [(n.word, n.id, n.position) for n in named] == [("coupon", "c20", 7), ("product", "pan", 32)]


def test_an_id_may_be_any_word() -> None:
    for id_ in ("and", "not", "of", "10%", "left", "锅-1", "a+b"):
        assert parse(f"coupon {id_} left < 3").reads == {("coupons", id_)}


def test_money_is_in_the_major_units_of_the_sale_s_currency() -> None:
    assert holds('sales_paid >= "500000"', "JPY")
    assert not holds('sales_paid >= "500001"', "JPY")
    with pytest.raises(ConditionError, match="JPY has 0"):
        parse('sales_paid >= "5000.00"', "JPY")
    with pytest.raises(ConditionError, match="3 digits"):
        parse("sales_paid >= 5000.001")


def test_a_percentage_at_the_edge_is_exact() -> None:
    thirds: Any = SimpleNamespace(coupons={"c": SimpleNamespace(quantity=3, left=1)})
    assert parse("coupon c left > 33.333%").holds(thirds, NOW)
    assert not parse("coupon c left >= 33.334%").holds(thirds, NOW)


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 0, "expected group"),
        ("coupon", 6, "the coupon's id"),
        ("coupon c20", 10, "one of left, claimed, redeemed"),
        ("coupon c20 price < 3", 11, "no 'price' to compare"),
        ("coupon c20 left", 15, "one of < <="),
        ("coupon c20 left <", 17, "expected a number"),
        ("coupon c20 left < many", 18, "no whole number"),
        ("coupon c20 left < 2.5", 18, "no whole number"),
        ("coupon c20 left < -1", 18, "no whole number"),
        ("coupon c20 left < 1000000%", 18, "no percentage"),
        ("coupon c20 stopped > 3", 0, "written alone"),
        ("product pan stock < 5%", 20, "needs a quantity"),
        ("messages >= 5%", 12, "needs a quantity"),
        ("sales_paid > messages", 13, "cannot be compared"),
        ("segment over > 30", 15, "no length"),
        ("messages by 30s", 12, "before a length"),
        ("segment over by many", 16, "a length such as 30s"),
        ("left of c20 < 3", 0, "coupon c20 left"),
        ("speed of c20 < 3", 0, "nothing has"),
        ("3 > 2", 0, "nothing is read"),
        ("likes > 3", 0, "no figure"),
        ("figures likes > 3", 8, "no figure"),
        ("questions asleep > 3", 10, "waiting or oldest or one of <"),
        ("member", 6, "joined"),
        ("messages > 3 and", 16, "expected group"),
        ("messages > 3 messages > 4", 13, "expected and, or"),
        ("messages messages > 4", 9, "one of < <="),
        ("(messages > 3", 13, ") that closes"),
        ("messages > 3)", 12, "expected and, or"),
        ('sales_paid > "3', 13, "never closed"),
        ("messages > 3 & clicks > 2", 13, "expected and, or"),
        ("messages > 3 !", 13, "stray '!'"),
    ],
)
def test_a_fault_says_where_and_what_is_accepted(text: str, at: int, says: str) -> None:
    with pytest.raises(ConditionError, match="at character") as raised:
        parse(text)
    assert says in str(raised.value)
    assert raised.value.position == at


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(ConditionError, match="several cues"):
        parse("messages > 1" + " or messages > 1" * 60)
    assert holds("(" * MAX_DEPTH + "messages > 1" + ")" * MAX_DEPTH)
    assert holds("not " * 146 + "messages > 1")
    for text in ("(" * 200 + "messages > 1" + ")" * 200, "not (" * 80 + "messages > 1" + ")" * 80):
        with pytest.raises(ConditionError, match="flatter"):
            parse(text)
    with pytest.raises(ConditionError):
        parse(None)  # type: ignore[arg-type]


WORDS = st.lists(
    st.sampled_from(
        [*THINGS, *(w for words in PHRASES for w in words), "c20", "pan", "g1", "left", "stock", "over", "not", "and", "or", "by", "of",
         "(", ")", "<", ">=", "10%", "30s", '"5.00"', "3", "+", "-", "member", "joined"]
    ), max_size=40,
).map(" ".join)  # fmt: skip


@given(
    st.text(max_size=60)
    | st.text(alphabet='coupn lef<>=10%()"ador.', max_size=60)
    | WORDS
    | st.text(alphabet="()not ", max_size=MAX_LENGTH)
)
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    position: int | None = 0
    try:
        holds(text)
    except ConditionError as error:
        position = error.position
    assert position is not None
    assert 0 <= position <= len(text)


@given(st.sampled_from(COUNTS), st.integers(0, 99), st.integers(0, 99))
def test_a_comparison_means_what_python_means(figure: str, actual: int, limit: int) -> None:
    state: Any = SimpleNamespace(figures={"sale": SimpleNamespace(**{figure: actual})})
    assert parse(f"{figure} < {limit}").holds(state, NOW) is (actual < limit)
    assert parse(f"{figure} >= {limit}").holds(state, NOW) is (actual >= limit)
    assert parse(f"{figure} == {limit} or {figure} != {limit}").holds(state, NOW)
    assert parse(f"not {figure} < {limit}").holds(state, NOW) is (actual >= limit)


TRUTHS = st.recursive(
    st.sampled_from(["coupon c20 stopped", "product pan on_air", "messages > 3", "coupon gone left < 3", "messages < 3"]),
    lambda inner: st.one_of(
        inner.map("not ({})".format), st.tuples(inner, inner).map(lambda x: "({}) and ({})".format(*x)),
        st.tuples(inner, inner).map(lambda x: "({}) or ({})".format(*x)),
    ), max_leaves=6,
)  # fmt: skip


@given(TRUTHS, TRUTHS)
def test_not_turns_and_into_or(a: str, b: str) -> None:
    if len(a) + len(b) < 200:
        assert holds(f"not (({a}) and ({b}))") is holds(f"not ({a}) or not ({b})")
        assert holds(f"not (({a}) or ({b}))") is holds(f"not ({a}) and not ({b})")


@given(
    st.integers(0, 5_000),
    st.integers(0, 5_000),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(0, 5_000),
)
def test_when_time_alone_turns_it_is_found_to_the_millisecond(end: int, length: int, sign: str, now: int) -> None:
    state: Any = SimpleNamespace(segments={"s": segment(end=end)})
    condition = parse(f"segment s over {sign} {length}ms")
    answers = [condition.holds(state, t) for t in range(now, 10_005)]
    rises = condition.rises_at(state, now, was=False)
    assert rises == next((now + i for i, answer in enumerate(answers) if answer), None)
    if answers[0]:
        assert condition.falls_at(state, now) == next((now + i for i, answer in enumerate(answers) if not answer), None)
