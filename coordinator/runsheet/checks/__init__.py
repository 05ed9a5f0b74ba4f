"""Whether a sheet that can be read is a good one: what blocks it, what somebody should look at.

A family of rules is a file. Nothing here is lost on the way: a finding never changes the plan.
"""

from __future__ import annotations

from coordinator import rules
from coordinator.core.plan import Plan
from coordinator.runsheet.checks import length, said, session, shill
from coordinator.runsheet.checks import plan as plans
from coordinator.runsheet.checks.found import Found, due, windows
from coordinator.runsheet.checks.plan import PLACEHOLDERS
from coordinator.runsheet.findings import SEVERITIES, Finding
from coordinator.runsheet.reading import Reading

__all__ = ["PLACEHOLDERS", "check", "due", "windows"]


def check(reading: Reading, plan: Plan, *, now_ms: int) -> list[Finding]:
    """Everything the checks have to say of a sheet and the plan made of it, the worst first, then in the sheet's order."""
    sheet = reading.sheet
    if sheet is None:
        return []
    judge = rules.judge(sheet.checks.rules)
    found: list[Found] = [
        *plans.check(sheet, plan, now_ms),
        *length.check(sheet, plan, judge),
        *shill.check(sheet, plan),
        *said.check(sheet, judge),
        *session.nine_things(sheet, plan),
    ]
    found.sort(key=lambda each: (SEVERITIES.index(each.severity), reading.source.line(each.path) or 0))
    return [reading.finding(each.severity, each.rule, each.path, each.message) for each in found]
