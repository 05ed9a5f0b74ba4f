"""How often a group is sent something: the repeat rule, the caps, and what goes first where there is little room.

A cue fires on time; what it brings into a group may be held back there. Two rules hold it, by their ids:

    DUP   the same content about the same thing is not sent again into a group within `same_content` (10 minutes)
    CAP   a group is sent at most so many messages within so long: a cap of its own, else of its tier

What is held back is a delivery that is `held`, with the rule and the time when it may go. It goes by itself then, links
and coupons first, unless it has expired. A member who asked lifts the repeat rule once; a person of the team lifts either
by an override with a reason. What answers a member is not held, and takes nothing of a cap.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import msgspec

from coordinator.core import render
from coordinator.core.kernel import Event, Key, Refusal, Turn, due_key, evolves, moments

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.deliveries import Delivery
    from coordinator.core.plan import Cap
    from coordinator.core.state import State

Rule = Literal["DUP", "CAP"]
Lifted = Literal["asked", "override"]

COUNTS = frozenset({"requested", "held", "awaiting", "sent", "unknown"})
"""On its way, there, or perhaps there."""
_COUNTERS = re.compile(r"\{\s*(?:stock|coupon\.left)\s*\}")
_WHY = {
    "DUP": "the group has had the same content within the last minutes",
    "CAP": "the group has had as many messages as the sheet allows",
}


class GroupAsked(Event, tag="group.asked", kw_only=True):
    """A member wants to have again what the group was sent; `about` is the id of the thing, where that is known."""

    group: str
    member: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a drop may go into a group: by which rule it may not, and until when; or what lifted the repeat rule."""

    rule: Rule | None = None
    until: int = 0
    lifted: Lifted | None = None

    @property
    def why(self) -> str:
        return _WHY[self.rule] if self.rule is not None else ""


# ---------------------------------------------------------------- what is the same, and what a group has had
def content_of(state: State, drop: Drop) -> str:
    """What two drops have in common that say the same about the same thing: letters and digits, folded.

    A figure that counts down makes no new message of an old one; a new price does.
    """
    plan = state.index.cues[drop.cue][1]
    words = said(render.fill(state, _COUNTERS.sub("", drop.text), drop.what))
    about = msgspec.json.encode([plan.do, drop.what, words, plan.fields.get("content")], order="sorted")
    return blake2b(about, digest_size=8).hexdigest()


def said(text: str) -> str:
    """The letters and digits of a text, folded, without the figures that count down."""
    folded = unicodedata.normalize("NFKC", _COUNTERS.sub("", text)).casefold()
    return "".join(c for c in folded if c.isalnum()) or folded


def answers(state: State, cue: str) -> bool:
    """Whether it goes out because a member asked: an answer, or what a keyword brings."""
    return state.index.cues[cue][1].asked


def verdict(
    state: State, group: str, drop: Drop, same: str, at: int, but: Collection[str], overruled: Collection[str] = ()
) -> Verdict:
    """Whether a drop may go into a group at that instant. Deliveries in `but` do not count: itself, above all."""
    if answers(state, drop.cue):
        return Verdict()
    plan, cap = state.p.pacing, cap_of(state, group)
    last: int | None = None
    instants: list[int] = []
    for name in state.recent.get(group, ()):
        d = state.deliveries[name]
        if name in but or d.status not in COUNTS or d.rule is not None:
            continue
        instant = d.went_at if d.went_at is not None else max(d.fire_at, d.until or 0)
        if d.same == same:
            last = instant if last is None else max(last, instant)
        if cap is not None and not answers(state, d.cue):
            instants.append(instant)
    rule: Rule | None = None
    lifted: Lifted | None = None
    until = at
    if last is not None and at < last + plan.same_content:
        if "DUP" in overruled:
            lifted = "override"
        elif _asked(state, group, drop.what) > last:
            lifted = "asked"
        else:
            until, rule = last + plan.same_content, "DUP"
    if cap is not None and "CAP" not in overruled:
        free = free_at(instants, cap, until)
        if free > until:
            until, rule = free, rule or "CAP"
    return Verdict(rule, until, lifted)


def free_at(instants: list[int], cap: Cap, at: int) -> int:
    """The first instant from `at` on at which one more leaves every window of the cap's length within the cap."""
    instants.sort()
    for first, last in zip(instants, instants[cap.most - 1 :], strict=False):
        if max(last, at) - min(first, at) < cap.per:
            at = first + cap.per
    return at


def cap_of(state: State, group: str) -> Cap | None:
    """The group's own cap, else its tier's."""
    caps = state.p.pacing.caps
    return (caps.get(f"group:{group}") or caps.get(state.groups[group].tier)) if caps else None


