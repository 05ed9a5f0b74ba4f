"""What is on now: shown to who comes too late, too early or for nothing, so that they do not go away with nothing."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.core import State
from coordinator.core.links import is_over
from coordinator.core.render import money


@dataclass(frozen=True, slots=True)
class OnNow:
    """`link` and `room` are addresses: a path of this service where the group was sent one, else the sheet's own."""

    title: str
    status: str
    product: str | None = None
    price: str | None = None
    link: str | None = None
    room: str | None = None
    replay: str | None = None


def on_now(state: State, group: str, now: int) -> OnNow:
    """What a member of this group may open just now."""
    the = state.the
    over = the.status in {"ended", "closed"}
    product = state.products.get(the.product or "") if not over else None
    return OnNow(
        title=the.title,
        status=the.status,
        product=product.name if product else None,
        price=money(product.price, the.currency) if product else None,
        link=current_link(state, product.id, group, now) if product else None,
        room=None if over else _of_kind(state, "room", group, now),
        replay=_of_kind(state, "replay", group, now) if over else None,
    )


def current_link(state: State, what: str, group: str, now: int) -> str | None:
    """The open address of a product or link that was sent last into a group; None where none was."""
    if is_over(state, what, now):
        return None
    for drop in reversed(state.drops.values()):
        if drop.kind == "link" and drop.what == what and drop.status == "fired" and not drop.stopped:
            delivery = state.deliveries.get(state.by_drop.get(drop.id, {}).get(group, ""))
            if delivery is not None and delivery.content.link:
                return "/l/" + delivery.content.link.rpartition("/")[2]
    return None


def _of_kind(state: State, kind: str, group: str, now: int) -> str | None:
    """The newest link of a kind that the group has; the room needs none: whoever is asked to a sale may come in."""
    links = [link for link in state.links.values() if link.kind == kind and not is_over(state, link.id, now)]
    for link in links:
        if (path := current_link(state, link.id, group, now)) is not None:
            return path
    if kind != "room":
        return None
    never = [link for link in links if not any(d.what == link.id and d.stopped for d in state.drops.values())]
    return never[0].url if never else None
