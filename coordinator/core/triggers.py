"""Triggered cues: evaluated after each event on an index of what they read, fired on the edge.

Whether a condition holds is part of the state (`truths`), so the edge is the same in every replay. A
cue is set off once, or again after the sheet's `again after`, in the same append as the event that made
its condition true.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.comparisons import Now
from coordinator.core.cue_kinds import into_groups
from coordinator.core.cues import CueTriggered
from coordinator.core.kernel import ANY, Event, Touched, Turn, due_key, moments, trigger

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
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
def look(state: State, touched: Touched, event: Event) -> None:
    """Brings the truths up to date after an event; keeps which of them have just risen."""
    index = state.index
    truths = state.truths
    names: list[str] = list(index.happenings.get(type(event), ()))
    for topic, id_ in touched:
        watched = index.watched.get(topic)
        if watched is not None:
            names += watched.get(id_, ())
            names += watched.get(ANY, ())
    risen: list[str] = []
    now = Now(state, state.at, str(event.__struct_config__.tag))
    for name in names if len(names) == 1 else sorted(set(names)):
        if stands_still(state, name):
            continue
        condition = index.conditions[name]
        holds = condition.node.holds(now) is True and looked_at(state, name)
        if holds and not held(state, name):
            risen.append(name)
        if holds and condition.happenings:
            holds = condition.holds(state, state.at)  # what happened is over
        if holds or name in truths:
            truths[name] = holds
        if condition.timed:
            falls = condition.falls_at(state, state.at) if holds else None
            if falls is not None:
                state.falls[name] = falls
            else:
                state.falls.pop(name, None)
    index.risen = tuple(risen)


def held(state: State, name: str) -> bool:
    """Whether the condition was true until now, as far as it was looked at: time may have made it false meanwhile."""
    return state.truths.get(name, False) and state.falls.get(name, state.at + 1) > state.at


@moments
def comes_true(state: State) -> Iterable[tuple[int, int, str]]:
    """When time alone makes conditions true."""
    for name in state.index.timed:
        cue = state.cues.get(name)
        plan = state.index.cues[name][1]
        over = cue is None or cue.status == "skipped" or (cue.status == "fired" and plan.again_after is None)
        if over or not looked_at(state, name) or stands_still(state, name):
            continue
        instant = state.index.conditions[name].rises_at(state, state.at, was=held(state, name))
        if instant is not None:
            yield instant, 5, f"when={name}"


@due_key("when")
def has_come_true(turn: Turn, name: str) -> None:
    state = turn.state
    condition = state.index.conditions.get(name)
    if condition is None or not looked_at(state, name) or stands_still(state, name):
        return
    instant = condition.rises_at(state, state.at, was=held(state, name))
    if instant is not None and instant <= turn.at:
        turn.emit(CueTriggered(cue=name))


def _comes_again(cue: Cue, plan: CuePlan) -> bool:
    """Whether it ran by a condition and does the same still: what a later sheet made of an id that has run is not run."""
    return cue.status == "fired" and plan.again_after is not None and cue.when is not None and cue.do == plan.do


@trigger("follow")
def follow(turn: Turn) -> None:
    """Sets off the cues whose condition has just become true."""
    from coordinator.core import cues, firing

    state = turn.state
    risen, state.index.risen = state.index.risen, ()
    for name in risen:
        cue = state.cues[name]
        plan = cues.plan_of(state, name)
        if _comes_again(cue, plan) and turn.at >= (cue.fired_at or 0) + (plan.again_after or 0):
            turn.emit(cues.CueAgain(cue=name))
            cue = state.cues[name]
        if cue.status != "planned":
            continue
        if plan.confirm is not None and not cue.confirmed:
            firing.wait_for_confirm(turn, cue, plan)
        else:
            firing.go(turn, cue, turn.at + cues.lead_of(state, plan))
