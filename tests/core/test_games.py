"""Polls, quizzes, surveys: put into groups at their instant, one turn for a member, closed by hand or by their deadline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

POLL: dict[str, Any] = {"question": "下一场想买什么", "options": ["炒锅", "刀具", "餐具"], "until": 5 * MINUTE}
QUIZ: dict[str, Any] = {"question": "这口锅保修几年", "answer": ["七年", "7"], "winners": 2, "prize": "小铲子"}
SURVEY: dict[str, Any] = {
    "title": "满意吗",
    "questions": [
        {"id": "happy", "text": "总体满意度", "kind": "scale"},
        {"id": "next", "text": "下次想要", "options": ["锅", "刀"]},
        {"id": "words", "text": "想说的话", "kind": "text"},
    ],
}


def opened(kind: str, fields: dict[str, Any]) -> Sale:
    sale = Sale().live()
    sale.do("controller", f"{kind}.open", groups="all", **fields)
    sale.advance(START + 2 * SECOND)
    return sale


GAMES = [
    ("poll", POLL, "poll.vote", {"option": 1}),
    ("quiz", QUIZ, "quiz.answer", {"answer": "五年"}),
    ("survey", SURVEY, "survey.answer", {"answers": {"happy": 5}}),
]


@pytest.mark.parametrize(("kind", "fields", "part", "turn"), GAMES)
class TestARound:
    def test_opens_in_all_its_groups_at_the_instant_of_its_drop(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        sale = Sale().live()
        sale.do("cohost", f"{kind}.open", groups="all", **fields)
        assert sale.refused("r1", part, member="m1", **turn) == "too_early"
        sale.advance(START + 2 * SECOND)
        (event,) = sale.of(f"{kind}.opened")
        assert event.at == START + 2 * SECOND
        assert set(sale.deliveries()) == {"g1", "g2", "g3"}
        text = sale.deliveries()["g1"].content.text
        assert (fields.get("question") or fields["title"]) in text

    def test_takes_one_turn_of_a_member(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        sale = opened(kind, fields)
        sale.do("r1", part, member="m9", group="g1", **turn)
        assert sale.refused("r2", part, member="m9", group="g3", **turn) == "already"
        sale.do("audience", part, **turn)
        assert sale.refused("audience", part, member="m2", **turn) == "forbidden"

    def test_is_over_once_it_is_closed(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        sale = opened(kind, fields)
        sale.do("controller", f"{kind}.close")
        assert sale.refused("r1", part, member="m1", **turn) == "too_late"
        assert sale.refused("controller", f"{kind}.close") == "too_late"

    def test_ends_by_itself_at_its_deadline(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        sale = opened(kind, {**fields, "until": 3 * MINUTE})
        sale.advance(START + 2 * SECOND + 3 * MINUTE - 1)
        sale.do("r1", part, member="m1", **turn)
        sale.advance(START + 2 * SECOND + 3 * MINUTE)
        (event,) = sale.of(f"{kind}.closed")
        assert (event.why, event.at) == ("until", START + 2 * SECOND + 3 * MINUTE)
        assert sale.refused("r1", part, member="m2", **turn) == "too_late"

    def test_needs_a_member(self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]) -> None:
        assert opened(kind, fields).refused("r1", part, **turn) == "invalid"

    def test_that_is_not_there_is_unknown(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        sale = opened(kind, fields)
        assert sale.refused("r1", part, member="m1", **{**turn, kind: "nope"}) == "unknown"

    def test_stands_in_a_sheet_as_a_cue(
        self, kind: str, fields: dict[str, Any], part: str, turn: dict[str, Any]
    ) -> None:
        fields = {**fields, "until": "2m"}
        cues = ({"at": "+1m", "do": f"{kind}.open", **fields}, {"at": "+2m", "do": f"{kind}.close"})
        sale = Sale(sheet(segment(*cues))).live()
        sale.advance(START + MINUTE)
        sale.do("r1", part, member="m1", **turn)
        sale.advance(START + 2 * MINUTE)
        (event,) = sale.of(f"{kind}.closed")
        assert (event.why, event.at) == ("closed", START + 2 * MINUTE)


@pytest.mark.parametrize(("kind", "fields"), [game[:2] for game in GAMES])
def test_two_presses_of_its_close_within_one_blink_are_one(kind: str, fields: dict[str, Any]) -> None:
    sale = opened(kind, fields)
    current = sale.of(f"{kind}.opened")[0]
    name = getattr(current, kind)
    sale.do("controller", f"{kind}.close", from_=name)
    assert sale.refused("controller", f"{kind}.close", from_=name) == "stale"


class TestAPoll:
    def test_counts_votes_by_number_and_by_words_and_says_what_leads(self) -> None:
        sale = opened("poll", POLL)
        for member, option in (("m1", 2), ("m2", "刀具"), ("m3", "1"), ("m4", " 3 ")):
            sale.do("r1", "poll.vote", member=member, option=option)
        poll = sale.state.polls["poll1"]
        assert (poll.votes, poll.leading, poll.count) == ([1, 2, 1], ("刀具",), 4)

    @pytest.mark.parametrize("option", [4, "0", "锅盖", "４五"])
    def test_refuses_what_is_no_option_and_names_those_there_are(self, option: Any) -> None:
        assert opened("poll", POLL).refused("r1", "poll.vote", member="m1", option=option) == "invalid"

    @given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), max_size=30))
    def test_its_votes_are_those_of_the_members_that_voted(self, votes: list[tuple[int, int]]) -> None:
        sale = Sale(check=False).live()
        sale.do("controller", "poll.open", groups="all", **POLL)
        sale.advance(START + 2 * SECOND)
        first: dict[int, int] = {}
        for member, option in votes:
            if member in first:
                assert sale.refused("r1", "poll.vote", member=f"m{member}", option=option) == "already"
            else:
                first[member] = option
                sale.do("r1", "poll.vote", member=f"m{member}", option=option)
        assert sale.state.polls["poll1"].votes == [list(first.values()).count(n) for n in (1, 2, 3)]


class TestAQuiz:
    def test_the_first_right_answers_win_and_then_it_is_over(self) -> None:
        sale = opened("quiz", QUIZ)
        said = [("m1", "五年"), ("m2", " 7！"), ("m3", "七年")]
        results = [sale.do("r1", "quiz.answer", member=m, answer=a) for m, a in said]
        assert results == [{"right": False}, {"right": True, "place": 1}, {"right": True, "place": 2}]
        (event,) = sale.of("quiz.closed")
        assert (event.why, event.won) == ("won", ["m2", "m3"])

    def test_what_a_member_said_can_be_erased(self) -> None:
        sale = opened("quiz", QUIZ)
        sale.do("r1", "quiz.answer", member="m1", answer="我猜七年吧")
        assert type(sale.of("quiz.answered")[0]).PRIVATE == ("answer",)


class TestASurvey:
    def test_counts_choices_and_points_and_keeps_words_apart(self) -> None:
        sale = opened("survey", SURVEY)
        sale.do("r1", "survey.answer", member="m1", answers={"happy": 5, "next": 2, "words": "很好"})
        sale.do("r1", "survey.answer", member="m2", answers={"happy": 4})
        happy, following, words = sale.state.surveys["survey1"].questions
        assert (happy.counts, following.counts, words.words) == ([0, 0, 0, 1, 1], [0, 1], 1)

    @pytest.mark.parametrize(
        ("answers", "code"),
        [
            ({"happy": 6}, "invalid"),
            ({"happy": "很好"}, "invalid"),
            ({"words": 3}, "invalid"),
            ({"nope": 1}, "unknown"),
        ],
    )
    def test_refuses_an_answer_that_is_none(self, answers: dict[str, Any], code: str) -> None:
        assert opened("survey", SURVEY).refused("r1", "survey.answer", member="m1", answers=answers) == code


KEYWORDS = [
    {"id": "gift", "words": ["福利", "领券"], "coupon": "c20"},
    {"id": "way", "words": "进群", "link": "room", "groups": "tier:vip"},
    {"id": "time", "words": "几点", "text": "今晚八点"},
]


def said(sale: Sale, text: str, member: str | None = "m1", group: str = "g1") -> None:
    sale.do("r1", "group.observe", group=group, what="message", member=member, text=text)


class TestAKeyword:
    def test_brings_what_the_sheet_says_into_the_group_in_which_it_was_said(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        said(sale, " 福利! ")
        sale.advance(START + 2 * SECOND)
        assert sorted(sale.deliveries()) == ["g1"]
        assert sale.of("coupon.dropped")[0].coupon == "c20"

    def test_counts_once_for_a_member(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        for _ in range(3):
            said(sale, "几点")
            sale.advance(sale.now + 2 * MINUTE)
        assert len(sale.of("keyword.asked")) == 1
        assert len(sale.of("message.sent")) == 1

    def test_is_not_said_twice_while_it_still_stands_in_the_group(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        said(sale, "几点", "m1")
        said(sale, "几点", "m2")
        said(sale, "几点", "m3", "g2")
        sale.advance(START + 2 * SECOND)
        assert [e.answered for e in sale.of("keyword.asked")] == [True, False, True]
        assert [e.groups for e in sale.of("message.sent")] == [["g1"], ["g2"]]

    def test_within_a_sentence_is_just_a_word(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        said(sale, "今天有福利吗")
        assert not sale.of("keyword.asked")

    def test_is_for_the_groups_it_is_meant_for(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        said(sale, "进群", group="g2")
        assert not sale.of("keyword.asked")
        said(sale, "进群", group="g1")
        assert [e.keyword for e in sale.of("keyword.asked")] == ["way"]

    def test_of_a_coupon_is_just_a_word_where_the_coupon_may_not_go_and_the_message_stands(self) -> None:
        """It was tried, reached no group, and the member's message was lost with it."""
        sale = Sale(sheet(segment(lasts="30m"), keywords=[{"words": ["券"], "coupon": "vip5"}])).live()
        said(sale, "券", group="g2")
        assert (sale.state.groups["g2"].messages, len(sale.of("keyword.asked"))) == (1, 0)
        said(sale, "券", group="g1")
        assert [e.groups for e in sale.of("cue.announced")] == [["g1"]]

    def test_brings_nothing_while_the_show_is_halted_and_the_message_stands(self) -> None:
        sale = Sale(sheet(segment(lasts="30m"), keywords=KEYWORDS)).live()
        sale.do("controller", "show.halt", reason="断流")
        said(sale, "几点")
        assert sale.state.groups["g1"].messages == 1
        assert [e.answered for e in sale.of("keyword.asked")] == [False]


def order(sale: Sale, status: str, name: str = "o1") -> None:
    lines = [{"product": "pan", "quantity": 1, "price": 12900}]
    sale.do("shop", "order.report", order=name, status=status, member="m1", amount=12900, lines=lines)


class TestTheShowcase:
    def test_shows_a_paid_order_once_in_a_group(self) -> None:
        sale = Sale().live()
        order(sale, "paid")
        sale.do("cheer", "showcase.add", order="o1", group="g1", content="广告: 谢谢小王晒单")
        assert sale.refused("cheer", "showcase.add", order="o1", group="g1") == "already"
        sale.do("cheer", "showcase.add", order="o1", group="g2")
        sale.advance(START + 2 * SECOND)
        assert [e.groups for e in sale.of("message.sent")] == [["g1"]]

    @pytest.mark.parametrize(("status", "code"), [("placed", "blocked"), ("refunded", "blocked"), (None, "unknown")])
    def test_never_shows_what_nobody_has_paid_for(self, status: str | None, code: str) -> None:
        sale = Sale().live()
        if status is not None:
            order(sale, status)
        assert sale.refused("cheer", "showcase.add", order="o1", group="g1") == code
