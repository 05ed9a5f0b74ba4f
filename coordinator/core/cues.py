"""Cues: what is to happen at a time, from the plan or by hand, and the drops they put into groups.

A cue that goes into groups has a lead: it is announced (its deliveries are requested) that long before
its moment and fires at it. Between the two it can be withdrawn. A press by hand is a cue made for it.
A cue's run keeps its id over hold and release, so that a group's delivery keeps its id too, with the
next attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coordinator.core import reaching, schedule
from coordinator.core.cue_kinds import into_groups
from coordinator.core.kernel import (
    Event,
    Key,
    Refusal,
    evolves,
    result_of,
)
from coordinator.core.plan import CuePlan

if TYPE_CHECKING:
    from coordinator.core.state import State

BOARD_DROPS = 40  # the newest, whose deliveries are on the board; older ones are paged


# ---------------------------------------------------------------- entities
class Cue(msgspec.Struct, kw_only=True):
    id: str
    segment: str | None = None
    index: int = 0
    do: str
    text: str | None = None
    texts: tuple[str, ...] = ()
    groups: str | tuple[str, ...] | None = None
    to: str | None = None
    coupon: str | None = None
    link: str | None = None
    product: str | None = None
    quantity: int | None = None
    when: str | None = None
    confirm: str | None = None
    planned_at: int | None = None
    at: int | None = None
    status: Literal["planned", "announced", "fired", "waiting", "held", "skipped"] = "planned"
    run: str | None = None
    drop: str | None = None
    fire_at: int | None = None
    fired_at: int | None = None
    late_ms: int | None = None
    waiting_since: int | None = None
    waiting_until: int | None = None
    alerted: bool = False
    confirmed: bool = False
    why: str | None = None
    reach: int = 0
    hand: bool = False
    form: dict[str, Any] | None = None
    """What a planned round would open with; only a view fills it in, for those who may open one by hand."""


class Drop(msgspec.Struct, kw_only=True):
    id: str
    kind: str
    what: str | None = None  # coupon, product or link; the check-in's id
    cue: str
    run: str
    groups: list[str]
    text: str = ""
    at: int
    fire_at: int
    expires_at: int
    fired_at: int | None = None
    last_at: int | None = None  # when its last group will have it, as was forecast when it was announced
    status: Literal["announced", "fired", "withdrawn"] = "announced"
    quantity: int | None = None
    claimed: int = 0
    clicks: int = 0
    previews: int = 0  # robots that looked at its addresses: no clicks
    stopped: bool = False  # a link whose addresses lead nowhere any more
    by: str = ""
    sent: int = 0
    failed: int = 0
    unknown: int = 0


# ---------------------------------------------------------------- events
class CueAnnounced(Event, tag="cue.announced", kw_only=True):
    """A hand-pressed or added-on-the-fly cue stands whole in `hand`."""

    cue: str
    run: str
    drop: str
    fire_at: int
    expires_at: int
    planned_at: int
    attempt: int = 1
    groups: list[str]
    do: str
    what: str | None = None
    text: str = ""
    quantity: int | None = None
    last_at: int | None = None  # when the last group will have it, by the windows that its relays have told
    hand: CuePlan | None = None


class CueFired(Event, tag="cue.fired", kw_only=True):
    cue: str
    run: str
    planned_at: int
    late_ms: int
    drop: str | None = None
    do: str = ""


class CueSkipped(Event, tag="cue.skipped", kw_only=True):
    cue: str
    run: str | None = None
    why: str


class CueWaiting(Event, tag="cue.waiting", kw_only=True):
    cue: str
    run: str
    why: str  # confirm, late
    role: str | None = None
    until: int | None = None


class CueHeld(Event, tag="cue.held", kw_only=True):
    cue: str
    run: str | None = None


class CueReleased(Event, tag="cue.released", kw_only=True):
    cue: str
    run: str | None = None


class CueWithdrawn(Event, tag="cue.withdrawn", kw_only=True):
    """An announced cue goes back to what is planned; its deliveries are withdrawn."""

    cue: str
    run: str
    why: str


class CueConfirmed(Event, tag="cue.confirmed", kw_only=True):
    cue: str
    run: str


class CueAgain(Event, tag="cue.again", kw_only=True):
    """A triggered cue that may fire again is planned again, for a run of its own."""

    cue: str


class CueTriggered(Event, tag="cue.triggered", kw_only=True):
    """Time alone has made the cue's condition true; what an event makes true is set off in the append of that event."""

    cue: str


