"""What members have shown of interest, and who of them is to be followed up first 追单.

In this order: an order that is not paid, a question that was answered and nothing heard since, clicks on links more than
once, one click, a word or a like in preheat. Who has paid is followed up for an unpaid order alone. One entry for each
person, whatever pseudonyms they have.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import members
from coordinator.core.clicks import LinkClicked
from coordinator.core.groups import GroupLiked, GroupMessage
from coordinator.core.kernel import Event, Key, evolves
from coordinator.core.members import MemberLinked
from coordinator.core.orders import OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped
from coordinator.core.questions import QuestionAnswered, QuestionChatted, QuestionClosed, QuestionRaised

if TYPE_CHECKING:
    from coordinator.core.state import State

REASONS = ("", "unpaid", "asked", "clicked_again", "clicked", "preheat")
"""By rank; 0 is none."""
LISTED = 200  # entries that screens are sent, the first by rank; the others are paged
WORKED_ON = frozenset({"taken", "messaged"})
BEFORE = frozenset({"planned", "armed"})  # what is said before the show starts is said in preheat


class Followup(msgspec.Struct, kw_only=True):
    """One person's interest, and what was made of it."""

    id: str
    member: str
    rank: int = 0
    reason: str = ""
    since: int = 0  # the sign of interest that counts
    group: str | None = None  # where it was last seen
    orders: dict[str, int] = {}  # not paid → when they were placed
    asked: str | None = None  # the question that was answered, where nothing was heard since
    asked_at: int | None = None
    clicks: int = 0
    clicked_at: int | None = None
    preheat_at: int | None = None
    bought: set[str] = set()  # orders that are paid for
    paid: bool = False
    status: str = "quiet"  # open, taken, messaged, closed; quiet: there is nothing to follow up
    owner: str | None = None
    taken_until: int | None = None
    messaged_at: int | None = None
    messages: int = 0
    bought_after: bool = False  # paid after a message
    closed_at: int | None = None
    outcome: str | None = None
    optout: bool = False


def _weigh(f: Followup) -> None:
    """Brings rank, reason and the moment that counts up to date."""
    f.paid = bool(f.bought)
    if f.orders:
        f.rank, f.since = 1, min(f.orders.values())
    elif f.paid:
        f.rank, f.since = 0, 0
    elif f.asked_at is not None:
        f.rank, f.since = 2, f.asked_at
    elif f.clicks:
        f.rank, f.since = (3 if f.clicks > 1 else 4), f.clicked_at or 0
    elif f.preheat_at is not None:
        f.rank, f.since = 5, f.preheat_at
    else:
        f.rank, f.since = 0, 0
    f.reason = REASONS[f.rank]


def of(state: State, member: str) -> Followup | None:
    """The entry of a member's person."""
    id_ = state.followup_of.get(members.person(state, member))
    return state.followups[id_] if id_ is not None else None


def _entry(state: State, member: str) -> Followup:
    person = members.person(state, member)
    id_ = state.followup_of.get(person)
    if id_ is None:
        id_ = state.followup_of[person] = state.next_id("f")
        state.count("f")
        state.followups[id_] = Followup(id=id_, member=person, optout=person in state.optouts)
    return state.followups[id_]


# ---------------------------------------------------------------- which are listed
Place = tuple[int, int, int]
"""Rank, then who has waited longest, then who came first."""


def place(f: Followup) -> Place:
    return (f.rank, f.since, int(f.id[1:]))


def in_order(state: State, after: str | None, limit: int) -> list[str]:
    """The first of all that there is something to say of, also what was closed, from after an entry on."""
    last = None
    if after is not None:
        known = state.followups.get(after)
        if known is None:
            return []
        last = place(known)
    wanted = (f for f in state.followups.values() if f.status != "quiet" and (last is None or place(f) > last))
    return [f.id for f in heapq.nsmallest(limit, wanted, key=place)]


def is_open(f: Followup) -> bool:
    return f.status == "open" and not f.optout


