"""Tasks of the cheer squad: words to post in a group, dealt so that no two post the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from coordinator.core import checks, render
from coordinator.core.cue_kinds import cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Refusal,
    ShortText,
    Text,
    Turn,
    command,
    decides,
    evolves,
    result_of,
)

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State


class Task(msgspec.Struct, kw_only=True):
    id: str
    who: str
    group: str | None = None
    text: str
    at: int
    cue: str | None = None
    status: str = "open"
    done_by: str | None = None
    done_at: int | None = None
    proof: str | None = None


class TaskAssigned(Event, tag="task.assigned", kw_only=True):
    task: str
    who: str
    group: str | None = None
    text: str
    cue: str | None = None


class TaskDone(Event, tag="task.done", kw_only=True):
    task: str
    person: str
    proof: str | None = None


@command("task.assign", events=("task.assigned",))
class TaskAssign(Command):
    """A task for a person, or for every cheer member where `who` is a role."""

    who: Id
    group: Id | None = None
    text: Text


@command("task.done", events=("task.done",))
class TaskDo(Command):
    """It is done, with proof where there is one."""

    task: Id
    proof: ShortText | None = None


def deal(turn: Turn, who: str, texts: Sequence[str], *, group: str | None = None, cue: str | None = None) -> None:
    """One task for each person meant, each with wording of their own."""
    state = turn.state
    people = [m.person for m in state.p.team if m.role == who] or [who]
    for i, person in enumerate(people):
        text = render.wording(texts[i % len(texts)], i // len(texts) if len(texts) > 1 else i)
        turn.emit(
            TaskAssigned(task=state.next_id("t"), who=person, group=group, text=render.fill(state, text), cue=cue)
        )


def _deal(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    deal(turn, plan.fields["who"], plan.texts or ((plan.text or ""),), cue=cue.id)


cue_kind("task.assign", perform=_deal, takes=("who",), needs_text=True)


@decides(TaskAssign)
def assign(turn: Turn, c: TaskAssign) -> None:
    from coordinator.core import prompts

    if not prompts.known_receiver(turn.state, c.who):
        raise Refusal("unknown", f"{c.who} is neither a role nor a person of the team", {"field": "who"})
    if c.group is not None and c.group not in turn.state.groups:
        raise Refusal("unknown", f"there is no group {c.group}", {"field": "group"})
    checks.need_clean(turn, c.text)
    deal(turn, c.who, (c.text,), group=c.group)


@result_of(TaskAssigned)
def assigned_result(_: State, e: TaskAssigned) -> dict[str, str]:
    return {"task": e.task}


@decides(TaskDo)
def do(turn: Turn, c: TaskDo) -> dict[str, bool] | None:
    task = turn.state.tasks.get(c.task)
    if task is None:
        raise Refusal("unknown", f"there is no task {c.task}", {"field": "task"})
    if task.who not in {turn.actor.name, turn.actor.role}:
        raise Refusal("forbidden", f"{c.task} is a task of {task.who}", {"field": "task"})
    if task.status == "done":
        return {"again": True}
    turn.emit(TaskDone(task=c.task, person=turn.actor.name, proof=c.proof))
    return None


@evolves(TaskAssigned)
def assigned(state: State, e: TaskAssigned) -> Iterable[Key]:
    state.count("t")
    state.tasks[e.task] = Task(id=e.task, who=e.who, group=e.group, text=e.text, at=e.at, cue=e.cue)
    return [("tasks", e.task)]


@evolves(TaskDone)
def done(state: State, e: TaskDone) -> Iterable[Key]:
    task = state.tasks[e.task]
    task.status, task.done_by, task.done_at, task.proof = "done", e.person, e.at, e.proof
    return [("tasks", e.task)]
