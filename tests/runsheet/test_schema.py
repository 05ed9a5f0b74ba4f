"""The JSON Schema takes what a sheet may say, and says what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from coordinator.runsheet.ready import KINDS, ready_sheet
from coordinator.runsheet.schema import sheet_schema
from coordinator.runsheet.source import from_yaml

VALIDATOR = jsonschema.Draft202012Validator(sheet_schema())
SMALL: dict[str, Any] = {"title": "t", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-11-11 20:00"}


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(sheet_schema())


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_the_ready_sheets(kind: str) -> None:
    errors = list(VALIDATOR.iter_errors(from_yaml(ready_sheet(kind, now_ms=1_792_998_000_000)).value))
    assert not errors, errors[0].message


def test_it_takes_the_example_of_the_tests() -> None:
    text = (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")
    assert not list(VALIDATOR.iter_errors(from_yaml(text).value))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tittle": "t"},
        {"kind": "flashy"},
        {"groups": [{"name": "no id"}]},
        {"products": [{"id": "p", "name": "p", "price": [1]}]},
        {"segments": [{"id": "s", "kind": "qa", "lasts": 10}]},
        {"segments": [{"id": "s", "kind": "qa", "lasts": "10m", "cues": [{"at": "start", "do": "link.drip"}]}]},
    ],
)
def test_it_refuses_what_is_no_sheet(wrong: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors({**SMALL, **wrong}))


def test_it_names_the_fields_in_chinese_too() -> None:
    assert sheet_schema()["$defs"]["Product"]["properties"]["price"]["title"] == "价格"
