"""What a text must not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.wording import absolute_terms, foreign_addresses, personal_data


@pytest.mark.parametrize("text", ["国家级品质", "这是最佳选择", "最 佳", "最·佳", "國家級", "最高级", "最\u200b佳"])
def test_absolute_terms_of_the_law_block_however_they_are_written(text: str) -> None:
    assert [fault.severity for fault in absolute_terms(text)] == ["block"]


@pytest.mark.parametrize("text", ["销量第一", "顶级食材", "全网最低价", "唯一正品", "最好用的锅"])
def test_other_absolute_terms_warn_once(text: str) -> None:
    assert [(fault.rule, fault.severity) for fault in absolute_terms(text)] == [("AD-ABS", "warn")]


@pytest.mark.parametrize(
    "text", ["最后一件", "最近上新", "最晚明天发货", "第一次来的朋友", "最多领 1 张", "顶着锅盖", "", "😀 שלום"]
)
def test_words_that_only_look_like_them_are_fine(text: str) -> None:
    assert absolute_terms(text) == []


@pytest.mark.parametrize(
    "text",
    ["加我 13800138000", "138 0013 8000", "+86 138-0013-8000", "１３８００１３８０００", "证件 11010519491231002X"],
)
def test_telephone_and_identity_numbers_block_and_are_not_repeated(text: str) -> None:
    (fault,) = personal_data(text)
    assert (fault.rule, fault.severity) == ("PII", "block")
    assert "****" in fault.message
    assert "13800138000" not in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "订单号 13800138000",
        "运单 SF13800138000123",
        "https://a.example/13800138000",
        "2026111113800138000",
        "129.00 元",
    ],
)
def test_numbers_of_orders_parcels_and_addresses_are_no_telephones(text: str) -> None:
    assert personal_data(text) == []


def test_an_address_outside_the_sheet_blocks() -> None:
    own = ["https://shop.example.com/pan"]
    for text in ("看 https://evil.example/x。", "去www.other.com看看", "HTTP://EVIL.EXAMPLE"):
        assert [(f.rule, f.severity) for f in foreign_addresses(text, own)] == [("PLAN", "block")], text
    for text in ("https://shop.example.com/pan, 快来", "上 shop.example.com 找我", "{link}", "3.5 元", "mail a@b.com"):
        assert foreign_addresses(text, own) == [], text


@given(st.text(max_size=200))
def test_no_text_breaks_the_checks(text: str) -> None:
    absolute_terms(text)
    personal_data(text)
    foreign_addresses(text, ["https://shop.example/pan"])
