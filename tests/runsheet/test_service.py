"""What a sheet says of support and cheer: phrases, clocks, quiet and golden hours; and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core.plan import Plan
from tests.core.driver import segment, sheet

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"service": {"warn": "20s"}}, "service", "follow each other"),
    ({"service": {"lease": "0s"}}, "service.lease", "longer than nothing"),
    ({"phrases": [{"id": "a", "text": "x", "product": "cup"}]}, "phrases[0].product", "there is no product cup"),
    ({"phrases": [{"id": "a", "text": "x", "coupon": "c9"}]}, "phrases[0].coupon", "there is no coupon c9"),
    ({"phrases": [{"id": "a", "text": "x", "coupon": "c20", "product": "pan"}]}, "phrases[0].coupon", "remove one"),
    ({"phrases": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, "phrases[1].id", "already"),
    ({"golden": [{"at": "20:00", "lasts": "10m"}]}, "golden[0].minutes", "fewer than 20 minutes"),
    ({"golden": [{"at": "end", "lasts": "1h"}]}, "golden[0].at", "clock time"),
    ({"followup": {"quiet": "at night"}}, "followup.quiet", "22:00-08:00"),
    ({"followup": {"quiet": "22:00-22:00"}}, "followup.quiet", "two times"),
    ({"followup": {"quiet": "25:00-08:00"}}, "followup.quiet", "25:00"),
]


@pytest.mark.parametrize(("more", "where", "words"), WRONG)
def test_what_does_not_fit_is_named_with_what_to_do(load: Any, more: dict[str, Any], where: str, words: str) -> None:
    plan, _, findings = load(sheet(segment(), **more))
    assert plan is None
    assert any(f.where == where and words in f.message for f in findings), [(f.where, f.message) for f in findings]


def test_a_phrase_is_checked_as_what_members_read(load: Any) -> None:
    _, _, findings = load(sheet(segment(), phrases=[{"id": "a", "text": "全国最佳"}]))
    assert ("block", "AD-ABS", "phrases[0].text") in {(f.severity, f.rule, f.where) for f in findings}


def test_quiet_hours_can_be_left_out(load: Any) -> None:
    plan, _, _ = load(sheet(segment(), followup={"quiet": "none"}))
    assert isinstance(plan, Plan)
    assert plan.followup.quiet == ()
