"""The review's figures of games and lessons, against a sale whose figures are counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from replay.metrics import figures_of
from replay.metrics.figure import Figure
from tests.replay.stage import MINUTE, SHEET, Stage
from tests.replay.test_known_sale import tables

SERIES = [{"id": f"day{n}", "at": f"+{n}m", "do": "checkin.open", "series": "daily", "until": "30s"} for n in (1, 2, 3)]


def played() -> dict[tuple[str, str], Figure]:
    first, *others = SHEET["segments"]
    stage = Stage({**SHEET, "segments": [{**first, "cues": SERIES, "lasts": "30m"}, *others]})
    stage.live()
    for minute, members in ((1, ("m1", "m2", "m3", "m4")), (2, ("m1", "m2", "m3")), (3, ("m1", "m3"))):
        stage.until(minute * MINUTE)
        for member in members:
            stage.do("relay", "checkin.join", member=member, group="g1")
    stage.do("controller", "poll.open", question="哪个", options=["锅", "刀"])
    stage.do("controller", "quiz.open", question="几年", answer="七年", winners=5)
    questions: list[dict[str, Any]] = [{"id": "happy", "text": "满意吗", "kind": "scale"}]
    stage.do("controller", "survey.open", title="问卷", questions=questions)
    stage.until(4 * MINUTE)
    for member, option in (("m1", 1), ("m2", 1), ("m3", 2)):
        stage.do("relay", "poll.vote", member=member, option=option)
    for member, answer in (("m1", "七年"), ("m2", "五年"), ("m3", "六年"), ("m4", "七年")):
        stage.do("relay", "quiz.answer", member=member, answer=answer)
    for member, points in (("m1", 5), ("m2", 4), ("m3", 2)):
        stage.do("relay", "survey.answer", member=member, answers={"happy": points})
    return {(f.name, "/".join((f.scope or {}).values())): f for f in figures_of(tables(stage))}


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Figure]:
    return played()


@pytest.mark.parametrize(
    ("name", "scope", "value", "denominator"),
    [
        ("poll_votes", "", 3, None),
        ("poll_votes", "poll1/锅", 2, None),
        ("quiz_answers", "", 4, None),
        ("quiz_right_rate", "", 0.5, 4),
        ("survey_answers", "", 3, None),
        ("satisfaction", "", 11 / 3, 3),
        ("satisfied_rate", "", 2 / 3, 3),
        ("satisfaction", "survey1/happy", 11 / 3, 3),
        ("checkin_members", "", 4, None),
        ("lesson_rate", "daily", 0.5, 4),
        ("signin_rate", "daily/2", 0.75, 4),
        ("longest_streak", "", 3, None),
    ],
)
def test_a_figure_of_a_game_is_the_one_counted_by_hand(
    found: dict[tuple[str, str], Figure], name: str, scope: str, value: float, denominator: int | None
) -> None:
    figure = found[name, scope]
    assert (figure.value, figure.denominator) == (value, denominator)


def test_without_a_survey_there_is_no_satisfaction() -> None:
    stage = Stage()
    figures = {f.name: f for f in figures_of(tables(stage))}
    assert figures["satisfaction"].state == "not_available"
    assert figures["lesson_rate"].state == "not_available"
    assert figures["satisfaction"].why is not None
