"""PRIZE: the draws of a sheet."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.draws import stated
from coordinator.core.plan import Plan
from coordinator.core.prizes import prize_faults
from coordinator.core.rules import Judge
from coordinator.runsheet.checks.found import Found, each_cue
from coordinator.runsheet.model import Sheet


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    for path, _, compiled, _, _ in each_cue(sheet, plan):
        if compiled.do == "draw.open":
            for fault in prize_faults(judge, stated(compiled.fields), plan.currency):
                yield Found(fault.severity, fault.rule, (*path, "prizes"), fault.message, fault.zh)
