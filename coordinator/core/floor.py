"""Control of the floor 控场: what members do in a group that the controller has to know of, and the reminder that follows.

Words: what the rule set's FLOOR lists name (negative 负面, advertising 广告, politics and religion 政治宗教), and web addresses
that are none of the sheet's. Manners: a member who fills the group (`floor.messages` within `floor.per`), and one who has
just come and talks into what the host is saying (`floor.newcomers` messages). The controller is told once of each kind in
a group, with a count; one press sends the reminder, or a correction in the controller's words.

Members' own words can be erased; what a group is sent never holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from coordinator.core import members, render
from coordinator.core.groups import GroupJoined, GroupMessage
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Text, Turn, command, current, decides, evolves
from coordinator.core.matching import readable
from coordinator.core.rules import FLOOR
from coordinator.core.show import SegmentStarted
from coordinator.core.wording import foreign_addresses

if TYPE_CHECKING:
    from coordinator.core.state import State

What = Literal["politics", "advertising", "negative", "flooding", "interrupting"]
WORDS: tuple[What, ...] = ("politics", "advertising", "negative")
"""By weight: of a message that holds several the first is told."""
RULE = frozenset({FLOOR})
LISTENING = frozenset({"rules", "opening", "guest", "product", "limited"})
"""Kinds of segments in which the host speaks and the groups listen."""
_ACCOUNT = re.compile(
    r"[A-Za-z][A-Za-z0-9_-]{3}|[0-9]{5}"
)  # patterns are about accounts: most messages hold nothing that could be one
LOOKED_AT = 2_000  # signs of a message: more than people write; whoever pastes a book holds up nobody's sale
SHOWN = 300  # signs of a message that a card shows; all of it stands where the group's messages are
KEPT = 100  # cards that stay in the state; older ones are in the journal
MOST_NEWCOMERS = 500  # of one group that are looked at in a segment, the first to come: more than most groups hold

READY: dict[What, str] = {
    "politics": "群里只聊本场的商品和活动, 其他话题请到别处聊, 谢谢。",
    "advertising": "本群不发广告和无关链接, 也不私下加人, 谢谢配合。",
    "negative": "有不满意的请说订单和具体情况, 客服马上处理。",
    "flooding": "请大家一次说完, 给别人也留点位置, 谢谢。",
    "interrupting": "刚进群的朋友先看群公告, 主播讲完这一段就答疑。",
}
WITH_RULES = frozenset({"politics", "advertising", "flooding", "interrupting"})
"""Reminders that the group's own rules go with."""


class Disturbance(msgspec.Struct, kw_only=True):
    """What happened in a group, how often, and what was last said. `reminder` is what one press would send."""

    id: str
    group: str
    what: What
    reminder: str
    count: int = 1
    member: str | None = None
    name: str | None = None
    text: str | None = None
    term: str | None = None
    at: int
    last_at: int
    status: Literal["open", "reminded", "dismissed"] = "open"
    drop: str | None = None
    by: str | None = None


class Talk(msgspec.Struct, kw_only=True):
    """Who said how much in a group of late, and who has just come into it."""

    since: int = 0
    said: dict[str, int] = {}
    newcomers: dict[str, int] = {}  # who joined while the running segment runs → messages since
    reminded: dict[str, int] = {}  # of what → when


class FloorDisturbed(Event, tag="floor.disturbed", kw_only=True):
    """`again`: one more on a card that is open."""

    PRIVATE: ClassVar[tuple[str, ...]] = ("text", "name", "term")
    disturbance: str
    group: str
    what: What
    member: str | None = None
    again: bool = False
    text: str | None = None
    name: str | None = None
    term: str | None = None


class FloorReminded(Event, tag="floor.reminded", kw_only=True):
    disturbance: str
    drop: str


class FloorDismissed(Event, tag="floor.dismissed", kw_only=True):
    disturbance: str


