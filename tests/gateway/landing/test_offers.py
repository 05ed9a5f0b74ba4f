"""Each kind of coupon in the words of a phone's page: what it is worth, on what conditions, and how its code stands."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor
from coordinator.gateway.landing.offers import length
from coordinator.gateway.landing.standing import Shown, shown, standing
from coordinator.gateway.landing.words import Lang
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet


def sold(kind: str, **fields: Any) -> tuple[Sale, str]:
    """A live sale with one coupon of this kind that is out, and its page's key in g1."""
    coupon = {"id": "c", "kind": kind, "title": "券", "quantity": 10, **fields}
    sale = Sale(sheet(segment(lasts="3h"), coupons=[coupon])).live()
    sale.do("controller", "coupon.drop", coupon="c", groups="all")
    sale.advance(START + 2 * SECOND)
    return sale, sale.deliveries()["g1"].content.coupon.rpartition("/")[2]


def page(sale: Sale, key: str, member: str | None = "m1", lang: Lang = "zh") -> Shown:
    return shown(sale.state, key, sale.state.keys[key], member, sale.now, 1.0, lang)


def claim(sale: Sale, member: str = "m1") -> str:
    code = sale.do(Actor("audience", member, ("g1",)), "coupon.claim", coupon="c", group="g1")["code"]
    assert isinstance(code, str)
    return code


def worth(kind: str, lang: Lang, **fields: Any) -> list[str]:
    sale, key = sold(kind, **fields)
    offer = page(sale, key, lang=lang).offer
    return [f"{offer.worth} {offer.unit}".strip(), *offer.lines]


@pytest.mark.parametrize(
    ("kind", "fields", "zh", "en"),
    [
        ("threshold", {"over": "100.00", "off": "20.00"}, ["¥20 立减", "满 ¥100 可用"], ["¥20 off", "on orders of ¥100 or more"]),
        ("amount", {"off": "5.50"}, ["¥5.50 立减", "无门槛"], ["¥5.50 off", "on any order"]),
        ("percent", {"percent": 20, "at_most": "50.00"}, ["8 折", "最多减 ¥50"], ["20% off", "at most ¥50 off"]),
        ("percent", {"percent": "12.5%"}, ["8.75 折"], ["12.5% off"]),
        ("percent", {"percent": 100}, ["免单"], ["Free"]),
        ("deposit", {"pay": "10.00", "worth": "30.00", "products": ["pan"]},
         ["¥30 立减", "付定金 ¥10, 下单抵 ¥30"], ["¥30 off", "pay ¥10 now, worth ¥30 on your order"]),
        ("paid", {"pay": "1.00", "off": "20.00", "over": "50.00"},
         ["¥20 立减", "¥1 购买", "满 ¥50 可用"], ["¥20 off", "costs ¥1", "on orders of ¥50 or more"]),
        ("pool", {"pool": "1000.00"}, ["¥1000 大家分", "10 人瓜分, 金额随机"], ["¥1000 to share", "shared by 10 members, each a part by chance"]),
        ("share_reward", {"shares": 3, "off": "5.00"}, ["¥5 立减", "邀请 3 位好友进群可领"], ["¥5 off", "for bringing 3 friends into the group"]),
        ("pay_reward", {"spend": "99.00", "off": "10.00"}, ["¥10 立减", "本场付款满 ¥99 可领"], ["¥10 off", "for a paid order of ¥99 or more in this sale"]),
        ("pay_reward", {"off": "10.00"}, ["¥10 立减", "本场付款后可领"], ["¥10 off", "for a paid order in this sale"]),
        ("group_price", {"products": ["pan"], "price": "99.00", "units": 2}, ["¥99 群专享价", "每张可买 2 件"], ["¥99 group price", "each good for 2"]),
        ("flash", {"products": ["pan"], "price": "59.00", "until": "+10m"}, ["¥59 秒杀价", "每张可买 1 件"], ["¥59 flash price", "each good for 1"]),
    ],
)  # fmt: skip
def test_what_each_kind_is_worth_is_said_in_words(
    kind: str, fields: dict[str, Any], zh: list[str], en: list[str]
) -> None:
    assert worth(kind, "zh", **fields) == zh
    assert worth(kind, "en", **fields) == en


