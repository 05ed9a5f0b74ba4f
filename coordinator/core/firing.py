"""How cues go out: announced, fired, withdrawn, skipped, and what of them is due when.

A cue that goes into groups is announced by its lead and fires at its moment; all else fires at once. What
came due while nobody could fire it follows the `late` rule of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coordinator.core import bilingual, cue_kinds, deliveries, forecast, reaching
from coordinator.core.cue_kinds import into_groups
from coordinator.core.cues import (
    Cue,
    CueAlerted,
    CueAnnounced,
    CueFired,
    CueSkipped,
    CueWaiting,
    CueWithdrawn,
    lead_of,
    plan_of,
    run_of,
)
from coordinator.core.kernel import Refusal, Turn, due_key, moments
from coordinator.core.plan import CuePlan
from coordinator.core.rules import Words

if TYPE_CHECKING:
    from coordinator.core.state import State


OWNER_ALERT_MS = 15_000  # an unconfirmed cue is told to the owner after this long
ASK_EXPIRES_MS = 600_000  # how long a drop may still go out where its `late` rule asks


# ---------------------------------------------------------------- announcing and firing
def go(turn: Turn, cue: Cue, fire_at: int, planned_at: int | None = None) -> None:
    """Sends a cue on its way: into groups by announcing it, all else by firing it now."""
    plan = plan_of(turn.state, cue.id)
    if into_groups(plan.do):
        announce(turn, cue.id, plan, max(fire_at, turn.at), planned_at)
    else:
        fire_at_once(turn, cue, planned_at if planned_at is not None else fire_at)


def announce(
    turn: Turn, cue_id: str, plan: CuePlan, fire_at: int, planned_at: int | None = None, *, hand: bool = False
) -> None:
    state = turn.state
    cue = state.cues.get(cue_id)
    drop = state.drops.get(cue.drop) if cue is not None and cue.drop else None
    groups = reaching.reach(state, plan)
    what = cue_kinds.subject(plan)
    within = plan.late.within if plan.late.rule != "ask" else ASK_EXPIRES_MS
    text = plan.text or ""
    expires_at = fire_at + within
    coming, _ = forecast.forecast(
        state,
        groups,
        at=fire_at,
        expires_at=expires_at,
        priority=cue_kinds.priority_of(plan.do),
        now=turn.at,
        pictures=len((plan.fields.get("content") or {}).get("images", ())),
        linked=plan.do in deliveries.PAGES,
    )
    turn.emit(
        CueAnnounced(
            cue=cue_id,
            run=run_of(state, cue) if cue else state.next_id("r"),
            drop=drop.id if drop else state.next_id("drop"),
            fire_at=fire_at,
            planned_at=planned_at if planned_at is not None else fire_at,
            expires_at=expires_at,
            attempt=deliveries.attempts(state, drop.id) + 1 if drop else 1,
            groups=groups,
            do=plan.do,
            what=what,
            text=text,
            quantity=plan.fields.get("quantity"),
            last_at=coming.last_at,
            hand=plan if hand else None,
        )
    )
    cue = state.cues[cue_id]
    deliveries.request_all(turn, state.drops[cue.drop or ""], plan)
    if fire_at <= turn.at:
        fire(turn, cue)


def fire(turn: Turn, cue: Cue) -> None:
    """The announced cue's moment."""
    planned = turn.state.runs[cue.run or ""].planned_at
    turn.emit(
        CueFired(
            cue=cue.id, run=cue.run or "", planned_at=planned, late_ms=turn.late(planned), drop=cue.drop, do=cue.do
        )
    )
    cue_kinds.dropped(turn, turn.state.drops[cue.drop or ""], cue.do)


def fire_at_once(turn: Turn, cue: Cue, planned_at: int) -> None:
    state = turn.state
    run = run_of(state, cue)
    turn.emit(CueFired(cue=cue.id, run=run, planned_at=planned_at, late_ms=turn.late(planned_at), do=cue.do))
    cue_kinds.perform(turn, plan_of(state, cue.id), cue)


def drop_by_hand(
    turn: Turn, do: str, fields: dict[str, Any], groups: list[str], text: str | None, *, asked: bool = False
) -> None:
    """A press by hand: a cue made for it, announced now, fired at now + lead. `asked`: it answers a member."""
    from coordinator.core.plan import Late

    state = turn.state
    if state.the.halted:
        raise Refusal("too_early", "the show is halted: nothing is dropped before show.unhalt", {"halted": True})
    plan = CuePlan(
        id=state.next_id("hand-"),
        do=do,
        fields=fields,
        groups=tuple(groups),
        text=text or cue_kinds.ready_text(do, fields),
        late=Late(rule="ask", within=30_000),
        asked=asked,
    )
    if not reaching.reach(state, plan):
        raise Refusal("invalid", "that reaches no group", {"field": "groups"})
    announce(turn, plan.id, plan, turn.at + state.p.lead, hand=True)


