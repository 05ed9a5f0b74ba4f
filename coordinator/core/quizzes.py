"""Quizzes 有奖问答: the first right answers win. A member answers once; what they said can be erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from pydantic import Field

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
    result_of,
)
from coordinator.core.questions import normalised
from coordinator.core.readings import count, things, truth, until

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State


class Quiz(msgspec.Struct, kw_only=True):
    id: str
    drop: str
    question: str
    answers: tuple[str, ...]
    """Any of these is right."""
    winners: int
    """So many of the first right answers win."""
    prize: str = ""
    open: bool = True
    at: int
    until: int | None = None
    closed_at: int | None = None
    count: int = 0
    right: int = 0
    won: list[str] = []
    """The winners, in their order."""
    members: dict[str, bool] = {}
    """Who answered, and whether rightly."""


things(
    "quiz", "quizzes", current=lambda state: f"quiz{state.counts.get('quiz', 0)}",
    answers=count("answers to it", get=lambda quiz: quiz.count), right=count("right answers to it"),
    open=truth("it takes answers"), left=until("to its end, while it is open", get=lambda quiz: quiz.until if quiz.open else None),
)  # fmt: skip


# ---------------------------------------------------------------- events
class QuizOpened(Event, tag="quiz.opened", kw_only=True):
    quiz: str
    drop: str
    question: str
    answers: list[str]
    winners: int
    prize: str = ""
    until: int | None = None


class QuizAnswered(Event, tag="quiz.answered", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("answer",)
    quiz: str
    member: str
    group: str | None = None
    answer: str | None = None
    right: bool
    place: int | None = None  # among the winners, from 1


class QuizClosed(Event, tag="quiz.closed", kw_only=True):
    quiz: str
    why: str  # closed, until, won
    won: list[str]


# ---------------------------------------------------------------- commands
@command("quiz.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "quiz.opened"))
class QuizOpen(Command):
    """A question with a prize, put into groups at now + lead. `until` is how long it stays open, from its opening."""

    question: ShortText
    answer: ShortText | Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    winners: Annotated[int, Field(ge=1, le=10_000)] = 1
    prize: ShortText | None = None
    until: Annotated[Length, Field(ge=1)] | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("quiz.close", button=True, events=("quiz.closed",))
class QuizClose(Command):
    """Ends a quiz: the newest that is open, where none is named."""

    quiz: Id | None = None


@command("quiz.answer", events=("quiz.answered", "quiz.closed"))
class QuizAnswer(Command):
    """A member's one answer. The result says whether it is right, and the place among the winners where it has one."""

    answer: ShortText
    member: Member | None = None
    group: Id | None = None
    quiz: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _ready_text(fields: dict[str, Any]) -> str:
    prize = f", 奖品: {fields['prize']}" if fields.get("prize") else ""
    return f"抢答: {fields.get('question', '')}\n前 {fields.get('winners', 1)} 名答对的有奖{prize}\n在群里回答, 或点 {{link}}"


def _went_out(turn: Turn, drop: Drop) -> None:
    f = turn.state.index.cues[drop.cue][1].fields
    answers = f["answer"] if isinstance(f["answer"], list) else [f["answer"]]
    turn.emit(
        QuizOpened(
            quiz=turn.state.next_id("quiz"),
            drop=drop.id,
            question=f["question"],
            answers=answers,
            winners=f.get("winners", 1),
            prize=f.get("prize", ""),
            until=turn.at + f["until"] if f.get("until") else None,
        )
    )


def _end(turn: Turn, plan: CuePlan, _: Cue) -> None:
    for quiz in [q for q in turn.state.quizzes.values() if q.open and plan.fields.get("quiz") in {None, q.id}]:
        turn.emit(QuizClosed(quiz=quiz.id, why="closed", won=quiz.won))


cue_kind("quiz.open", dropped=_went_out, late=LATE_DROP, ready_text=_ready_text, priority=1)
cue_kind("quiz.close", perform=_end)


# ---------------------------------------------------------------- deciding
@current(QuizOpen, QuizClose)
def current_quiz(state: State, _: Any) -> str | None:
    found = rounds.newest(state.quizzes)
    return found.id if found else None


@decides(QuizOpen)
def open_(turn: Turn, c: QuizOpen) -> None:
    from coordinator.core import checks, firing, reaching

    rounds.need_sale_open(turn)
    fields = c.model_dump(include={"question", "answer", "winners", "prize", "until"}, exclude_none=True)
    checks.need_clean(turn, c.text or _ready_text(fields))
    firing.drop_by_hand(turn, "quiz.open", fields, reaching.check_groups(turn.state, c.groups), c.text)


@decides(QuizClose)
def close(turn: Turn, c: QuizClose) -> None:
    quiz = rounds.meant(turn.state.quizzes, c.quiz, "quiz")
    turn.emit(QuizClosed(quiz=quiz.id, why="closed", won=quiz.won))


@decides(QuizAnswer)
def answer(turn: Turn, c: QuizAnswer) -> None:
    member = rounds.taking_part(turn, c.member)
    quiz = rounds.meant(turn.state.quizzes, c.quiz, "quiz")
    if rounds.took_part(turn.state, quiz.members, member) is not None:
        raise Refusal("already", "this member has answered: the first answer counts", {"field": "member"})
    right = normalised(c.answer) in {normalised(each) for each in quiz.answers}
    place = len(quiz.won) + 1 if right and len(quiz.won) < quiz.winners else None
    turn.emit(QuizAnswered(quiz=quiz.id, member=member, group=c.group, answer=c.answer, right=right, place=place))
    if len(quiz.won) == quiz.winners:
        turn.emit(QuizClosed(quiz=quiz.id, why="won", won=quiz.won))


@result_of(QuizAnswered)
def answered_result(_: State, e: QuizAnswered) -> dict[str, Any]:
    return {"right": e.right, **({"place": e.place} if e.place is not None else {})}


# ---------------------------------------------------------------- what is due
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    return rounds.deadlines(state.quizzes, "quiz")


@due_key("quiz")
def deadline(turn: Turn, name: str) -> None:
    quiz = rounds.over(turn.state.quizzes, name, turn.at)
    if quiz is not None:
        turn.emit(QuizClosed(quiz=name, why="until", won=quiz.won))


# ---------------------------------------------------------------- evolving
@evolves(QuizOpened)
def opened(state: State, e: QuizOpened) -> Iterable[Key]:
    state.count("quiz")
    state.quizzes[e.quiz] = Quiz(
        id=e.quiz, drop=e.drop, question=e.question, answers=tuple(e.answers), winners=e.winners, prize=e.prize,
        at=e.at, until=e.until,
    )  # fmt: skip
    return [("quizzes", e.quiz)]


@evolves(QuizAnswered)
def answered(state: State, e: QuizAnswered) -> Iterable[Key]:
    quiz = state.quizzes[e.quiz]
    quiz.members[e.member] = e.right
    quiz.count += 1
    quiz.right += e.right
    if e.place is not None:
        quiz.won.append(e.member)
    return [("quizzes", e.quiz)]


@evolves(QuizClosed)
def closed(state: State, e: QuizClosed) -> Iterable[Key]:
    quiz = state.quizzes[e.quiz]
    quiz.open, quiz.closed_at = False, e.at
    return [("quizzes", e.quiz)]
