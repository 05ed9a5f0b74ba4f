"""The show's life, and its segments as they run.

planned → armed → live ⇄ paused → ended → closed. The plan says when a segment should run; its run says
when it did. A segment that ends by itself ends at its planned moment, however late that is noticed, so
that a service that was away does not push the rest of the show back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from pydantic import Field

from coordinator.core import schedule
from coordinator.core.kernel import (
    SET_OFF,
    Command,
    Event,
    Key,
    Refusal,
    ShortText,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import SegmentPlan
    from coordinator.core.state import State

DAY_MS = 86_400_000
BLINK_MS = 500  # real time within which two people's presses of one button are one
Shift = Annotated[int, Field(ge=-7 * DAY_MS, le=7 * DAY_MS)]


# ---------------------------------------------------------------- entities
class Show(msgspec.Struct, kw_only=True):
    id: str = "show"
    title: str
    kind: str
    status: str = "planned"
    currency: str
    timezone: str
    planned_start: int
    start: int  # the revised start; from `show.start` on the real one
    moved: int = 0  # by pauses and shifts, for all that hangs on the start
    started_at: int | None = None
    paused_at: int | None = None
    ended_at: int | None = None
    closed_at: int | None = None
    halted: bool = False
    halted_reason: str | None = None
    version: int = 1
    approved: bool = False
    segment: str | None = None
    run: str | None = None
    product: str | None = None
    lead: int = 2000
    rehearsal: bool = False
    targets: dict[str, int] = {}
    nudge: Nudge | None = None


class Nudge(msgspec.Struct, kw_only=True, frozen=True):
    """The last shift or extension: two people who press it within one blink mean one."""

    kind: str
    by: str
    by_ms: int
    at: int


class Segment(msgspec.Struct, kw_only=True):
    id: str
    index: int
    kind: str
    name: str = ""
    product: str | None = None
    lasts: int
    advance: str = "auto"
    planned_start: int
    planned_end: int
    start: int
    end: int
    extended: int = 0
    after: int = 0  # by how much pauses and shifts have moved what hangs on it and comes after its end
    anchor: int | None = None  # what its length is counted from; moved by pause and shift
    status: Literal["planned", "running", "ended", "skipped"] = "planned"
    run: str | None = None


class Run(msgspec.Struct, kw_only=True):
    """A segment or cue as it happened."""

    id: str
    segment: str | None = None
    cue: str | None = None
    planned_at: int
    started_at: int
    ended_at: int | None = None


# ---------------------------------------------------------------- events
class ShowArmed(Event, tag="show.armed"):
    pass


class ShowStarted(Event, tag="show.started", kw_only=True):
    start: int


class ShowPaused(Event, tag="show.paused"):
    pass


class ShowResumed(Event, tag="show.resumed", kw_only=True):
    paused_ms: int


class ShowShifted(Event, tag="show.shifted", kw_only=True):
    by_ms: int


class ShowHalted(Event, tag="show.halted", kw_only=True):
    reason: str = ""


class ShowUnhalted(Event, tag="show.unhalted"):
    pass


class ShowEnded(Event, tag="show.ended"):
    pass


class ShowClosed(Event, tag="show.closed"):
    pass


class SegmentStarted(Event, tag="segment.started", kw_only=True):
    segment: str
    run: str
    planned_at: int


class SegmentEnded(Event, tag="segment.ended", kw_only=True):
    segment: str
    run: str | None = None  # None: it never ran
    planned_at: int
    early: bool = False


class SegmentExtended(Event, tag="segment.extended", kw_only=True):
    segment: str
    run: str
    by_ms: int


# ---------------------------------------------------------------- commands
@command("show.arm", button=True, events=("show.armed",))
class ShowArm(Command):
    """The cues before the start begin to run by the planned start. Needs an approved sheet."""


@command("show.start", button=True, events=("show.started", "segment.ended", "cue.skipped", "segment.started"))
class ShowStart(Command):
    """The start as it happens; everything that hangs on it follows."""


@command("show.pause", button=True, events=("show.paused", "cue.withdrawn", "delivery.withdrawn"))
class ShowPause(Command):
    """Stops what hangs on the show or a segment, and withdraws what has not left."""


@command("show.resume", button=True, events=("show.resumed",))
class ShowResume(Command):
    """Goes on; what was stopped is moved by the pause's length."""


@command(
    "show.shift", button=True, events=("show.shifted", "cue.withdrawn", "delivery.withdrawn", "delivery.requested")
)
class ShowShift(Command):
    """Moves everything that is still to come and hangs on the show or a segment."""

    by_ms: Shift