# ---------------------------------------------------------------- withdrawing
def withdraw(turn: Turn, cue: Cue, why: str) -> None:
    """Takes back what was announced and has not fired; the cue is planned again."""
    drop = turn.state.drops.get(cue.drop or "")
    turn.emit(CueWithdrawn(cue=cue.id, run=cue.run or "", why=why))
    if drop is not None:
        deliveries.withdraw_drop(turn, drop, why)


def announced(state: State) -> list[Cue]:
    return [c for c in state.cues.values() if c.status == "announced"]


def withdraw_announced(turn: Turn, why: str) -> None:
    for cue in announced(turn.state):
        withdraw(turn, cue, why)


def on_plan(state: State) -> set[str]:
    """Announced cues that go out when the plan has them; what was pressed, confirmed or late goes when it was sent."""
    return {c.id for c in announced(state) if c.at is not None and c.at == c.fire_at and not c.hand}


def has_moved(cue: Cue, before: set[str]) -> bool:
    """Whether the plan has another moment now for a cue that was `on_plan` before."""
    return cue.id in before and cue.at != cue.fire_at


def withdraw_moved(turn: Turn, before: set[str], why: str) -> None:
    """After a shift or an extension: what is announced for another moment than the plan's is planned anew."""
    for cue in announced(turn.state):
        if has_moved(cue, before):
            withdraw(turn, cue, why)


def to_come(state: State) -> list[Cue]:
    """Cues that are neither over nor on their way. What is announced goes on, whatever ends around it."""
    return [c for c in state.cues.values() if c.status in {"planned", "waiting", "held"}]


def skip(turn: Turn, names: Iterable[str], why: str) -> None:
    """Strikes what has not gone meanwhile: a trigger may have set one of them off."""
    for name in names:
        cue = turn.state.cues[name]
        if cue.status in {"planned", "waiting", "held"}:
            turn.emit(CueSkipped(cue=name, run=cue.run, why=why))


def after_early_end(turn: Turn, segment: str) -> None:
    """A segment ended before its time: its end's cues go now, what hung on its course is skipped."""
    state = turn.state
    for cue in list(state.cues.values()):
        if cue.segment != segment or cue.status not in {"planned", "waiting", "held"}:
            continue
        plan = plan_of(state, cue.id)
        if plan.at is None or plan.at.base == "clock":
            continue  # conditions and clock times do not hang on the segment's course
        if plan.at.base != "end":
            if cue.status == "planned" and cue.at is not None and cue.at <= turn.at and not into_groups(plan.do):
                continue  # due in this very moment: the clock is about to bring it
            turn.emit(CueSkipped(cue=cue.id, run=cue.run, why="segment_ended"))
        elif state.the.halted and into_groups(plan.do):
            continue  # after the halt it follows its `late` rule
        elif plan.at.offset == 0 and cue.status == "planned" and plan.confirm is None:
            go(turn, cue, turn.at + lead_of(state, plan))


# ---------------------------------------------------------------- what is due
@moments
def cue_moments(state: State) -> Iterable[tuple[int, int, str]]:
    the = state.the
    running = the.status in {"armed", "live", "ended"}
    for cue in state.cues.values():
        if cue.status == "announced" and cue.fire_at is not None:
            yield cue.fire_at, 4, f"fire={cue.id}"
        elif cue.status == "waiting":
            if cue.confirm and not cue.alerted and cue.waiting_since is not None:
                yield cue.waiting_since + OWNER_ALERT_MS, 6, f"alert={cue.id}"
            if cue.waiting_until is not None and the.status != "paused":
                yield cue.waiting_until, 6, f"unconfirmed={cue.id}"
        elif cue.status == "planned" and running and cue.at is not None and may_come(state, cue):
            plan = plan_of(state, cue.id)
            if the.halted and into_groups(plan.do):
                continue
            yield cue.at - lead_of(state, plan), 3, f"cue={cue.id}"


def may_come(state: State, cue: Cue) -> bool:
    """Whether the show stands so that this planned cue comes by itself."""
    status = state.the.status
    segment = state.segments.get(cue.segment or "")
    if status == "armed":
        return (cue.at or 0) < state.the.start + state.the.moved
    if status == "ended":
        return segment is None or segment.kind == "aftercare"
    if status != "live" or segment is None:
        return status == "live"
    if segment.kind == "aftercare":
        return False
    plan = plan_of(state, cue.id)
    if plan.at is not None and plan.at.base == "end" and segment.status == "planned":
        return False
    # What hangs on a segment's course waits until it runs, however much the one before overruns;
    # what is announced ahead of a start that is only planned would come too early then.
    if plan.at is not None and plan.at.base == "start" and plan.at.offset >= 0 and segment.status == "planned":
        return starts_by_the_clock(state, cue)
    return True


