"""Questions from groups: the same one of several members is one card with a count."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from coordinator.core import phrases, rules
from coordinator.core.contents import GivenContent, fields_of, text_of
from coordinator.core.groups import need_group, own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    ShortText,
    Turn,
    Words,
    command,
    current,
    decides,
    evolves,
    result_of,
)
from coordinator.core.simplified import SIMPLIFIED

if TYPE_CHECKING:
    from coordinator.core.state import State


_SIMPLER = str.maketrans(SIMPLIFIED)
OVER = frozenset({"answered", "chat", "closed"})  # nobody waits any more
QUEUE_KEPT = 500  # the newest cards, which are shown though they are answered; older ones are paged


class Question(msgspec.Struct, kw_only=True):
    id: str
    text: str | None
    groups: dict[str, int]
    count: int = 1
    at: int
    last_at: int
    status: str = "new"
    taken_by: str | None = None
    taken_at: int | None = None
    taken_until: int | None = None  # then it goes back to new, unless it is taken again
    acknowledged_at: int | None = None
    clock: str = ""  # the last of its clocks that ran out: unacknowledged, warned, breached
    picked_by: str | None = None
    answered_at: int | None = None
    answered_by: str | None = None
    answer: str | None = None
    escalated_to: str | None = None


class QuestionRaised(Event, tag="question.raised", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("text", "name")
    question: str
    group: str
    member: str | None = None
    again: bool = False
    text: str | None = None
    name: str | None = None


class QuestionTaken(Event, tag="question.taken", kw_only=True):
    question: str
    person: str
    until: int | None = None


class QuestionReleased(Event, tag="question.released", kw_only=True):
    """Nobody has it any more: `lease`, it was not answered in time; `handed`, a shift ended."""

    question: str
    person: str
    why: Literal["lease", "handed"]


class QuestionPicked(Event, tag="question.picked", kw_only=True):
    question: str
    person: str


class QuestionAnswered(Event, tag="question.answered", kw_only=True):
    question: str
    person: str
    text: str
    groups: list[str]
    phrase: str | None = None


class QuestionChatted(Event, tag="question.chatted", kw_only=True):
    question: str
    person: str


class QuestionClosed(Event, tag="question.closed", kw_only=True):
    question: str


class QuestionEscalated(Event, tag="question.escalated", kw_only=True):
    question: str
    to: str


@command("question.raise", events=("question.raised",))
class QuestionRaise(Command):
    """A question from a group. The same words again count on the card that is open."""

    group: Id
    member: Member | None = None
    text: Words
    name: ShortText | None = None


@command("question.take", events=("question.taken",))
class QuestionTake(Command):
    """The sender sees to it for a minute (`service.lease` of the sheet); taken again, for another one."""

    question: Id


@command("question.pick", events=("question.picked",))
class QuestionPick(Command):
    """For the air: the host sees it."""

    question: Id


@command(
    "question.answer", events=("question.answered", "cue.announced", "delivery.requested", "cue.fired", "message.sent")
)
class QuestionAnswer(Command):
    """Answers once, into one group or all that asked (`to`: a group's id, or `all`): in own words, or with an approved
    phrase of the sheet, whose price and stock are those of now (`product`: of this one, else of the phrase's, else of
    the one on air)."""

    question: Id
    content: GivenContent | None = None
    phrase: Id | None = None
    product: Id | None = None
    to: Id = "all"


@command("question.chat", events=("question.chatted",))
class QuestionChat(Command):
    """It goes on in a private chat with who asked: the queue is rid of it."""

    question: Id


@command("question.close", button=True, events=("question.closed",))
class QuestionClose(Command):
    """Takes a card off the queue without an answer. Its `from` is the question's id while it is open."""

    question: Id


@command("question.escalate", events=("question.escalated", "prompt.sent"))
class QuestionEscalate(Command):
    """Passes it on to a role or person."""

    question: Id
    to: Id


@current(QuestionClose)
def open_card(state: State, c: QuestionClose) -> str | None:
    q = state.questions.get(c.question)
    return q.id if q is not None and q.status != "closed" else None


def normalised(text: str) -> str:
    """What two askers have in common when they ask the same: letters and digits, folded, in simplified characters."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SIMPLER)
    return "".join(filter(str.isalnum, folded)) or folded


def _need(state: State, question: str) -> Question:
    found = state.questions.get(question)
    if found is None:
        raise Refusal("unknown", f"there is no question {question}", {"field": "question"})
    return found


def _open(q: Question) -> Question:
    if q.status in OVER:
        raise Refusal("stale", f"{q.id} is {q.status}", {"status": q.status, "by": q.answered_by})
    return q


@decides(QuestionRaise)
def raise_question(turn: Turn, c: QuestionRaise) -> None:
    need_group(turn, c.group)
    member = own_member(turn, c.member)
    state = turn.state
    card = state.asked.get(normalised(c.text))
    open_card = card is not None and state.questions[card].status not in OVER
    turn.emit(
        QuestionRaised(
            question=card if card is not None and open_card else state.next_id("q"),
            group=c.group,
            member=member,
            text=c.text,
            name=c.name,
            again=open_card,
        )
    )


@result_of(QuestionRaised)
def raised_result(_: State, e: QuestionRaised) -> dict[str, str]:
    return {"question": e.question}


def _not_with_another(turn: Turn, q: Question) -> None:
    if q.taken_by is not None and q.taken_by != turn.actor.name:
        raise Refusal("stale", f"{q.id} is with {q.taken_by}", {"current": q.taken_by, "until": q.taken_until})


@decides(QuestionTake)
def take(turn: Turn, c: QuestionTake) -> None:
    q = _open(_need(turn.state, c.question))
    _not_with_another(turn, q)
    until = turn.at + turn.state.p.service.lease
    if q.taken_by is None or q.taken_until != until:
        turn.emit(QuestionTaken(question=q.id, person=turn.actor.name, until=until))


@decides(QuestionPick)
def pick(turn: Turn, c: QuestionPick) -> None:
    q = _open(_need(turn.state, c.question))
    if q.picked_by is None:
        turn.emit(QuestionPicked(question=q.id, person=turn.actor.name))


@decides(QuestionAnswer)
def answer(turn: Turn, c: QuestionAnswer) -> None:
    from coordinator.core import checks, firing, reaching

    q = _open(_need(turn.state, c.question))
    _not_with_another(turn, q)
    if turn.state.the.halted:
        raise Refusal("too_early", "the show is halted: nothing goes into groups before show.unhalt", {"halted": True})
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    if c.to != "all" and c.to not in q.groups:
        raise Refusal("invalid", f"{c.to} did not ask; give all, or one of {', '.join(q.groups)}", {"field": "to"})
    groups = reaching.reachable(turn.state, q.groups if c.to == "all" else [c.to])
    if (c.content is None) == (c.phrase is None):
        raise Refusal("invalid", "give either content or a phrase", {"field": "content"})
    if c.content is not None:
        if c.product is not None:
            raise Refusal("invalid", "a product goes with a phrase", {"field": "product"})
        text, fields = text_of(c.content), fields_of(c.content)
    else:
        text, fields = phrases.words(turn.state, c.phrase or "", c.product), {}
    checks.need_clean(turn, text, "phrase" if c.phrase else "content")
    if groups:
        firing.drop_by_hand(turn, "message.send", fields, groups, text, asked=True)
    turn.emit(QuestionAnswered(question=q.id, person=turn.actor.name, text=text, groups=groups, phrase=c.phrase))


@decides(QuestionChat)
def chat(turn: Turn, c: QuestionChat) -> None:
    q = _open(_need(turn.state, c.question))
    _not_with_another(turn, q)
    turn.emit(QuestionChatted(question=q.id, person=turn.actor.name))


@decides(QuestionClose)
def close(turn: Turn, c: QuestionClose) -> None:
    q = _need(turn.state, c.question)
    if q.status != "closed":
        turn.emit(QuestionClosed(question=q.id))


@decides(QuestionEscalate)
def escalate(turn: Turn, c: QuestionEscalate) -> None:
    from coordinator.core import prompts

    q = _open(_need(turn.state, c.question))
    if not prompts.known_receiver(turn.state, c.to):
        raise Refusal("unknown", f"{c.to} is neither a role nor a person of the team", {"field": "to"})
    turn.emit(QuestionEscalated(question=q.id, to=c.to))
    # Not the asker's words: those can be erased, a prompt's text cannot. The card itself is shown to the receiver.
    prompts.tell(turn, c.to, rules.Words(zh="有一个提问转给你", en="A question was passed to you"), urgency="high")


@evolves(QuestionRaised)
def raised(state: State, e: QuestionRaised) -> Iterable[Key]:
    q = state.questions.get(e.question)
    if q is None:
        state.count("q")
        state.questions[e.question] = Question(id=e.question, text=e.text, groups={e.group: 1}, at=e.at, last_at=e.at)
    else:
        q.count += 1
        q.last_at = e.at
        q.groups[e.group] = q.groups.get(e.group, 0) + 1
    if e.text is not None:
        state.asked[normalised(e.text)] = e.question
    keys: list[Key] = [("questions", e.question)]
    behind = f"q{state.counts['q'] - QUEUE_KEPT}"
    if behind in state.questions:
        keys.append(("questions", behind))
    return keys


@evolves(
    QuestionTaken,
    QuestionReleased,
    QuestionPicked,
    QuestionAnswered,
    QuestionChatted,
    QuestionClosed,
    QuestionEscalated,
)
def changed(state: State, e: Event) -> Iterable[Key]:
    match e:
        case QuestionTaken():
            q = state.questions[e.question]
            if q.taken_by != e.person:
                q.taken_by, q.taken_at = e.person, e.at
            q.status, q.taken_until = "taken" if q.status == "new" else q.status, e.until
            q.acknowledged_at = q.acknowledged_at or e.at
        case QuestionReleased():
            q = state.questions[e.question]
            q.status, q.taken_by, q.taken_at, q.taken_until = (
                "new" if q.status == "taken" else q.status,
                None,
                None,
                None,
            )
        case QuestionPicked():
            q = state.questions[e.question]
            q.status, q.picked_by = "picked", e.person
            q.acknowledged_at = q.acknowledged_at or e.at
        case QuestionAnswered():
            q = state.questions[e.question]
            q.status, q.answered_at, q.answered_by, q.answer = "answered", e.at, e.person, e.text
            q.acknowledged_at = q.acknowledged_at or e.at
        case QuestionChatted():
            q = state.questions[e.question]
            q.status, q.answered_at, q.answered_by = "chat", e.at, e.person
            q.acknowledged_at = q.acknowledged_at or e.at
        case QuestionClosed():
            q = state.questions[e.question]
            q.status = "closed"
        case QuestionEscalated():
            q = state.questions[e.question]
            q.escalated_to = e.to
        case _:
            return []
    if q.taken_by is None or q.status in OVER:
        state.taken.discard(q.id)
    else:
        state.taken.add(q.id)
    return [("questions", q.id)]
