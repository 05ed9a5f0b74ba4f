"""The games of a sheet: what people choose, answer and say as it is written, prizes, streaks."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.runsheet import load_plan
from coordinator.runsheet.xlsx import to_xlsx

HEAD = """title: t
kind: live
timezone: Asia/Shanghai
start: 2027-11-11 20:00
groups: [{id: g1, relay: r}]
coupons: [{id: c20, kind: amount, title: 减 20, off: "20.00", quantity: 5}]
"""
SHEET = HEAD + "segments: [{id: a, kind: interaction, lasts: 60m, cues: [\n  {at: start, %s}]}]\n"
LINE = HEAD.count("\n") + 2

OPTIONS = "do: poll.open, question: 几个, until: 2m, options: %s"
ANSWER = "do: quiz.open, question: 多少, until: 2m, answer: %s"
QUESTIONS = "do: survey.open, title: 问卷, questions: [{id: q, text: 几次, options: %s}]"
PRIZES = "do: draw.open, until: 2m, collect: 找客服, organiser: 我们, prizes: %s"


def read(text: str) -> tuple[Any, list[tuple[str | None, int | None, str]]]:
    """The first cue's fields, and what was wrong with them."""
    plan, _, findings = load_plan(text.encode(), "sheet.yaml", None, 0)
    errors = [(f.where, f.line, f.message) for f in findings if f.severity == "error"]
    return (plan.segments[0].cues[0].fields if plan else None), errors


@pytest.mark.parametrize(
    ("cue", "field", "expected"),
    [
        (OPTIONS % "[1, 2]", "options", ["1", "2"]),
        (OPTIONS % "[2024, 以后]", "options", ["2024", "以后"]),
        (OPTIONS % "[yes, no]", "options", ["yes", "no"]),
        (OPTIONS % "[on, off]", "options", ["on", "off"]),
        (OPTIONS % "[007, 20:00]", "options", ["007", "20:00"]),
        (OPTIONS % '["true", "1.50"]', "options", ["true", "1.50"]),
        (ANSWER % "129", "answer", ["129"]),
        (ANSWER % "[129, 一百二十九]", "answer", ["129", "一百二十九"]),
        (ANSWER % "2, options: [1, 2, 3]", "options", ["1", "2", "3"]),
        (ANSWER % "129, prize: 618", "prize", "618"),
        (QUESTIONS % "[0, 1, 2]", "questions", [{"id": "q", "text": "几次", "options": ["0", "1", "2"]}]),
        (PRIZES % "520", "prizes", ["520"]),
        (PRIZES % "[{name: 520, quantity: 2}]", "prizes", [{"name": "520", "quantity": 2}]),
    ],
)
def test_a_whole_number_that_is_chosen_answered_or_won_is_the_text_that_stands_there(
    cue: str, field: str, expected: Any
) -> None:
    fields, errors = read(SHEET % cue)
    assert errors == []
    assert fields[field] == expected


@pytest.mark.parametrize(
    ("cue", "where", "shown"),
    [
        (OPTIONS % "[true, false]", "options[0]", "options, item 1, must be text"),
        (OPTIONS % "[1.50, 2]", "options[0]", "not 1.5"),
        (OPTIONS % "[~, 2]", "options[0]", "not nothing"),
        (OPTIONS % "[[1], 2]", "options[0]", "not a list"),
        (ANSWER % "12.90", "answer", "put it in quotes"),
        (ANSWER % "true", "answer", "put it in quotes"),
        (QUESTIONS % "[true, 2]", "questions[0].options[0]", "put it in quotes"),
        (PRIZES % "[{quantity: 2}]", "prizes[0]", "add name: or coupon:"),
        (PRIZES % "[{coupon: nowhere}]", "prizes[0].coupon", "there is no coupon nowhere"),
        (PRIZES % "[{coupon: c20, quantity: 501}]", "prizes", "at most 500"),
    ],
)
def test_what_would_not_be_the_text_that_stands_there_is_an_error_of_its_line(cue: str, where: str, shown: str) -> None:
    _, errors = read(SHEET % cue)
    assert (errors[0][0], errors[0][1]) == (f"segments[0].cues[0].{where}", LINE)
    assert shown in errors[0][2]


def test_a_keyword_may_be_a_number() -> None:
    plan, _, findings = load_plan((HEAD + "keywords: [{words: [666, yes], text: 好}]\n").encode(), "s.yaml", None, 0)
    assert plan is not None, findings
    assert plan.keywords[0].words == ("666", "yes")


def test_the_same_in_a_sheet_of_cells() -> None:
    """A cell that holds a number is read as it is shown."""
    plan, sheet, _ = load_plan((SHEET % (OPTIONS % "[1, 2]")).encode(), "s.yaml", None, 0)
    assert plan is not None
    again, _, findings = load_plan(to_xlsx(sheet), "s.xlsx", None, 0)
    assert again is not None, findings
    assert again.segments[0].cues[0].fields["options"] == ["1", "2"]


def test_a_draw_that_promises_more_coupons_than_there_are_is_told_so() -> None:
    found = load_plan((SHEET % (PRIZES % "[锅, {coupon: c20, quantity: 6}]")).encode(), "s", None, 0)[2]
    said = [(f.severity, f.where) for f in found if "promised" in f.message]
    assert said == [("warn", "segments[0].cues[0].prizes[1].coupon")]


@pytest.mark.parametrize(("streak", "warned"), [(2, False), (3, True)])
def test_a_streak_that_nobody_can_reach_is_told(streak: int, warned: bool) -> None:
    days = f"do: checkin.open, series: d}},\n  {{at: +1m, do: checkin.open, series: d, coupon: c20, streak: {streak}"
    found = load_plan((SHEET % days).encode(), "s.yaml", None, 0)[2]
    said = [f.where for f in found if "nobody can earn it" in f.message]
    assert said == (["segments[0].cues[1].streak"] if warned else [])
