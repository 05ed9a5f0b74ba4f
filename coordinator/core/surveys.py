"""Surveys 问卷: a few questions, answered once by a member. What was chosen is counted; words can be erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from coordinator.core import rounds
from coordinator.core.kernel import Command, Id, Key, Refusal, ShortText, Text, Turn, command, decides, evolves
from coordinator.core.readings import count, things
from coordinator.core.rounds import OpenRound, PlayRound, Round, RoundClosed, RoundOpened, RoundPlayed

if TYPE_CHECKING:
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


class Survey(Round, kw_only=True):
    title: str
    questions: list[Asked]
    members: set[str] = set()


# ---------------------------------------------------------------- events
class SurveyOpened(RoundOpened, tag="survey.opened", kw_only=True):
    survey: str
    title: str
    questions: list[dict[str, Any]]


class SurveyAnswered(RoundPlayed, tag="survey.answered", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("words",)
    survey: str
    chosen: dict[str, int]
    """Question → the number of the option, or the point on the scale, from 1."""
    said: list[str]
    """The questions that were answered in words."""
    words: dict[str, str] | None = None


class SurveyClosed(RoundClosed, tag="survey.closed", kw_only=True):
    survey: str


# ---------------------------------------------------------------- commands
@command("survey.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "survey.opened"))
class SurveyOpen(OpenRound):
    """A survey, put into groups at now + lead, open for `until`. Whoever answers is given a `coupon`, where one is named."""

    title: ShortText
    questions: Annotated[list[SurveyQuestion], Field(min_length=1, max_length=MOST_QUESTIONS)]


@command("survey.close", button=True, events=("survey.closed",))
class SurveyClose(Command):
    """Ends a survey: the newest that is open, where none is named."""

    survey: Id | None = None


@command("survey.answer", events=("survey.answered", "coupon.claimed", "coupon.ran_out"))
class SurveyAnswer(PlayRound):
    """A member's answers, once: by question the number of an option or a point on the scale, or words."""

    answers: Annotated[dict[Id, int | Text], Field(min_length=1, max_length=MOST_QUESTIONS)]
    survey: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _ready_text(fields: dict[str, Any]) -> str:
    gift = ", 填完送 {prize}" if fields.get("coupon") else ""
    return f"问卷: {fields.get('title', '')}, 花一分钟告诉我们{gift}, 谢谢: {{link}}"


def _all_different(_: State, fields: dict[str, Any]) -> None:
    ids = [question["id"] for question in fields["questions"]]
    if len(set(ids)) < len(ids):
        raise Refusal("invalid", "each question has an id of its own", {"field": "questions"})


def _shown(fields: dict[str, Any]) -> dict[str, str]:
    asked = [words for each in fields["questions"] for words in (each["text"], *each.get("options", ()))]
    return {"title": fields["title"], "questions": "\n".join(asked)}


rounds.round_kind(
    "survey", "surveys", takes="answers", ready_text=_ready_text, check=_all_different, shows=_shown, priority=2,
    opens=SurveyOpen, opened=lambda f, common: SurveyOpened(title=f["title"], questions=f["questions"], **common),
    plays=SurveyAnswered,
    closes=SurveyClose, ends=SurveyClosed, closed=lambda survey, why: SurveyClosed(survey=survey.id, why=why),
)  # fmt: skip
things("survey", "surveys", answers=count("members who answered", get=lambda survey: survey.count))


# ---------------------------------------------------------------- deciding
@decides(SurveyAnswer)
def answer(turn: Turn, c: SurveyAnswer) -> None:
    member = rounds.taking_part(turn, c.member, c.group)
    survey = rounds.meant_in(turn, turn.state.surveys, c.survey, "survey", c.group)
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
    event = SurveyAnswered(
        survey=survey.id, member=member, group=c.group, chosen=chosen, said=list(words), words=words or None
    )
    rounds.played(turn, survey, event)


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
    state.surveys[e.survey] = Survey(
        id=e.survey, drop=e.drop, at=e.at, until=e.until, coupon=e.coupon, title=e.title, questions=asked
    )
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