class _Rest:
    """Open entries that are not listed, the first on top. No part of the state: it is found again from it."""

    def __init__(self, state: State) -> None:
        rest = (f for f in state.followups.values() if is_open(f) and f.id not in state.listed)
        self.heap = [(place(f), f.id) for f in rest]
        heapq.heapify(self.heap)
        self.last: Place | None = None  # of those listed, while it is known

    def first(self, state: State) -> Followup | None:
        while self.heap:
            was, id_ = self.heap[0]
            f = state.followups.get(id_)
            if f is not None and is_open(f) and id_ not in state.listed and place(f) == was:
                return f
            heapq.heappop(self.heap)
        return None

    def push(self, f: Followup) -> None:
        heapq.heappush(self.heap, (place(f), f.id))


def _rest(state: State) -> _Rest:
    found: _Rest | None = state.__dict__.get("_rest")
    if found is None:
        found = state.__dict__["_rest"] = _Rest(state)
    return found


def settle(state: State, f: Followup) -> list[Key]:
    """An entry has changed: weighs it, opens or quietens it, and keeps the list to the first of all."""
    rest = _rest(state)
    _weigh(f)
    if f.status == "quiet" and f.rank:
        f.status = "open"
    elif f.status == "open" and not f.rank:
        f.status = "quiet"
    elif f.status == "closed" and _again(f):
        f.status, f.owner, f.outcome, f.closed_at = "open", None, None, None
    was = f.id in state.listed
    if is_open(f):
        state.open_followups.add(f.id)
        if not was:
            rest.push(f)
    else:
        state.open_followups.discard(f.id)
        state.listed.discard(f.id)
    if was:
        rest.last = None
    state.figures["sale"].followups = len(state.open_followups)
    keys: list[Key] = [("figures", "sale"), *_fill(state, rest)]
    if was or f.id in state.listed or f.status in WORKED_ON or f.optout:
        keys.append(("followups", f.id))
    return keys


def _fill(state: State, rest: _Rest) -> Iterable[Key]:
    """Those on the list are the first of all that are open."""
    while (best := rest.first(state)) is not None:
        if len(state.listed) >= LISTED:
            if rest.last is None:
                rest.last = max(place(state.followups[id_]) for id_ in state.listed)
            if place(best) > rest.last:
                return
            last = state.followups[f"f{rest.last[2]}"]
            state.listed.remove(last.id)
            rest.push(last)
            yield ("followups", last.id)
        state.listed.add(best.id)
        rest.last = None
        yield ("followups", best.id)


def _again(f: Followup) -> bool:
    """Whether there is more to it than when it was closed: another order, another question."""
    since = f.closed_at or 0
    return any(at > since for at in f.orders.values()) or (f.rank == 2 and (f.asked_at or 0) > since)


# ---------------------------------------------------------------- signs
@evolves(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled, OrderRefunded)
def ordered(state: State, e: Any) -> Iterable[Key]:
    order = state.orders.get(e.order)
    if order is None or order.member is None:
        return ()
    f = _entry(state, order.member)
    keys: list[Key] = []
    was = state.followups.get(state.ordered_by.get(order.id, f.id))
    if was is not None and was is not f:  # the shop has said since that it is another's
        was.orders.pop(order.id, None)
        was.bought.discard(order.id)
        keys += settle(state, was)
    state.ordered_by[order.id] = f.id
    placed = order.placed_at
    if placed is not None and order.paid_at is None and order.cancelled_at is None and order.refunded_at is None:
        f.orders[order.id] = placed
    else:
        f.orders.pop(order.id, None)
    if order.paid_at is not None and order.refunded_at is None:
        f.bought.add(order.id)
        if f.messaged_at is not None and order.paid_at >= f.messaged_at and not f.bought_after:
            f.bought_after = True
            state.figures["sale"].followups_bought += 1
    else:
        f.bought.discard(order.id)
    f.group = order.group or f.group
    return [*keys, *settle(state, f)]


