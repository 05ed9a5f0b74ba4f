"""Guests 嘉宾 of a show: who comes, on what theme, in which segment, and whether they have said yes.

They stand as the sheet has them. Nothing is counted of a guest, so one that a later sheet leaves out is gone.
"""

from __future__ import annotations

import msgspec

from coordinator.core.plan import GuestPlan, Plan


class Guest(msgspec.Struct, kw_only=True):
    id: str
    name: str
    theme: str = ""
    poster: str | None = None
    state: str = "asked"
    segment: str | None = None


def of_plan(plan: Plan) -> dict[str, Guest]:
    """The guests of a sheet, in its order."""
    return {each.id: _guest(each) for each in plan.guests}


def _guest(g: GuestPlan) -> Guest:
    return Guest(id=g.id, name=g.name, theme=g.theme, poster=g.poster, state=g.state, segment=g.segment)


def only_asked(guests: dict[str, Guest]) -> list[Guest]:
    """Those whom a segment waits for, and who have not said yes."""
    return [each for each in guests.values() if each.segment is not None and each.state != "confirmed"]