class CueAlerted(Event, tag="cue.alerted", kw_only=True):
    """A cue waits for its confirmation so long that the owner is told."""

    cue: str
    run: str


@result_of(CueAnnounced)
def announced_result(_: State, e: CueAnnounced) -> dict[str, Any]:
    return {"drop": e.drop, "run": e.run, "fire_at": e.fire_at}


@result_of(CueFired)
def fired_result(_: State, e: CueFired) -> dict[str, Any]:
    return {"run": e.run}


# ---------------------------------------------------------------- what the plan says of a cue
def plan_of(state: State, cue: str) -> CuePlan:
    return state.index.cues[cue][1]


def lead_of(state: State, plan: CuePlan) -> int:
    if not into_groups(plan.do):
        return 0
    return state.p.lead if plan.lead is None else plan.lead


def need_cue(state: State, cue: str) -> Cue:
    found = state.cues.get(cue)
    if found is None:
        raise Refusal("unknown", f"there is no cue {cue}", {"field": "cue", "cue": cue})
    return found


def run_of(state: State, cue: Cue) -> str:
    return cue.run or state.next_id("r")


# ---------------------------------------------------------------- evolving
def _new_run(state: State, cue: Cue, run: str, planned_at: int, at: int) -> list[Key]:
    from coordinator.core.show import Run

    if run in state.runs:
        return []
    state.count("r")
    state.runs[run] = Run(id=run, cue=cue.id, planned_at=planned_at, started_at=at)
    cue.run = run
    return [("runs", run)]


def _shown_with(state: State, drop: Drop) -> list[Key]:
    """What those who did not ask to be told ahead are shown, or not, as the drop stands."""
    return [
        ("drops", drop.id),
        ("runs", drop.run),
        *(("deliveries", d) for d in state.by_drop.get(drop.id, {}).values()),
    ]


def _last_drop_is(state: State, e: CueAnnounced) -> list[Key]:
    """The last drop of a thing is the one that was pressed last, fired or not: a second press is told `stale`."""
    kind = e.do.partition(".")[0]
    for topic in {"coupon": ("coupons",), "link": ("products", "links")}.get(kind, ()):
        thing = getattr(state, topic).get(e.what or "")
        if thing is not None:
            thing.drop = e.drop
            return [(topic, thing.id)]
    return []


@evolves(CueAnnounced)
def cue_announced(state: State, e: CueAnnounced) -> Iterable[Key]:
    if e.hand is not None and e.cue not in state.cues:
        state.count("hand-")
        state.add_cue("", e.hand)
        state.cues[e.cue] = new_cue(state, None, e.hand, 0)
        state.cues[e.cue].planned_at = state.cues[e.cue].at = e.planned_at
        state.cues[e.cue].hand = True
    cue = state.cues[e.cue]
    keys = _new_run(state, cue, e.run, e.planned_at, e.at) or [("runs", e.run)]
    state.runs[e.run].planned_at = e.planned_at
    cue.status, cue.drop, cue.fire_at, cue.why = "announced", e.drop, e.fire_at, None
    cue.reach = len(e.groups)
    drop = state.drops.get(e.drop)
    if drop is None:
        state.count("drop")
        keys += _last_drop_is(state, e)
        off_the_board = f"drop{state.counts['drop'] - BOARD_DROPS}"
        keys += [("deliveries", d) for d in state.by_drop.get(off_the_board, {}).values()]
        drop = state.drops[e.drop] = Drop(
            id=e.drop, kind=e.do.partition(".")[0], what=e.what, cue=e.cue, run=e.run, groups=e.groups,
            text=e.text, at=e.at, fire_at=e.fire_at, expires_at=e.expires_at, quantity=e.quantity, by=e.by,
            last_at=e.last_at,
        )  # fmt: skip
    else:
        drop.status, drop.fire_at, drop.expires_at = "announced", e.fire_at, e.expires_at
        drop.groups, drop.text, drop.last_at = e.groups, e.text, e.last_at
        keys += _shown_with(state, drop)
    return [*keys, ("cues", e.cue), ("drops", e.drop)]


