"""Quizzes 有奖问答: the first right answers win. A member answers once; what they said can be erased."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from coordinator.core import rounds
from coordinator.core.kernel import Command, Id, Key, Refusal, ShortText, Turn, command, decides, evolves
from coordinator.core.polls import Options
from coordinator.core.questions import normalised
from coordinator.core.readings import count, things
from coordinator.core.rounds import OpenRound, PlayRound, Round, RoundClosed, RoundOpened, RoundPlayed

if TYPE_CHECKING:
    from coordinator.core.state import State


class Quiz(Round, kw_only=True):
    question: str
    answers: tuple[str, ...]
    """Any of these is right."""
    winners: int
    """So many of the first right answers win."""
    prize: str = ""
    options: tuple[str, ...] = ()
    """What there is to choose from, where it is no open question."""
    right: int = 0
    won: list[str] = []
    """The winners, in their order."""
    members: dict[str, bool] = {}
    """Who answered, and whether rightly."""


# ---------------------------------------------------------------- events
class QuizOpened(RoundOpened, tag="quiz.opened", kw_only=True):
    quiz: str
    question: str
    answers: list[str]
    options: list[str] = []
    winners: int
    prize: str = ""


class QuizAnswered(RoundPlayed, tag="quiz.answered", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("answer",)
    quiz: str
    answer: str | None = None
    right: bool
    place: int | None = None  # among the winners, from 1


class QuizClosed(RoundClosed, tag="quiz.closed", kw_only=True):
    quiz: str
    won: list[str]


# ---------------------------------------------------------------- commands
@command("quiz.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "quiz.opened"))
class QuizOpen(OpenRound):
    """A question with a prize, put into groups at now + lead, open for `until`. Each winner is given a `coupon`, where one is named.

    `answer` is what is right, or a list of which any is; with `options`, one of these.
    """

    question: ShortText
    answer: ShortText | Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    options: Options | None = None
    winners: Annotated[int, Field(ge=1, le=10_000)] = 1
    prize: ShortText | None = None


@command("quiz.close", button=True, events=("quiz.closed",))
class QuizClose(Command):
    """Ends a quiz: the newest that is open, where none is named."""

    quiz: Id | None = None


@command("quiz.answer", events=("quiz.answered", "coupon.claimed", "coupon.ran_out", "quiz.closed"))
class QuizAnswer(PlayRound):
    """A member's one answer: words, or the number of an option. The result says whether it is right, and the place among the winners."""

    answer: ShortText
    quiz: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _right(fields: dict[str, Any]) -> list[str]:
    given = fields["answer"]
    return [given] if isinstance(given, str) else list(given)


def _one_is_right(_: State, fields: dict[str, Any]) -> None:
    given = fields.get("options") or ()
    options = {heard(each) for each in given}
    if len(options) < len(given):
        raise Refusal("invalid", "two of the options are heard as the same answer", {"field": "options"})
    if options and not any(heard(each) in options for each in _right(fields)):
        raise Refusal("invalid", "none of the options is the right answer", {"field": "answer"})


def _ready_text(fields: dict[str, Any]) -> str:
    lines = [f"{n}. {option}" for n, option in enumerate(fields.get("options") or (), 1)]
    prize = ", 奖品: {prize}" if fields.get("prize") or fields.get("coupon") else ""
    wins = f"前 {fields.get('winners', 1)} 名答对的有奖{prize}"
    return "\n".join([f"抢答: {fields.get('question', '')}", *lines, wins, "在群里回答, 或点 {link}"])


def _shown(fields: dict[str, Any]) -> dict[str, str]:
    """Its answers too: the page tells them when it is over."""
    lists = {"options": fields.get("options") or (), "answer": _right(fields)}
    return {
        "question": fields["question"], "prize": fields.get("prize", ""), **{k: "\n".join(v) for k, v in lists.items()}
    }  # fmt: skip


rounds.round_kind(
    "quiz", "quizzes", takes="answers", ready_text=_ready_text, check=_one_is_right, shows=_shown,
    opens=QuizOpen, opened=lambda f, common: QuizOpened(
        question=f["question"], answers=_right(f), options=f.get("options") or [], winners=f.get("winners", 1), prize=f.get("prize", ""),
        **common,
    ),
    plays=QuizAnswered, says=lambda e: {"right": e.right, **({"place": e.place} if e.place is not None else {})},
    closes=QuizClose, ends=QuizClosed, closed=lambda quiz, why: QuizClosed(quiz=quiz.id, why=why, won=quiz.won),
)  # fmt: skip
things(
    "quiz", "quizzes", answers=count("answers to it", get=lambda quiz: quiz.count), right=count("right answers to it")
)


# ---------------------------------------------------------------- deciding
@decides(QuizAnswer)
def answer(turn: Turn, c: QuizAnswer) -> None:
    member = rounds.taking_part(turn, c.member, c.group)
    quiz = rounds.meant_in(turn, turn.state.quizzes, c.quiz, "quiz", c.group)
    if rounds.took_part(turn.state, quiz.members, member) is not None:
        raise Refusal("already", "this member has answered: the first answer counts", {"field": "member"})
    right = heard(_meant(quiz, c.answer)) in {heard(each) for each in quiz.answers}
    place = len(quiz.won) + 1 if right and len(quiz.won) < quiz.winners else None
    event = QuizAnswered(quiz=quiz.id, member=member, group=c.group, answer=c.answer, right=right, place=place)
    rounds.played(turn, quiz, event, earned=place is not None)
    if quiz.open and len(quiz.won) == quiz.winners:
        turn.emit(QuizClosed(quiz=quiz.id, why="won", won=quiz.won))


def _meant(quiz: Quiz, said: str) -> str:
    """What was chosen, where an option was named by its number."""
    number = said.strip()
    if number in quiz.options or not (number.isdecimal() and 1 <= int(number) <= len(quiz.options)):
        return said
    return quiz.options[int(number) - 1]


_NUMBER = re.compile(r"((?:(?<![0-9A-Za-z.])-)?\d+(?:,\d{3})*(?:\.\d+)?)")


def heard(answer: str) -> str:
    """An answer as it is compared: words folded as questions are, numbers by their value.

    ７年, 7 年 and 07年 are the same, as are 12.9 and 12.90; 12.9 and 129 are not, nor are 5 and -5.
    """
    parts = _NUMBER.split(unicodedata.normalize("NFKC", answer))
    if not any(c.isalnum() for part in parts for c in part):
        return normalised(answer)
    return "|".join(_number(part) if n % 2 else _word(part) for n, part in enumerate(parts))


def _word(part: str) -> str:
    return normalised(part) if any(c.isalnum() for c in part) else ""


def _number(said: str) -> str:
    whole, _, rest = said.replace(",", "").partition(".")
    sign, rest = "-" * whole.startswith("-"), rest.rstrip("0")
    return f"{sign}{int(whole.lstrip('-'))}" + (f".{rest}" if rest else "")


# ---------------------------------------------------------------- evolving
@evolves(QuizOpened)
def opened(state: State, e: QuizOpened) -> Iterable[Key]:
    state.count("quiz")
    state.quizzes[e.quiz] = Quiz(
        id=e.quiz, drop=e.drop, at=e.at, until=e.until, coupon=e.coupon, question=e.question, answers=tuple(e.answers),
        options=tuple(e.options), winners=e.winners, prize=e.prize,
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
