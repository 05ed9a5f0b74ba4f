"""Money as people write it, and in minor units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.money import MoneyError, to_major, to_minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("129.00", "CNY", 12900),
        ("129", "CNY", 12900),
        ("129.9", "CNY", 12990),
        ("0.01", "CNY", 1),
        ("129", "JPY", 129),
        ("1.5", "KWD", 1500),
    ],
)
def test_an_amount_becomes_minor_units(text: str, currency: str, minor: int) -> None:
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text", ["129.001", "-1", "+1", "1,5", "¥129", "", "1e3", ".5", "5.", "1" * 14, "nan", "１２９"]
)
def test_what_is_not_exactly_an_amount_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(MoneyError, match="129"):
        to_minor(text, "CNY")


def test_a_currency_without_minor_units_has_no_digits_behind_the_point() -> None:
    with pytest.raises(MoneyError, match="JPY has 0"):
        to_minor("129.0", "JPY")


@given(st.integers(0, 10**12), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_writing_and_reading_an_amount_gives_the_same(minor: int, currency: str) -> None:
    assert to_minor(to_major(minor, currency), currency) == minor