@command("show.halt", button=True, events=("show.halted", "cue.withdrawn", "delivery.withdrawn"))
class ShowHalt(Command):
    """Withdraws all that has not left, and stops every drop until `show.unhalt`."""

    reason: ShortText = "halted"


@command("show.unhalt", button=True, events=("show.unhalted",))
class ShowUnhalt(Command):
    """Drops run again; what came due meanwhile follows its `late` rule."""


@command(
    "show.end", button=True, events=("show.ended", "segment.ended", "cue.skipped", "segment.started", "prompt.sent")
)
class ShowEnd(Command):
    """The show is over; aftercare goes on. The controller is told what is to be settled before the close."""


@command("segment.next", button=True, events=("segment.ended", "segment.started", "cue.skipped", *SET_OFF))
class SegmentNext(Command):
    """Ends the running segment now and starts the next."""


@command(
    "segment.extend",
    button=True,
    events=("segment.extended", "cue.withdrawn", "delivery.withdrawn", "delivery.requested"),
)
class SegmentExtend(Command):
    """Makes the running segment longer (or shorter: a negative length)."""

    by_ms: Shift


@current(
    ShowArm,
    ShowStart,
    ShowPause,
    ShowResume,
    ShowShift,
    ShowHalt,
    ShowUnhalt,
    ShowEnd,
    SegmentNext,
    SegmentExtend,
)
def running_run(state: State, _: Command) -> str | None:
    return state.the.run


# ---------------------------------------------------------------- rules
def need(state: State, *statuses: str, to: str = "") -> None:
    """Refuses unless the show stands in one of these: too late for what is behind it, else too early.

    Where it stands at `to` already, somebody was quicker: `stale`.
    """
    if state.the.status == to:
        raise Refusal("stale", f"the sale is {to} already", {"current": state.the.run})
    # A pause is no later than the show: it will go on.
    order = {"planned": 0, "armed": 1, "live": 2, "paused": 2, "ended": 3, "closed": 4}
    now = state.the.status
    if now not in statuses:
        late = order[now] > max(order[s] for s in statuses)
        raise Refusal(
            "too_late" if late else "too_early",
            f"the sale is {now}; this needs it to be {' or '.join(statuses)}",
            {"status": now, "needs": list(statuses)},
        )


@decides(ShowArm)
def arm(turn: Turn, _: ShowArm) -> None:
    need(turn.state, "planned", to="armed")
    if not turn.state.the.approved:
        raise Refusal(
            "too_early", "the sheet is not approved: its owner sends sheet.approve first", {"needs": "sheet.approve"}
        )
    turn.emit(ShowArmed())


@decides(ShowStart)
def start(turn: Turn, _: ShowStart) -> None:
    need(turn.state, "armed", to="live")
    begin(turn)


def begin(turn: Turn) -> None:
    """The show starts now: what was to come before it is over, and the first segment runs."""
    from coordinator.core import firing
    from coordinator.core.cues import plan_of

    state = turn.state
    planned = state.the.start
    # One before it may overrun, and have put them off: they belong before the start all the same.
    sheet = schedule.by_the_sheet(state)
    before = [
        s
        for s in state.segments.values()
        if s.status in {"planned", "running"} and min(s.start, sheet.get(s.id, s.start)) < planned
    ]
    over = {s.id: s for s in before}

    def is_over(cue: Cue) -> bool:
        """Days and clock times keep the sheet's date: what has a later moment of its own is still to come."""
        segment = over.get(cue.segment or "")
        if segment is None or cue.at is None:
            return segment is not None or (cue.at is not None and cue.at < planned)
        at = plan_of(state, cue.id).at
        hangs = at is not None and at.base in {"start", "end"}
        return cue.at < planned or (hangs and segment.run is None)  # a segment that never ran has no end either

    rest = [c.id for c in firing.to_come(state) if is_over(c)]
    turn.emit(ShowStarted(start=turn.at))
    for segment in before:
        turn.emit(SegmentEnded(segment=segment.id, run=segment.run, planned_at=segment.end, early=True))
    firing.skip(turn, rest, "show_started")
    start_what_is_due(turn)


def start_what_is_due(turn: Turn) -> None:
    """Starts the first planned segment where its moment has come and nothing else runs."""
    state = turn.state
    if state.the.segment is not None:
        return
    following = schedule.next_segment(state)
    if following is not None and following.start <= turn.at and schedule.may_run(state, following):
        turn.emit(SegmentStarted(segment=following.id, run=state.next_id("r"), planned_at=following.start))


@decides(ShowPause)
def pause(turn: Turn, _: ShowPause) -> None:
    from coordinator.core import firing

    need(turn.state, "live", to="paused")
    turn.emit(ShowPaused())
    firing.withdraw_announced(turn, "paused")


