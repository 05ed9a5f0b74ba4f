"""What led to an order: the rule of attribution.py, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core.attribution import Through
from tests.core.driver import HOUR, MINUTE, SECOND, START, Actor, Sale, segment, sheet


class Shop:
    """A live sale with a link, a coupon and a second link dropped, and what members and shop do in it."""

    def __init__(self, **attribution: str) -> None:
        self.sale = sale = Sale(sheet(segment(lasts="8h"), attribution=attribution) if attribution else None).live()
        for do, fields in (
            ("link.drop", {"product": "pan"}),
            ("coupon.drop", {"coupon": "c20"}),
            ("link.drop", {"link": "room"}),
        ):
            sale.do("controller", do, groups="all", **fields)
        sale.advance(START + 3 * SECOND)

    def key(self, drop: str, group: str) -> str:
        return next(k for k, a in self.sale.state.keys.items() if (a.drop, a.group) == (drop, group))

    def click(self, member: str, drop: str = "drop1", group: str = "g2") -> None:
        self.sale.do(Actor("audience", member), "link.click", link=self.key(drop, group))

    def claim(self, member: str, group: str = "g1") -> str:
        return str(self.sale.do("r1", "coupon.claim", coupon="c20", member=member, group=group)["code"])

    def after(self, ms: int) -> None:
        self.sale.advance(self.sale.now + ms)

    def through(self, order: str = "o1", **fields: Any) -> Any:
        """What an order is taken to have come through: (rule, what, drop, group)."""
        self.sale.do("shop", "order.report", order=order, **{"status": "placed", "amount": 1, **fields})
        found = self.sale.state.orders[order].through
        return found and (found.rule, found.what, found.drop, found.group)


def test_the_link_that_the_shop_names_goes_before_all() -> None:
    shop = Shop()
    code = shop.claim("m1")
    shop.click("m1")
    assert shop.through(member="m1", link=shop.key("drop3", "g1"), coupon=code) == ("link", "room", "drop3", "g1")
    assert shop.through("o2", link="pan", group="g3") == ("link", "pan", None, "g3")
    assert shop.through("o3", link=shop.key("drop2", "g3")) == ("coupon", "c20", "drop2", "g3")


def test_then_the_coupon_that_it_names_or_that_was_redeemed_for_the_order() -> None:
    shop = Shop()
    code = shop.claim("m1")
    shop.after(MINUTE)
    shop.click("m1")
    assert shop.through(member="m1", coupon=code) == ("coupon", "c20", "drop2", "g1")
    assert shop.through("o2", member="m2", coupon="c20") == ("coupon", "c20", None, None)
    other = shop.claim("m3", "g2")
    shop.sale.do("shop", "coupon.redeem", code=other, order="o3")
    assert shop.through("o3", member="m3") == ("coupon", "c20", "drop2", "g2")


def test_a_code_that_is_redeemed_after_the_order_was_told_counts_as_if_before() -> None:
    shop = Shop()
    code = shop.claim("m1")
    shop.after(MINUTE)
    shop.click("m1")
    assert shop.through(member="m1", status="paid") == ("click", "pan", "drop1", "g2")
    shop.sale.do("shop", "coupon.redeem", code=code, order="o1")
    order = shop.sale.state.orders["o1"]
    assert (order.through.rule, order.through.drop, order.group) == ("coupon", "drop2", "g1")


def test_then_the_last_touch_of_the_member_before_the_order() -> None:
    shop = Shop()
    shop.click("m1")
    shop.after(MINUTE)
    shop.claim("m1")
    assert shop.through(member="m1") == ("claim", "c20", "drop2", "g1")
    shop.after(MINUTE)
    shop.click("m1", "drop3", "g1")
    assert shop.through("o2", member="m1") == ("click", "room", "drop3", "g1")
    assert shop.through("o3", member="m2") is None


def test_an_order_that_is_told_late_came_from_what_was_before_it() -> None:
    shop = Shop()
    shop.click("m1")
    ordered = shop.sale.now + MINUTE
    shop.after(HOUR)
    shop.click("m1", "drop3", "g1")
    assert shop.through(member="m1", happened_at=ordered) == ("click", "pan", "drop1", "g2")


def test_a_touch_counts_within_the_window_of_the_sheet() -> None:
    shop = Shop(window="2h")
    shop.click("m1")
    shop.after(2 * HOUR)
    assert shop.through(member="m1") == ("click", "pan", "drop1", "g2")
    shop.after(1)
    assert shop.through("o2", member="m1") is None
    assert Shop().sale.state.p.attribution.window == 24 * HOUR


def test_then_the_last_drop_of_what_was_ordered_into_the_orders_group() -> None:
    shop = Shop()
    pan = [{"product": "pan", "quantity": 1, "price": 1}]
    assert shop.through(group="g1") == ("group", "room", "drop3", "g1")
    shop.sale.do("controller", "link.drop", product="knife", groups="group:g1")
    shop.after(3 * SECOND)
    assert shop.through("o2", group="g1", lines=pan) == ("group", "room", "drop3", "g1")  # the room sells all
    knife = [{"product": "knife", "quantity": 1, "price": 1}]
    assert shop.through("o3", group="g1", lines=knife) == ("group", "knife", "drop4", "g1")
    assert shop.through("o4", group="nowhere") is None


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("last_touch", "claim"), ("last_click", "click"), ("explicit", None)],
)
def test_the_sheet_says_which_rule_holds(rule: str, expected: str | None) -> None:
    shop = Shop(rule=rule)
    shop.click("m1")
    shop.after(MINUTE)
    shop.claim("m1")
    found = shop.through(member="m1", group="g1")
    assert (found and found[0]) == expected
    named = shop.through("o2", link="pan")
    assert named is not None


def test_what_was_found_stands_though_the_member_touched_much_since() -> None:
    shop = Shop()
    shop.click("m1")
    assert shop.through(member="m1") == ("click", "pan", "drop1", "g2")
    shop.after(1)
    for _ in range(6):
        shop.sale.do("controller", "link.drop", link="room", groups="all")
        shop.after(3 * SECOND)
        shop.click("m1", f"drop{shop.sale.state.counts['drop']}", "g1")
    assert shop.through(member="m1", status="paid") == ("click", "pan", "drop1", "g2")


def test_what_a_person_touched_under_another_pseudonym_counts() -> None:
    shop = Shop()
    shop.click("phone-1")
    assert shop.through(member="m1") is None
    shop.sale.do("shop", "member.link", a="m1", b="phone-1")
    assert shop.through("o2", member="m1") == ("click", "pan", "drop1", "g2")
    assert shop.through(member="m1", status="paid") == ("click", "pan", "drop1", "g2")


def test_it_stands_in_the_orders_event() -> None:
    shop = Shop()
    shop.click("m1")
    shop.through(member="m1")
    event = shop.sale.of("order.placed")[-1]
    cue = shop.sale.state.drops["drop1"].cue
    assert event.through == Through(rule="click", what="pan", drop="drop1", cue=cue, group="g2", at=shop.sale.now)
