"""Draws whose prizes are coupons of the sheet: winners are given their codes in the append that draws them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from coordinator.core import drawing
from tests.core.driver import MINUTE, SECOND, START, Sale, refolded, segment, sheet
from tests.core.test_gifts import COUPONS


def drawn(
    *entries: tuple[str, str], prizes: Any, before: Any = None, check: bool = True
) -> tuple[Sale, dict[str, Any]]:
    """A sale in which a draw was entered by these (member, group) and run; with what the answer said."""
    sale = Sale(sheet(segment(lasts="60m"), coupons=COUPONS), check=check).live()
    sale.do("cohost", "draw.open", prizes=prizes, until=MINUTE)
    sale.advance(START + 2 * SECOND)
    for member, group in entries:
        sale.do("r2" if group == "g3" else "r1", "draw.enter", member=member, group=group)
    if before is not None:
        before(sale)
    sale.advance(START + 2 * MINUTE)
    return sale, sale.do("cohost", "draw.run", draw="draw1")


def codes(sale: Sale) -> dict[str, str]:
    return {e.member: e.code for e in sale.of("coupon.claimed") if e.reward == "draw1"}


def test_each_winner_is_given_a_code_in_the_same_append_and_it_is_a_code_like_any() -> None:
    sale, said = drawn(("m1", "g1"), ("m2", "g2"), prizes=[{"coupon": "c20", "quantity": 2}])
    first = sale.of("draw.drawn")[0].seq
    assert [e.seq for e in sale.of("coupon.claimed")] == [first + 1, first + 2]
    assert set(codes(sale)) == {"m1", "m2"}
    assert [w["prize"] for w in said["winners"]] == ["满100减20"] * 2
    assert "not_given" not in said
    assert all(code not in repr(said) for code in codes(sale).values()), "a code is only ever its member's"
    assert sale.do("shop", "coupon.redeem", code=codes(sale)["m1"], order="o1") is not None
    assert sale.do("r1", "coupon.claim", coupon="c20", member="m2", group="g1")["code"] == codes(sale)["m2"]
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m3", group="g1") == "too_early"


def test_coupons_stand_beside_other_prizes_under_a_name_of_their_own() -> None:
    prizes = ["保温杯", {"name": "神秘大奖", "coupon": "c20"}]
    sale, _ = drawn(("m1", "g1"), ("m2", "g1"), ("m3", "g1"), prizes=prizes)
    won = sale.of("draw.drawn")[0].winners
    assert [(w.prize, w.coupon) for w in won] == [("保温杯", None), ("神秘大奖", "c20")]
    assert set(codes(sale)) == {won[1].member}
    assert "神秘大奖 1 份" in sale.deliveries()["g1"].content.text


def test_the_groups_read_where_the_codes_are() -> None:
    sale, _ = drawn(("m1", "g1"), prizes=[{"coupon": "c20"}])
    assert "券码在抽奖页里" in sale.deliveries()["g1"].content.text
    assert "券码在抽奖页里" in sale.deliveries("drop2")["g1"].content.text
    assert sale.of("cue.announced")[0].check.found[0].term == "主办方"  # how it is collected is said


def test_never_more_than_there_are_and_who_goes_without_is_told_so() -> None:
    entries = [(f"m{n}", "g1") for n in range(3)]
    sale, said = drawn(*entries, prizes=[{"coupon": "c20", "quantity": 3}])
    last = sale.of("draw.drawn")[0].winners[-1].member
    assert said["not_given"] == {last: "exhausted"}
    assert set(codes(sale)) == {m for m, _ in entries} - {last}
    assert (sale.state.coupons["c20"].left, sale.state.draws["draw1"].not_given) == (0, 1)
    assert len(sale.of("coupon.ran_out")) == 1


def test_the_cap_for_a_person_holds_over_all_their_names() -> None:
    def claimed_before(sale: Sale) -> None:
        sale.do("r1", "member.link", a="m1", b="phone")
        sale.do("controller", "coupon.drop", coupon="c20", groups="all")
        sale.advance(START + 10 * SECOND)
        sale.do("r1", "coupon.claim", coupon="c20", member="phone", group="g1")

    sale, said = drawn(("m1", "g1"), prizes=[{"coupon": "c20"}], before=claimed_before)
    assert list(said["not_given"].values()) == ["capped"]
    assert codes(sale) == {}


@pytest.mark.parametrize(("group", "given"), [("g1", True), ("g2", False)])
def test_a_tier_holds_by_the_group_in_which_the_winner_came_in(group: str, given: bool) -> None:
    sale, said = drawn(("m1", group), prizes=[{"coupon": "vip5"}])
    assert bool(codes(sale)) is given
    assert said.get("not_given") == (None if given else {"m1": "forbidden"})


def test_one_person_of_two_groups_is_given_it_where_one_of_them_may_have_it() -> None:
    def found_to_be_one(sale: Sale) -> None:
        sale.do("r1", "member.link", a="m1", b="m2")

    sale, said = drawn(("m1", "g2"), ("m2", "g1"), prizes=[{"coupon": "vip5"}], before=found_to_be_one)
    assert "not_given" not in said
    assert [e.group for e in sale.of("coupon.claimed")] == ["g1"]


def test_a_stop_before_the_drawing_holds() -> None:
    def stopped(sale: Sale) -> None:
        sale.do("controller", "coupon.stop", coupon="c20")

    _, said = drawn(("m1", "g1"), prizes=[{"coupon": "c20"}], before=stopped)
    assert said["not_given"] == {"m1": "too_late"}


def test_a_draw_that_the_sheet_runs_gives_them_too() -> None:
    cues = [
        {"at": "start", "do": "draw.open", "prizes": [{"coupon": "c20", "quantity": 2}], "until": "2m"},
        {"at": "+2m", "do": "draw.run"},
    ]
    sale = Sale(sheet(segment(*cues), coupons=COUPONS)).live()
    sale.advance(START + 10 * SECOND)
    sale.do("r1", "draw.enter", member="m1", group="g1")
    sale.advance(START + 2 * MINUTE)
    assert set(codes(sale)) == {"m1"}


@pytest.mark.parametrize(
    ("prizes", "code"),
    [
        ([{"coupon": "nowhere"}], "unknown"),
        ([{"coupon": "share"}], "invalid"),
        ([{"coupon": "c20", "quantity": 501}], "invalid"),
    ],
)
def test_what_is_no_gift_is_refused_before_anybody_takes_part(prizes: Any, code: str) -> None:
    sale = Sale(sheet(segment(), coupons=COUPONS)).live()
    assert sale.refused("cohost", "draw.open", prizes=prizes, until=MINUTE) == code


def test_the_check_of_the_record_holds_for_coupons_too() -> None:
    sale, _ = drawn(("m1", "g1"), ("m2", "g1"), prizes=["锅", {"coupon": "c20"}])
    event = sale.of("draw.drawn")[0]
    before = refolded(sale.events[: event.seq - 1])
    assert drawing.fault(before, event) is None
    other = [msgspec.structs.replace(w, coupon=None) for w in event.winners]
    assert "the seed gives" in (drawing.fault(before, msgspec.structs.replace(event, winners=other)) or "")
