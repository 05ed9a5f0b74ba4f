"""Whether a sheet that can be read is a good one: what blocks it, what somebody should look at.

A family of rules is a file. Nothing here is lost on the way: a finding never changes the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from coordinator import rules
from coordinator.core.checks import NEVER
from coordinator.core.plan import Plan
from coordinator.core.windows import Account
from coordinator.runsheet.checks import length, pace, prices, prizes, said, session, shill
from coordinator.runsheet.checks import plan as plans
from coordinator.runsheet.checks.found import Found, due, windows
from coordinator.runsheet.checks.plan import PLACEHOLDERS
from coordinator.runsheet.findings import SEVERITIES, Finding
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.reading import Reading

__all__ = ["PLACEHOLDERS", "check", "due", "windows"]


def check(reading: Reading, plan: Plan, *, now_ms: int, told: Mapping[tuple[str, str], Account] = {}) -> list[Finding]:
    """Everything the checks have to say of a sheet and the plan made of it, the worst first, then in the sheet's order."""
    sheet = reading.sheet
    if sheet is None:
        return []
    judge = rules.judge(sheet.checks.rules)
    found: list[Found] = [
        *plans.check(sheet, plan, now_ms),
        *length.check(sheet, plan, judge),
        *shill.check(sheet, plan, judge),
        *prices.check(sheet, plan, judge),
        *pace.check(sheet, plan, judge, told),
        *said.check(sheet, judge),
        *prizes.check(sheet, plan, judge),
        *session.nine_things(sheet, plan),
        *session.fitting(sheet, plan, judge),
    ]
    found = [_overruled(sheet, each) for each in found]
    found.sort(key=lambda each: (SEVERITIES.index(each.severity), reading.source.line(each.path) or 0))
    return [reading.finding(each.severity, each.rule, each.path, each.message, each.zh) for each in found]


def _overruled(sheet: Sheet, found: Found) -> Found:
    """What somebody has overruled by name, with a reason, no longer blocks; it is still said, and by whom."""
    if found.severity != "block" or found.rule in NEVER:
        return found
    for each in sheet.checks.overruled:
        if each.rule == found.rule and each.term in found.message:
            return replace(
                found,
                severity="warn",
                message=f"{found.message} (overruled by {each.by}: {each.reason})",
                zh=f"{found.zh} ({each.by} 已越过: {each.reason})",
            )
    return found
