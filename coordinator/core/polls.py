"""Polls 选品投票: a question with choices, put into groups; one vote for a member; the count is live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import AfterValidator, Field

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

MOST_OPTIONS = 20


class Poll(msgspec.Struct, kw_only=True):
    id: str
    drop: str
    question: str
    options: tuple[str, ...]
    open: bool = True
    at: int
    until: int | None = None
    closed_at: int | None = None
    count: int = 0
    votes: list[int]
    """So many for each option, in their order."""
    leading: tuple[str, ...] = ()
    """The options that have the most votes, where there is one."""
    members: dict[str, int] = {}


things(
    "poll", "polls", current=lambda state: f"poll{state.counts.get('poll', 0)}",
    votes=count("votes in it", get=lambda poll: poll.count), open=truth("it takes votes"),
    left=until("to its end, while it is open", get=lambda poll: poll.until if poll.open else None),
)  # fmt: skip


# ---------------------------------------------------------------- events
class PollOpened(Event, tag="poll.opened", kw_only=True):
    poll: str
    drop: str
    question: str
    options: list[str]
    until: int | None = None


class PollVoted(Event, tag="poll.voted", kw_only=True):
    poll: str
    option: int
    member: str
    group: str | None = None


class PollClosed(Event, tag="poll.closed", kw_only=True):
    poll: str
    why: str  # closed, until
    votes: list[int]


# ---------------------------------------------------------------- commands
def _all_different(options: list[str]) -> list[str]:
    if len({o.strip() for o in options}) < len(options):
        raise ValueError("the options must differ")
    return options


Options = Annotated[list[ShortText], Field(min_length=2, max_length=MOST_OPTIONS), AfterValidator(_all_different)]


@command("poll.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "poll.opened"))
class PollOpen(Command):
    """A poll, put into groups at now + lead. `until` is how long it stays open, from its opening."""

    question: ShortText
    options: Options
    until: Annotated[Length, Field(ge=1)] | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("poll.close", button=True, events=("poll.closed",))
class PollClose(Command):
    """Ends a poll: the newest that is open, where none is named."""

    poll: Id | None = None


@command("poll.vote", events=("poll.voted",))
class PollVote(Command):
    """A member's one vote: the option by its number from 1, or by its words."""

    option: Annotated[int, Field(ge=1, le=MOST_OPTIONS)] | ShortText
    member: Member | None = None
    group: Id | None = None
    poll: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _ready_text(fields: dict[str, Any]) -> str:
    lines = [f"{n}. {option}" for n, option in enumerate(fields.get("options") or (), 1)]
    return "\n".join([f"投票: {fields.get('question', '')}", *lines, "回复数字, 或点 {link}, 每人一票"])


def _went_out(turn: Turn, drop: Drop) -> None:
    fields = turn.state.index.cues[drop.cue][1].fields
    length = fields.get("until")
    turn.emit(
        PollOpened(
            poll=turn.state.next_id("poll"),
            drop=drop.id,
            question=fields["question"],
            options=fields["options"],
            until=turn.at + length if length else None,
        )
    )


def _end(turn: Turn, plan: CuePlan, _: Cue) -> None:
    for poll in [p for p in turn.state.polls.values() if p.open and plan.fields.get("poll") in {None, p.id}]:
        turn.emit(PollClosed(poll=poll.id, why="closed", votes=poll.votes))


cue_kind("poll.open", dropped=_went_out, late=LATE_DROP, ready_text=_ready_text, priority=1)
cue_kind("poll.close", perform=_end)


# ---------------------------------------------------------------- deciding
@current(PollOpen, PollClose)
def current_poll(state: State, _: Any) -> str | None:
    found = rounds.newest(state.polls)
    return found.id if found else None


@decides(PollOpen)
def open_(turn: Turn, c: PollOpen) -> None:
    from coordinator.core import checks, firing, reaching

    rounds.need_sale_open(turn)
    fields = c.model_dump(include={"question", "options", "until"}, exclude_none=True)
    checks.need_clean(turn, c.text or _ready_text(fields))
    firing.drop_by_hand(turn, "poll.open", fields, reaching.check_groups(turn.state, c.groups), c.text)


@decides(PollClose)
def close(turn: Turn, c: PollClose) -> None:
    poll = rounds.meant(turn.state.polls, c.poll, "poll")
    turn.emit(PollClosed(poll=poll.id, why="closed", votes=poll.votes))


@decides(PollVote)
def vote(turn: Turn, c: PollVote) -> None:
    member = rounds.taking_part(turn, c.member)
    poll = rounds.meant(turn.state.polls, c.poll, "poll")
    option = _option(poll, c.option)
    if (known := rounds.took_part(turn.state, poll.members, member)) is not None:
        raise Refusal("already", "this member has voted", {"field": "member", "option": poll.members[known]})
    turn.emit(PollVoted(poll=poll.id, option=option, member=member, group=c.group))


def _option(poll: Poll, given: int | str) -> int:
    """The option's number, from 1."""
    if isinstance(given, int):
        if given <= len(poll.options):
            return given
    else:
        said = given.strip()
        if said.isdecimal() and 1 <= int(said) <= len(poll.options):
            return int(said)
        if said in poll.options:
            return poll.options.index(said) + 1
    named = ", ".join(f"{n} {option}" for n, option in enumerate(poll.options, 1))
    raise Refusal("invalid", f"no such option; there are {named}", {"field": "option"})


# ---------------------------------------------------------------- what is due
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    return rounds.deadlines(state.polls, "poll")


@due_key("poll")
def deadline(turn: Turn, name: str) -> None:
    poll = rounds.over(turn.state.polls, name, turn.at)
    if poll is not None:
        turn.emit(PollClosed(poll=name, why="until", votes=poll.votes))


# ---------------------------------------------------------------- evolving
@evolves(PollOpened)
def opened(state: State, e: PollOpened) -> Iterable[Key]:
    state.count("poll")
    state.polls[e.poll] = Poll(
        id=e.poll, drop=e.drop, question=e.question, options=tuple(e.options), at=e.at, until=e.until,
        votes=[0] * len(e.options),
    )  # fmt: skip
    return [("polls", e.poll)]


@evolves(PollVoted)
def voted(state: State, e: PollVoted) -> Iterable[Key]:
    poll = state.polls[e.poll]
    poll.members[e.member] = e.option
    poll.votes[e.option - 1] += 1
    poll.count += 1
    most = max(poll.votes)
    poll.leading = tuple(o for o, n in zip(poll.options, poll.votes, strict=True) if n == most)
    return [("polls", e.poll)]


@evolves(PollClosed)
def closed(state: State, e: PollClosed) -> Iterable[Key]:
    poll = state.polls[e.poll]
    poll.open, poll.closed_at = False, e.at
    return [("polls", e.poll)]
