"""Links: addresses of the sheet, dropped into groups under a key for each drop and group; clicks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.groups import own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    evolves,
)

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State


class Link(msgspec.Struct, kw_only=True):
    id: str
    kind: str
    url: str
    title: str = ""
    clicks: int = 0
    drop: str | None = None


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


class LinkClicked(Event, tag="link.clicked", kw_only=True):
    key: str | None = None
    link: str | None = None
    product: str | None = None
    coupon: str | None = None
    drop: str | None = None
    cue: str | None = None
    group: str | None = None
    member: str | None = None


@command("link.drop", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "link.dropped"))
class LinkDrop(Command):
    """Puts a product's or another link of the sheet into groups, at now + lead."""

    product: Id | None = None
    link: Id | None = None
    groups: str | list[Id]
    text: Text | None = None


@command("link.click", events=("link.clicked",))
class LinkClick(Command):
    """Somebody opened a link: by its key, or by the link's or product's id."""

    link: Id
    member: Member | None = None


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


def _one_of_them(state: State, fields: dict[str, Any]) -> None:
    if len(fields) != 1:
        raise Refusal("invalid", "link.drop needs either fields.link or fields.product", {"field": "fields.link"})
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


@current(LinkDrop)
def last_drop(state: State, c: LinkDrop) -> str | None:
    thing: Any = state.products.get(c.product or "") or state.links.get(c.link or "")
    return thing.drop if thing else None


@decides(LinkDrop)
def drop(turn: Turn, c: LinkDrop) -> None:
    from coordinator.core import checks, firing, reaching

    state = turn.state
    if (c.product is None) == (c.link is None):
        raise Refusal("invalid", "name either a product or a link", {"field": "link"})
    if c.product is not None:
        product = state.products.get(c.product)
        if product is None:
            raise Refusal("unknown", f"there is no product {c.product}", {"field": "product"})
        if not product.url:
            raise Refusal("invalid", f"{c.product} has no url in the sheet", {"field": "product"})
        fields = {"product": c.product}
    else:
        if c.link not in state.links:
            raise Refusal("unknown", f"there is no link {c.link}", {"field": "link"})
        fields = {"link": c.link or ""}
    if state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    checks.need_clean(turn, c.text)
    firing.drop_by_hand(turn, "link.drop", dict(fields), reaching.check_groups(state, c.groups), c.text)


def target(state: State, what: str) -> str | None:
    """The address that a link or product opens: one that stands in the sheet."""
    if what in state.links:
        return state.links[what].url
    product = state.products.get(what)
    return product.url if product else None


@decides(LinkClick)
def click(turn: Turn, c: LinkClick) -> None:
    state = turn.state
    member = own_member(turn, c.member)
    key = state.keys.get(c.link)
    if key is not None:
        if state.drops[key.drop].status != "fired":
            raise Refusal("too_early", "this link is not out yet", {"field": "link"})
        turn.emit(
            LinkClicked(
                key=c.link,
                link=key.what if key.what in state.links else None,
                product=key.what if key.what in state.products else None,
                coupon=key.what if key.kind == "coupon" else None,
                drop=key.drop,
                cue=key.cue,
                group=key.group,
                member=member,
            )
        )
    elif c.link in state.links:
        turn.emit(LinkClicked(link=c.link, member=member))
    elif c.link in state.products:
        turn.emit(LinkClicked(product=c.link, member=member))
    else:
        raise Refusal("unknown", f"there is no link {c.link}", {"field": "link"})


@evolves(LinkDropped)
def dropped(state: State, e: LinkDropped) -> Iterable[Key]:
    return [("drops", e.drop)]


@evolves(LinkClicked)
def clicked(state: State, e: LinkClicked) -> Iterable[Key]:
    keys: list[Key] = []
    if e.link is not None and e.link in state.links:
        state.links[e.link].clicks += 1
        keys.append(("links", e.link))
    if e.drop is not None and e.drop in state.drops:
        state.drops[e.drop].clicks += 1
        keys.append(("drops", e.drop))
    return keys
