"""When things are planned, as it stands now: a pure function of the plan and of what has happened.

`replan` is called by every event that moves time; it writes the revised instants into segments and
cues and says which of them changed. Nothing else computes a planned instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import coupons, links
from coordinator.core.kernel import Key
from coordinator.core.readings import since, things, truth, until

if TYPE_CHECKING:
    from coordinator.core.plan import At
    from coordinator.core.show import Segment
    from coordinator.core.state import State

things(
    "segment", "segments", current=lambda state: state.the.segment or "",
    over=since("past its planned end, while it runs", get=lambda s: s.end if s.status == "running" else None),
    left=until("to its planned end, while it runs", get=lambda s: s.end if s.status == "running" else None),
    running=truth("it is on", get=lambda s: s.status == "running"), ended=truth("it is over", get=lambda s: s.status == "ended"),
)  # fmt: skip


def in_order(state: State) -> list[Segment]:
    return sorted(state.segments.values(), key=lambda s: s.index)


def next_segment(state: State) -> Segment | None:
    """The first segment that has neither run nor been skipped."""
    aftercare_only = state.the.status in {"ended", "closed"}
    return next(
        (s for s in in_order(state) if s.status == "planned" and (s.kind == "aftercare" or not aftercare_only)), None
    )


def may_run(state: State, segment: Segment) -> bool:
    """Whether this segment may run as the show stands: before the start only what is planned before it."""
    status = state.the.status
    if status == "armed":
        return segment.start < state.the.start + state.the.moved
    if status == "ended":
        return segment.kind == "aftercare"
    return status == "live" and segment.kind != "aftercare"


def move(state: State, by_ms: int) -> list[Key]:
    """A pause or a shift: all that is still to come and hangs on show or segment moves; what of it has changed."""
    state.the.moved += by_ms
    if state.the.started_at is None:
        state.the.start += by_ms
        state.the.moved = 0
    running = state.segments.get(state.the.segment or "")
    if running is not None and running.anchor is not None:
        running.anchor += by_ms
    over = [segment for segment in state.segments.values() if segment.status == "ended"]
    for segment in over:
        segment.after += by_ms  # its end is history; what hangs on it and is still to come moves
    segments = [*over, running] if running is not None else over
    return [("segments", segment.id) for segment in segments]


def by_the_sheet(state: State) -> dict[str, int]:
    """When each planned segment would start if none before it overran: what the sheet says, as the start stands now."""
    starts: dict[str, int] = {}
    end = show_start = state.the.start + state.the.moved
    for plan in state.p.segments:
        if plan.at is None:
            start = end
        else:
            start = plan.at.instant - state.stepped if plan.at.instant is not None else show_start + plan.at.offset
        starts[plan.id] = start
        end = start + plan.lasts
    return starts


def replan(state: State) -> Iterable[Key]:
    """Brings all revised instants up to date; returns the entities that changed."""
    changed: list[Key] = []
    plans = {s.id: s for s in state.p.segments}
    the = state.the
    show_start = the.start + the.moved
    # The end of what comes before: segments never overlap. What has run comes before what is planned, wherever an edited
    # sheet has put it, or left it out.
    free_from = max((_run_end(s) for s in state.segments.values() if s.status in {"running", "ended"}), default=None)
    for segment in in_order(state):
        if segment.status == "planned":
            at = plans[segment.id].at
            if at is None:
                # Aftercare that follows has its place after the real end of the show.
                start = free_from if free_from is not None else show_start
                if segment.kind == "aftercare" and the.ended_at is not None:
                    start = max(start, the.ended_at)
            else:
                start = at.instant - state.stepped if at.instant is not None else show_start + at.offset
                if free_from is not None:
                    start = max(start, free_from)
            end = start + segment.lasts + segment.extended
        elif segment.status == "running":
            start, end = segment.start, _run_end(segment)
        else:
            start, end = segment.start, segment.end
        if (start, end) != (segment.start, segment.end):
            changed += _waits_as_long_as(state, segment, end)
            segment.start, segment.end = start, end
            changed.append(("segments", segment.id))
        if segment.status == "planned":
            free_from = end
    index = state.index.cues
    for cue in state.cues.values():
        if cue.status not in {"planned", "held", "announced"} or cue.id not in index:
            continue
        plan = index[cue.id][1]
        if plan.at is None:
            continue
        instant = instant_of(state, plan.at, cue.segment)
        if instant is not None and instant != cue.at:
            cue.at = instant
            changed.append(("cues", cue.id))
    changed += coupons.windows(state)
    changed += links.windows(state)
    return changed


def _run_end(segment: Segment) -> int:
    """When a segment that runs is to end, or one that ran has ended."""
    if segment.status == "ended":
        return segment.end
    return (segment.anchor if segment.anchor is not None else segment.start) + segment.lasts + segment.extended


def _waits_as_long_as(state: State, segment: Segment, end: int) -> Iterable[Key]:
    """A confirmation that is waited for until the segment's end is waited for until the new one."""
    for cue in state.cues.values():
        if cue.status == "waiting" and cue.segment == segment.id and cue.waiting_until == segment.end:
            cue.waiting_until = end
            yield ("cues", cue.id)


def wait_longer(state: State, by_ms: int) -> Iterable[Key]:
    """After a pause, a confirmation with a time of its own has as much of it left as before."""
    for cue in state.cues.values():
        if cue.status == "waiting" and cue.waiting_until is not None:
            segment = state.segments.get(cue.segment or "")
            if segment is None or segment.end != cue.waiting_until:
                cue.waiting_until += by_ms
                yield ("cues", cue.id)


def instant_of(state: State, at: At, segment_id: str | None) -> int | None:
    """When `at` is, as things stand. None where it hangs on a segment that is not there."""
    if at.base == "clock":
        return at.instant - state.stepped if at.instant is not None else None
    if at.base == "show":
        return state.the.start + state.the.moved + at.offset
    segment = state.segments.get(segment_id or "")
    if segment is None:
        return None
    if at.base == "end":
        return segment.end + segment.after + at.offset
    # A running segment's start is history, but what is still to come in it moves with its anchor.
    anchor = segment.anchor if segment.status == "running" and segment.anchor is not None else segment.start
    return anchor + segment.after + at.offset
