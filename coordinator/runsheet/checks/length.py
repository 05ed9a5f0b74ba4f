"""LENGTH: too long for people, or for the platform that takes it."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.cue_kinds import into_groups
from coordinator.core.plan import Plan
from coordinator.core.rules import Judge
from coordinator.runsheet import times
from coordinator.runsheet.checks.found import Found, each_cue
from coordinator.runsheet.model import Sheet


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    longest, most = judge.limit("LENGTH", "product_ms"), judge.limit("LENGTH", "text_bytes")
    for number, segment in enumerate(plan.segments):
        if longest is not None and segment.kind == "product" and segment.lasts > longest:
            message = (
                f"{segment.id} lasts {times.length_text(segment.lasts)}; {_minutes(longest)} is the most a product holds, "
                "make it shorter or two"
            )
            yield Found("warn", "LENGTH", ("segments", number, "lasts"), message)
    for path, cue, compiled, _, _ in each_cue(sheet, plan):
        for text in cue.text or ():
            size = len(text.encode())
            if most is not None and into_groups(compiled.do) and size > most:
                message = f"the text has {size} bytes, group robots take {most}; shorten it or make it two messages"
                yield Found("warn", "LENGTH", (*path, "text"), message)


def _minutes(ms: int) -> str:
    return "three minutes" if ms == 180_000 else times.length_text(ms)
