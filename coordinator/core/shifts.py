"""The end of a shift: what somebody of support has under way goes to another, or back into the queue, in one go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.followups import FollowupReleased, FollowupTaken
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves, number, result_of
from coordinator.core.questions import QuestionReleased, QuestionTaken

if TYPE_CHECKING:
    from coordinator.core.state import State


class ShiftHanded(Event, tag="shift.handed", kw_only=True):
    person: str
    to: str
    questions: list[str]
    followups: list[str] = []


@command(
    "shift.hand", events=("shift.handed", "question.taken", "question.released", "followup.taken", "followup.released")
)
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
    questions = sorted(theirs, key=number)  # as they were asked
    follow = sorted((f for f in state.working if state.followups[f].owner == mine), key=number)
    turn.emit(ShiftHanded(person=mine, to=c.to, questions=questions, followups=follow))
    for question in questions:
        if c.to == "support":
            turn.emit(QuestionReleased(question=question, person=mine, why="handed"))
        else:
            turn.emit(QuestionTaken(question=question, person=c.to, until=turn.at + state.p.service.lease))
    for id_ in follow:
        messaged = state.followups[id_].status == "messaged"
        if c.to != "support":
            until = None if messaged else turn.at + state.p.followup.lease
            turn.emit(FollowupTaken(followup=id_, person=c.to, until=until))
        elif not messaged:  # what came of a message is for who sent it to say, or a colleague who is named
            turn.emit(FollowupReleased(followup=id_, person=mine, why="handed"))


@result_of(ShiftHanded)
def handed_result(_: State, e: ShiftHanded) -> dict[str, object]:
    return {"to": e.to, "questions": e.questions, "followups": e.followups}


@evolves(ShiftHanded)
def handed(_: State, e: ShiftHanded) -> Iterable[Key]:
    return [("questions", q) for q in e.questions]
