"""Sheets to read: the one of the contract, and a small one to change."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordinator.core.plan import Plan
from coordinator.runsheet import Finding, load_plan

CHINESE = re.compile("[一-鿿]")
NOW_MS = 1_790_000_000_000  # 2026-09-21: before the starts of the sheets here

SMALL: dict[str, Any] = {
    "title": "厨房专场",
    "kind": "flash",
    "timezone": "Asia/Shanghai",
    "start": "2026-11-11 20:00",
    "currency": "CNY",
    "team": [{"person": "li", "role": "controller"}, {"person": "mei", "role": "cheer"}],
    "groups": [
        {"id": "g1", "tier": "vip", "relay": "console", "members": 187},
        {"id": "g2", "tier": "fan", "relay": ["console"]},
    ],
    "products": [{"id": "pan", "name": "不粘锅", "price": "129.00", "url": "https://shop.example/pan"}],
    "coupons": [{"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100", "off": "20", "quantity": 500}],
    "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
    "segments": [
        {
            "id": "intro",
            "kind": "product",
            "product": "pan",
            "lasts": "3m",
            "cues": [
                {"at": "start", "do": "product.show"},
                {"id": "link", "at": "end", "do": "link.drop", "groups": "all", "text": "上链接 {link}"},
                {"at": "+1m", "do": "coupon.drop", "coupon": "c20", "groups": "tier:vip"},
                {"at": "+30s", "prompt": "host", "text": "讲卖点"},
            ],
        }
    ],
}

Load = Callable[..., tuple[Plan | None, dict[str, Any] | None, list[Finding]]]


@pytest.fixture
def example() -> bytes:
    """The sheet of the contract, byte for byte."""
    return (Path(__file__).parent / "example.yaml").read_bytes()


@pytest.fixture
def small() -> dict[str, Any]:
    """A good sheet of one segment with four cues, to be changed at will."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def load() -> Load:
    """Reads a sheet as the gateway does, and sees to it that every check speaks Chinese as well."""

    def read(
        data: Any, name: str = "sheet.yaml", content_type: str | None = None, now_ms: int = NOW_MS, told: Any = None
    ) -> Any:
        plan, sheet, findings = load_plan(data, name, content_type, now_ms, None, told or {})
        only_english = [each for each in findings if not CHINESE.search(each.zh)]
        assert not only_english, only_english
        return plan, sheet, findings

    return read


@pytest.fixture
def errors(load: Load) -> Callable[[Any], list[tuple[str, str]]]:
    """(where, message) of each error in a sheet; that there is no plan where there is one, and a plan where not."""

    def read(data: Any, **more: Any) -> list[tuple[str, str]]:
        plan, _, findings = load(data, **more)
        found = [(each.where, each.message) for each in findings if each.severity == "error"]
        assert (plan is None) is bool(found)
        assert all(each.rule == "SHEET" for each in findings if each.severity == "error")
        return found

    return read


@pytest.fixture
def said(load: Load) -> Callable[[Any], list[tuple[str, str, str]]]:
    """(severity, rule, where) of each finding worse than inform in a sheet without errors."""

    def read(data: Any, **more: Any) -> list[tuple[str, str, str]]:
        plan, _, findings = load(data, **more)
        assert plan is not None, findings
        return [(each.severity, each.rule, each.where) for each in findings if each.severity != "inform"]

    return read
