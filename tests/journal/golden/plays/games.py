"""Polls, quizzes, surveys, keywords, the showcase."""

from __future__ import annotations

from tests.core.driver import MINUTE, START, Sale, segment, sheet
from tests.core.test_games import KEYWORDS, POLL, QUIZ, SURVEY, order, said


def played() -> Sale:
    """Each is opened by hand or by the sheet, takes part in by two members, and closed."""
    cue = {"at": "+5m", "do": "quiz.open", **QUIZ, "until": "2m"}
    sale = Sale(sheet(segment(cue, lasts="20m"), keywords=KEYWORDS)).live()
    sale.do("controller", "poll.open", groups="all", **POLL)
    sale.do("cohost", "survey.open", groups="tier:vip", **SURVEY)
    sale.advance(START + MINUTE)
    for n, option in enumerate((1, 2, 2), 1):
        sale.do("r1", "poll.vote", member=f"m{n}", group="g1", option=option)
    sale.do("r1", "survey.answer", member="m1", answers={"happy": 5, "next": 1, "words": "很好"})
    sale.do("cohost", "survey.close")
    said(sale, "几点", "m1")
    said(sale, "几点", "m2")
    sale.advance(START + 6 * MINUTE)
    sale.do("r1", "quiz.answer", member="m1", answer="五年")
    sale.do("r1", "quiz.answer", member="m2", answer="七年")
    sale.advance(START + 8 * MINUTE)
    order(sale, "paid")
    sale.do("cheer", "showcase.add", order="o1", group="g1", content="广告: 谢谢晒单")
    sale.advance(START + 9 * MINUTE)
    return sale