@command(
    "floor.remind", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "message.sent", "floor.reminded")
)  # fmt: skip
class FloorRemind(Command):
    """Sends the reminder into the group, at now + lead: the sheet's for what happened, with the group's rules; or, with
    `text`, a correction in the sender's words. Its `from` is the card's id while it is open."""

    disturbance: Id
    text: Text | None = None


@command("floor.dismiss", button=True, events=("floor.dismissed",))
class FloorDismiss(Command):
    """Nothing is to be said to the group."""

    disturbance: Id


# ---------------------------------------------------------------- what is seen
def look(turn: Turn, e: GroupMessage) -> None:
    """Looks at a member's message, after it was written: what of it the controller is told."""
    for what, term in _found(turn, e):
        state = turn.state
        card = next((d for d in state.disturbances.values() if d.status == "open" and (d.group, d.what) == (e.group, what)), None)  # fmt: skip
        turn.emit(
            FloorDisturbed(
                disturbance=card.id if card is not None else state.next_id("floor"), group=e.group, what=what,
                member=e.member, again=card is not None, text=_shown(e.text, term), name=e.name, term=term,
            )
        )  # fmt: skip


def _shown(text: str | None, term: str | None) -> str | None:
    """What a card shows of a message: its beginning, or where the term stands; a screen full of it would hide the show."""
    if text is None or len(text) <= SHOWN:
        return text
    begin = max(0, text.find(term) - SHOWN // 2) if term is not None else 0
    part = text[begin : begin + SHOWN]
    return ("…" if begin else "") + part + ("…" if begin + SHOWN < len(text) else "")


def _found(turn: Turn, e: GroupMessage) -> Iterator[tuple[What, str | None]]:
    state, found = turn.state, list[tuple[What, str | None]]()
    word = _word(turn, (e.text or "")[:LOOKED_AT])
    if word is not None:
        found.append(word)
    talk, floor = state.talk.get(e.group), state.p.floor
    if e.member is not None and talk is not None:
        if floor.messages and talk.said.get(e.member) == floor.messages:
            found.append(("flooding", None))
        segment = state.segments.get(state.the.segment or "")
        listening = segment is not None and segment.kind in LISTENING and state.the.status == "live"
        if floor.newcomers and listening and talk.newcomers.get(e.member) == floor.newcomers:
            found.append(("interrupting", None))
    if found and not (e.member is not None and members.is_staff(state, e.member)):
        yield from found


def _word(turn: Turn, text: str) -> tuple[What, str] | None:
    """The gravest of what a message holds."""
    if turn.moment.rules is None:
        return None
    judge, state = turn.moment.rules.floor, turn.state
    faults = judge.terms(text, RULE, state.p.checks.exceptions)
    if _ACCOUNT.search(readable(text)):
        faults += judge.patterns(text, FLOOR)
    terms = {f.about: f.term for f in reversed(faults)}
    if "advertising" not in terms:
        public = turn.moment.public.lower() + "/"
        ours = (public, public.partition("://")[2])  # a member may ask about what the group was sent
        foreign = (
            f.term for f in foreign_addresses(text, state.index.addresses) if not f.term.lower().startswith(ours)
        )
        if (term := next(foreign, None)) is not None:
            terms["advertising"] = term
    return next(((what, terms[what]) for what in WORDS if what in terms), None)


# ---------------------------------------------------------------- the controller's word
def reminder(state: State, group: str, what: What) -> str:
    """What one press sends into a group: the sheet's words for what happened, else the ready ones, and the group's rules."""
    words = state.p.floor.reminders.get(what, READY[what])
    if what in WITH_RULES and "{rules}" not in words and render.of_group(state, group)["rules"]:
        words += "\n{rules}"
    return words


def _open(state: State, disturbance: str) -> Disturbance:
    found = state.disturbances.get(disturbance)
    if found is None:
        raise Refusal("unknown", f"there is no disturbance {disturbance}", {"field": "disturbance"})
    if found.status != "open":
        raise Refusal(
            "stale", f"{disturbance} is {found.status} by {found.by}", {"current": None, "status": found.status}
        )
    return found


@current(FloorRemind, FloorDismiss)
def open_card(state: State, c: FloorRemind | FloorDismiss) -> str | None:
    found = state.disturbances.get(c.disturbance)
    return found.id if found is not None and found.status == "open" else None


@decides(FloorRemind)
def remind(turn: Turn, c: FloorRemind) -> None:
    from coordinator.core import checks, firing, pacing

    state = turn.state
    found = _open(state, c.disturbance)
    if state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    talk = state.talk.get(found.group)
    last = talk.reminded.get(found.what) if talk is not None else None
    stands = last is not None and turn.at < last + state.p.pacing.same_content
    if c.text is None and stands and "DUP" not in pacing.overruled(turn):
        message = (
            f"{found.group} was sent this reminder within the last minutes: give a text of your own, or dismiss it"
        )
        raise Refusal("capped", message, {"allowed_at": (last or 0) + state.p.pacing.same_content, "rules": ["DUP"]})
    checks.need_clean(turn, c.text)
    text = c.text or reminder(state, found.group, found.what)
    firing.drop_by_hand(turn, "message.send", {}, [found.group], text)
    turn.emit(FloorReminded(disturbance=found.id, drop=f"drop{state.counts['drop']}"))


@decides(FloorDismiss)
def dismiss(turn: Turn, c: FloorDismiss) -> None:
    turn.emit(FloorDismissed(disturbance=_open(turn.state, c.disturbance).id))


# ---------------------------------------------------------------- evolving
@evolves(GroupMessage)
def said(state: State, e: GroupMessage) -> Iterable[Key]:
    if e.member is None or e.staff is not None:
        return ()
    talk = _talk(state, e.group)
    if e.at - talk.since >= state.p.floor.per:
        talk.since, talk.said = e.at, {}
    talk.said[e.member] = talk.said.get(e.member, 0) + 1
    if e.member in talk.newcomers:
        talk.newcomers[e.member] += 1
    return ()


@evolves(GroupJoined)
def joined(state: State, e: GroupJoined) -> Iterable[Key]:
    if e.member is not None and state.the.status == "live":
        newcomers = _talk(state, e.group).newcomers
        if len(newcomers) < MOST_NEWCOMERS:
            newcomers.setdefault(e.member, 0)
    return ()


def _talk(state: State, group: str) -> Talk:
    talk = state.talk.get(group)
    if talk is None:
        talk = state.talk[group] = Talk()
    return talk


@evolves(SegmentStarted)
def started(state: State, _: SegmentStarted) -> Iterable[Key]:
    """Who came during the segment before has had time to see what this is."""
    for talk in state.talk.values():
        talk.newcomers = {}
    return ()


@evolves(FloorDisturbed)
def disturbed(state: State, e: FloorDisturbed) -> Iterable[Key]:
    keys: list[Key] = [("disturbances", e.disturbance)]
    card = state.disturbances.get(e.disturbance)
    if card is None:
        state.count("floor")
        text = render.fill(state, reminder(state, e.group, e.what), beside=render.of_group(state, e.group))
        card = state.disturbances[e.disturbance] = Disturbance(
            id=e.disturbance, group=e.group, what=e.what, reminder=text, count=0, at=e.at, last_at=e.at
        )
        oldest = f"floor{state.counts['floor'] - KEPT}"
        if state.disturbances.pop(oldest, None) is not None:
            keys.append(("disturbances", oldest))
    card.count += 1
    card.last_at, card.member, card.name, card.text, card.term = e.at, e.member, e.name, e.text, e.term
    return keys


@evolves(FloorReminded)
def reminded(state: State, e: FloorReminded) -> Iterable[Key]:
    card = state.disturbances[e.disturbance]
    card.status, card.drop, card.by = "reminded", e.drop, e.by
    _talk(state, card.group).reminded[card.what] = e.at
    return [("disturbances", e.disturbance)]


@evolves(FloorDismissed)
def dismissed(state: State, e: FloorDismissed) -> Iterable[Key]:
    card = state.disturbances[e.disturbance]
    card.status, card.by = "dismissed", e.by
    return [("disturbances", e.disturbance)]
