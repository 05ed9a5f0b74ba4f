"""Keywords 关键词: a word that a member says in a group brings a coupon, a link or a text there, once for a member."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core.kernel import Event, Key, Turn, evolves
from coordinator.core.questions import normalised

if TYPE_CHECKING:
    from coordinator.core.groups import Group
    from coordinator.core.plan import KeywordPlan
    from coordinator.core.state import State

ANSWERED_MS = 60_000  # what stands in a group for less than this is still on everybody's screen


class Keyword(msgspec.Struct, kw_only=True):
    id: str
    words: tuple[str, ...]
    do: str
    asked: int = 0
    """By so many members."""
    answered: dict[str, int] = {}
    """Group → when it was last told."""
    members: set[str] = set()


class KeywordAsked(Event, tag="keyword.asked", kw_only=True):
    """`answered`: whether it goes into the group now; else it stands there already."""

    keyword: str
    group: str
    member: str
    answered: bool


def meant(state: State, group: Group, text: str) -> KeywordPlan | None:
    """The keyword that a message is. It must be the whole message: within a sentence a word is just a word."""
    keywords = state.index.keywords
    return keywords.get((normalised(text), group.id)) if keywords else None


def look(turn: Turn, group: Group, member: str | None, text: str) -> None:
    """Answers a keyword, after the message that it is."""
    from coordinator.core import firing

    state = turn.state
    plan = meant(state, group, text)
    if plan is None or member is None or member in state.keywords[plan.id].members:
        return
    answers = not (state.the.halted or group.frozen or _stands(state.keywords[plan.id], group.id, turn.at))
    turn.emit(KeywordAsked(keyword=plan.id, group=group.id, member=member, answered=answers))
    if answers:
        firing.drop_by_hand(turn, plan.do, dict(plan.fields), [group.id], plan.text, asked=True)


def _stands(keyword: Keyword, group: str, now: int) -> bool:
    last = keyword.answered.get(group)
    return last is not None and now - last < ANSWERED_MS


def keywords_of(state: State) -> dict[tuple[str, str], KeywordPlan]:
    """(normalised word, group) → keyword, for the groups that each is meant for and that its coupon may go into."""
    from coordinator.core import reaching, selectors

    groups = reaching.in_the_sheet(state)
    within = {coupon.id: coupon.groups for coupon in state.p.coupons}
    found: dict[tuple[str, str], KeywordPlan] = {}
    for plan in state.p.keywords:
        allowed = set(selectors.select(within.get(plan.fields.get("coupon", "")) or "all", groups))
        for group in selectors.select(plan.groups or "all", groups):
            if group not in allowed:
                continue
            for word in plan.words:
                found.setdefault((normalised(word), group), plan)
    return found


@evolves(KeywordAsked)
def asked(state: State, e: KeywordAsked) -> Iterable[Key]:
    keyword = state.keywords[e.keyword]
    keyword.members.add(e.member)
    keyword.asked += 1
    if e.answered:
        keyword.answered[e.group] = e.at
    return [("keywords", e.keyword)]
