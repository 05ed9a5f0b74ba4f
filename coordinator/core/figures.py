"""Live counters. They come from events alone: nothing else can fill them.

`members` is how many are in the groups as far as the groups' counts are known: given in the sheet, plus those who
joined, less those who went; who was seen to join several groups is one. `people` have said something, `buyers` have
paid. All three are persons: pseudonyms that are linked by now are one, in whatever order that became known. Money is
in minor units.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import members
from coordinator.core.claims import CouponClaimed
from coordinator.core.clicks import LinkClicked
from coordinator.core.coupon_orders import CouponRedeemed
from coordinator.core.groups import GroupDissolved, GroupJoined, GroupLeft, GroupMessage, GroupRemoved
from coordinator.core.kernel import ANY, Key, evolves
from coordinator.core.members import MemberLinked
from coordinator.core.questions import OVER, QuestionAnswered, QuestionChatted, QuestionClosed, QuestionRaised
from coordinator.core.readings import Kind, Reading, phrase

if TYPE_CHECKING:
    from coordinator.core.orders import Order
    from coordinator.core.state import State


class Figures(msgspec.Struct, kw_only=True):
    id: str = "sale"
    messages: int = 0
    people: int = 0
    joins: int = 0
    leaves: int = 0
    removed: int = 0
    dissolved: int = 0
    members: int = 0
    clicks: int = 0
    claims: int = 0
    redemptions: int = 0
    discount: int = 0
    questions: int = 0
    questions_open: int = 0
    golden_minutes: int = 0
    followups: int = 0
    followups_messaged: int = 0
    followups_bought: int = 0
    orders: int = 0
    orders_paid: int = 0
    orders_flagged: int = 0
    buyers: int = 0
    sales_created: int = 0
    sales_paid: int = 0
    sales_net: int = 0


_KEYS: tuple[Key, ...] = (("figures", "sale"),)


def _figure(name: str, kind: Kind, about: str) -> Reading:
    get = attrgetter(name)
    return Reading(kind=kind, about=about, value=lambda state, _: get(state.figures["sale"]), keys=_KEYS)


for _name, _about in {
    "messages": "messages in all groups", "people": "persons with a message", "joins": "members who joined",
    "leaves": "members who left", "removed": "members who were removed", "dissolved": "members of groups that were dissolved", "members": "members of all groups",
    "clicks": "clicks on links", "claims": "coupons claimed", "redemptions": "coupons redeemed", "questions": "questions asked",
    "questions_open": "questions without an answer", "orders": "orders, in whatever state", "orders_paid": "paid orders",
    "buyers": "persons with a paid order",
}.items():  # fmt: skip
    phrase(_name, reading=_figure(_name, "count", _about))
for _name, _about in {
    "sales_created": "what was ordered", "sales_paid": "what was paid", "sales_net": "what was paid, less refunds",
    "discount": "what redeemed coupons took off",
}.items():  # fmt: skip
    phrase(_name, reading=_figure(_name, "money", _about))


def _oldest(state: State, _: str) -> int | None:
    return min((state.questions[q].at for q in state.unanswered), default=None)


_WAITING = _figure("questions_open", "count", "questions without an answer")
_OLDEST = Reading(
    kind="length",
    about="since the oldest question without an answer",
    value=_oldest,
    clock=1,
    keys=(("questions", ANY),),
)
for _word in ("question", "questions"):
    phrase(_word, "waiting", reading=_WAITING)
    phrase(_word, "oldest", reading=_OLDEST)


@evolves(CouponClaimed)
def claims(state: State, _: CouponClaimed) -> Iterable[Key]:
    state.figures["sale"].claims += 1
    return _KEYS


@evolves(LinkClicked)
def clicks(state: State, _: LinkClicked) -> Iterable[Key]:
    state.figures["sale"].clicks += 1
    return _KEYS


@evolves(GroupMessage)
def messages(state: State, e: GroupMessage) -> Iterable[Key]:
    f = state.figures["sale"]
    if e.staff is not None:
        return ()  # figures are of members
    f.messages += 1
    if e.member is not None:
        state.speakers.add(members.person(state, e.member))
        f.people = len(state.speakers)
    return _KEYS


@evolves(GroupJoined, GroupLeft, GroupRemoved)
def membership(state: State, e: Any) -> Iterable[Key]:
    f = state.figures["sale"]
    if isinstance(e, GroupJoined):
        f.joins += e.count
        f.members += e.count if e.member is None else _came(state, e.member, e.group)
        return _KEYS
    if isinstance(e, GroupLeft):
        f.leaves += e.count
    else:
        f.removed += e.count
    f.members = max(0, f.members - (e.count if e.member is None else _went(state, e)))
    return _KEYS


@evolves(GroupDissolved)
def dissolved(state: State, e: GroupDissolved) -> Iterable[Key]:
    """Who is known to be in another group too is still there."""
    f = state.figures["sale"]
    named = [m for m, groups in state.present.items() if e.group in groups]
    for member in named:
        _gone(state, member, e.group)
    gone = {members.person(state, m) for m in named if not _here(state, m)}
    f.dissolved += e.count
    f.members = max(0, f.members - len(gone) - max(0, e.count - len(named)))
    return _KEYS


def _here(state: State, member: str) -> bool:
    """Whether a member's person was seen to join a group that they are still in."""
    return not state.present.keys().isdisjoint(members.pseudonyms(state, member))


