"""The cheer squad: tasks dealt, done and late, and the lively minutes of each golden hour."""

from __future__ import annotations

from collections import Counter

from replay.metrics.figure import Figure, Scope, Why, figure, ratio
from replay.tables import Tables

NO_TASKS: Why = ("no task was dealt", "没有派过任务")
NO_CHEER: Why = ("the sheet has no cheer squad", "脚本没有气氛组")
NOT_YET: Why = ("the golden hour has not begun", "黄金时段还没有开始")


def figures(t: Tables) -> list[Figure]:
    tasks = list(t.state.tasks.values())
    people = sorted({p.person for p in t.state.people.values() if p.role == "cheer"} | {x.who for x in tasks})
    out: list[Figure] = []
    for who in (None, *people):
        scope: Scope | None = None if who is None else {"person": who}
        theirs = [x for x in tasks if who in {None, x.who}]
        done = sum(1 for x in theirs if x.status == "done")
        out.append(figure(t, "tasks", len(theirs), scope=scope))
        out.append(ratio(t, "tasks_done", done, len(theirs), scope=scope, why=NO_TASKS))
        out.append(ratio(t, "tasks_overdue", sum(x.overdue for x in theirs), len(theirs), scope=scope, why=NO_TASKS))
    return [*out, *_golden(t)]


def _golden(t: Tables) -> list[Figure]:
    hours = t.state.golden
    squad = sorted(p.person for p in t.state.people.values() if p.role == "cheer")
    begun = [h for h in hours.values() if h.start is not None and h.start <= t.last_at]
    why = NO_CHEER if not squad else NOT_YET
    known = bool(squad and begun)
    minutes = sum(h.minutes for h in begun)
    out = [figure(t, "golden_minutes", minutes if known else None, why=why)]
    reached = sum(h.minutes >= h.target for h in begun)
    out.append(ratio(t, "golden_hours_reached", reached if known else None, len(begun), why=why))
    if len(hours) > 1:
        out += [figure(t, "golden_minutes", h.minutes, scope={"hour": h.id}) for h in begun if squad]
    by: Counter[str] = Counter()
    for hour in begun:
        by.update(hour.by)
    out += [figure(t, "golden_minutes", by[who], scope={"person": who}) for who in squad if begun]
    return out
