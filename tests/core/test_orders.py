"""Orders: the same report twice, or out of order, ends in the same state."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coordinator.core.order_life import LIFE
from tests.core.driver import HOUR, MINUTE, SECOND, SHEET, START, Sale, segment, sheet

REPORTS: dict[str, dict[str, Any]] = {
    "placed": {"amount": 25800, "member": "m1", "lines": [{"product": "pan", "quantity": 2, "price": 12900}]},
    "paid": {"amount": 25800},
    "shipped": {"amount": 25800},
    "refunded": {"amount": 12900},
}


def after(order: tuple[str, ...]) -> tuple[Any, ...]:
    sale = Sale(check=False).live()
    for status in order:
        sale.do("shop", "order.report", order="o1", status=status, **REPORTS[status])
    sale.check()
    kept = msgspec.to_builtins(sale.state.orders["o1"])
    return kept, msgspec.to_builtins(sale.state.figures["sale"]), sale.state.products["pan"].sold


@pytest.mark.parametrize("order", list(itertools.permutations(REPORTS)), ids="-".join)
def test_whatever_the_order_of_the_reports_the_end_is_the_same(order: tuple[str, ...]) -> None:
    kept, figures, sold = after(order)
    assert (kept, figures, sold) == after(tuple(REPORTS))
    assert (kept["status"], sold) == ("partly_refunded", 2)
    assert (figures["orders"], figures["orders_paid"], figures["buyers"]) == (1, 1, 1)
    assert (figures["sales_created"], figures["sales_paid"], figures["sales_net"]) == (25800, 25800, 12900)


def test_a_report_twice_counts_once_and_a_refund_may_grow() -> None:
    sale = Sale().live()
    for status, fields in REPORTS.items():
        sale.do("shop", "order.report", order="o1", status=status, **fields)
        mark = len(sale.events)
        assert sale.do("shop", "order.report", order="o1", status=status, **fields)["again"]
        assert len(sale.events) == mark
    sale.do("shop", "order.report", order="o1", status="refunded", amount=25800)
    assert sale.state.figures["sale"].sales_net == 0


def test_an_order_knows_the_drop_whose_link_or_code_it_came_by() -> None:
    sale = Sale().live()
    sale.do("controller", "link.drop", product="pan", groups="all")
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * SECOND)
    key = sale.deliveries()["g2"].content.link.rpartition("/")[2]
    sale.do("shop", "order.report", order="o1", status="placed", link=key, amount=1)
    through = sale.state.orders["o1"].through
    assert (through.drop, through.group, sale.state.orders["o1"].group) == ("drop1", "g2", "g2")
    code = sale.do("r1", "coupon.claim", coupon="c20", member="m7")["code"]
    sale.do("shop", "order.report", order="o2", status="placed", coupon=code, amount=1)
    assert (sale.state.orders["o2"].through.drop, sale.state.orders["o2"].member) == ("drop2", "m7")


def test_lines_may_be_empty_and_name_what_is_not_ours() -> None:
    sale = Sale().live()
    sale.do(
        "shop",
        "order.report",
        order="o1",
        status="paid",
        amount=1,
        lines=[{"product": "elsewhere", "quantity": 1, "price": 1}],
    )
    assert sale.state.orders["o1"].status == "paid"


def test_an_order_counts_though_its_first_report_is_that_it_was_paid() -> None:
    sale = Sale().live()
    sale.do("shop", "order.report", order="o1", status="paid", member="m1", amount=2000)
    sale.do("shop", "order.report", order="o2", status="shipped", member="m2", amount=500)
    figures = sale.state.figures["sale"]
    assert (figures.orders, figures.orders_paid, figures.sales_created, figures.sales_paid) == (2, 1, 2500, 2000)
    sale.do("shop", "order.report", order="o1", status="placed", amount=2000)
    assert (figures.orders, figures.sales_created) == (2, 2500)


# ---------------------------------------------------------------- any order, any repeats
AT = START - MINUTE
FACTS = st.fixed_dictionaries(
    {"status": st.sampled_from(LIFE), "happened_at": st.integers(AT, AT + 3)},
    optional={
        "amount": st.sampled_from([0, 100, 25800]),
        "member": st.sampled_from(["m1", "m2"]),
        "group": st.sampled_from(["g1", "g2"]),
        "coupon": st.sampled_from(["code", "c20", "nothing"]),
        "lines": st.lists(
            st.fixed_dictionaries(
                {"product": st.sampled_from(["pan", "knife", "elsewhere"]), "quantity": st.integers(1, 3)}
            ),
            max_size=2,
        ),
    },
)


def seen_after(reports: list[dict[str, Any]]) -> tuple[Any, ...]:
    """What consoles are shown of an order, and of all that hangs on it."""
    sale = Sale(check=False).live()
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 3 * SECOND)
    code = sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")["code"]
    for report in reports:
        named = {**report, "coupon": code} if report.get("coupon") == "code" else report
        sale.do("shop", "order.report", order="o1", **named)
    sale.check()
    products = {p.id: (p.sold, p.stock) for p in sale.state.products.values()}
    figures = msgspec.to_builtins(sale.state.figures["sale"])
    return msgspec.to_builtins(sale.state.orders["o1"]), products, figures, sale.state.buyers


def test_an_order_that_turns_out_to_be_another_s_is_followed_up_with_them_alone() -> None:
    one = {"status": "placed", "happened_at": START, "member": "m1"}
    two = {**one, "member": "m2"}
    assert seen_after([one, two]) == seen_after([two, one])
    assert seen_after([one, two])[2]["followups"] == 1


@settings(max_examples=25, deadline=None)
@given(st.data(), st.lists(FACTS, min_size=1, max_size=5))
def test_reports_that_say_when_end_in_one_state_in_any_order_and_however_often_they_come(
    data: st.DataObject, reports: list[dict[str, Any]]
) -> None:
    again = data.draw(st.lists(st.sampled_from(reports), max_size=3))
    shuffled = data.draw(st.permutations([*reports, *again]))
    assert seen_after(shuffled) == seen_after(reports)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_life_that_does_not_say_when_ends_in_one_state_too(data: st.DataObject) -> None:
    life = [{"status": status, **fields} for status, fields in REPORTS.items()]
    life.append({"status": "refunded", "amount": 25800})
    again = data.draw(st.lists(st.sampled_from(life), max_size=4))
    kept, *rest = seen_after(data.draw(st.permutations([*life, *again])))
    expected, *others = seen_after(life)
    assert (kept, rest) == (expected, others)
    assert kept["status"] == "refunded"


# ---------------------------------------------------------------- life
LINES = [{"product": "pan", "quantity": 2, "price": 12900}, {"product": "knife", "quantity": 1, "price": 5900}]


def order(sale: Sale, status: str, name: str = "o1", **fields: Any) -> Any:
    sale.do("shop", "order.report", order=name, status=status, **fields)
    return sale.state.orders[name]


def test_what_was_paid_for_leaves_the_stock_and_what_comes_back_before_shipping_returns() -> None:
    sale = Sale().live()
    pan = sale.state.products["pan"]
    order(sale, "placed", lines=LINES)
    assert (pan.sold, pan.stock) == (0, 300)
    order(sale, "paid")
    assert (pan.sold, pan.stock, sale.state.orders["o1"].paid) == (2, 298, 31700)
    part = order(sale, "refunded", lines=[{"product": "pan", "quantity": 1, "price": 12900}])
    assert (part.status, part.refunded, pan.sold, pan.stock) == ("partly_refunded", 12900, 1, 299)
    whole = order(sale, "refunded")
    assert (whole.status, whole.refunded, pan.sold, pan.stock) == ("refunded", 31700, 0, 300)
    order(sale, "paid", "o2", lines=LINES)
    order(sale, "shipped", "o2")
    order(sale, "refunded", "o2")
    assert (pan.sold, pan.stock) == (2, 298)  # when it is back on the shelf, the shop says so with a new stock
    order(sale, "paid", "o3", lines=LINES)
    order(sale, "cancelled", "o3")
    assert (pan.sold, pan.stock) == (2, 298)


def test_what_was_sold_beyond_the_stock_is_not_in_the_stock_when_it_is_cancelled() -> None:
    sale = Sale().live()
    pan = sale.state.products["pan"]
    sale.do("controller", "product.restock", product="pan", stock=1)
    order(sale, "paid", lines=LINES)
    assert pan.stock == 0
    order(sale, "cancelled")
    assert pan.stock == 1
    sale.do("controller", "product.restock", product="pan", stock=50)
    order(sale, "paid", "o2", lines=LINES)
    assert pan.stock == 48


def test_a_correction_moves_buyers_sales_and_stock() -> None:
    sale = Sale().live()
    f = sale.state.figures["sale"]
    order(sale, "paid", member="m1", amount=31700, lines=LINES)
    order(sale, "paid", "o2", member="m1", amount=100)
    assert (f.buyers, f.sales_paid) == (1, 31800)
    order(sale, "paid", member="m2", amount=18800, lines=[{"product": "pan", "quantity": 1, "price": 12900}, LINES[1]])
    assert (f.buyers, f.orders_paid, f.sales_created, f.sales_paid) == (2, 2, 18900, 18900)
    assert sale.state.products["pan"].sold == 1
    order(sale, "paid", "o2", member="m2", amount=100)
    assert (f.buyers, sale.state.buyers) == (1, {"m2": 2})


def test_a_report_that_says_that_it_happened_earlier_does_not_undo_a_later_one() -> None:
    sale = Sale().live()
    order(sale, "paid", amount=200, happened_at=AT + 2)
    assert order(sale, "paid", amount=100, happened_at=AT + 1).paid == 200
    assert order(sale, "paid", amount=300, happened_at=AT + 3).paid == 300
    assert sale.state.orders["o1"].paid_at == AT + 1
    ahead = order(sale, "paid", "o2", amount=1, happened_at=sale.now + MINUTE)
    assert ahead.paid_at == sale.now  # a shop's clock that is ahead


def test_a_product_that_came_into_the_sheet_later_has_what_was_sold_before() -> None:
    sale = Sale(check=False).live()
    order(sale, "paid", lines=[{"product": "pot", "quantity": 3, "price": 100}])
    pot = {"id": "pot", "name": "锅", "price": "1.00", "stock": 10}
    sale.replace(sheet(segment(), products=[*SHEET["products"], pot]))
    assert (sale.state.products["pot"].sold, sale.state.products["pot"].stock) == (3, 10)
    order(sale, "cancelled")
    assert (sale.state.products["pot"].sold, sale.state.products["pot"].stock) == (0, 13)
    sale.replace(sheet(segment(), products=[*SHEET["products"], {**pot, "stock": 40}]))
    assert sale.state.products["pot"].stock == 40


def test_two_pseudonyms_of_one_person_are_one_buyer_and_no_contradiction() -> None:
    sale = Sale().live()
    f = sale.state.figures["sale"]
    order(sale, "paid", member="m1", amount=1)
    order(sale, "paid", "o2", member="m2", amount=1)
    assert f.buyers == 2
    sale.do("shop", "member.link", a="m1", b="m2")
    assert f.buyers == 1
    assert order(sale, "shipped", member="m2").flags == ()
    order(sale, "paid", "o2", member="m3", amount=2)
    assert f.buyers == 2


# ---------------------------------------------------------------- what does not add up
@pytest.mark.parametrize(
    ("reports", "flags"),
    [
        ([{"status": "paid", "amount": 31700, "lines": LINES}], []),
        ([{"status": "paid", "amount": 31000, "lines": LINES}], ["amount"]),
        ([{"status": "placed", "amount": 31700}, {"status": "paid", "amount": 30000}], ["paid"]),
        ([{"status": "paid", "amount": 100}, {"status": "refunded", "amount": 200}], ["refund"]),
        ([{"status": "refunded", "amount": 200}], ["refund_unpaid"]),
        (
            [{"status": "paid", "amount": 31700, "lines": LINES}, {"status": "refunded", "amount": 1, "lines": [{**LINES[1], "quantity": 2}]}],
            ["refund_lines"],
        ),
        ([{"status": "placed", "amount": 1, "member": "m1"}, {"status": "paid", "amount": 1, "member": "m2"}], ["member"]),
        ([{"status": "paid", "amount": 1, "link": "nothing", "coupon": "NOTHING"}], ["link_unknown", "coupon_unknown"]),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_recorded_and_flagged(reports: list[dict[str, Any]], flags: list[str]) -> None:
    sale = Sale().live()
    for fields in reports:
        answer = sale.do("shop", "order.report", order="o1", **fields)
    assert answer.get("flags", []) == flags
    assert list(sale.state.orders["o1"].flags) == flags
    assert sale.state.figures["sale"].orders_flagged == bool(flags)


def test_a_flag_goes_when_what_was_missing_comes() -> None:
    sale = Sale().live()
    assert order(sale, "refunded", amount=200).flags == ("refund_unpaid",)
    assert order(sale, "paid", amount=200).flags == ()
    assert sale.state.figures["sale"].orders_flagged == 0


def claimed(sale: Sale, coupon: str = "c20", member: str = "m1") -> str:
    sale.do("controller", "coupon.drop", coupon=coupon, groups="all")
    sale.advance(sale.now + 3 * SECOND)
    return str(sale.do("r1", "coupon.claim", coupon=coupon, member=member, group="g1")["code"])


def test_a_code_that_does_not_fit_its_order_is_flagged() -> None:
    sale = Sale().live()
    code = claimed(sale)
    assert order(sale, "paid", coupon=code, member="m1", amount=29700, lines=LINES).flags == ()
    assert order(sale, "paid", "o2", coupon=code, member="m2", amount=29700, lines=LINES).flags == ("coupon_member",)
    small = [{"product": "knife", "quantity": 1, "price": 5900}]  # it holds from 100.00 on
    assert order(sale, "paid", "o3", coupon=code, amount=5900, lines=small).flags == ("coupon_basket",)
    sale.do("shop", "coupon.redeem", code=code, order="o1")
    assert order(sale, "placed", "o4", coupon=code).flags == ("coupon_order",)
    sale.advance(sale.now + 3 * HOUR)
    assert order(sale, "placed", "o5", coupon=code).flags == ("coupon_order", "coupon_late")


def test_too_many_lines_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="lines"):
        Sale().live().do("shop", "order.report", order="o1", status="paid", lines=[LINES[0]] * 1001)
