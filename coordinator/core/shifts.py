"""The end of a shift: what somebody of support has under way goes to another, or back into the queue, in one go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves, result_of
from coordinator.core.questions import QuestionReleased, QuestionTaken

if TYPE_CHECKING:
    from coordinator.core.state import State


class ShiftHanded(Event, tag="shift.handed", kw_only=True):
    person: str
    to: str
    questions: list[str]


@command("shift.hand", events=("shift.handed", "question.taken", "question.released"))
class ShiftHand(Command):
    """All that the sender has taken goes to another person of support, or, with `to: support`, back into the queue."""

    to: Id


@decides(ShiftHand)
def hand(turn: Turn, c: ShiftHand) -> None:
    state, mine = turn.state, turn.actor.name
    if c.to == mine:
        raise Refusal("invalid", "it is yours already", {"field": "to"})
    if c.to != "support" and f"support:{c.to}" not in state.people:
        raise Refusal("unknown", f"{c.to} is nobody of support", {"field": "to"})
    theirs = (q for q in state.taken if state.questions[q].taken_by == mine)
    questions = sorted(theirs, key=lambda q: int(q[1:]))  # as they were asked
    turn.emit(ShiftHanded(person=mine, to=c.to, questions=questions))
    for question in questions:
        if c.to == "support":
            turn.emit(QuestionReleased(question=question, person=mine, why="handed"))
        else:
            turn.emit(QuestionTaken(question=question, person=c.to, until=turn.at + state.p.service.lease))


@result_of(ShiftHanded)
def handed_result(_: State, e: ShiftHanded) -> dict[str, object]:
    return {"to": e.to, "questions": e.questions}


@evolves(ShiftHanded)
def handed(_: State, e: ShiftHanded) -> Iterable[Key]:
    return [("questions", q) for q in e.questions]
