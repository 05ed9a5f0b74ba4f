"""Orders: the same report twice, or out of order, ends in the same state."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from tests.core.driver import SECOND, START, Sale

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
