"""Laws: whatever comes, there is a plan or a reason, and never an exception."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.core.plan import Plan
from coordinator.runsheet import load_plan
from coordinator.runsheet.findings import SEVERITIES
from coordinator.runsheet.reading import read_sheet

NOW_MS = 1_790_000_000_000
TEXT = (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")
OBJECT: dict[str, Any] = read_sheet(TEXT).object or {}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += paths(inner, (*here, key))
    return found


PATHS = [path for path in paths(OBJECT) if path]
WORDS = [
    *(
        "all",
        "tier:vip",
        "end",
        "end +20s",
        "D-1 08:00",
        "20:00",
        "-10m",
        "999d",
        "D+999 23:59",
        "0s",
        "2100-12-31 23:59",
    ),
    *("start", "skip after 30s", "coupon c20 left <= 10%", "sales_paid >= 1", "group:g1", "pan", "c20", "room", "g1"),
    *(
        "link.drop",
        "prompt.send",
        "message.send",
        "task.assign",
        "129.00",
        "{a|b}",
        "\x00",
        "\ud800",
        "🎉",
        "",
        "null",
        "UTC",
    ),
    *("JPY", "KWD", "Europe/Berlin", "https://x.example", "controller", "flash", "warmup", "threshold"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def holds_the_law(data: Any, **more: Any) -> None:
    plan, sheet, findings = load_plan(data, more.get("name", "sheet.yaml"), more.get("content_type"), NOW_MS)
    failed = any(each.severity == "error" for each in findings)
    assert (plan is None) is failed
    assert (sheet is None) is failed
    for each in findings:
        assert each.severity in SEVERITIES
        assert each.message
        json.dumps(each.as_object()).encode()
        each.where.encode()
        each.message.encode()
    if plan is not None:
        assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
        again, same, _ = load_plan(json.loads(json.dumps(sheet)), "", None, NOW_MS)
        assert (again, same) == (plan, sheet)
        ids = [cue.id for segment in plan.segments for cue in segment.cues]
        assert len(set(ids)) == len(ids)


@slow
@given(
    st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from(["put", "drop", "add", "double"]), values),
        min_size=1,
        max_size=3,
    )
)
def test_any_change_of_a_good_sheet_gives_a_plan_or_reasons(changes: list[tuple[tuple[Any, ...], str, Any]]) -> None:
    sheet = copy.deepcopy(OBJECT)
    for path, how, value in changes:
        target: Any = sheet
        try:
            for part in path[:-1]:
                target = target[part]
            if how == "put":
                target[path[-1]] = value
            elif how == "drop":
                del target[path[-1]]
            elif how == "add" and isinstance(target, dict):
                target[str(value)[:20]] = value
            elif isinstance(target, list):
                target.append(copy.deepcopy(target[path[-1]]))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
    holds_the_law(sheet)


@slow
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.sampled_from(WORDS) | st.text(max_size=8))
def test_any_slip_of_the_pen_in_its_text_gives_a_plan_or_reasons(at: int, length: int, typed: str) -> None:
    holds_the_law(TEXT[:at] + typed + TEXT[at + length :])


@slow
@given(
    st.text() | st.binary() | st.text(alphabet="{}[]:,-&*!|>\"' \n\tab1", max_size=60),
    st.sampled_from(["a.yaml", "a.json", "a", "a.xlsx"]),
)
def test_any_text_and_any_bytes_give_reasons(data: str | bytes, name: str) -> None:
    holds_the_law(data, name=name)


@slow
@given(st.dictionaries(st.sampled_from(sorted(OBJECT)) | st.text(max_size=5), values, max_size=6))
def test_any_object_gives_a_plan_or_reasons(data: dict[str, Any]) -> None:
    holds_the_law(data)


@slow
@given(values)
def test_json_is_read_as_python_reads_it(value: Any) -> None:
    text = json.dumps({"a": value})  # nan and inf are Python's own, and refused
    reading = read_sheet(text, "sheet.json")
    if reading.object is not None:
        assert reading.object == json.loads(text)
