"""The clocks of a question: acknowledge, warn, breach; and the lease of who took it.

All of them are the core's own due moments. Clocks run from the first asking; they stop when the question is answered,
goes on in a private chat, or is closed. Questions are asked in order, so of each clock only the first card that it has
still to look at can be next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coordinator.core.kernel import Event, Key, Turn, due_key, evolves, moments
from coordinator.core.questions import (
    OVER,
    Question,
    QuestionAnswered,
    QuestionChatted,
    QuestionClosed,
    QuestionPicked,
    QuestionRaised,
    QuestionReleased,
    QuestionTaken,
)

if TYPE_CHECKING:
    from coordinator.core.state import State

AT_ONCE = 200  # events that one moment makes: after an absence the rest comes in the next


class QuestionUnacknowledged(Event, tag="question.unacknowledged", kw_only=True):
    """Nobody has taken it within 30 s (`service.acknowledge`)."""

    question: str


class QuestionWarned(Event, tag="question.warned", kw_only=True):
    """It is not answered after 100 s (`service.warn`)."""

    question: str


class QuestionBreached(Event, tag="question.breached", kw_only=True):
    """It is not answered after 180 s (`service.breach`)."""

    question: str


CLOCKS: tuple[tuple[str, Any], ...] = (  # Any: the three have one field in common, and no more
    ("acknowledge", QuestionUnacknowledged),
    ("warn", QuestionWarned),
    ("breach", QuestionBreached),
)
SAID = ("unacknowledged", "warned", "breached")


def _is_past(q: Question, n: int) -> bool:
    """Whether clock n has nothing more to do with it: it stopped, or has run out."""
    return q.status in OVER or (n == 0 and q.acknowledged_at is not None) or q.clock in SAID[n:]


def _next(state: State, n: int) -> Question | None:
    """The first card that clock n has still to look at."""
    return state.questions.get(f"q{state.clocks[n] + 1}")


@evolves(
    QuestionRaised, QuestionTaken, QuestionPicked, QuestionAnswered, QuestionChatted, QuestionClosed,
    QuestionUnacknowledged, QuestionWarned, QuestionBreached,
)  # fmt: skip
def ran(state: State, e: Any) -> Iterable[Key]:
    match e:
        case QuestionUnacknowledged():
            state.questions[e.question].clock = SAID[0]
        case QuestionWarned():
            state.questions[e.question].clock = SAID[1]
        case QuestionBreached():
            state.questions[e.question].clock = SAID[2]
    for n in range(len(CLOCKS)):
        while (q := _next(state, n)) is not None and _is_past(q, n):
            state.clocks[n] += 1
    return [("questions", e.question)]


@moments
def clock_moments(state: State) -> Iterable[tuple[int, int, str]]:
    if state.plan is None or state.the.status == "closed":
        return
    service = state.p.service
    for n, (name, _) in enumerate(CLOCKS):
        q = _next(state, n)
        if q is not None:
            yield q.at + getattr(service, name), 7, f"asked={n}.{q.id}"
    held = [(until, id_) for id_ in state.taken if (until := state.questions[id_].taken_until) is not None]
    if held:
        until, id_ = min(held)
        yield until, 7, f"lease={id_}"


@due_key("asked")
def clock_due(turn: Turn, key: str) -> None:
    state = turn.state
    n = int(key.partition(".")[0])
    name, event = CLOCKS[n]
    after = getattr(state.p.service, name)
    while (q := _next(state, n)) is not None and q.at + after <= turn.at and len(turn.events) < AT_ONCE:
        turn.emit(event(question=q.id))


@due_key("lease")
def lease_due(turn: Turn, question: str) -> None:
    q = turn.state.questions.get(question)
    if q is not None and q.id in turn.state.taken and q.taken_until is not None and q.taken_until <= turn.at:
        turn.emit(QuestionReleased(question=q.id, person=q.taken_by or "", why="lease"))