def starts_by_the_clock(state: State, cue: Cue) -> bool:
    """A planned segment is sure to start on time where nothing before it runs by hand."""
    running = state.segments.get(state.the.segment or "")
    return running is None or running.advance == "auto"


@due_key("cue")
def cue_due(turn: Turn, cue_id: str) -> None:
    state = turn.state
    cue = state.cues.get(cue_id)
    if cue is None or cue.status != "planned" or cue.at is None or not may_come(state, cue):
        return
    plan = plan_of(state, cue.id)
    lead = lead_of(state, plan)
    if cue.at - lead > turn.at or (state.the.halted and into_groups(plan.do)):
        return
    if turn.at - cue.at > plan.late.within:
        miss(turn, cue, plan)
    elif plan.confirm is not None and not cue.confirmed:
        wait_for_confirm(turn, cue, plan)
    else:
        # Its moment may have passed while the service was away: a drop still needs its lead.
        go(
            turn,
            cue,
            cue.at if cue.at >= turn.at else turn.at + lead,
            planned_at=max(cue.at, soonest(state, cue, lead)),
        )


def soonest(state: State, cue: Cue, lead: int) -> int:
    """No plan could have it earlier: nobody knew its moment before its segment was begun by hand."""
    segment = state.segments.get(cue.segment or "")
    plan = plan_of(state, cue.id)
    if segment is None or segment.run is None or plan.at is None or plan.at.base != "start":
        return 0
    begun = state.runs[segment.run].started_at
    return begun + lead if segment.start == begun else 0


def miss(turn: Turn, cue: Cue, plan: CuePlan) -> None:
    """The moment passed longer ago than the `late` rule lets it fire by itself."""
    if plan.late.rule == "ask" and plan.confirm is not None:
        wait_for_confirm(turn, cue, plan, "late")  # as long as for any confirmation
    elif plan.late.rule == "ask":
        turn.emit(CueWaiting(cue=cue.id, run=run_of(turn.state, cue), why="late"))
    else:
        turn.emit(CueSkipped(cue=cue.id, run=cue.run, why="late"))


def wait_for_confirm(turn: Turn, cue: Cue, plan: CuePlan, why: str = "confirm") -> None:
    if plan.confirm is None:
        return
    segment = turn.state.segments.get(cue.segment or "")
    if plan.confirm.within is not None:
        until: int | None = turn.at + plan.confirm.within
    elif segment is not None:
        # A cue that hangs on the end itself would have no time at all: it gets what an `ask` gets.
        until = segment.end if segment.end > turn.at + OWNER_ALERT_MS else turn.at + ASK_EXPIRES_MS
    else:
        until = None
    turn.emit(CueWaiting(cue=cue.id, run=run_of(turn.state, cue), why=why, role=plan.confirm.role, until=until))


@due_key("fire")
def fire_due(turn: Turn, cue_id: str) -> None:
    state = turn.state
    cue = state.cues.get(cue_id)
    if cue is None or cue.status != "announced" or cue.fire_at is None or cue.fire_at > turn.at:
        return
    # An announced run goes on after an absence, as long as its deliveries may still go out.
    if turn.at > state.drops[cue.drop or ""].expires_at:
        withdraw(turn, cue, "late")
        miss(turn, cue, plan_of(state, cue.id))
    else:
        fire(turn, cue)


@due_key("alert")
def alert_due(turn: Turn, cue_id: str) -> None:
    from coordinator.core import prompts

    cue = turn.state.cues.get(cue_id)
    if cue is None or cue.status != "waiting" or cue.alerted:
        return
    turn.emit(CueAlerted(cue=cue.id, run=cue.run or ""))
    role = bilingual.called(cue.confirm or "")
    words = Words(zh=f"等{role.zh}确认", en=f"waits for {role.en} to confirm")
    prompts.tell(turn, "owner", words, urgency="high", cue=cue.id)


@due_key("unconfirmed")
def unconfirmed_due(turn: Turn, cue_id: str) -> None:
    cue = turn.state.cues.get(cue_id)
    if cue is None or turn.state.the.status == "paused":
        return
    if cue.status == "waiting" and cue.waiting_until is not None and cue.waiting_until <= turn.at:
        turn.emit(CueSkipped(cue=cue.id, run=cue.run, why="not_confirmed"))
