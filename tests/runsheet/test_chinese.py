"""What is wrong with a sheet is said in Chinese too, whatever it is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from coordinator.runsheet import chinese as words
from coordinator.runsheet.chinese import chinese


@pytest.mark.parametrize(
    ("message", "zh"),
    [
        ("'129元' is not an amount of CNY; write it like \"129.00\", without sign or symbol", "'129元' 不是 CNY 金额"),
        ("价格!D2: '2.5' is no whole number; write it in figures, without a unit", "价格!D2: '2.5' 不是整数"),
        ("at character 8: there is no coupon c9; add it under coupons, or name another", "第 8 个字符: 没有优惠券 c9"),
        ("'titel' is not a field here; did you mean 'title'?", "这里没有字段 'titel'; 是不是 'title'?"),
        ("the tab 'cues' has more than 5,000 rows or 200 columns; delete the empty ones, or split the sale", "超过 5,000 行"),
    ],
)  # fmt: skip
def test_a_message_says_the_same_in_chinese_with_what_differs_in_it(message: str, zh: str) -> None:
    assert zh in chinese(message)


def test_what_the_table_does_not_know_is_no_chinese() -> None:
    assert chinese("something else is wrong here") == ""
    assert chinese("价格!D2: something else is wrong here") == ""


def test_each_line_of_the_table_has_what_differs_in_both_languages_or_leaves_it_out() -> None:
    lines = [line.partition(" | ") for line in words._TABLE.splitlines() if line]
    assert len(lines) > 100
    for english, _, zh in lines:
        assert set(re.findall(r"\{[a-z]+\}", zh)) <= set(re.findall(r"\{[a-z]+\}", english)), english
        assert re.search("[一-鿿]", zh) or "{rest}" in zh, english


def test_a_fault_of_a_sheet_carries_both(load: Any, small: dict[str, Any]) -> None:
    small["products"][0]["price"] = "129元"
    small["segments"][0]["cues"][0]["colour"] = "red"
    plan, _, findings = load(small)
    assert plan is None
    assert [(f.message.split(";")[0], f.zh.split(";")[0]) for f in findings] == [
        ("'colour' is not a field here", "这里没有字段 'colour'"),
    ]
    del small["segments"][0]["cues"][0]["colour"]
    (fault,) = load(small)[2]
    assert fault.as_object()["zh"].startswith("'129元' 不是 CNY 金额")
