"""Coupons: never more than there are, never more than a member may have."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor
from tests.core.driver import HOUR, SECOND, START, Sale


def dropped(coupon: str = "c20", groups: Any = "all", **more: Any) -> Sale:
    sale = Sale().live()
    sale.do("controller", "coupon.drop", coupon=coupon, groups=groups, **more)
    sale.advance(START + 2 * SECOND)
    return sale


def claim(sale: Sale, member: str | None, coupon: str = "c20", **more: Any) -> dict[str, Any]:
    return sale.do("r1", "coupon.claim", coupon=coupon, member=member, **more)


def test_claims_before_the_moment_are_too_early() -> None:
    sale = Sale().live()
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m1") == "too_early"
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 1999)
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m1") == "too_early"
    sale.advance(START + 2000)
    assert claim(sale, "m1")["left"] == 9


def test_it_runs_out_at_its_quantity_and_says_so_once() -> None:
    sale = dropped()
    codes = {claim(sale, f"m{i}")["code"] for i in range(10)}
    assert len(codes) == 10
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m99") == "exhausted"
    assert len(sale.of("coupon.ran_out")) == 1
    assert sale.state.coupons["c20"].left == 0
    assert sale.refused("controller", "coupon.drop", coupon="c20", groups="all") == "exhausted"


def test_beyond_per_member_it_is_the_last_code_again_without_an_event_also_when_it_has_run_out() -> None:
    sale = dropped("vip5")
    first, second = claim(sale, "m1", "vip5", group="g1"), claim(sale, "m1", "vip5", group="g1")
    assert first["code"] != second["code"]
    mark = len(sale.events)
    assert claim(sale, "m1", "vip5", group="g1") == {**second, "again": True}
    assert len(sale.events) == mark
    claim(sale, "m2", "vip5", group="g1")
    assert claim(sale, "m1", "vip5", group="g1") == {"code": second["code"], "left": 0, "again": True}
    assert sale.refused("r1", "coupon.claim", coupon="vip5", member="m2", group="g1") == "exhausted"


def test_a_claim_without_a_member_has_no_cap_of_its_own() -> None:
    sale = dropped()
    assert len({claim(sale, None)["code"] for _ in range(10)}) == 10
    assert sale.refused("r1", "coupon.claim", coupon="c20") == "exhausted"


def test_who_is_not_meant_is_forbidden() -> None:
    sale = dropped(groups="tier:member")
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m1", group="g1") == "forbidden"
    assert claim(sale, "m1", group="g2")["left"] == 9
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m2", group="g9") == "unknown"
    assert sale.refused("r1", "coupon.claim", coupon="c99", member="m2") == "unknown"


def test_a_claim_from_a_group_whose_own_drop_is_only_announced_is_too_early() -> None:
    sale = Sale().live()
    sale.do("controller", "coupon.drop", coupon="c20", groups="group:g1")
    sale.advance(START + 3 * SECOND)
    sale.do("controller", "coupon.drop", coupon="c20", groups="group:g2")
    assert sale.refused("audience", "coupon.claim", coupon="c20", group="g2") == "too_early"
    assert sale.refused("audience", "coupon.claim", coupon="c20", group="g3") == "forbidden"
    sale.advance(START + 6 * SECOND)
    assert sale.do("audience", "coupon.claim", coupon="c20", group="g2")["left"] == 9


def test_a_coupon_of_a_tier_goes_into_groups_of_that_tier_only() -> None:
    sale = dropped("vip5", "all")
    assert list(sale.deliveries()) == ["g1"]
    assert sale.refused("r1", "coupon.claim", coupon="vip5", member="m1", group="g2") == "forbidden"
    assert sale.refused("controller", "coupon.drop", coupon="vip5", groups="tier:fan") == "invalid"


def test_a_member_claims_for_themselves() -> None:
    sale = dropped()
    assert sale.refused("audience", "coupon.claim", coupon="c20", member="m2") == "forbidden"
    assert sale.do("audience", "coupon.claim", coupon="c20", member="m1")["left"] == 9
    assert sale.do(Actor("audience", "m1"), "coupon.claim", coupon="c20")["again"]


def test_a_drop_s_quantity_is_its_part_of_the_total() -> None:
    sale = dropped(groups="tier:member", quantity=2)
    sale.do("controller", "coupon.drop", coupon="c20", groups="tier:vip", from_="drop1")
    sale.advance(START + 4 * SECOND)
    claim(sale, "m1", group="g2")
    claim(sale, "m2", group="g2")
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m3", group="g2") == "exhausted"
    for i in range(8):
        claim(sale, f"v{i}", group="g1")
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="v9", group="g1") == "exhausted"
    assert [d.claimed for d in sale.state.drops.values()] == [2, 8]


@pytest.mark.parametrize(("quantity", "code"), [(11, "invalid")])
def test_a_drop_cannot_have_more_than_is_left(quantity: int, code: str) -> None:
    assert Sale().live().refused("controller", "coupon.drop", coupon="c20", groups="all", quantity=quantity) == code


def test_a_stop_ends_the_claiming_and_codes_that_are_out_stay_good() -> None:
    sale = dropped()
    code = claim(sale, "m1")["code"]
    sale.do("controller", "coupon.stop", coupon="c20")
    assert sale.refused("controller", "coupon.stop", coupon="c20") == "stale"
    assert sale.refused("r1", "coupon.claim", coupon="c20", member="m2") == "too_late"
    assert sale.refused("controller", "coupon.drop", coupon="c20", groups="all") == "too_late"
    assert claim(sale, "m1")["again"]
    assert sale.do("shop", "coupon.redeem", code=code, order="o1") == {"coupon": "c20", "order": "o1", "off": 2000}


class TestACode:
    def test_is_redeemed_once_for_one_order(self) -> None:
        sale = dropped()
        code = claim(sale, "m1")["code"]
        sale.do("shop", "coupon.redeem", code=code, order="o1")
        mark = len(sale.events)
        assert sale.do("shop", "coupon.redeem", code=code, order="o1")["again"]
        assert len(sale.events) == mark
        assert sale.refused("shop", "coupon.redeem", code=code, order="o2") == "already"
        assert sale.refused("shop", "coupon.redeem", code="nocode", order="o2") == "unknown"
        assert sale.state.figures["sale"].discount == 2000

    def test_is_good_for_its_time_from_the_claim(self) -> None:
        sale = dropped()
        first, second = claim(sale, "m1")["code"], claim(sale, "m2")["code"]
        claimed_at = sale.now
        sale.advance(claimed_at + 2 * HOUR)
        sale.do("shop", "coupon.redeem", code=first, order="o1")
        sale.advance(claimed_at + 2 * HOUR + 1)
        assert sale.refused("shop", "coupon.redeem", code=second, order="o2") == "too_late"
        assert claim(sale, "m3")["left"] == 7, "claiming stays open"


def test_two_presses_within_one_blink_are_one_drop() -> None:
    sale = Sale().live()
    sale.do("controller", "coupon.drop", coupon="c20", groups="all", from_=None)
    assert sale.refused("controller", "coupon.drop", coupon="c20", groups="all", from_=None) == "stale"
    sale.do("controller", "coupon.drop", coupon="c20", groups="all", from_="drop1")
    sale.advance(START + 10 * SECOND)
    assert sale.refused("controller", "coupon.drop", coupon="c20", groups="all", from_="drop1") == "stale"
    assert sale.state.coupons["c20"].drops == ["drop1", "drop2"]
