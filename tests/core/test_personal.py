"""What names a person is masked in what members said: all of it, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.personal import masked_text, personal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("我的电话 13800138000, 谢谢", "我的电话 138****8000, 谢谢"),
        ("138-0013-8000", "138****8000"),
        ("+86 138 0013 8000 找我", "138****8000 找我"),
        ("１３８００１３８０００", "138****8000"),
        ("身份证 11010519491231002X", "身份证 110****002X"),
        ("两个: 13800138000/19912345678", "两个: 138****8000/199****5678"),
        ("座机 0571-88886666", "座机 057****6666"),
        ("寄到和平里小区 5 号楼 2 单元 301 室", "寄到和****"),
        ("订单号 13800138000", "订单号 13800138000"),
        ("这口锅真好", "这口锅真好"),
        ("", ""),
    ],
)
def test_numbers_are_masked_and_the_rest_stays(text: str, shown: str) -> None:
    masked = masked_text(text)
    if "****" in shown and shown.startswith("寄到"):
        assert "301" not in masked
        assert "****" in masked
    else:
        assert masked == shown


@given(st.text(alphabet="0123456789 -好x, ", max_size=60))
def test_what_was_masked_holds_no_number_any_more(text: str) -> None:
    assert [each.kind for each in personal(masked_text(text))] == []


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from("好,。 \n"), st.sampled_from("好,。 \n"))
def test_every_mobile_number_is_masked(number: str, before: str, after: str) -> None:
    masked = masked_text(f"看{before}{number}{after}看")
    assert number not in masked
    assert f"{number[:3]}****{number[-4:]}" in masked
