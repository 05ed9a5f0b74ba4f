"""Triggered cues: evaluated after each event on an index of what they read, fired on the edge.

Whether a condition holds is part of the state (`truths`), so the edge is the same in every replay. A
cue is set off once, or again after the sheet's `again after`, in the same append as the event that made
its condition true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core.cue_kinds import into_groups
from coordinator.core.kernel import Key, Turn, trigger

if TYPE_CHECKING:
    from coordinator.core.state import State


def looked_at(state: State, name: str) -> bool:
    """A condition is looked at from its segment's start on, while the show runs."""
    cue = state.cues.get(name)
    status = state.the.status
    if cue is None or status not in {"armed", "live", "ended"}:
        return False
    segment = state.segments.get(cue.segment or "")
    if status == "ended" and (segment is None or segment.kind != "aftercare"):
        return False
    return segment is None or segment.status in {"running", "ended"}


def stands_still(state: State, name: str) -> bool:
    """A pause, and a halt for what goes into groups: an edge is neither seen nor lost, but waits for their end."""
    return state.the.status == "paused" or (state.the.halted and into_groups(state.index.cues[name][1].do))


@trigger("look")
def look(state: State, touched: set[Key]) -> None:
    """Brings the truths up to date after an event; keeps which of them have just risen."""
    index = state.index
    watched, truths = index.watched, state.truths
    names: list[str] = []
    for key in touched:
        if key in watched:
            names += watched[key]
    risen: list[str] = []
    for name in names if len(names) == 1 else sorted(set(names)):
        if stands_still(state, name):
            continue
        holds = looked_at(state, name) and index.conditions[name].holds(index.lookup)
        if holds != truths.get(name, False):
            truths[name] = holds
            if holds:
                risen.append(name)
    index.risen = tuple(risen)


@trigger("follow")
def follow(turn: Turn) -> None:
    """Sets off the cues whose condition has just become true."""
    from coordinator.core import cues, firing

    state = turn.state
    risen, state.index.risen = state.index.risen, ()
    for name in risen:
        cue = state.cues[name]
        plan = cues.plan_of(state, name)
        if cue.status == "fired" and plan.again_after is not None and turn.at >= (cue.fired_at or 0) + plan.again_after:
            turn.emit(cues.CueAgain(cue=name))
        if cue.status != "planned":
            continue
        if plan.confirm is not None and not cue.confirmed:
            firing.wait_for_confirm(turn, cue, plan)
        else:
            firing.go(turn, cue, turn.at + cues.lead_of(state, plan))
