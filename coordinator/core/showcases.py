"""Showcase 晒单: members who show what they bought. Only orders that are paid for are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core.contents import GivenContent, fields_of, text_of
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves, result_of

if TYPE_CHECKING:
    from coordinator.core.state import State

KEPT = 200  # that stay in the state; older ones are in the journal


class Showcase(msgspec.Struct, kw_only=True):
    id: str
    order: str
    group: str
    member: str | None = None
    at: int
    by: str


class ShowcaseAdded(Event, tag="showcase.added", kw_only=True):
    showcase: str
    order: str
    group: str
    member: str | None = None


@command("showcase.add", events=("showcase.added", "cue.announced", "delivery.requested", "cue.fired", "message.sent"))
class ShowcaseAdd(Command):
    """A paid order is shown in a group. With `content` it goes there, marked as what it is; else a member has shown it."""

    order: Id
    group: Id
    content: GivenContent | None = None


@decides(ShowcaseAdd)
def add(turn: Turn, c: ShowcaseAdd) -> None:
    from coordinator.core import checks, firing, games, reaching

    state = turn.state
    order = state.orders.get(c.order)
    if order is None:
        raise Refusal("unknown", f"there is no order {c.order}: the shop has not told of it", {"field": "order"})
    if order.paid_at is None or order.status in {"cancelled", "refunded"}:
        raise Refusal("blocked", f"{c.order} is {order.status}: only a paid order is shown", {"field": "order"})
    if c.group not in state.groups:
        raise Refusal("unknown", f"there is no group {c.group}", {"field": "group"})
    games.need_own_groups(turn, [c.group])
    if any(s.order == c.order and s.group == c.group for s in state.showcases.values()):
        raise Refusal("already", f"{c.order} is shown in {c.group} already", {"field": "order"})
    if c.content is not None:
        if not reaching.reachable(state, [c.group]) or state.the.halted:
            raise Refusal("too_early", f"nothing goes into {c.group} now", {"field": "group"})
        checks.need_clean(turn, text_of(c.content), "content")
    turn.emit(ShowcaseAdded(showcase=state.next_id("show-"), order=c.order, group=c.group, member=order.member))
    if c.content is not None:
        firing.drop_by_hand(turn, "message.send", fields_of(c.content), [c.group], text_of(c.content))


@result_of(ShowcaseAdded)
def added_result(_: State, e: ShowcaseAdded) -> dict[str, str]:
    return {"showcase": e.showcase}


@evolves(ShowcaseAdded)
def added(state: State, e: ShowcaseAdded) -> Iterable[Key]:
    state.count("show-")
    state.showcases[e.showcase] = Showcase(
        id=e.showcase, order=e.order, group=e.group, member=e.member, at=e.at, by=e.by
    )
    keys: list[Key] = [("showcases", e.showcase)]
    oldest = f"show-{state.counts['show-'] - KEPT}"
    if state.showcases.pop(oldest, None) is not None:
        keys.append(("showcases", oldest))
    return keys
