"""SHILL: people of the team who post as if they were members."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.plan import Plan
from coordinator.runsheet.checks.found import Found, each_cue
from coordinator.runsheet.model import Sheet


def check(sheet: Sheet, plan: Plan) -> Iterator[Found]:
    cheers = sum(member.role == "cheer" for member in sheet.team)
    for path, _, compiled, _, _ in each_cue(sheet, plan):
        wordings = max(len(compiled.texts), 1)
        if compiled.do == "task.assign" and compiled.fields.get("who") == "cheer" and wordings < cheers:
            message = f"{cheers} people would post {wordings} wordings, some of them the same; give at least {cheers}"
            yield Found("block", "SHILL", (*path, "text"), message)
