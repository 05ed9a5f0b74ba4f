"""The plan of a sale: reading run sheets, making plans of them, checking them before anything is sent."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from coordinator import rules
from coordinator.core.kernel import Override
from coordinator.core.plan import Plan
from coordinator.core.windows import Account
from coordinator.runsheet import checks
from coordinator.runsheet.compiling import compile_plan
from coordinator.runsheet.findings import Finding
from coordinator.runsheet.reading import Amended, read_sheet

__all__ = ["Finding", "load_plan", "overruling", "with_start", "worst"]


def load_plan(
    data: bytes | str | dict[str, Any],
    name: str,
    content_type: str | None,
    now_ms: int,
    amended: Amended | None = None,
    told: Mapping[tuple[str, str], Account] = {},
) -> tuple[Plan | None, dict[str, Any] | None, list[Finding]]:
    """Read, compile and check a sheet: its plan, the sheet as an object, and the findings, the worst first.

    Never raises for what the sheet holds. The plan is None exactly where a finding is an `error`; a `block` leaves
    it there, for the caller to refuse. The object is what the sheet said, except that every cue has its id: a cue's
    id is fixed when it is first read, so whoever edits the object moves no id from one cue to another. What `amended`
    adds counts, and is not in the object. `told` is what relays that are here have told of their rate windows.
    """
    reading = read_sheet(data, name, content_type, amended)
    if reading.sheet is None:
        return None, None, reading.findings
    plan = compile_plan(reading.sheet)
    judged_by = rules.judge(plan.checks.rules).version
    plan = msgspec.structs.replace(plan, checks=msgspec.structs.replace(plan.checks, version=judged_by))
    findings = checks.check(reading, plan, now_ms=now_ms, told=told)
    sheet = copy.deepcopy(reading.object or {})
    for segment, planned in zip(sheet.get("segments") or (), plan.segments, strict=True):
        # Rebuilt, not filled in: an alias makes one mapping stand for several cues.
        segment["cues"] = [
            {"id": cue.id} | each for each, cue in zip(segment.get("cues") or (), planned.cues, strict=True)
        ]
    return plan, sheet, findings


def with_start(sheet: dict[str, Any], start_ms: int) -> dict[str, Any]:
    """The sheet object with its start moved to that instant; the one given stays as it is."""
    begin = datetime.fromtimestamp(start_ms / 1000, UTC)
    return {**sheet, "start": begin.strftime("%Y-%m-%dT%H:%M:%S") + f".{start_ms % 1000:03d}Z"}


def overruling(sheet: dict[str, Any], by: str, override: Override) -> dict[str, Any]:
    """The sheet object with these rules overruled for it, by whom and why; the one given stays as it is."""
    had = sheet.get("checks")
    section = dict(had) if isinstance(had, dict) else {}
    before = section.get("overruled")
    added = [{"rule": rule, "by": by, "reason": override.reason} for rule in override.rules]
    section["overruled"] = [*(before if isinstance(before, list) else []), *added]
    return {**sheet, "checks": section}


def worst(findings: list[Finding]) -> str | None:
    """The severity of the worst finding; None where there are none."""
    return findings[0].severity if findings else None
