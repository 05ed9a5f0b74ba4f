"""The ready sheets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from coordinator.core import cue_kinds
from coordinator.core.phrases import words
from coordinator.core.plan import Plan
from coordinator.runsheet import checks
from coordinator.runsheet.ready import KINDS, ready_sheet
from coordinator.runsheet.source import from_yaml
from tests.core.driver import START, Sale

NOON_MS = int(datetime(2026, 11, 22, 4, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_sheet_has_no_finding_worse_than_a_hint(kind: str, load: Any) -> None:
    plan, _, findings = load(ready_sheet(kind, now_ms=NOON_MS), now_ms=NOON_MS)
    assert isinstance(plan, Plan)
    assert [each for each in findings if each.severity != "inform"] == []
    assert plan.kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_sheet_has_approved_answers_with_the_price_and_stock_of_the_moment(kind: str) -> None:
    sale = Sale(from_yaml(ready_sheet(kind, now_ms=START)).value, relays=False, check=False)
    plan = sale.state.p
    assert len(plan.phrases) >= 5
    texts = " ".join(phrase.text for phrase in plan.phrases)
    assert all(field in texts for field in ("{price}", "{stock}", "{coupon.left}"))
    for phrase in plan.phrases:
        said = words(sale.state, phrase.id, None if phrase.product or phrase.coupon else plan.products[0].id)
        assert "{" not in said


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("flash", "2026-11-27T20:00:00+08:00"),
        ("groupbuy", "2026-11-25T09:00:00+08:00"),
        ("live", "2026-11-24T20:00:00+08:00"),
        ("course", "2026-11-24T20:00:00+08:00"),
    ],
)
@pytest.mark.parametrize("now", ["2026-11-22T12:00:00+08:00", "2026-11-22T23:59:59+08:00", "2026-11-22T00:00:00+08:00"])
def test_a_ready_sheet_begins_so_late_that_nothing_of_it_is_past(kind: str, start: str, now: str, load: Any) -> None:
    now_ms = int(datetime.fromisoformat(now).timestamp() * 1000)
    plan, _, findings = load(ready_sheet(kind, now_ms=now_ms), now_ms=now_ms)
    assert plan.start == int(datetime.fromisoformat(start).timestamp() * 1000)
    assert not findings


def test_the_flash_sale_is_a_whole_evening(load: Any) -> None:
    plan, _, _ = load(ready_sheet("flash", now_ms=NOON_MS), now_ms=NOON_MS)
    assert len(plan.groups) == 20
    assert {group.tier for group in plan.groups} == {"vip", "member", "fan"}
    assert len(plan.team) == 9
    assert {member.role for member in plan.team} == {
        "owner",
        "host",
        "cohost",
        "controller",
        "cheer",
        "support",
        "poster",
    }
    assert len(plan.products) == 8
    assert {coupon.kind for coupon in plan.coupons} == {
        "threshold", "amount", "percent", "deposit", "pool", "pay_reward", "flash",
    }  # fmt: skip
    kinds = [segment.kind for segment in plan.segments]
    assert {"warmup", "opening", "product", "qa", "peak", "limited", "wrapup", "aftercare"} <= set(kinds)
    cues = [cue for segment in plan.segments for cue in segment.cues]
    assert any(cue.when for cue in cues)
    assert any(cue.confirm for cue in cues)
    windows = dict(zip(kinds, checks.windows(plan), strict=True))
    assert windows["opening"][0] == plan.start
    assert windows["wrapup"][1] - plan.start == 45 * 60_000


def test_the_show_of_the_flash_sale_uses_every_kind_of_drop_without_what_comes_before_it(load: Any) -> None:
    """A demo begins with the show: what only the days before it had would never be seen there."""
    plan, _, _ = load(ready_sheet("flash", now_ms=NOON_MS), now_ms=NOON_MS)
    begun = zip(plan.segments, checks.windows(plan), strict=True)
    used = {cue.do for segment, (begin, _) in begun for cue in segment.cues if begin >= plan.start}
    assert {kind for kind in cue_kinds.known() if cue_kinds.into_groups(kind)} - used == set()
