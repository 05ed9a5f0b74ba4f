"""Products: one on air, and figures in texts that follow the price and the stock."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coordinator.core import COMMANDS
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

DROP: dict[str, Any] = {
    "id": "d",
    "at": "+1m",
    "do": "link.drop",
    "product": "pan",
    "groups": "all",
    "text": "{price} {link}",
}


def test_one_product_is_on_air() -> None:
    sale = Sale().live()
    sale.do("cohost", "product.show", product="pan")
    sale.do("controller", "product.show", product="knife")
    assert [p.on_air for p in sale.state.products.values()] == [False, True]
    assert sale.refused("controller", "product.show", product="knife") == "stale"
    assert sale.refused("controller", "product.hide", product="pan") == "stale"
    assert sale.refused("controller", "product.show", product="no") == "unknown"
    sale.do("controller", "product.hide", product="knife")
    assert sale.state.the.product is None


def announced(**more: Any) -> Sale:
    sale = Sale(sheet(segment({**DROP, **more}))).live()
    sale.advance(START + 59 * SECOND)
    return sale


def test_a_price_that_changes_renders_anew_what_has_not_left_whoever_holds_it() -> None:
    sale = announced()
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="waiting", until=START + 2 * MINUTE)
    sale.do("r1", "delivery.report", delivery="d2", attempt=1, outcome="awaiting")
    before = {d.id: d.content.link for d in sale.deliveries().values()}
    sale.do("controller", "product.reprice", product="pan", price=9900)
    for d in sale.deliveries().values():
        assert (d.attempt, d.status) == (2, "requested")
        assert d.content.text == f"¥99 {before[d.id]}"
    assert not sale.of("correction.proposed")


def test_a_change_that_a_text_does_not_speak_of_leaves_it_alone() -> None:
    sale = announced()
    sale.do("controller", "product.restock", product="pan", stock=5)
    sale.do("controller", "product.reprice", product="knife", price=1)
    sale.do("controller", "product.reprice", product="pan", price=12900)
    assert {d.attempt for d in sale.deliveries().values()} == {1}


def test_a_message_that_speaks_of_the_product_on_air_follows_it() -> None:
    sale = Sale().live()
    sale.do("controller", "product.show", product="pan")
    sale.do("controller", "message.send", content="只要 {price}", groups="group:g1")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert sale.deliveries()["g1"].content.text == "只要 ¥99"


@pytest.mark.parametrize("price", [-1, 10**10 + 1, 1e9, 0.001, "129元", "129.00", True, None])
def test_a_price_of_the_show_is_no_other_than_a_sheet_s(price: Any) -> None:
    with pytest.raises(ValidationError, match="from 0 to 10000000000"):
        COMMANDS["product.reprice"].model_validate({"product": "pan", "price": price})
    assert Sale().live().do("controller", "product.reprice", product="pan", price=10**10) == {}
