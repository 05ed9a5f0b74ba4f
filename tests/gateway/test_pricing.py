"""What a basket costs, asked over HTTP by shops and members."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Answer, token
from tests.server import InProcess
from tests.sheet import sheet

PAN = {"product": "pan", "quantity": 1}


async def opened(room: InProcess) -> tuple[str, str]:
    """A live sale, and the code that m1 has of its coupon."""
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    return sale, (await relay.done("coupon.claim", coupon="c20", member="m1", group="g1"))["code"]


async def ask(room: InProcess, sale: str, role: str, body: Any, person: str | None = None) -> Answer:
    return await room.http("POST", f"/api/sales/{sale}/price", token(role, person, sale), json=body)


async def test_a_shop_is_told_the_total_and_what_each_code_takes_off_each_line(room: InProcess) -> None:
    sale, code = await opened(room)
    answer = await ask(
        room, sale, "shop", {"lines": [PAN, {"product": "cup", "price": 100}], "codes": [code, "nothing"]}
    )
    assert (answer.status, answer.json) == (
        200,
        {
            "before": 13_000, "off": 2_000, "total": 11_000, "currency": "CNY", "lines": [12_900, 100],
            "used": [{"code": code, "coupon": "c20", "off": 2_000, "lines": [1_985, 15]}],
            "unused": [{"code": "nothing", "coupon": "", "why": "there is no code nothing"}],
        },
    )  # fmt: skip
    small = await ask(room, sale, "shop", {"lines": [{**PAN, "price": 9_999}], "codes": [code]})
    assert small.json["total"] == 9_999
    assert "holds from 10000 on, the basket has 9999" in small.json["unused"][0]["why"]


async def test_a_member_prices_with_all_that_they_hold_and_nobody_elses(room: InProcess) -> None:
    sale, _ = await opened(room)
    assert (await ask(room, sale, "audience", {"lines": [PAN]}, "m1")).json["total"] == 10_900
    assert (await ask(room, sale, "audience", {"lines": [PAN]}, "m2")).json["total"] == 12_900
    assert (await ask(room, sale, "audience", {"lines": [PAN], "member": "m1"}, "m2")).json["details"] == {
        "field": "member"
    }
    assert (await ask(room, sale, "shop", {"lines": [PAN], "member": "m1"})).json["total"] == 10_900
    assert (await ask(room, sale, "cheer", {"lines": [PAN]})).status == 403


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "lines", "Field required"),
        ({"lines": []}, "lines", "at least 1"),
        ([], "", "valid dictionary"),
        ({"lines": [PAN], "more": 1}, "more", "not permitted"),
        ({"lines": [{"product": "cup"}]}, "lines.0.product", "give its price"),
        *(({"lines": [{**PAN, "price": x}]}, "lines.0.price", "whole number of minor units from 0 to 1000000000000, such as 12900 for 129.00") for x in (1e9, -1, 0.001, "129元")),
        ({"lines": [{**PAN, "quantity": 0}]}, "lines.0.quantity", "greater than or equal to 1"),
        ({"lines": [PAN] * 501}, "lines", "at most 500"),
    ],
)  # fmt: skip
async def test_a_basket_that_is_none_is_told_which_field_is_wrong(
    room: InProcess, body: Any, field: str, says: str
) -> None:
    sale = await room.sale(sheet())
    answer = await ask(room, sale, "shop", body)
    assert answer.status in {404, 422}
    assert answer.json["details"]["field"] == field
    assert says in answer.json["message"]


@pytest.mark.parametrize("price", [1e9, -1, 0.001, "129元", None, True])
async def test_a_price_that_is_none_is_told_what_is_accepted(room: InProcess, price: Any) -> None:
    sale = await room.sale(sheet())
    answer = await room.do(sale, "controller", "product.reprice", product="pan", price=price)
    assert (answer.status, answer.json["details"]["field"]) == (422, "price")
    assert "such as 12900 for 129.00" in answer.json["message"]