@decides(ShowResume)
def resume(turn: Turn, _: ShowResume) -> None:
    need(turn.state, "paused", to="live")
    turn.emit(ShowResumed(paused_ms=turn.at - (turn.state.the.paused_at or turn.at)))


def _no_second_press(turn: Turn, kind: str, by_ms: int) -> None:
    """The running segment's run cannot tell two presses of the same nudge apart; who pressed, and when, can."""
    last = turn.state.the.nudge
    if (
        last is not None
        and (last.kind, last.by_ms) == (kind, by_ms)
        and last.by != turn.actor.by
        and turn.late(last.at) < BLINK_MS
    ):
        raise Refusal("stale", f"{last.by} has just pressed this", {"current": turn.state.the.run})


@decides(ShowShift)
def shift(turn: Turn, c: ShowShift) -> None:
    from coordinator.core import firing

    need(turn.state, "planned", "armed", "live", "paused")
    _no_second_press(turn, "shift", c.by_ms)
    before = firing.on_plan(turn.state)
    turn.emit(ShowShifted(by_ms=c.by_ms))
    firing.withdraw_moved(turn, before, "shifted")


@decides(ShowHalt)
def halt(turn: Turn, c: ShowHalt) -> None:
    from coordinator.core import deliveries, firing

    need(turn.state, "planned", "armed", "live", "paused", "ended")
    if turn.state.the.halted:
        raise Refusal("stale", "the show is halted already", {"current": turn.state.the.run})
    turn.emit(ShowHalted(reason=c.reason))
    firing.withdraw_announced(turn, "halted")
    deliveries.withdraw_all(turn, "halted")


@decides(ShowUnhalt)
def unhalt(turn: Turn, _: ShowUnhalt) -> None:
    if not turn.state.the.halted:
        raise Refusal("stale", "the show is not halted", {"current": turn.state.the.run})
    turn.emit(ShowUnhalted())


@decides(ShowEnd)
def end(turn: Turn, _: ShowEnd) -> None:
    from coordinator.core import closing, firing

    need(turn.state, "live", "paused", to="ended")
    state = turn.state
    turn.emit(ShowEnded())
    for segment in list(state.segments.values()):
        if segment.status in {"planned", "running"} and segment.kind != "aftercare":
            turn.emit(SegmentEnded(segment=segment.id, run=segment.run, planned_at=segment.end, early=True))
    aftercare = {s.id for s in state.segments.values() if s.kind == "aftercare"}
    rest = [c.id for c in firing.to_come(state) if c.segment is not None and c.segment not in aftercare]
    firing.skip(turn, rest, "show_ended")
    start_what_is_due(turn)
    closing.tell(turn)


@decides(SegmentNext)
def next_segment(turn: Turn, _: SegmentNext) -> None:
    from coordinator.core import firing

    need(turn.state, "live")
    state = turn.state
    following = schedule.next_segment(state)
    if following is None or following.kind == "aftercare":
        raise Refusal("too_late", "the last segment is running: show.end ends the show", {"segment": state.the.segment})
    running = state.segments.get(state.the.segment or "")
    if running is not None:
        turn.emit(
            SegmentEnded(segment=running.id, run=running.run, planned_at=running.end, early=turn.at < running.end)
        )
    turn.emit(SegmentStarted(segment=following.id, run=state.next_id("r"), planned_at=following.start))
    if running is not None:
        firing.after_early_end(turn, running.id)


@decides(SegmentExtend)
def extend(turn: Turn, c: SegmentExtend) -> None:
    from coordinator.core import firing

    need(turn.state, "live", "paused")
    running = turn.state.segments.get(turn.state.the.segment or "")
    if running is None or running.run is None:
        raise Refusal("too_early", "no segment is running", {"segment": None})
    now = turn.at if turn.state.the.paused_at is None else turn.state.the.paused_at
    if c.by_ms < 0 and running.end + c.by_ms < now:
        raise Refusal("invalid", "that would end the segment in the past: segment.next ends it now", {"field": "by_ms"})
    _no_second_press(turn, "extend", c.by_ms)
    before = firing.on_plan(turn.state)
    turn.emit(SegmentExtended(segment=running.id, run=running.run, by_ms=c.by_ms))
    firing.withdraw_moved(turn, before, "extended")


@result_of(SegmentStarted)
def started_result(_: State, e: SegmentStarted) -> dict[str, str]:
    return {"segment": e.segment, "run": e.run}


