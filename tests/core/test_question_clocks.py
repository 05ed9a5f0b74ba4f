"""A question's clocks: acknowledged in 30 s, warned at 100 s, a breach at 180 s; taken with a lease that runs out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Actor, Refusal
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

OTHER = Actor("support", "dan")


def asked(**more: Any) -> Sale:
    sale = Sale(sheet(segment(), **more)).live()
    sale.do("clock", "presence.person", person="dan", role="support", here=True)
    sale.do("r1", "question.raise", group="g1", member="m1", text="包邮吗")
    return sale


def said(sale: Sale) -> list[tuple[str, int]]:
    kinds = ("question.unacknowledged", "question.warned", "question.breached", "question.released")
    return [(str(e.__struct_config__.tag).partition(".")[2], (e.at - START) // SECOND) for e in sale.of(*kinds)]


def test_a_question_nobody_sees_to_is_told_at_30_at_100_and_at_180_seconds() -> None:
    sale = asked()
    sale.advance(START + 10 * MINUTE)
    assert said(sale) == [("unacknowledged", 30), ("warned", 100), ("breached", 180)]
    assert sale.state.questions["q1"].clock == "breached"


def test_taken_in_time_it_is_acknowledged_and_is_still_to_be_answered() -> None:
    sale = asked()
    sale.advance(START + 29 * SECOND)
    sale.do("support", "question.take", question="q1")
    sale.advance(START + 80 * SECOND)
    sale.do("support", "question.take", question="q1")
    sale.advance(START + 110 * SECOND)
    sale.do("support", "question.answer", question="q1", content="包邮")
    sale.advance(START + 10 * MINUTE)
    assert said(sale) == [("warned", 100)]


@pytest.mark.parametrize(
    ("kind", "fields"), [("question.answer", {"content": "包邮"}), ("question.chat", {}), ("question.close", {})]
)
def test_the_clocks_stop_when_nobody_waits_any_more(kind: str, fields: dict[str, Any]) -> None:
    sale = asked()
    sale.do("support", kind, question="q1", **fields)
    sale.advance(START + 10 * MINUTE)
    assert said(sale) == []
    assert sale.state.figures["sale"].questions_open == 0


def test_a_lease_runs_out_after_a_minute_and_another_may_take_it() -> None:
    sale = asked()
    sale.do("support", "question.take", question="q1")
    assert sale.refused(OTHER, "question.take", question="q1") == "stale"
    assert sale.refused(OTHER, "question.answer", question="q1", content="包邮") == "stale"
    sale.advance(START + MINUTE)
    q = sale.state.questions["q1"]
    assert (said(sale), q.status, q.taken_by) == ([("released", 60)], "new", None)
    sale.do(OTHER, "question.take", question="q1")
    sale.do(OTHER, "question.answer", question="q1", content="包邮")


def test_taken_again_the_lease_is_longer() -> None:
    sale = asked()
    sale.do("support", "question.take", question="q1")
    sale.advance(START + 50 * SECOND)
    sale.do("support", "question.take", question="q1")
    assert sale.state.questions["q1"].taken_at == START
    sale.advance(START + 10 * MINUTE)
    assert [e for e in said(sale) if e[0] == "released"] == [("released", 110)]


def test_the_sheet_has_its_own_clocks() -> None:
    sale = asked(service={"acknowledge": "10s", "warn": "20s", "breach": "40s", "lease": "5s"})
    sale.do("support", "question.take", question="q1")
    sale.advance(START + 10 * MINUTE)
    assert said(sale) == [("released", 5), ("warned", 20), ("breached", 40)]


def test_after_an_absence_each_clock_is_told_once() -> None:
    sale = asked()
    for i in range(300):
        sale.do("r1", "question.raise", group="g1", text=f"问题 {i}")
    sale.away(START + 5 * MINUTE)
    sale.advance(START + 6 * MINUTE)
    assert {kind: [k for k, _ in said(sale)].count(kind) for kind in ("unacknowledged", "warned", "breached")} == {
        "unacknowledged": 301, "warned": 301, "breached": 301,
    }  # fmt: skip


class TestShifts:
    def test_all_that_somebody_has_goes_to_another_in_one_go(self) -> None:
        sale = asked()
        sale.do("r1", "question.raise", group="g1", text="几号发货")
        for q in ("q1", "q2"):
            sale.do("support", "question.take", question=q)
        assert sale.do("support", "shift.hand", to="dan") == {
            "to": "dan",
            "questions": ["q1", "q2"],
            "followups": [],
        }
        assert {q.taken_by for q in sale.state.questions.values()} == {"dan"}
        assert sale.refused("support", "question.answer", question="q1", content="x") == "stale"

    def test_or_back_into_the_queue(self) -> None:
        sale = asked()
        sale.do("support", "question.take", question="q1")
        sale.do("support", "shift.hand", to="support")
        assert (sale.state.questions["q1"].status, sale.state.taken) == ("new", set())

    @pytest.mark.parametrize(("to", "code"), [("nobody", "unknown"), ("lin", "unknown"), ("chen", "invalid")])
    def test_only_to_somebody_of_support(self, to: str, code: str) -> None:
        assert asked().refused("support", "shift.hand", to=to) == code


PHRASES = [
    {"id": "price", "title": "价格", "text": "现在 {price}, 还剩 {stock} 件", "product": "pan"},
    {"id": "any", "text": "{product} 现在 {price}"},
    {"id": "left", "text": "券还剩 {coupon.left} 张", "coupon": "c20"},
    {"id": "best", "text": "全国最佳"},
]


class TestPhrases:
    def test_have_the_price_and_stock_of_now(self) -> None:
        sale = asked(phrases=PHRASES)
        sale.do("controller", "product.reprice", product="pan", price=9900)
        sale.do("controller", "product.restock", product="pan", stock=12)
        sale.do("support", "question.answer", question="q1", phrase="price")
        assert sale.state.questions["q1"].answer == "现在 ¥99, 还剩 12 件"
        assert sale.deliveries()["g1"].content.text == "现在 ¥99, 还剩 12 件"

    def test_have_the_product_on_air_or_the_one_that_is_named(self) -> None:
        sale = asked(phrases=PHRASES)
        assert sale.refused("support", "question.answer", question="q1", phrase="any") == "invalid"
        sale.do("support", "question.answer", question="q1", phrase="any", product="knife")
        sale.do("controller", "product.show", product="pan")
        sale.do("r1", "question.raise", group="g1", text="多少钱")
        sale.do("support", "question.answer", question="q2", phrase="any")
        assert [q.answer for q in sale.state.questions.values()] == ["刀具 现在 ¥59", "不粘锅 现在 ¥129"]

    def test_have_what_is_left_of_a_coupon(self) -> None:
        sale = asked(phrases=PHRASES)
        sale.do("support", "question.answer", question="q1", phrase="left")
        assert sale.state.questions["q1"].answer == "券还剩 10 张"

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"phrase": "none"}, "unknown"),
            ({"phrase": "any", "product": "cup"}, "unknown"),
            ({"phrase": "any", "content": "x"}, "invalid"),
            ({}, "invalid"),
            ({"content": "x", "product": "pan"}, "invalid"),
        ],
    )
    def test_are_those_of_the_sheet(self, fields: dict[str, Any], code: str) -> None:
        assert asked(phrases=PHRASES).refused("support", "question.answer", question="q1", **fields) == code


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["raise", "take", "answer", "chat", "close", "pick", "wait", "away", "hand"]),
        st.integers(0, 5),
        st.integers(0, 70),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=80)
def test_each_clock_is_told_once_at_its_time_while_somebody_waits(steps: list[tuple[str, int, int]]) -> None:
    sale = Sale(check=False).live()
    sale.do("clock", "presence.person", person="dan", role="support", here=True)
    for name, n, seconds in steps:
        question = f"q{n + 1}"
        fields: dict[str, Any] = {"question": question}
        if name in {"wait", "away"}:
            getattr(sale, "advance" if name == "wait" else "away")(sale.now + seconds * SECOND)
            continue
        who = OTHER if seconds % 2 else "support"
        try:
            if name == "raise":
                sale.do("r1", "question.raise", group="g1", text=f"问 {n} {seconds % 3}")
            elif name == "hand":
                sale.do(who, "shift.hand", to="dan" if who == "support" else "chen")
            else:
                sale.do(who, f"question.{name}", **fields, **({"content": "好"} if name == "answer" else {}))
        except Refusal:
            pass
    sale.advance(sale.now + 4 * MINUTE)
    sale.check()
    told: dict[tuple[str, str], int] = {}
    for e in sale.of("question.unacknowledged", "question.warned", "question.breached"):
        kind = str(e.__struct_config__.tag)
        assert (e.question, kind) not in told, "told twice"
        told[e.question, kind] = e.at
    for q in sale.state.questions.values():
        over = q.answered_at or next((e.at for e in sale.of("question.closed") if e.question == q.id), None)
        for kind, after in (("question.warned", 100 * SECOND), ("question.breached", 180 * SECOND)):
            at = told.get((q.id, kind))
            assert at is None or at >= q.at + after
            if over is None:
                assert at is not None, "a question that nobody answered was not told"
            elif over < q.at + after:
                assert at is None, "it was answered in time"
        assert q.taken_by is None or q.status not in {"answered", "chat", "closed"} or q.id not in sale.state.taken
    assert not sale.state.taken, "a lease that was not renewed is over"
