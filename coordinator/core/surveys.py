"""Surveys 问卷: a few questions, answered once by a member. What was chosen is counted; words can be erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from coordinator.core import rounds
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Length,
    Member,
    Refusal,
    ShortText,
    Text,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
)
from coordinator.core.readings import count, things, truth, until

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

SCALE = 5  # of `scale`: from 1, not at all, to 5, very
MOST_QUESTIONS = 20


class SurveyQuestion(BaseModel):
    """One question: a choice of options, a scale from 1 to 5, or words."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: Id
    text: ShortText
    kind: Literal["choice", "scale", "text"] = "choice"
    options: Annotated[list[ShortText], Field(max_length=20)] = []

    @model_validator(mode="after")
    def _has_options(self) -> SurveyQuestion:
        if (self.kind == "choice") != (len(self.options) >= 2):
            raise ValueError("a choice has at least two options, scale and text have none")
        return self


class Asked(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A question as it was asked, with how often each of its answers was given."""

    id: str
    text: str
    kind: str
    options: tuple[str, ...] = ()
    counts: list[int] = []
    words: int = 0


class Survey(msgspec.Struct, kw_only=True):
    id: str
    drop: str
    title: str
    questions: list[Asked]
    open: bool = True
    at: int
    until: int | None = None
    closed_at: int | None = None
    count: int = 0
    members: set[str] = set()


things(
    "survey", "surveys", current=lambda state: f"survey{state.counts.get('survey', 0)}",
    answers=count("members who answered", get=lambda survey: survey.count), open=truth("it takes answers"),
    left=until("to its end, while it is open", get=lambda survey: survey.until if survey.open else None),
)  # fmt: skip


# ---------------------------------------------------------------- events
class SurveyOpened(Event, tag="survey.opened", kw_only=True):
    survey: str
    drop: str
    title: str
    questions: list[dict[str, Any]]
    until: int | None = None


class SurveyAnswered(Event, tag="survey.answered", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("words",)
    survey: str
    member: str
    group: str | None = None
    chosen: dict[str, int]
    """Question → the number of the option, or the point on the scale, from 1."""
    said: list[str]
    """The questions that were answered in words."""
    words: dict[str, str] | None = None


class SurveyClosed(Event, tag="survey.closed", kw_only=True):
    survey: str
    why: str  # closed, until


# ---------------------------------------------------------------- commands
@command("survey.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "survey.opened"))
class SurveyOpen(Command):
    """A survey, put into groups at now + lead. `until` is how long it stays open, from its opening."""

    title: ShortText
    questions: Annotated[list[SurveyQuestion], Field(min_length=1, max_length=MOST_QUESTIONS)]
    until: Annotated[Length, Field(ge=1)] | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("survey.close", button=True, events=("survey.closed",))
class SurveyClose(Command):
    """Ends a survey: the newest that is open, where none is named."""

    survey: Id | None = None


@command("survey.answer", events=("survey.answered",))
class SurveyAnswer(Command):
    """A member's answers, once: by question the number of an option or a point on the scale, or words."""

    answers: Annotated[dict[Id, int | Text], Field(min_length=1, max_length=MOST_QUESTIONS)]
    member: Member | None = None
    group: Id | None = None
    survey: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _ready_text(fields: dict[str, Any]) -> str:
    return f"问卷: {fields.get('title', '')}, 花一分钟告诉我们, 谢谢: {{link}}"


def _went_out(turn: Turn, drop: Drop) -> None:
    f = turn.state.index.cues[drop.cue][1].fields
    turn.emit(
        SurveyOpened(
            survey=turn.state.next_id("survey"),
            drop=drop.id,
            title=f["title"],
            questions=f["questions"],
            until=turn.at + f["until"] if f.get("until") else None,
        )
    )


def _end(turn: Turn, plan: CuePlan, _: Cue) -> None:
    for survey in [s for s in turn.state.surveys.values() if s.open and plan.fields.get("survey") in {None, s.id}]:
        turn.emit(SurveyClosed(survey=survey.id, why="closed"))


def _all_different(_: State, fields: dict[str, Any]) -> None:
    ids = [question["id"] for question in fields["questions"]]
    if len(set(ids)) < len(ids):
        raise Refusal("invalid", "each question has an id of its own", {"field": "questions"})


cue_kind("survey.open", dropped=_went_out, late=LATE_DROP, ready_text=_ready_text, check=_all_different)
cue_kind("survey.close", perform=_end)


# ---------------------------------------------------------------- deciding
@current(SurveyOpen, SurveyClose)
def current_survey(state: State, _: Any) -> str | None:
    found = rounds.newest(state.surveys)
    return found.id if found else None


@decides(SurveyOpen)
def open_(turn: Turn, c: SurveyOpen) -> None:
    from coordinator.core import checks, firing, reaching

    rounds.need_sale_open(turn)
    fields = c.model_dump(include={"title", "questions", "until"}, exclude_none=True)
    _all_different(turn.state, fields)
    checks.need_clean(turn, c.text or _ready_text(fields))
    firing.drop_by_hand(turn, "survey.open", fields, reaching.check_groups(turn.state, c.groups), c.text)


@decides(SurveyClose)
def close(turn: Turn, c: SurveyClose) -> None:
    survey = rounds.meant(turn.state.surveys, c.survey, "survey")
    turn.emit(SurveyClosed(survey=survey.id, why="closed"))


@decides(SurveyAnswer)
def answer(turn: Turn, c: SurveyAnswer) -> None:
    member = rounds.taking_part(turn, c.member)
    survey = rounds.meant(turn.state.surveys, c.survey, "survey")
    if rounds.took_part(turn.state, survey.members, member) is not None:
        raise Refusal("already", "this member has answered", {"field": "member"})
    asked = {question.id: question for question in survey.questions}
    chosen: dict[str, int] = {}
    words: dict[str, str] = {}
    for name, given in c.answers.items():
        question = asked.get(name)
        where = {"field": f"answers.{name}"}
        if question is None:
            raise Refusal("unknown", f"{survey.id} has no question {name}; it has {', '.join(asked)}", where)
        if question.kind == "text":
            if not isinstance(given, str):
                raise Refusal("invalid", f"{name} is answered in words", where)
            words[name] = given
            continue
        if not isinstance(given, int) or not 1 <= given <= len(question.counts):
            raise Refusal("invalid", f"{name} is answered with a number from 1 to {len(question.counts)}", where)
        chosen[name] = given
    turn.emit(
        SurveyAnswered(
            survey=survey.id, member=member, group=c.group, chosen=chosen, said=list(words), words=words or None
        )
    )


# ---------------------------------------------------------------- what is due
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    return rounds.deadlines(state.surveys, "survey")


@due_key("survey")
def deadline(turn: Turn, name: str) -> None:
    if rounds.over(turn.state.surveys, name, turn.at) is not None:
        turn.emit(SurveyClosed(survey=name, why="until"))


# ---------------------------------------------------------------- evolving
@evolves(SurveyOpened)
def opened(state: State, e: SurveyOpened) -> Iterable[Key]:
    state.count("survey")
    asked = [
        Asked(
            id=q["id"], text=q["text"], kind=q.get("kind", "choice"), options=tuple(q.get("options", ())),
            counts=[0] * {"choice": len(q.get("options", ())), "scale": SCALE, "text": 0}[q.get("kind", "choice")],
        )
        for q in e.questions
    ]  # fmt: skip
    state.surveys[e.survey] = Survey(id=e.survey, drop=e.drop, title=e.title, questions=asked, at=e.at, until=e.until)
    return [("surveys", e.survey)]


@evolves(SurveyAnswered)
def answered(state: State, e: SurveyAnswered) -> Iterable[Key]:
    survey = state.surveys[e.survey]
    survey.members.add(e.member)
    survey.count += 1
    for question in survey.questions:
        if question.id in e.chosen:
            question.counts[e.chosen[question.id] - 1] += 1
        question.words += question.id in e.said
    return [("surveys", e.survey)]


@evolves(SurveyClosed)
def closed(state: State, e: SurveyClosed) -> Iterable[Key]:
    survey = state.surveys[e.survey]
    survey.open, survey.closed_at = False, e.at
    return [("surveys", e.survey)]
