"""Prizes and thanks that are coupons of the sheet: given in the same append, never beyond what there is, once for a person."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core import Refusal
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet
from tests.core.test_games import POLL, QUIZ, SURVEY

COUPONS: list[dict[str, Any]] = [
    {"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100.00", "off": "20.00", "quantity": 2},
    {"id": "vip5", "kind": "amount", "title": "VIP 5 元", "off": "5.00", "quantity": 9, "groups": "tier:vip"},
    {"id": "share", "kind": "share_reward", "title": "分享 5 元", "off": "5.00", "quantity": 9, "shares": 1},
    {"id": "soon", "kind": "amount", "title": "晚点 5 元", "off": "5.00", "quantity": 9, "from": "+30m"},
]
TURNS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "poll": (POLL, "poll.vote", {"option": 1}),
    "quiz": ({**QUIZ, "winners": 50, "prize": None}, "quiz.answer", {"answer": "七年"}),
    "survey": (SURVEY, "survey.answer", {"answers": {"happy": 5}}),
    "checkin": ({}, "checkin.join", {}),
}
each = pytest.mark.parametrize("kind", TURNS)


def opened(kind: str, coupon: str = "c20", *, check: bool = True, **fields: Any) -> Sale:
    sale = Sale(sheet(segment(lasts="60m"), coupons=COUPONS), check=check).live()
    sale.do("controller", f"{kind}.open", **{"groups": "all", **TURNS[kind][0], "coupon": coupon, **fields})
    sale.advance(START + 2 * SECOND)
    return sale


def turn(sale: Sale, kind: str, member: str, group: str = "g1") -> dict[str, Any]:
    _, part, fields = TURNS[kind]
    result = sale.do("r2" if group == "g3" else "r1", part, member=member, group=group, **fields)
    assert result is not None
    return result


def attempt(sale: Sale, kind: str, **fields: Any) -> None:
    """A command of a relay that may be refused."""
    with contextlib.suppress(Refusal):
        sale.do("r1", kind, **fields)


@each
def test_who_takes_part_is_given_it_in_the_same_append_and_it_is_a_code_like_any(kind: str) -> None:
    sale = opened(kind)
    assert "满100减20" in sale.deliveries()["g1"].content.text
    before = sale.state.seq
    got = turn(sale, kind, "m1")
    (event,) = sale.of("coupon.claimed")
    assert (event.code, event.seq, event.reward) == (got["code"], before + 2, f"{kind}1")
    assert got["coupon"] == "c20"
    assert sale.state.coupons["c20"].left == 1
    assert sale.do("shop", "coupon.redeem", code=event.code, order="o1") is not None
    # A coupon that was never dropped is not claimed by others because it is a prize.
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m2", group="g1") == "too_early"
    assert sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")["code"] == event.code


@each
def test_when_it_has_run_out_the_turn_counts_and_says_so(kind: str) -> None:
    sale = opened(kind)
    results = [turn(sale, kind, f"m{n}") for n in range(4)]
    assert ["code" in r for r in results] == [True, True, False, False]
    assert [r.get("not_given") for r in results] == [None, None, "exhausted", "exhausted"]
    assert len(sale.of("coupon.ran_out")) == 1
    assert sale.state.not_given[f"{kind}1"] == {"m2": "exhausted", "m3": "exhausted"}


@each
def test_a_cap_a_tier_a_window_and_a_stop_hold_for_what_is_given_too(kind: str) -> None:
    sale = opened(kind)
    turn(sale, kind, "m1")
    sale.do("controller", f"{kind}.close")
    sale.do("controller", f"{kind}.open", groups="all", **{**TURNS[kind][0], "coupon": "c20"}, text="再来一次 {link}")
    sale.advance(sale.now + 2 * SECOND)
    assert turn(sale, kind, "m1")["not_given"] == "capped"
    sale.do("controller", "coupon.stop", coupon="c20")
    assert turn(sale, kind, "m2")["not_given"] == "too_late"
    tier = opened(kind, "vip5")
    assert "code" in turn(tier, kind, "m1", "g1")
    assert list(tier.deliveries()) == ["g1"]  # nobody is promised what they cannot be given
    _, part, fields = TURNS[kind]
    assert tier.refused("r2", part, member="m2", group="g3", **fields) == "forbidden"
    assert turn(opened(kind, "soon"), kind, "m1")["not_given"] == "too_early"


@each
def test_two_pseudonyms_of_one_person_have_one_turn_and_one_code(kind: str) -> None:
    sale = opened(kind)
    sale.do("shop", "member.link", a="m1", b="phone1")
    turn(sale, kind, "m1")
    _, part, fields = TURNS[kind]
    assert sale.refused("r1", part, member="phone1", group="g1", **fields) == "already"
    assert len(sale.of("coupon.claimed")) == 1


@each
def test_what_is_not_there_or_no_gift_is_refused_by_name(kind: str) -> None:
    sale = Sale(sheet(segment(lasts="60m"), coupons=COUPONS)).live()
    fields = {**TURNS[kind][0], "groups": "all"}
    assert sale.refused("controller", f"{kind}.open", coupon="nope", **fields) == "unknown"
    assert sale.refused("controller", f"{kind}.open", coupon="share", **fields) == "invalid"


def test_a_quizs_coupon_is_for_its_winners() -> None:
    sale = opened("quiz", winners=1)
    assert sale.do("r1", "quiz.answer", member="m1", answer="九年") == {"right": False}
    won = turn(sale, "quiz", "m2")
    assert (won["place"], won["coupon"]) == (1, "c20")
    assert [str(e.__struct_config__.tag) for e in sale.events[-3:]] == [
        "quiz.answered",
        "coupon.claimed",
        "quiz.closed",
    ]


def test_a_streak_earns_its_coupon_once_it_is_long_enough() -> None:
    days = [
        {"at": f"+{day}m", "do": "checkin.open", "series": "daily", "until": "30s", "coupon": "c20", "streak": 3}
        for day in range(1, 6)
    ]
    sale = Sale(sheet(segment(*days, lasts="30m"), coupons=COUPONS)).live()
    got = []
    for day in range(1, 6):
        sale.advance(START + day * MINUTE)
        got.append(sale.do("r1", "checkin.join", member="m1", group="g1"))
    assert [sorted(r) for r in got[:3]] == [["streak"], ["streak"], ["code", "coupon", "streak"]]
    assert [r["not_given"] for r in got[3:]] == ["capped", "capped"]


def test_a_streak_needs_a_series_and_a_coupon() -> None:
    sale = Sale().live()
    for fields in ({"streak": 3}, {"streak": 3, "series": "daily"}, {"streak": 3, "coupon": "c20"}):
        assert sale.refused("controller", "checkin.open", groups="all", **fields) == "invalid"


@given(st.lists(st.tuples(st.sampled_from(sorted(TURNS)), st.integers(1, 5), st.booleans()), max_size=24))
def test_no_more_is_given_than_there_is_and_no_person_has_two(turns: list[tuple[str, int, bool]]) -> None:
    sale = Sale(sheet(segment(lasts="60m"), coupons=COUPONS), check=False).live()
    sale.do("shop", "member.link", a="m1", b="m2")
    for kind, (fields, _, _) in TURNS.items():
        sale.do("controller", f"{kind}.open", groups="all", **fields, coupon="c20")
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * SECOND)
    for kind, n, claims in turns:
        if claims:
            attempt(sale, "coupon.claim", coupon="c20", member=f"m{n}", group="g1")
        else:
            _, part, fields = TURNS[kind]
            attempt(sale, part, member=f"m{n}", group="g1", **fields)
    given = [e.member for e in sale.of("coupon.claimed")]
    assert len(given) <= 2
    persons = [sale.state.linked.get(m, m) for m in given]
    assert len(set(persons)) == len(persons)
    assert sale.state.coupons["c20"].left == 2 - len(given)


def test_a_quiz_with_options_takes_a_number_or_the_words_and_one_of_them_is_right() -> None:
    options = ["五年", "七年", "2"]
    sale = opened("quiz", options=options, answer="七年")
    assert "2. 七年" in sale.deliveries()["g1"].content.text
    said = {"m1": "七年", "m2": "1", "m3": "2", "m4": "9"}
    assert [sale.do("r1", "quiz.answer", member=m, answer=a, group="g1")["right"] for m, a in said.items()] == [
        True,
        False,
        False,
        False,
    ]
    fresh = opened("quiz", options=["五年", "七年"], answer="七年")
    assert fresh.do("r1", "quiz.answer", member="m1", answer="2")["right"]
    assert (
        Sale()
        .live()
        .refused("controller", "quiz.open", question="几年", options=["五年", "六年"], answer="七年", groups="all")
        == "invalid"
    )


def test_two_options_that_are_heard_as_one_answer_are_refused() -> None:
    fields = {"question": "降了多少", "options": ["5%", "５ %"], "answer": "5%", "groups": "all"}
    assert Sale().live().refused("controller", "quiz.open", **fields) == "invalid"


@pytest.mark.parametrize("right", ["优惠12.9元", "7年"])
@pytest.mark.parametrize(
    ("said", "same_as"),
    [
        ("優惠１２．９元", "优惠12.9元"), (" 优惠 12.90 元! ", "优惠12.9元"), ("优惠129元", None), ("优惠-12.9元", None), ("优惠2.9元", None),
        ("７年", "7年"), ("07 年。", "7年"), ("7.0年", "7年"), ("-7年", None), ("70年", None), ("٧年", "7年"), ("7 5年", None), ("!!", None),
    ],
)  # fmt: skip
def test_an_answer_is_heard_however_it_is_typed_and_numbers_by_their_value(
    right: str, said: str, same_as: str | None
) -> None:
    sale = opened("quiz", answer=right)
    got = sale.do("r1", "quiz.answer", member="m1", answer=said, group="g1")
    assert got is not None
    assert got["right"] == (same_as == right)


@each
def test_a_round_is_for_the_groups_that_it_was_put_into(kind: str) -> None:
    sale = opened(kind, groups=["g1"])
    _, part, fields = TURNS[kind]
    for name in ({}, {kind: f"{kind}1"}):
        assert sale.refused("r1", part, member="m1", group="g2", **fields, **name) == "forbidden"
    assert sale.refused("r1", part, member="m1", group="g9", **fields) == "unknown"
    assert sale.refused("r2", part, member="m1", group="g2", **fields) == "forbidden"  # another relay's
    assert "code" in turn(sale, kind, "m1")
    assert getattr(sale.state, {"quiz": "quizzes"}.get(kind, kind + "s"))[f"{kind}1"].count == 1


@each
def test_the_team_plays_no_game_and_wins_nothing_by_whatever_name(kind: str) -> None:
    sale = opened(kind)
    sale.do("shop", "member.link", a="mei", b="phone1")
    _, part, fields = TURNS[kind]
    for member in ("mei", "phone1"):
        assert sale.refused("r1", part, member=member, group="g1", **fields) == "forbidden"
    assert not sale.of("coupon.claimed")


def test_who_names_no_round_means_the_newest_of_their_group() -> None:
    sale = opened("poll", groups=["g1"])
    sale.do("controller", "poll.open", groups=["g2"], **POLL, text="第二个投票 {link}")
    sale.advance(sale.now + 2 * SECOND)
    for group in ("g1", "g2"):
        sale.do("r1", "poll.vote", member=f"of {group}".replace(" ", "-"), option=1, group=group)
    assert {e.member: e.poll for e in sale.of("poll.voted")} == {"of-g1": "poll1", "of-g2": "poll2"}


def test_a_polls_option_is_taken_by_its_words_however_they_are_typed() -> None:
    sale = opened("poll", options=["炒锅", "餐具 A 套", "2"])
    for n, (said, option) in enumerate({"炒鍋": 1, "餐具Ａ套": 2, "２": 2, "3": 3}.items()):
        sale.do("r1", "poll.vote", member=f"m{n}", option=said, group="g1")
        assert sale.of("poll.voted")[-1].option == option
