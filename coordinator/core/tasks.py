"""Tasks of the team: words that a cheer member posts in a group, thanks to its owner, or something else to do.

Words to post are dealt so that no two people post the same (`dealing`). A task has a time by which it is to be done; one
that is not is overdue, and can still be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from pydantic import Field

from coordinator.core import checks, dealing
from coordinator.core.cue_kinds import cue_kind
from coordinator.core.groups import GroupMessage
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
    due_key,
    evolves,
    moments,
    number,
    result_of,
)
from coordinator.core.people import PersonJoined
from coordinator.core.questions import normalised
from coordinator.core.rules import Words

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

What = Literal["post", "thank", "do"]
"""Words to post in a group; thanks to its owner 感谢群主, posted too; or something to do that is not posted."""
TASKS_KEPT = 300  # the newest, which are shown though they are done; older ones are paged
THANKS = "{谢谢|感谢|多谢}群主{owner}的{组织|张罗|安排}, {大家辛苦了|今天真热闹|群里氛围真好}"
"""What a thanks-the-owner task says that has no words of its own."""


class Task(msgspec.Struct, kw_only=True):
    id: str
    who: str
    group: str | None = None
    text: str
    zh: str | None = None
    en: str | None = None
    at: int
    cue: str | None = None
    what: str = "post"
    due_at: int | None = None
    overdue: bool = False
    status: str = "open"
    done_by: str | None = None
    done_at: int | None = None
    proof: str | None = None


class TaskAssigned(Event, tag="task.assigned", kw_only=True):
    """A task that the service itself words has them in `zh` and `en` too, and both in `text`."""

    task: str
    who: str
    group: str | None = None
    text: str
    cue: str | None = None
    what: What = "post"
    due_at: int | None = None
    zh: str | None = None
    en: str | None = None


class TaskShort(Event, tag="task.short", kw_only=True):
    """There were too few wordings: so many shares were dealt to nobody, rather than the same words twice."""

    who: str
    missing: int
    people: list[str]
    cue: str | None = None


class TaskDone(Event, tag="task.done", kw_only=True):
    task: str
    person: str
    proof: str | None = None
    seen: bool = False  # its words were seen in the group


class TaskOverdue(Event, tag="task.overdue", kw_only=True):
    task: str


class PostRepeated(Event, tag="post.repeated", kw_only=True):
    """One of the team posted in a group what another one had posted or been given."""

    group: str
    person: str
    other: str


@command("task.assign", events=("task.assigned", "task.short", "prompt.sent"))
class TaskAssign(Command):
    """A task for a person or a role. To a role it is dealt: one for each group that `groups` means, or one for each who is
    here; in `group` for each of them who serves it. `text` may have wordings, `{a|b}`. To be done within `within` ms."""

    who: Id
    group: Id | None = None
    groups: str | list[Id] | None = None
    text: Text | None = None
    what: What | None = None
    within: Annotated[int, Field(ge=1_000, le=7 * 86_400_000)] | None = None


@command("task.done", events=("task.done",))
class TaskDo(Command):
    """It is done, with proof where there is one."""

    task: Id
    proof: ShortText | None = None


def deal(
    turn: Turn,
    who: str,
    texts: Sequence[str],
    *,
    group: str | None = None,
    groups: Sequence[str] | None = None,
    what: What | None = None,
    within: int | None = None,
    cue: str | None = None,
) -> int:
    """Deals a task and says so where the wordings do not suffice. How many were dealt."""
    state = turn.state
    role, _ = dealing.meant(state, who)
    what = what or ("post" if role == "cheer" else "do")
    shares = dealing.deal(state, who, texts or (THANKS,), turn.at, group=group, groups=groups, own=what != "do")
    due_at = turn.at + (within or state.p.cheer.within)
    for share in shares:
        if share.text is not None:
            task = TaskAssigned(
                task=state.next_id("t"),
                who=share.person,
                group=share.group,
                text=share.text,
                cue=cue,
                what=what,
                due_at=due_at,
            )
            turn.emit(task)
    missing = [share.person for share in shares if share.text is None]
    if missing:
        _say_short(turn, who, missing, cue)
    return len(shares) - len(missing)


def _say_short(turn: Turn, who: str, missing: list[str], cue: str | None) -> None:
    from coordinator.core import prompts

    people = sorted(set(missing))
    turn.emit(TaskShort(who=who, missing=len(missing), people=people, cue=cue))
    names = ", ".join(people[:5])
    words = Words(zh=f"话术不够, {len(missing)} 个任务没发: {names}", en=f"no words left for {names}")
    prompts.tell(turn, "controller", words, cue=cue)


def _deal(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    from coordinator.core import reaching

    f = plan.fields
    texts = plan.texts or ((plan.text,) if plan.text else ())
    groups = reaching.reach(turn.state, plan) if plan.groups is not None else None
    deal(turn, f["who"], texts, groups=groups, what=f.get("what"), within=f.get("within"), cue=cue.id)


def _ready(fields: dict[str, object]) -> str:
    return THANKS if fields.get("what") == "thank" else ""


cue_kind("task.assign", perform=_deal, takes=("who", "what", "within"), needs_text=True, ready_text=_ready)


@decides(TaskAssign)
def assign(turn: Turn, c: TaskAssign) -> None:
    from coordinator.core import prompts, reaching

    state = turn.state
    if not prompts.known_receiver(state, c.who):
        raise Refusal("unknown", f"{c.who} is neither a role nor a person of the team", {"field": "who"})
    if c.group is not None and c.group not in state.groups:
        raise Refusal("unknown", f"there is no group {c.group}", {"field": "group"})
    if c.group is not None and c.groups is not None:
        raise Refusal("invalid", "name either group or groups", {"field": "groups"})
    if c.text is None and c.what != "thank":
        raise Refusal("invalid", "a task needs its text", {"field": "text"})
    checks.need_clean(turn, c.text)
    groups = None if c.groups is None else reaching.check_groups(state, c.groups)
    if groups is not None:
        groups = [g for g in groups if not state.groups[g].frozen]
    role, _ = dealing.meant(state, c.who)
    what = c.what or ("post" if role == "cheer" else "do")
    texts = (c.text or THANKS,)
    shares = dealing.deal(state, c.who, texts, turn.at, group=c.group, groups=groups, own=what != "do")
    if not shares:
        raise Refusal("invalid", f"nobody of {c.who} serves these groups", {"field": "groups"})
    if all(share.text is None for share in shares):
        raise Refusal(
            "exhausted",
            "somebody has posted these words, or all of their wordings: give other ones",
            {"field": "text", "rules": ["SHILL"]},
        )
    deal(turn, c.who, texts, group=c.group, groups=groups, what=what, within=c.within)


@result_of(TaskAssigned)
def assigned_result(_: State, e: TaskAssigned) -> dict[str, str]:
    return {"task": e.task}


@decides(TaskDo)
def do(turn: Turn, c: TaskDo) -> dict[str, bool] | None:
    from coordinator.core import redpackets

    state = turn.state
    task = state.tasks.get(c.task)
    if task is None:
        raise Refusal("unknown", f"there is no task {c.task}", {"field": "task"})
    if task.who not in {turn.actor.name, turn.actor.role}:
        raise Refusal("forbidden", f"{c.task} is a task of {task.who}", {"field": "task"})
    if task.status == "done":
        return {"again": True}
    other = state.posted.get(normalised(task.text)) if task.what != "do" else None
    overruled = turn.override is not None and "SHILL" in turn.override.rules
    if other is not None and other != turn.actor.name and not overruled:
        raise Refusal(
            "blocked",
            f"{other} has posted these words already: the same text from two accounts is a shill's",
            {"rules": ["SHILL"], "field": "task", "by": other},
        )
    if c.proof is None and redpackets.needs_proof(state, task):
        raise Refusal("invalid", "a red packet needs proof that it was sent", {"field": "proof"})
    turn.emit(TaskDone(task=c.task, person=turn.actor.name, proof=c.proof))
    return None


def seen(turn: Turn, group: str, person: str, text: str) -> None:
    """One of the team was seen to post in a group: it is their task that is done, or the words of another one."""
    state = turn.state
    key = normalised(text)
    known = state.worded.get(key)
    other = state.posted.get(key, person)
    if other == person and known is not None:
        other = known.person
    if other != person:
        turn.emit(PostRepeated(group=group, person=person, other=other))
    else:
        mine = (t for t in map(state.tasks.__getitem__, state.pending) if t.who == person and normalised(t.text) == key)
        task = next(iter(sorted((t.id for t in mine if t.group in {None, group}), key=number)), None)
        if task is not None:
            turn.emit(TaskDone(task=task, person=person, seen=True))


# ---------------------------------------------------------------- what is due
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    if state.plan is None or state.the.status == "closed":
        return
    times = [
        due_at for t in state.pending if (due_at := state.tasks[t].due_at) is not None and not state.tasks[t].overdue
    ]
    if times:
        yield min(times), 8, "tasks="


@due_key("tasks")
def overdue(turn: Turn, _: str) -> None:
    state = turn.state
    for id_ in sorted(state.pending, key=number):
        task = state.tasks[id_]
        if task.due_at is not None and task.due_at <= turn.at and not task.overdue:
            turn.emit(TaskOverdue(task=id_))


# ---------------------------------------------------------------- evolving
@evolves(TaskAssigned)
def assigned(state: State, e: TaskAssigned) -> Iterable[Key]:
    state.count("t")
    state.tasks[e.task] = Task(
        id=e.task, who=e.who, group=e.group, text=e.text, zh=e.zh, en=e.en, at=e.at, cue=e.cue, what=e.what, due_at=e.due_at
    )  # fmt: skip
    state.pending.add(e.task)
    state.dealt[e.who] = state.dealt.get(e.who, 0) + 1
    if e.what != "do":
        words = state.worded.setdefault(normalised(e.text), dealing.Worded(person=e.who))
        words.groups[e.group or ""] = e.at
    keys: list[Key] = [("tasks", e.task)]
    if e.group is not None and e.group in state.groups:
        state.groups[e.group].tasks += 1
        keys.append(("groups", e.group))
    behind = f"t{state.counts['t'] - TASKS_KEPT}"
    if behind in state.tasks:
        keys.append(("tasks", behind))
    return keys


@evolves(TaskDone)
def done(state: State, e: TaskDone) -> Iterable[Key]:
    task = state.tasks[e.task]
    task.status, task.done_by, task.done_at, task.proof = "done", e.person, e.at, e.proof
    state.pending.discard(e.task)
    return [("tasks", e.task)]


@evolves(TaskOverdue)
def is_overdue(state: State, e: TaskOverdue) -> Iterable[Key]:
    state.tasks[e.task].overdue = True
    return [("tasks", e.task)]


@evolves(TaskShort, PostRepeated)
def told(_: State, __: Event) -> Iterable[Key]:
    return ()


@evolves(GroupMessage)
def posted(state: State, e: GroupMessage) -> Iterable[Key]:
    if e.staff is not None and e.text is not None:
        state.posted.setdefault(normalised(e.text), e.staff)
    return ()


@evolves(PersonJoined)
def came(state: State, e: PersonJoined) -> Iterable[Key]:
    """Who comes late begins at the fewest that the others have had."""
    others = [
        state.dealt.get(p.person, 0)
        for p in state.people.values()
        if p.role == e.role and p.here and p.person != e.person
    ]
    if others:
        state.dealt[e.person] = max(state.dealt.get(e.person, 0), min(others))
    return ()
