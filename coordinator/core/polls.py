"""Polls 选品投票: a question with choices, put into groups; one vote for a member; the count is live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from coordinator.core import rounds
from coordinator.core.kernel import Command, Id, Key, Refusal, ShortText, Turn, command, decides, evolves
from coordinator.core.questions import normalised
from coordinator.core.readings import count, things
from coordinator.core.rounds import OpenRound, PlayRound, Round, RoundClosed, RoundOpened, RoundPlayed

if TYPE_CHECKING:
    from coordinator.core.state import State


MOST_OPTIONS = 20


class Poll(Round, kw_only=True):
    question: str
    options: tuple[str, ...]
    votes: list[int]
    """So many for each option, in their order."""
    leading: tuple[str, ...] = ()
    """The options that have the most votes, where there is one."""
    members: dict[str, int] = {}


# ---------------------------------------------------------------- events
class PollOpened(RoundOpened, tag="poll.opened", kw_only=True):
    poll: str
    question: str
    options: list[str]


class PollVoted(RoundPlayed, tag="poll.voted", kw_only=True):
    poll: str
    option: int


class PollClosed(RoundClosed, tag="poll.closed", kw_only=True):
    poll: str
    votes: list[int]


# ---------------------------------------------------------------- commands
def _all_different(options: list[str]) -> list[str]:
    if len({o.strip() for o in options}) < len(options):
        raise ValueError("the options must differ")
    return options


Options = Annotated[list[ShortText], Field(min_length=2, max_length=MOST_OPTIONS), AfterValidator(_all_different)]


@command("poll.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "poll.opened"))
class PollOpen(OpenRound):
    """A poll, put into groups at now + lead, open for `until`. Whoever votes is given a `coupon`, where one is named."""

    question: ShortText
    options: Options


@command("poll.close", button=True, events=("poll.closed",))
class PollClose(Command):
    """Ends a poll: the newest that is open, where none is named."""

    poll: Id | None = None


@command("poll.vote", events=("poll.voted", "coupon.claimed", "coupon.ran_out"))
class PollVote(PlayRound):
    """A member's one vote: the option by its number from 1, or by its words."""

    option: Annotated[int, Field(ge=1, le=MOST_OPTIONS)] | ShortText
    poll: Id | None = None


# ---------------------------------------------------------------- in a sheet
def _ready_text(fields: dict[str, Any]) -> str:
    lines = [f"{n}. {option}" for n, option in enumerate(fields.get("options") or (), 1)]
    gift = ", 投票即送 {prize}" if fields.get("coupon") else ""
    return "\n".join([f"投票: {fields.get('question', '')}", *lines, f"回复数字, 或点 {{link}}, 每人一票{gift}"])


rounds.round_kind(
    "poll", "polls", takes="votes", ready_text=_ready_text,
    shows=lambda f: {"question": f["question"], "options": "\n".join(f["options"])},
    opens=PollOpen, opened=lambda f, common: PollOpened(question=f["question"], options=f["options"], **common),
    plays=PollVoted,
    closes=PollClose, ends=PollClosed, closed=lambda poll, why: PollClosed(poll=poll.id, why=why, votes=poll.votes),
)  # fmt: skip
things("poll", "polls", votes=count("votes in it", get=lambda poll: poll.count))


# ---------------------------------------------------------------- deciding
@decides(PollVote)
def vote(turn: Turn, c: PollVote) -> None:
    member = rounds.taking_part(turn, c.member, c.group)
    poll = rounds.meant_in(turn, turn.state.polls, c.poll, "poll", c.group)
    option = _option(poll, c.option)
    if (known := rounds.took_part(turn.state, poll.members, member)) is not None:
        raise Refusal("already", "this member has voted", {"field": "member", "option": poll.members[known]})
    rounds.played(turn, poll, PollVoted(poll=poll.id, option=option, member=member, group=c.group))


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
        alike = [n for n, option in enumerate(poll.options, 1) if normalised(option) == normalised(said)]
        if len(alike) == 1:
            return alike[0]
    named = ", ".join(f"{n} {option}" for n, option in enumerate(poll.options, 1))
    raise Refusal("invalid", f"no such option; there are {named}", {"field": "option"})


# ---------------------------------------------------------------- evolving
@evolves(PollOpened)
def opened(state: State, e: PollOpened) -> Iterable[Key]:
    state.count("poll")
    state.polls[e.poll] = Poll(
        id=e.poll, drop=e.drop, at=e.at, until=e.until, coupon=e.coupon, question=e.question, options=tuple(e.options),
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