@evolves(CueFired)
def cue_fired(state: State, e: CueFired) -> Iterable[Key]:
    cue = state.cues[e.cue]
    keys = _new_run(state, cue, e.run, e.planned_at, e.at)
    cue.status, cue.fired_at, cue.late_ms = "fired", e.at, e.late_ms
    run = state.runs[e.run]
    run.ended_at = e.at
    keys += [("cues", e.cue), ("runs", e.run)]
    if e.drop:
        drop = state.drops[e.drop]
        drop.status, drop.fired_at = "fired", e.at
        keys.append(("drops", e.drop))
        keys += _shown_with(state, drop)
    return keys


@evolves(CueSkipped)
def cue_skipped(state: State, e: CueSkipped) -> Iterable[Key]:
    cue = state.cues[e.cue]
    cue.status, cue.why = "skipped", e.why
    return [("cues", e.cue)]


@evolves(CueWaiting)
def cue_waiting(state: State, e: CueWaiting) -> Iterable[Key]:
    cue = state.cues[e.cue]
    keys = _new_run(state, cue, e.run, cue.at or e.at, e.at)
    cue.status, cue.why = "waiting", e.why
    cue.waiting_since, cue.waiting_until, cue.alerted = e.at, e.until, False
    cue.confirmed = False  # what waits again needs another word
    return [*keys, ("cues", e.cue)]


@evolves(CueHeld, CueReleased, CueConfirmed, CueAlerted, CueWithdrawn, CueAgain)
def cue_changed(state: State, e: Any) -> Iterable[Key]:
    cue = state.cues[e.cue]
    match e:
        case CueHeld():
            cue.status = "held"
        case CueReleased():
            cue.status, cue.why = "planned", None
        case CueConfirmed():
            cue.confirmed = True
        case CueAlerted():
            cue.alerted = True
        case CueAgain():
            again = new_cue(state, cue.segment, plan_of(state, e.cue), cue.index)  # by the sheet as it is now
            for name in ("planned_at", "at", "fired_at", "late_ms", "hand"):
                setattr(again, name, getattr(cue, name))
            state.cues[e.cue] = again
        case CueWithdrawn():
            cue.status, cue.why, cue.fire_at = "planned", e.why, None
            state.truths.pop(e.cue, None)  # a triggered one is set off again by the next look at its condition
            # A hand's cue has no moment of its own to come back to: it waits for a release.
            if cue.hand:
                cue.status = "held"
            drop = state.drops.get(cue.drop or "")
            if drop is not None:
                drop.status = "withdrawn"
                return [("cues", e.cue), *_shown_with(state, drop), *schedule.replan(state)]
    return [("cues", e.cue), *schedule.replan(state)]


@evolves(CueTriggered)
def cue_triggered(_: State, e: CueTriggered) -> Iterable[Key]:
    return [("cues", e.cue)]


def new_cue(state: State, segment: str | None, plan: CuePlan, index: int, counts: reaching.Counts | None = None) -> Cue:
    """`counts` are for who makes many at once."""
    f = plan.fields
    cue = Cue(
        id=plan.id, segment=segment, index=index, do=plan.do, text=plan.text, texts=plan.texts, groups=plan.groups,
        to=f.get("to") or f.get("who"), coupon=f.get("coupon"), link=f.get("link"), product=f.get("product"),
        quantity=f.get("quantity"), when=plan.when, confirm=plan.confirm.role if plan.confirm else None,
    )  # fmt: skip
    if into_groups(plan.do):
        cue.reach = reaching.count(state, plan, {} if counts is None else counts)
    return cue