def _came(state: State, member: str, group: str) -> int:
    """How many more are there: none where the person is in a group already."""
    heads = 0 if _here(state, member) else 1
    groups = state.present.get(member, ())
    if group not in groups:
        state.present[member] = (*groups, group)
    return heads


def _went(state: State, e: GroupLeft | GroupRemoved) -> int:
    """How many are gone. Who was not seen to join is one of the heads that the sheet gives."""
    if e.member is None or e.group not in state.present.get(e.member, ()):
        return 1
    _gone(state, e.member, e.group)
    return 0 if _here(state, e.member) else 1


def _gone(state: State, member: str, group: str) -> None:
    left = tuple(other for other in state.present[member] if other != group)
    if left:
        state.present[member] = left
    else:
        del state.present[member]


@evolves(CouponRedeemed)
def redemptions(state: State, e: CouponRedeemed) -> Iterable[Key]:
    f = state.figures["sale"]
    f.redemptions += 1
    f.discount += max(0, e.off - e.paid)
    return _KEYS


@evolves(QuestionRaised, QuestionAnswered, QuestionChatted, QuestionClosed)
def questions(state: State, e: Any) -> Iterable[Key]:
    f = state.figures["sale"]
    if isinstance(e, QuestionRaised):
        f.questions += 1
    q = state.questions[e.question]
    if q.status in OVER:
        state.unanswered.discard(q.id)
    else:
        state.unanswered.add(q.id)
    f.questions_open = len(state.unanswered)
    return _KEYS


def recount(state: State, before: Order | None, after: Order) -> None:
    """Takes over what an order is now, in place of what it was.

    As in the review: an order counts in whatever state it is told first; a refund counts from the payment on, and
    never for more than it.
    """
    f = state.figures["sale"]
    f.orders += before is None
    for order, sign in ((before, -1), (after, 1)):
        if order is None:
            continue
        f.sales_created += sign * order.amount
        f.orders_flagged += sign * bool(order.flags)
        if order.paid_at is not None:
            f.orders_paid += sign
            f.sales_paid += sign * order.paid
            f.sales_net += sign * (order.paid - min(order.refunded, order.paid))
            if order.member is not None:
                _bought(state, order.member, sign)
    f.buyers = len(state.buyers)


def _bought(state: State, member: str, sign: int) -> None:
    who = members.person(state, member)
    count = state.buyers.get(who, 0) + sign
    if count:
        state.buyers[who] = count
    else:
        state.buyers.pop(who, None)


@evolves(MemberLinked)
def linked(state: State, e: MemberLinked) -> Iterable[Key]:
    """Two who were counted turn out to be one. The rules of `members` have joined their pseudonyms already."""
    f = state.figures["sale"]
    if e.was in state.speakers:
        state.speakers.remove(e.was)
        state.speakers.add(e.person)
        f.people = len(state.speakers)
    if e.was in state.buyers:
        state.buyers[e.person] = state.buyers.get(e.person, 0) + state.buyers.pop(e.was)
        f.buyers = len(state.buyers)
    if not any(state.present.keys().isdisjoint(names) for names in members.joined(state, e)):
        f.members = max(0, f.members - 1)
    return _KEYS
