"""What a controller can do with one cue: fire, confirm, hold, release, skip, and add one live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coordinator.core import checks, conditions, cue_kinds, cues, schedule, selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.cues import Cue, CueConfirmed, CueHeld, CueReleased, CueSkipped, lead_of, need_cue, plan_of
from coordinator.core.firing import go, wait_for_confirm, withdraw
from coordinator.core.kernel import (
    SET_OFF,
    Command,
    Event,
    Id,
    Instant,
    Key,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    evolves,
    result_of,
)
from coordinator.core.plan import At, CuePlan

if TYPE_CHECKING:
    from coordinator.core.state import State


MADE_HERE = ("hand-", "added-")  # how ids of cues begin that no sheet holds


class CueAdded(Event, tag="cue.added", kw_only=True):
    cue: str
    segment: str | None = None
    plan: CuePlan


@command("cue.fire", button=True, events=SET_OFF)
class CueFire(Command):
    """Now, whatever the plan says: into groups at now + lead, all else at once."""

    cue: Id


@command("cue.confirm", button=True, events=("cue.confirmed", *SET_OFF))
class CueConfirm(Command):
    """Lets a waiting cue go, at now + lead."""

    cue: Id


@command("cue.hold", button=True, events=("cue.withdrawn", "delivery.withdrawn", "delivery.requested", "cue.held"))
class CueHold(Command):
    """Stops a cue that has not fired; what was announced is withdrawn."""

    cue: Id


@command("cue.release", button=True, events=("cue.released", "cue.waiting", *SET_OFF))
class CueRelease(Command):
    """Lets a held cue go on: at its moment, or at now + lead where that has passed. One that needs a word waits for it."""

    cue: Id


@command("cue.skip", button=True, events=("cue.withdrawn", "delivery.withdrawn", "delivery.requested", "cue.skipped"))
class CueSkip(Command):
    """Strikes a cue that has not fired."""

    cue: Id


@command("cue.add", button=True, events=("cue.added",))
class CueAdd(Command):
    """A cue that the sheet does not hold, at a moment or on a condition."""

    cue: Id | None = None
    segment: Id | None = None
    at: Instant | None = None
    when: Text | None = None
    do: Id
    fields: dict[str, Any] = {}  # the fields of the command that `do` names
    groups: str | None = None
    text: Text | None = None


@current(CueFire, CueConfirm, CueHold, CueRelease, CueSkip)
def the_cues_run(state: State, c: Any) -> str | None:
    cue = state.cues.get(c.cue)
    return cue.run if cue else None


def _not_over(cue: Cue) -> None:
    if cue.status in {"fired", "skipped"}:
        raise Refusal(
            "too_late", f"{cue.id} is {cue.status}: an id that has run never runs again", {"status": cue.status}
        )


def _not_halted(turn: Turn, plan: CuePlan) -> None:
    if turn.state.the.halted and into_groups(plan.do):
        raise Refusal("too_early", "the show is halted: nothing is dropped before show.unhalt", {"halted": True})
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})


@decides(CueFire)
def fire_now(turn: Turn, c: CueFire) -> dict[str, Any] | None:
    cue = need_cue(turn.state, c.cue)
    _not_over(cue)
    plan = plan_of(turn.state, cue.id)
    _not_halted(turn, plan)
    if cue.status == "announced":
        raise Refusal("stale", f"{cue.id} is announced and fires by itself", {"current": cue.run})
    go(turn, cue, turn.at + lead_of(turn.state, plan))
    return None


@decides(CueConfirm)
def confirm(turn: Turn, c: CueConfirm) -> None:
    cue = need_cue(turn.state, c.cue)
    if cue.confirmed:
        raise Refusal("stale", f"{cue.id} is confirmed already", {"current": cue.run})
    _not_over(cue)
    plan = plan_of(turn.state, cue.id)
    if cue.status != "waiting":
        raise Refusal(
            "too_early", f"{cue.id} does not wait for a confirmation; it is {cue.status}", {"status": cue.status}
        )
    _not_halted(turn, plan)
    turn.emit(CueConfirmed(cue=cue.id, run=cue.run or ""))
    go(turn, cue, turn.at + lead_of(turn.state, plan))


@decides(CueHold)
def hold(turn: Turn, c: CueHold) -> None:
    cue = need_cue(turn.state, c.cue)
    _not_over(cue)
    if cue.status == "held":
        raise Refusal("stale", f"{cue.id} is held already", {"current": cue.run})
    if cue.status == "announced":
        withdraw(turn, cue, "held")
        if cue.hand:  # it has no moment to go back to: its withdrawal holds it
            return
    turn.emit(CueHeld(cue=cue.id, run=cue.run))


@decides(CueRelease)
def release(turn: Turn, c: CueRelease) -> None:
    cue = need_cue(turn.state, c.cue)
    _not_over(cue)
    if cue.status != "held":
        raise Refusal("stale", f"{cue.id} is not held", {"current": cue.run})
    plan = plan_of(turn.state, cue.id)
    _not_halted(turn, plan)
    turn.emit(CueReleased(cue=cue.id, run=cue.run))
    lead = lead_of(turn.state, plan)
    # What lies ahead waits for its moment; what has passed, a hand's cue, and one that was set off, goes now.
    set_off = cue.when is not None and cue.run is not None
    if cue.hand or set_off or (cue.at is not None and cue.at - lead <= turn.at):
        if plan.confirm is not None and not cue.confirmed:
            wait_for_confirm(turn, cue, plan)  # letting it go on is not the word that it waits for
            return
        moment = cue.at if cue.at is not None and cue.at > turn.at and not cue.hand else turn.at + lead
        go(turn, cue, moment)


@decides(CueSkip)
def skip(turn: Turn, c: CueSkip) -> None:
    cue = need_cue(turn.state, c.cue)
    if cue.status == "skipped":
        raise Refusal("stale", f"{cue.id} is skipped already", {"current": cue.run})
    _not_over(cue)
    if cue.status == "announced":
        withdraw(turn, cue, "skipped")
    turn.emit(CueSkipped(cue=cue.id, run=cue.run, why="skipped"))


@decides(CueAdd)
def add(turn: Turn, c: CueAdd) -> None:
    state = turn.state
    if cue_kinds.kind_of(c.do) is None:
        raise Refusal("invalid", f"a cue cannot do {c.do!r}; it can do {', '.join(cue_kinds.known())}", {"field": "do"})
    if (c.at is None) == (c.when is None):
        raise Refusal("invalid", "a cue has either a moment (at) or a condition (when)", {"field": "at"})
    if c.segment is not None and c.segment not in state.segments:
        raise Refusal("unknown", f"there is no segment {c.segment}", {"field": "segment"})
    if c.cue is not None and c.cue.startswith(MADE_HERE):
        raise Refusal(
            "invalid", f"ids that begin with {' or '.join(MADE_HERE)} are given by the sale itself", {"field": "cue"}
        )
    name = c.cue or state.next_id("added-")
    if name in state.cues:
        raise Refusal("already", f"there is a cue {name} already", {"field": "cue"})
    if c.when is not None:
        try:
            condition = conditions.parse(c.when, state.the.currency)
        except conditions.ConditionError as e:
            raise Refusal("invalid", str(e), {"field": "when", "position": e.position}) from None
        for named in condition.names:
            # What the plan has not may still be opened in the show: a chain, a draw.
            if getattr(state.p, named.topic, None) is not None and named.id not in getattr(state, named.topic):
                message = f"at character {named.position + 1}: there is no {named.word} {named.id[:64]}"
                raise Refusal("unknown", message, {"field": "when", "position": named.position})
    if c.groups is not None:
        try:
            selectors.parse(c.groups)
        except selectors.SelectorError as e:
            raise Refusal("invalid", str(e), {"field": "groups"}) from None
    cue_kinds.check_fields(state, c.do, c.fields, c.text)
    if into_groups(c.do):
        checks.need_clean(turn, c.text)
        checks.need_clean_fields(turn, c.do, c.fields, "fields.")
        checks.need(turn, cue_kinds.faults(state, checks.judge_of(turn), c.do, c.fields), "fields")
    plan = CuePlan(
        id=name,
        do=c.do,
        # The wire speaks the sale's time, a plan the wall's: they part when the wall clock steps.
        at=At(base="clock", instant=c.at + state.stepped) if c.at is not None else None,
        when=c.when,
        fields=c.fields,
        groups=c.groups,
        text=c.text or (cue_kinds.ready_text(c.do, c.fields) or None),
        late=cue_kinds.late_of(c.do),
    )
    turn.emit(CueAdded(cue=name, segment=c.segment, plan=plan))


@evolves(CueAdded)
def added(state: State, e: CueAdded) -> Iterable[Key]:
    if e.cue.startswith("added-"):
        state.count("added-")
    state.add_cue(e.segment or "", e.plan)
    state.cues[e.cue] = cue = cues.new_cue(state, e.segment, e.plan, len(state.added) + 1000)
    if e.plan.at is not None:
        cue.planned_at = cue.at = schedule.instant_of(state, e.plan.at, e.segment)
    return [("cues", e.cue)]


@result_of(CueAdded)
def added_result(_: State, e: CueAdded) -> dict[str, str]:
    return {"cue": e.cue}