def test_conditions_name_time_cap_products_groups_and_that_it_stands_alone() -> None:
    sale, key = sold("amount", off="5.00", valid="90m", per_member=2, products=["pan", "knife"], groups="tier:vip")
    assert page(sale, key).offer.terms == [
        "领取后 1.5 小时内有效", "每人限领 2 张", "适用商品: 不粘锅、刀具", "仅限本次活动的指定群", "不与其他同类优惠券叠加"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [(45 * MINUTE, "45 分钟", "45 min"), (2 * HOUR, "2 小时", "2 h"), (72 * HOUR, "3 天", "3 days"), (100 * MINUTE, "100 分钟", "100 min"), (30 * SECOND, "30 秒", "30 s")],
)  # fmt: skip
def test_a_length_is_said_in_the_largest_unit_that_it_fills(ms: int, zh: str, en: str) -> None:
    assert (length(ms, "zh"), length(ms, "en")) == (zh, en)


def test_a_window_is_early_open_and_over_and_says_until_when() -> None:
    sale, key = sold("flash", products=["pan"], price="59.00", **{"from": "+10m", "until": "+20m"})
    early = page(sale, key)
    assert (early.standing, early.opens, early.span(early.opens or 0)) == ("early", START + 10 * MINUTE, "9:58")
    sale.advance(START + 10 * MINUTE)
    now_open = page(sale, key)
    assert (now_open.standing, now_open.may_claim, now_open.closes) == ("open", True, START + 20 * MINUTE)
    claim(sale)
    assert page(sale, key).until == START + 20 * MINUTE
    # Between its last moment and the event that says so, too.
    assert standing(sale.state, sale.state.keys[key], START + 20 * MINUTE) == "expired"
    sale.advance(START + 20 * MINUTE)
    assert page(sale, key, "m2").standing == "expired"
    assert page(sale, key).code is not None


def test_a_deposit_is_to_be_paid_in_time_then_it_is_good_and_unpaid_its_place_is_free() -> None:
    sale, key = sold("deposit", pay="10.00", worth="30.00", products=["pan"], pay_within="30m", quantity=1)
    first = page(sale, key).claim_id
    code = claim(sale)
    mine = page(sale, key)
    assert (mine.code_is, mine.pay, mine.until) == ("unpaid", "¥10", sale.now + 30 * MINUTE)
    sale.advance(sale.now + 31 * MINUTE)
    void = page(sale, key)
    assert (void.code, void.standing, void.may_claim) == (None, "open", True)
    assert void.claim_id != first
    second = claim(sale)
    assert second != code
    lines = [{"product": "c", "price": 1_000}]
    sale.do("shop", "order.report", order="p1", status="paid", coupon=second, lines=lines, amount=1_000)
    assert page(sale, key).code_is == "good"


def test_a_part_of_a_pool_is_shown_to_who_has_it() -> None:
    sale, key = sold("pool", pool="100.00")
    claim(sale)
    off = next(iter(sale.state.codes.values())).off
    mine = page(sale, key).offer
    assert mine.worth == f"¥{off / 100:.2f}".removesuffix(".00")
    assert mine.lines == ["你分到的, 共 ¥100 由 10 人瓜分"]
    assert page(sale, key, "m2").offer.worth == "¥100"


def test_what_has_to_be_earned_says_what_is_missing_until_it_is_earned() -> None:
    sale, key = sold("share_reward", shares=2, off="5.00")
    assert (page(sale, key).why, page(sale, key).may_claim) == ("earn", False)
    assert page(sale, key).to_earn == "邀请 2 位好友进群后可领, 已进群 0 位。"
    for friend in ("f1", "f2"):
        sale.do("r1", "group.observe", group="g1", what="joined", member=friend, channel="member:m1")
    assert page(sale, key).to_earn == "邀请 2 位好友进群后可领, 已进群 2 位。"
    assert (page(sale, key).why, page(sale, key).may_claim) == ("open", True)
    paid, other = sold("pay_reward", spend="99.00", off="10.00")
    assert page(paid, other, None).why == "earn"
    paid.do("shop", "order.report", order="o1", status="paid", member="m1", amount=9_900)
    assert page(paid, other).may_claim
