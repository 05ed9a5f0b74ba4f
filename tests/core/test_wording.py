"""What a text must not say: each rule by its table of examples, and the laws that hold for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import rules
from coordinator.core.rules import Fault
from coordinator.core.wording import Use, judged
from coordinator.runsheet.source import from_yaml

KNOWN = ("https://shop.example/pan", "https://live.example/room")
TABLE: Any = from_yaml((Path(__file__).parent / "examples.yaml").read_text("utf-8")).value


def use_of(row: dict[str, Any], text: str) -> Use:
    return Use(
        sells=row.get("sells", False),
        posted=row.get("posted", False),
        known=KNOWN,
        exceptions=(*row.get("brand", ()), *row.get("except", {}).get(text, ())),
    )


def found(row: dict[str, Any], text: str) -> list[Fault]:
    return [
        f
        for f in judged(rules.judge(), text, use_of(row, text))
        if f.rule == row["rule"] and f.severity == row["severity"]
    ]


def cases(of: str) -> list[Any]:
    out = []
    for n, row in enumerate(TABLE):
        for case in row[of]:
            text = case["text"] if isinstance(case, dict) else case
            out.append(pytest.param(row, case, id=f"{row['rule']}-{n}-{text}"))
    return out


@pytest.mark.parametrize(("row", "case"), cases("find"))
def test_what_a_rule_is_for_is_found_and_its_place_shown(row: dict[str, Any], case: Any) -> None:
    text, at = (case["text"], case.get("at")) if isinstance(case, dict) else (case, None)
    (first, *_) = found(row, text)
    assert first.at is not None
    if at is not None:
        assert text[first.at[0] : first.at[1]] == at
    assert first.message
    assert first.zh
    assert "{" not in first.term


@pytest.mark.parametrize(("row", "case"), cases("leave"))
def test_what_only_looks_like_it_is_left_alone(row: dict[str, Any], case: str) -> None:
    assert [(f.term, f.at) for f in found(row, case)] == []


def test_every_list_of_the_table_is_long_enough_to_mean_something() -> None:
    for row in TABLE:
        assert len(row["find"]) >= 10, row["rule"]
        assert len(row["leave"]) >= 10, row["rule"]


def test_a_term_is_said_once_and_a_part_of_one_that_was_found_not_again() -> None:
    (fault,) = judged(rules.judge(), "全网最低, 真的全网最低", Use())
    assert (fault.term, fault.at) == ("全网最低", (0, 4))


def test_personal_data_is_not_repeated_by_what_finds_it() -> None:
    (fault,) = judged(rules.judge(), "加我 138 0013 8000", Use())
    assert fault.term == "138****8000"
    assert "0013" not in fault.message + fault.zh


def test_what_the_host_is_to_say_is_judged_by_what_everybody_hears() -> None:
    heard = Use(sent=False)
    assert [f.rule for f in judged(rules.judge(), "国家级, 电话 13800138000, 已售 2000 件", heard)] == ["AD-ABS"]


@given(st.text(max_size=200))
def test_no_text_breaks_the_checks(text: str) -> None:
    for fault in judged(rules.judge(), text, Use(sells=True, posted=True, known=KNOWN)):
        assert fault.at is not None
        assert 0 <= fault.at[0] <= fault.at[1] <= len(text)