# ---------------------------------------------------------------- what is due
@moments
def segment_moments(state: State) -> Iterable[tuple[int, int, str]]:
    the = state.the
    if the.status == "armed" and state.p.auto_start:
        yield the.start, 0, "show.start="
    if the.status == "paused":
        return
    running = state.segments.get(the.segment or "")
    if running is not None:
        if running.advance == "auto":
            yield running.end, 1, f"segment.end={running.id}"
        return
    following = schedule.next_segment(state)
    if following is not None and schedule.may_run(state, following):
        yield following.start, 2, f"segment.start={following.id}"


@due_key("show.start")
def start_due(turn: Turn, _: str) -> None:
    the = turn.state.the
    if the.status == "armed" and the.start <= turn.at:
        begin(turn)


@due_key("segment.end")
def segment_end_due(turn: Turn, segment_id: str) -> None:
    segment = turn.state.segments.get(segment_id)
    if (
        segment is not None
        and segment.status == "running"
        and segment.end <= turn.at
        and turn.state.the.status != "paused"
    ):
        turn.emit(SegmentEnded(segment=segment.id, run=segment.run, planned_at=segment.end))


@due_key("segment.start")
def segment_start_due(turn: Turn, segment_id: str) -> None:
    following = schedule.next_segment(turn.state)
    if following is not None and following.id == segment_id and turn.state.the.status != "paused":
        start_what_is_due(turn)


# ---------------------------------------------------------------- evolving
SHOW: Key = ("show", "show")


@evolves(ShowArmed, ShowStarted, ShowPaused, ShowResumed, ShowShifted, ShowHalted, ShowUnhalted, ShowEnded, ShowClosed)
def show_changed(state: State, e: Event) -> Iterable[Key]:
    the = state.the
    match e:
        case ShowArmed():
            the.status = "armed"
        case ShowStarted():
            the.status, the.started_at, the.start, the.moved = "live", e.at, e.start, 0
        case ShowPaused():
            the.status, the.paused_at = "paused", e.at
        case ShowResumed():
            the.status, the.paused_at = "live", None
            waits = list(schedule.wait_longer(state, e.paused_ms))
            return [SHOW, *waits, *schedule.move(state, e.paused_ms), *schedule.replan(state)]
        case ShowShifted():
            the.nudge = Nudge(kind="shift", by=e.by, by_ms=e.by_ms, at=e.at)
            return [SHOW, *schedule.move(state, e.by_ms), *schedule.replan(state)]
        case ShowHalted():
            the.halted, the.halted_reason = True, e.reason
        case ShowUnhalted():
            the.halted, the.halted_reason = False, None
        case ShowEnded():
            the.status, the.ended_at, the.paused_at = "ended", e.at, None
        case ShowClosed():
            the.status, the.closed_at = "closed", e.at
    return [SHOW, *schedule.replan(state)]


@evolves(SegmentStarted)
def segment_started(state: State, e: SegmentStarted) -> Iterable[Key]:
    segment = state.segments[e.segment]
    # By the clock it starts where the plan has it; pressed by hand it starts when it was pressed.
    segment.anchor = e.planned_at if e.by == "clock" else e.at
    segment.status, segment.run, segment.start = "running", e.run, segment.anchor
    state.count("r")
    state.runs[e.run] = Run(id=e.run, segment=e.segment, planned_at=e.planned_at, started_at=e.at)
    state.the.segment, state.the.run = e.segment, e.run
    return [SHOW, ("segments", e.segment), ("runs", e.run), *schedule.replan(state)]


@evolves(SegmentEnded)
def segment_ended(state: State, e: SegmentEnded) -> Iterable[Key]:
    segment = state.segments[e.segment]
    keys: list[Key] = [SHOW, ("segments", e.segment)]
    if segment.status == "running":
        segment.status = "ended"
        segment.end = e.planned_at if e.by == "clock" and not e.early else e.at
        run = state.runs[segment.run or ""]
        run.ended_at = e.at
        keys.append(("runs", run.id))
    else:
        segment.status, segment.end = "skipped", min(segment.start, e.at)
    if state.the.segment == e.segment:
        state.the.segment, state.the.run = None, None
    return [*keys, *schedule.replan(state)]


@evolves(SegmentExtended)
def segment_extended(state: State, e: SegmentExtended) -> Iterable[Key]:
    state.segments[e.segment].extended += e.by_ms
    state.the.nudge = Nudge(kind="extend", by=e.by, by_ms=e.by_ms, at=e.at)
    return [SHOW, ("segments", e.segment), *schedule.replan(state)]


def new_segment(plan: SegmentPlan, index: int) -> Segment:
    return Segment(
        id=plan.id, index=index, kind=plan.kind, name=plan.name, product=plan.product, lasts=plan.lasts,
        advance=plan.advance, planned_start=0, planned_end=0, start=0, end=0,
    )  # fmt: skip
