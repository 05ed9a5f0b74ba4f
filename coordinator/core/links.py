"""Links: addresses of the sheet, dropped into groups under a key for each drop and group, and stopped again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Text, Turn, command, current, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.products import Product
    from coordinator.core.state import State

LASTING = frozenset({"join", "card", "replay", "survey"})
"""Kinds of links that are for afterwards: they lead on when the sale is closed."""


class Link(msgspec.Struct, kw_only=True):
    id: str
    kind: str
    url: str
    title: str = ""
    clicks: int = 0
    drop: str | None = None
    closes_at: int | None = None  # from then on its addresses show what is on now


class AddressKey(msgspec.Struct, kw_only=True):
    """What stands behind `/l/KEY` or `/c/KEY`: who was sent what, by which drop."""

    drop: str
    group: str
    what: str
    kind: str
    cue: str


class LinkDropped(Event, tag="link.dropped", kw_only=True):
    link: str | None = None
    product: str | None = None
    drop: str
    cue: str
    run: str
    groups: list[str]


class LinkStopped(Event, tag="link.stopped", kw_only=True):
    link: str | None = None
    product: str | None = None
    drops: list[str]


@command("link.drop", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "link.dropped"))
class LinkDrop(Command):
    """Puts a product's or another link of the sheet into groups, at now + lead."""

    product: Id | None = None
    link: Id | None = None
    groups: str | list[Id]
    text: Text | None = None


@command("link.stop", events=("link.stopped", "delivery.withdrawn", "delivery.requested"))
class LinkStop(Command):
    """Closes the addresses of a product's or another link that are out: they show what is on now instead.

    What is announced is not out yet: hold it. A new drop of the same link has new addresses, which are open.
    """

    product: Id | None = None
    link: Id | None = None


def _went_out(turn: Turn, drop: Drop) -> None:
    product = drop.what if drop.what in turn.state.products else None
    turn.emit(
        LinkDropped(
            link=None if product else drop.what,
            product=product,
            drop=drop.id,
            cue=drop.cue,
            run=drop.run,
            groups=drop.groups,
        )
    )


def _stop(turn: Turn, plan: CuePlan, _: Cue) -> None:
    stop_drops(turn, plan.fields.get("link") or plan.fields["product"])


def _one_of_them(state: State, fields: dict[str, Any]) -> None:
    if len(fields) != 1:
        raise Refusal("invalid", "a link needs either fields.link or fields.product", {"field": "fields.link"})
    if "product" in fields and not state.products[fields["product"]].url:
        raise Refusal("invalid", f"{fields['product']} has no url in the sheet", {"field": "fields.product"})


cue_kind(
    "link.drop",
    dropped=_went_out,
    late=LATE_DROP,
    ready_text="3, 2, 1, 上链接! {product} {link}",
    priority=0,
    about=("link", "product"),
    check=_one_of_them,
)
cue_kind("link.stop", perform=_stop, about=("link", "product"), check=_one_of_them)


@current(LinkDrop)
def last_drop(state: State, c: LinkDrop) -> str | None:
    thing: Any = state.products.get(c.product or "") or state.links.get(c.link or "")
    return thing.drop if thing else None


def _named(state: State, c: LinkDrop | LinkStop) -> Product | Link:
    """The product or link that is meant; refuses none, both, and what is not there."""
    if (c.product is None) == (c.link is None):
        raise Refusal("invalid", "name either a product or a link", {"field": "link"})
    if c.product is not None:
        product = state.products.get(c.product)
        if product is None:
            raise Refusal("unknown", f"there is no product {c.product}", {"field": "product"})
        return product
    link = state.links.get(c.link or "")
    if link is None:
        raise Refusal("unknown", f"there is no link {c.link}", {"field": "link"})
    return link


@decides(LinkDrop)
def drop(turn: Turn, c: LinkDrop) -> None:
    from coordinator.core import checks, firing, reaching

    state = turn.state
    thing = _named(state, c)
    if not thing.url:
        raise Refusal("invalid", f"{thing.id} has no url in the sheet", {"field": "product"})
    if state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    if is_over(state, thing.id, turn.at):
        raise Refusal("too_late", f"{thing.id} is over: the sheet gives it an end", {"field": "link"})
    checks.need_clean(turn, c.text)
    fields = {"product": thing.id} if c.product is not None else {"link": thing.id}
    firing.drop_by_hand(turn, "link.drop", dict(fields), reaching.check_groups(state, c.groups), c.text)


@decides(LinkStop)
def stop(turn: Turn, c: LinkStop) -> None:
    thing = _named(turn.state, c)
    if not stop_drops(turn, thing.id):
        raise Refusal("stale", f"no link of {thing.id} is out", {"current": thing.drop})


def stop_drops(turn: Turn, what: str) -> bool:
    """Closes what is out of a product's or another link, and keeps what has not left; whether there was any."""
    from coordinator.core import deliveries

    state = turn.state
    out = [d for d in state.drops.values() if d.kind == "link" and d.what == what and d.status == "fired"]
    out = [d for d in out if not d.stopped]
    if not out:
        return False
    product = what if what in state.products else None
    turn.emit(LinkStopped(link=None if product else what, product=product, drops=[d.id for d in out]))
    for each in out:
        deliveries.withdraw_drop(turn, each, "link_stopped")
    return True


def windows(state: State) -> Iterable[Key]:
    """Brings the moments up to date at which links are over; which have changed. They hang on the start, as coupons' do."""
    from coordinator.core.coupons import fixed_instant

    for plan in state.p.links:
        link, closes = state.links[plan.id], fixed_instant(state, plan.closes)
        if closes != link.closes_at:
            link.closes_at = closes
            yield ("links", link.id)


def is_over(state: State, what: str, now: int) -> bool:
    """Whether a link of the sheet has come to its end. A product's has none of its own."""
    link = state.links.get(what)
    return link is not None and link.closes_at is not None and now >= link.closes_at


def target(state: State, what: str) -> str | None:
    """The address that a link or product opens: one that stands in the sheet."""
    if what in state.links:
        return state.links[what].url
    product = state.products.get(what)
    return product.url if product else None


@evolves(LinkDropped)
def dropped(state: State, e: LinkDropped) -> Iterable[Key]:
    return [("drops", e.drop)]


@evolves(LinkStopped)
def stopped(state: State, e: LinkStopped) -> Iterable[Key]:
    for name in e.drops:
        state.drops[name].stopped = True
    return [("drops", name) for name in e.drops]