@evolves(LinkClicked)
def clicked(state: State, e: LinkClicked) -> Iterable[Key]:
    if e.member is None or e.coupon is not None:
        return ()
    f = _entry(state, e.member)
    f.clicks += 1
    f.clicked_at, f.group = e.at, e.group or f.group
    return settle(state, f)


@evolves(GroupMessage, GroupLiked)
def spoke(state: State, e: GroupMessage | GroupLiked) -> Iterable[Key]:
    if e.member is None or (isinstance(e, GroupMessage) and e.staff is not None):
        return ()
    if state.the.status in BEFORE:
        f = _entry(state, e.member)
        if f.preheat_at is not None and f.asked_at is None:
            return ()
        f.preheat_at, f.group = e.at, f.group or e.group
    else:
        known = of(state, e.member)
        if known is None or known.asked_at is None:
            return ()
        f = known
    f.asked = f.asked_at = None  # not silent any more
    return settle(state, f)


@evolves(QuestionRaised)
def asked(state: State, e: QuestionRaised) -> Iterable[Key]:
    if e.member is None:
        return ()
    state.askers.setdefault(e.question, {})[e.member] = e.group
    known = of(state, e.member)
    if known is None or known.asked_at is None:
        return ()
    known.asked = known.asked_at = None  # what they ask now is to be answered first
    return settle(state, known)


@evolves(QuestionAnswered, QuestionChatted, QuestionClosed)
def answered(state: State, e: Event) -> Iterable[Key]:
    if not isinstance(e, QuestionAnswered | QuestionChatted | QuestionClosed):
        return ()
    who = state.askers.pop(e.question, {})
    keys: list[Key] = []
    if isinstance(e, QuestionAnswered):
        # Not as they asked: a state that was put away has them in another order, and each is given a number here.
        for member, group in sorted(who.items()):
            if group in e.groups:
                f = _entry(state, member)
                f.asked, f.asked_at, f.group = e.question, e.at, group
                keys += settle(state, f)
    return keys


@evolves(MemberLinked)
def linked(state: State, e: MemberLinked) -> Iterable[Key]:
    """Two pseudonyms are one person: so is what they have shown, and what may be sent to them."""
    if e.was in state.optouts:
        state.optouts.remove(e.was)
        state.optouts.add(e.person)
    id_ = state.followup_of.pop(e.was, None)
    f = of(state, e.person)
    if id_ is None:
        if f is not None and e.person in state.optouts:
            f.optout = True
            return settle(state, f)
        return ()
    other = state.followups[id_]
    if f is None:
        state.followup_of[e.person] = id_
        other.member, other.optout = e.person, e.person in state.optouts
        return settle(state, other)
    del state.followups[id_]
    state.open_followups.discard(id_)
    state.listed.discard(id_)
    state.working.discard(id_)
    for order in (*other.orders, *other.bought):
        state.ordered_by[order] = f.id
    _join(f, other)
    f.optout = e.person in state.optouts
    if f.status in WORKED_ON:
        state.working.add(f.id)
    return [("followups", id_), *settle(state, f)]


def _join(f: Followup, other: Followup) -> None:
    f.orders |= other.orders
    f.bought |= other.bought
    f.clicks += other.clicks
    f.clicked_at = max((f.clicked_at, other.clicked_at), key=lambda at: at or 0)
    f.preheat_at = min((x.preheat_at for x in (f, other) if x.preheat_at is not None), default=None)
    if (other.asked_at or 0) > (f.asked_at or 0):
        f.asked, f.asked_at = other.asked, other.asked_at
    f.messaged_at = max((f.messaged_at, other.messaged_at), key=lambda at: at or 0)
    f.messages += other.messages
    f.bought_after = f.bought_after or other.bought_after
    f.group = f.group or other.group
    # One owner: who has it already keeps it, and what was closed with one is closed with both.
    order = ("messaged", "taken", "closed", "open", "quiet")
    if order.index(other.status) < order.index(f.status):
        f.status, f.owner, f.taken_until = other.status, other.owner, other.taken_until
        f.closed_at, f.outcome = other.closed_at, other.outcome
