"""Coupons as prizes and thanks: given, run out, capped, for certain groups; a quiz with options; a streak."""

from __future__ import annotations

from tests.core.driver import MINUTE, START, Sale, segment, sheet
from tests.core.test_games import POLL, QUIZ, SURVEY
from tests.core.test_gifts import COUPONS


def played() -> Sale:
    days = [
        {"at": f"+{day}m", "do": "checkin.open", "series": "daily", "until": "30s", "coupon": "c20", "streak": 2}
        for day in (6, 7)
    ]
    sale = Sale(sheet(segment(*days, lasts="30m"), coupons=COUPONS)).live()
    quiz = {**QUIZ, "prize": None, "options": ["五年", "七年"], "coupon": "vip5"}
    sale.do("controller", "quiz.open", groups="all", **quiz)
    sale.do("controller", "poll.open", groups="all", **POLL, coupon="c20")
    sale.do("cohost", "survey.open", groups="all", **SURVEY, coupon="c20")
    sale.advance(START + MINUTE)
    sale.do("r1", "quiz.answer", member="m1", group="g1", answer="2")
    sale.do("r2", "quiz.answer", member="m3", answer="七年")  # nobody says whether the coupon is for their group
    sale.do("r1", "poll.vote", member="m1", group="g1", option=1)
    sale.do("r1", "survey.answer", member="m1", group="g1", answers={"happy": 5})
    for day in (6, 7):
        sale.advance(START + day * MINUTE)
        sale.do("r1", "checkin.join", member="m2", group="g1")
    sale.do("r1", "survey.answer", member="m4", group="g1", answers={"happy": 3})
    return sale