def place_in_cap(state: State, d: Delivery) -> tuple[int | None, int | None]:
    """Which one a delivery is of those within the time of its group's cap, and how many the cap allows."""
    cap = cap_of(state, d.group)
    if cap is None:
        return None, None
    before = (state.deliveries[name] for name in state.recent.get(d.group, ()) if name != d.id)
    counted = [
        x for x in before
        if x.status in COUNTS and x.rule is None and not answers(state, x.cue)
        and d.fire_at - cap.per < (x.went_at if x.went_at is not None else x.fire_at) <= d.fire_at
    ]  # fmt: skip
    return len(counted) + 1, cap.most


def _asked(state: State, group: str, what: str | None) -> int:
    """When a member last asked for this thing, or for whatever it was; -1 where none did."""
    marks = state.asked_again.get(group, {})
    return max(marks.get(what or "", -1), marks.get("", -1))


# ---------------------------------------------------------------- what gives way, and what is overruled
def gives_way(state: State, group: str, drop: Drop, same: str, at: int, priority: int) -> Delivery | None:
    """What of less weight has not left yet and, held back in its place, lets a drop go within the cap."""
    lighter = [
        d for d in (state.deliveries[name] for name in state.recent.get(group, ()))
        if d.status in {"requested", "held"} and d.rule is None and d.priority > priority and d.drop != drop.id
        and not answers(state, d.cue)
    ]  # fmt: skip
    for d in sorted(lighter, key=lambda d: (-d.priority, -int(d.id[1:]))):
        if d.fire_at > state.at and verdict(state, group, drop, same, at, (d.id,)).rule is None:
            return d
    return None


def overruled(turn: Turn) -> Collection[str]:
    return turn.override.rules if turn.override is not None else ()


def need_pace(turn: Turn, d: Delivery) -> None:
    """Refuses to send what is held back, unless the sender overruled just that rule."""
    if d.rule is not None and d.rule not in overruled(turn):
        message = (
            f"{d.id} is held back: {d.why}. It goes by itself when its time comes, or now with an override of {d.rule}"
        )
        raise Refusal("capped", message, {"allowed_at": d.until, "rules": [d.rule]})


# ---------------------------------------------------------------- when what is held back may go
def held_back(state: State, group: str) -> list[Delivery]:
    """In the order in which they go: links and coupons first, then as they were asked for."""
    found = (state.deliveries[name] for name in state.held_back.get(group, ()))
    return sorted(found, key=lambda d: (d.priority, int(d.id[1:])))


def look_again(turn: Turn, group: str) -> None:
    """Lets go what may go into a group now; what was to go now and may not is given a new time."""
    from coordinator.core import deliveries

    state = turn.state
    if state.the.status in {"paused", "closed"} or state.the.halted:
        return
    for d in held_back(state, group):
        if d.expires_at <= turn.at:
            continue  # too late for it: it is about to expire
        found = verdict(state, group, state.drops[d.drop], d.same or "", max(turn.at, d.fire_at), (d.id,))
        if found.rule is None and d.fire_at <= turn.at:
            deliveries.let_go(turn, d, found.lifted)
        elif max(found.until, d.fire_at) != d.until:
            deliveries.hold_back(turn, d, Verdict(found.rule or d.rule, max(found.until, d.fire_at)))


@moments
def releases(state: State) -> Iterable[tuple[int, int, str]]:
    if state.the.status == "paused":
        return
    for group, names in state.held_back.items():
        held = (state.deliveries[name] for name in names)
        instant = min((d.until for d in held if d.until is not None and d.until < d.expires_at), default=None)
        if instant is not None:
            yield instant, 5, f"pace={group}"


@due_key("pace")
def release(turn: Turn, group: str) -> None:
    look_again(turn, group)


# ---------------------------------------------------------------- evolving
def holds_back(state: State, d: Delivery, *, now: bool) -> None:
    """Keeps which deliveries of a group are held back."""
    names = state.held_back.get(d.group, [])
    if now and d.id not in names:
        state.held_back.setdefault(d.group, []).append(d.id)
    elif not now and d.id in names:
        names.remove(d.id)
        if not names:
            del state.held_back[d.group]


def remember(state: State, group: str, delivery: str, at: int) -> None:
    """Keeps a new delivery among the group's recent ones, and forgets what no rule looks at any more."""
    plan = state.p.pacing
    kept = max([plan.same_content, *(cap.per for cap in plan.caps.values())])
    recent = state.recent.setdefault(group, [])
    recent.append(delivery)
    while (d := state.deliveries[recent[0]]).status not in {"requested", "held", "awaiting"}:
        if (d.went_at or d.fire_at) + kept > at:
            break
        del recent[0]


@evolves(GroupAsked)
def asked(state: State, e: GroupAsked) -> Iterable[Key]:
    state.asked_again.setdefault(e.group, {})[e.about or ""] = e.at
    return [("groups", e.group)]


def answered(state: State, group: str, what: str | None) -> None:
    """A request counts once."""
    marks = state.asked_again.get(group, {})
    if marks.pop(what or "", None) is None:
        marks.pop("", None)
