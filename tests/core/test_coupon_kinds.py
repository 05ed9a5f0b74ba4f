"""Each kind of coupon that the trade knows: what a member gets, when, and what the shop may take it for."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor, Refusal
from coordinator.core.claims import share
from coordinator.core.coupon_orders import fits, priced_lines
from coordinator.core.order_life import Line
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet

PAN = [{"product": "pan", "price": 12_900}]
KNIFE = [{"product": "knife"}]


def sold(kind: str, *, drop: bool = True, **fields: Any) -> Sale:
    """A live sale with one coupon `c` of this kind, dropped into all groups."""
    coupon = {"id": "c", "kind": kind, "title": "券", "quantity": 10, **fields}
    sale = Sale(sheet(segment(lasts="3h"), coupons=[coupon])).live()
    if drop:
        sale.do("controller", "coupon.drop", coupon="c", groups="all")
        sale.advance(START + 2 * SECOND)
    return sale


def claim(sale: Sale, member: str = "m1", **more: Any) -> dict[str, Any]:
    return sale.do("r1", "coupon.claim", coupon="c", member=member, group="g1", **more)


def redeem(sale: Sale, code: str, order: str = "o1", lines: Any = PAN) -> dict[str, Any]:
    return sale.do("shop", "coupon.redeem", code=code, order=order, lines=lines)


def refusal(sale: Sale, who: str, kind: str, **fields: Any) -> Refusal:
    with pytest.raises(Refusal) as found:
        sale.do(who, kind, **fields)
    return found.value


def pay(sale: Sale, code: str, order: str = "p1", status: str = "paid", amount: int = 1_000) -> None:
    lines = [{"product": "c", "price": 1_000}]
    sale.do("shop", "order.report", order=order, status=status, coupon=code, lines=lines, amount=amount)


@pytest.mark.parametrize(
    ("kind", "fields", "off"),
    [
        ("threshold", {"over": "100.00", "off": "20.00"}, 2_000),
        ("amount", {"off": "20.00"}, 2_000),
        ("amount", {"off": "200.00"}, 12_900),
        ("percent", {"percent": 20}, 2_580),
        ("percent", {"percent": "8折", "at_most": "10.00"}, 1_000),
        ("group_price", {"price": "99.00", "products": ["pan"]}, 3_000),
        ("flash", {"price": "1.00", "products": ["pan"], "until": "+1h"}, 12_800),
    ],
)
def test_what_it_takes_off_a_basket(kind: str, fields: dict[str, Any], off: int) -> None:
    sale = sold(kind, **fields)
    assert redeem(sale, claim(sale)["code"])["off"] == off
    assert sale.state.figures["sale"].discount == off


class TestARedeemThatDoesNotFitIsRefusedWithWhatIsWrong:
    def test_the_threshold(self) -> None:
        sale = sold("threshold", over="100.00", off="20.00")
        code = claim(sale)["code"]
        no = refusal(sale, "shop", "coupon.redeem", code=code, order="o1", lines=KNIFE)
        assert (no.code, no.details) == ("invalid", {"field": "code", "over": 10_000, "basket": 5_900})

    def test_the_products(self) -> None:
        sale = sold("amount", off="20.00", products=["pan"])
        no = refusal(sale, "shop", "coupon.redeem", code=claim(sale)["code"], order="o1", lines=KNIFE)
        assert (no.code, no.details) == ("invalid", {"field": "code", "products": ["pan"]})

    def test_the_window(self) -> None:
        sale = sold("amount", off="20.00", until="+1h")
        code = claim(sale)["code"]
        sale.advance(START + HOUR + 1)
        no = refusal(sale, "shop", "coupon.redeem", code=code, order="o1", lines=PAN)
        assert (no.code, no.details) == ("too_late", {"field": "code", "until": START + HOUR})

    def test_a_second_exclusive_coupon_for_one_order(self) -> None:
        sale = sold("amount", off="20.00", per_member=2)
        first, second = claim(sale)["code"], claim(sale)["code"]
        redeem(sale, first)
        assert redeem(sale, first)["again"]
        no = refusal(sale, "shop", "coupon.redeem", code=second, order="o1", lines=PAN)
        assert (no.code, no.details) == ("invalid", {"field": "code", "with": first})
        assert redeem(sale, second, "o2")["off"] == 2_000

    def test_a_percentage_of_nobody_knows_what(self) -> None:
        sale = sold("percent", percent=20)
        code = claim(sale)["code"]
        assert refusal(sale, "shop", "coupon.redeem", code=code, order="o1").details == {"field": "lines"}
        sale.do("shop", "order.report", order="o1", status="placed", lines=PAN, amount=10_320)
        assert redeem(sale, code, lines=[])["off"] == 2_580, "the order's own lines"

    def test_an_order_can_ask_what_is_wrong_without_being_refused(self) -> None:
        sale = sold("threshold", over="100.00", off="20.00")
        code = claim(sale)["code"]
        lines = priced_lines(sale.state, [Line(product="knife")])
        misfit = fits(sale.state, code, lines, sale.now, "o1")
        assert misfit is not None
        assert misfit.details == {"over": 10_000, "basket": 5_900}
        assert fits(sale.state, code, priced_lines(sale.state, [Line(product="pan")]), sale.now) is None
        redeem(sale, code)
        assert fits(sale.state, code, (), sale.now, "o1") is None, "it is this order's own"
        other = fits(sale.state, code, (), sale.now, "o2")
        assert other is not None
        assert other.code == "already"


def test_several_codes_for_one_order_take_off_together_what_its_basket_says() -> None:
    coupons = [
        {"id": "hot", "kind": "flash", "title": "秒杀", "price": "99.00", "products": ["pan"], "quantity": 5, "until": "+1h"},
        {"id": "ten", "kind": "percent", "title": "9折", "percent": 10, "quantity": 5},
    ]  # fmt: skip
    sale = Sale(sheet(segment(lasts="3h"), coupons=coupons)).live()
    codes = []
    for each in ("ten", "hot"):
        sale.do("controller", "coupon.drop", coupon=each, groups="all")
        sale.advance(sale.now + 2 * SECOND)
        codes.append(sale.do("r1", "coupon.claim", coupon=each, member="m1")["code"])
    off = [redeem(sale, code)["off"] for code in codes]
    assert off == [1_290, 2_700]
    assert 12_900 - sum(off) == 9_900 - 990


class TestAWindow:
    def test_before_it_a_claim_is_too_early_and_after_it_too_late(self) -> None:
        sale = sold("amount", off="1.00", **{"from": "+10m", "until": "+20m"})
        no = refusal(sale, "r1", "coupon.claim", coupon="c", member="m1", group="g1")
        assert (no.code, no.details) == ("too_early", {"from": START + 10 * MINUTE})
        sale.advance(START + 10 * MINUTE)
        assert claim(sale)["left"] == 9
        sale.advance(START + 20 * MINUTE)
        assert sale.state.coupons["c"].expired
        assert len(sale.of("coupon.expired")) == 1
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m2", group="g1") == "too_late"
        assert sale.refused("controller", "coupon.drop", coupon="c", groups="all") == "too_late"
        assert claim(sale)["again"], "what a member has stays"

    def test_a_code_is_good_for_its_own_time_where_the_coupon_has_one(self) -> None:
        sale = sold("amount", off="1.00", valid="2h", until="+20m")
        code = claim(sale)["code"]
        sale.advance(START + 2 * HOUR)
        assert redeem(sale, code)["off"] == 100

    def test_it_hangs_on_the_show_s_start_and_runs_on_while_the_show_pauses(self) -> None:
        sale = Sale(sheet(segment(lasts="3h"), coupons=[{"id": "c", "kind": "amount", "title": "券", "off": "1.00", "quantity": 1, "until": "+20m"}]))  # fmt: skip
        assert sale.state.coupons["c"].closes_at == START + 20 * MINUTE
        sale.do("controller", "show.arm")
        sale.advance(START + 5 * MINUTE)
        sale.do("controller", "show.start")
        assert sale.state.coupons["c"].closes_at == START + 25 * MINUTE
        sale.do("controller", "show.pause")
        sale.advance(START + 10 * MINUTE)
        sale.do("controller", "show.resume")
        assert sale.state.coupons["c"].closes_at == START + 25 * MINUTE

    def test_a_live_edit_can_open_it_again(self) -> None:
        sale = sold("amount", off="1.00", until="+20m")
        sale.advance(START + 30 * MINUTE)
        longer = {"id": "c", "kind": "amount", "title": "券", "off": "1.00", "quantity": 10, "until": "+1h"}
        sale.replace(sheet(segment(lasts="3h"), coupons=[longer]))
        assert not sale.state.coupons["c"].expired
        assert claim(sale)["left"] == 9


class TestADepositOrAPaidCoupon:
    """Pay 10, worth 30: claimed, paid, redeemed."""

    FIELDS: dict[str, Any] = {"pay": "10.00", "worth": "30.00", "products": ["pan"], "quantity": 2}

    def test_a_code_is_good_once_it_is_paid_for(self) -> None:
        sale = sold("deposit", **self.FIELDS)
        got = claim(sale)
        assert got["pay"] == 1_000
        no = refusal(sale, "shop", "coupon.redeem", code=got["code"], order="o1", lines=PAN)
        assert no.code == "too_early"
        pay(sale, got["code"])
        assert "pay" not in claim(sale)
        assert redeem(sale, got["code"])["off"] == 3_000
        assert sale.state.figures["sale"].discount == 2_000, "30 came off, 10 were paid for it"

    def test_its_place_is_free_again_when_nobody_pays_for_it(self) -> None:
        sale = sold("deposit", **self.FIELDS, pay_within="10m")
        first = claim(sale)["code"]
        sale.advance(sale.now + MINUTE)
        claim(sale, "m2")
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m3", group="g1") == "exhausted"
        sale.advance(START + 2 * SECOND + 10 * MINUTE)
        assert sale.state.coupons["c"].left == 1, "the second has a minute left"
        assert [e.code for e in sale.of("coupon.lapsed")] == [first]
        assert claim(sale, "m3")["left"] == 0
        assert redeem_refused(sale, first) == "too_late"
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m1", group="g1") == "exhausted"

    def test_who_pays_late_has_it_while_there_is_a_place_and_else_not(self) -> None:
        sale = sold("deposit", **self.FIELDS, pay_within="10m")
        codes = [claim(sale, f"m{i}")["code"] for i in range(2)]
        sale.advance(START + HOUR)
        pay(sale, codes[0], "p1")
        assert sale.state.coupons["c"].left == 1
        claim(sale, "m7")
        pay(sale, codes[1], "p2")
        assert sale.state.coupons["c"].left == 0
        assert redeem(sale, codes[0])["off"] == 3_000
        assert redeem_refused(sale, codes[1]) == "too_late"
        assert sale.state.coupons["c"].claimed - sale.state.coupons["c"].lapsed == 2

    def test_a_payment_given_back_takes_the_code_with_it_in_whatever_order_it_is_told(self) -> None:
        for order in (("paid", "refunded"), ("refunded", "paid")):
            sale = sold("paid", pay="10.00", off="30.00", quantity=2)
            code = claim(sale)["code"]
            for status in order:
                pay(sale, code, status=status)
            sale.advance(START + 2 * HOUR)
            assert sale.state.coupons["c"].left == 2
            assert sale.state.coupons["c"].paid == 0
            assert redeem_refused(sale, code) == "too_late"

    def test_too_little_is_no_payment_and_an_order_that_only_uses_the_code_neither(self) -> None:
        sale = sold("paid", pay="10.00", off="30.00")
        code = claim(sale)["code"]
        pay(sale, code, "p1", amount=900)
        sale.do("shop", "order.report", order="p2", status="paid", coupon=code, lines=PAN, amount=12_900)
        assert redeem_refused(sale, code) == "too_early"


def redeem_refused(sale: Sale, code: str) -> str:
    return sale.refused("shop", "coupon.redeem", code=code, order="o9", lines=PAN)


class TestAPool:
    def test_the_parts_add_up_each_is_something_and_each_is_in_the_claim_s_result(self) -> None:
        sale = sold("pool", pool="1.00", quantity=7)
        parts = [claim(sale, f"m{i}")["off"] for i in range(7)]
        assert sum(parts) == 100
        assert min(parts) >= 1
        assert len(set(parts)) > 1
        assert claim(sale, "m3")["off"] == parts[3]
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m9", group="g1") == "exhausted"

    def test_a_part_is_decided_by_the_random_bits_of_its_own_code_so_that_anyone_can_compute_it_again(self) -> None:
        sale = sold("pool", pool="50.00", quantity=5)
        for i in range(5):
            claim(sale, f"m{i}")
        left, members = 5_000, 5
        for event in sale.of("coupon.claimed"):
            assert event.off == share(event.code, left, members)
            left, members = left - event.off, members - 1
        assert (left, members) == (0, 0)

    def test_when_each_can_have_but_the_smallest_coin_each_gets_it(self) -> None:
        sale = sold("pool", pool="0.03", quantity=3)
        assert [claim(sale, f"m{i}")["off"] for i in range(3)] == [1, 1, 1]

    def test_it_takes_its_part_off(self) -> None:
        sale = sold("pool", pool="0.03", quantity=1)
        assert redeem(sale, claim(sale)["code"])["off"] == 3


class TestWhatIsEarned:
    def test_a_share_reward_is_for_who_brought_members_each_of_them_once(self) -> None:
        sale = sold("share_reward", shares=2, off="3.00", per_member=2)
        no = refusal(sale, "r1", "coupon.claim", coupon="c", member="m1", group="g1")
        assert (no.code, no.details) == ("too_early", {"field": "coupon", "came": 0, "shares": 2})
        for member, by in (("a", "m1"), ("a", "m1"), ("m1", "m1"), ("b", "m2"), ("b", "m1"), ("c", "m1")):
            sale.do("r1", "group.observe", group="g1", what="joined", member=member, channel=f"member:{by}")
        first = claim(sale)["code"]
        assert claim(sale) == {"code": first, "left": 9, "again": True}, "two came: one code"
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m2", group="g1") == "too_early"

    def test_nobody_brings_themselves_under_another_name(self) -> None:
        sale = sold("share_reward", shares=1, off="3.00")
        sale.do("r1", "group.observe", group="g1", what="joined", member="phone", channel="member:m1")
        sale.do("shop", "member.link", a="m1", b="phone")
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m1", group="g1") == "too_early"

    def test_a_pay_reward_is_for_a_paid_order_of_enough_without_any_drop(self) -> None:
        sale = sold("pay_reward", drop=False, spend="100.00", off="5.00", per_member=3)
        report = {"member": "m1", "lines": PAN, "status": "paid"}
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m1", group="g1") == "too_early"
        sale.do("shop", "order.report", order="o1", amount=9_999, **report)
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m1", group="g1") == "too_early"
        sale.do("shop", "order.report", order="o2", amount=10_000, **report)
        first = claim(sale)["code"]
        assert claim(sale)["again"], "one for each such order"
        sale.do("shop", "order.report", order="o3", amount=10_000, **report)
        assert claim(sale)["code"] != first
        assert redeem(sale, first, "o4")["off"] == 500

    def test_an_order_that_was_given_back_earns_nothing(self) -> None:
        sale = sold("pay_reward", drop=False, off="5.00")
        sale.do("shop", "order.report", order="o1", status="paid", member="m1", lines=PAN, amount=12_900)
        sale.do("shop", "order.report", order="o1", status="refunded", amount=12_900)
        assert sale.refused("r1", "coupon.claim", coupon="c", member="m1", group="g1") == "too_early"
        assert sale.refused("r1", "coupon.claim", coupon="c", group="g1") == "invalid", "nobody knows whose it is"


class TestTwoPseudonymsOfOnePerson:
    def test_share_one_cap(self) -> None:
        sale = sold("amount", off="1.00")
        code = claim(sale, "m1")["code"]
        sale.do("r1", "member.link", a="phone", b="m1")
        assert claim(sale, "phone") == {"code": code, "left": 9, "again": True}
        mark = len(sale.events)
        assert sale.do("shop", "member.link", a="m1", b="phone") == {"again": True}
        assert len(sale.events) == mark
        assert sale.refused("shop", "member.link", a="m1", b="m1") == "invalid"
        assert sale.refused("controller", "member.link", a="m1", b="m2") == "forbidden"

    def test_keep_what_both_had_and_get_no_more(self) -> None:
        sale = sold("amount", off="1.00")
        first, second = claim(sale, "a")["code"], claim(sale, "b")["code"]
        sale.do("shop", "member.link", a="a", b="b")
        sale.do("shop", "member.link", a="c", b="b")
        assert {claim(sale, member)["code"] for member in "abc"} == {second}
        assert sale.state.claims["c"] == {"c": (first, second)}

    def test_a_paid_order_of_one_earns_for_the_other(self) -> None:
        sale = sold("pay_reward", drop=False, off="5.00")
        sale.do("shop", "order.report", order="o1", status="paid", member="shop-m", lines=PAN, amount=12_900)
        sale.do("shop", "member.link", a="phone", b="shop-m")
        assert claim(sale, "phone")["left"] == 9


class TestACouponOfATier:
    def test_needs_the_group_and_a_token_that_says_it(self) -> None:
        sale = Sale().live()
        sale.do("controller", "coupon.drop", coupon="vip5", groups="tier:vip")
        sale.advance(START + 2 * SECOND)
        assert sale.refused("r1", "coupon.claim", coupon="vip5", member="m1") == "invalid"
        assert sale.refused("audience", "coupon.claim", coupon="vip5", group="g1") == "forbidden", (
            "anybody could say so"
        )
        fan = Actor("audience", "f1", ("g3",))
        assert sale.refused(fan, "coupon.claim", coupon="vip5", group="g1") == "forbidden"
        assert sale.refused(fan, "coupon.claim", coupon="vip5") == "forbidden"
        assert sale.do(Actor("audience", "v1", ("g1",)), "coupon.claim", coupon="vip5")["left"] == 2


def test_what_codes_that_are_out_are_worth_cannot_be_edited() -> None:
    sale = sold("pool", pool="10.00", quantity=5)
    claim(sale)

    def edited(**fields: Any) -> str:
        new = {"id": "c", "kind": "pool", "title": "券", "quantity": 5, "pool": "10.00", **fields}
        with pytest.raises(Refusal) as no:
            sale.replace(sheet(segment(lasts="3h"), coupons=[new]))
        return no.value.message

    assert "its kind, off cannot change" in edited(kind="amount", pool=None, off="1.00")
    assert "its over cannot change" in edited(over="5.00")
    assert "pool is too little" in edited(pool="0.05")
    sale.replace(sheet(segment(lasts="3h"), coupons=[{"id": "c", "kind": "pool", "title": "新名", "quantity": 6, "pool": "12.00"}]))  # fmt: skip
    parts = [e.off for e in sale.of("coupon.claimed")] + [claim(sale, f"n{i}")["off"] for i in range(5)]
    assert sum(parts) == 1_200
