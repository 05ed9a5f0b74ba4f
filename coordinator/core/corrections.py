"""Corrections: a price or stock has changed, and groups hold a text with the old one.

What has not left is rendered anew (deliveries). Where it has left, a correction is proposed to the controller, with the
text and the groups; one press sends it. What each group was told last is kept, so that a price that goes back needs
none, and a correction that was sent is what the group was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from coordinator.core import render
from coordinator.core.deliveries import DeliveryRequested, DeliverySent
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Override,
    Refusal,
    Text,
    Turn,
    command,
    decides,
    evolves,
)

if TYPE_CHECKING:
    from coordinator.core.state import State

What = Literal["price", "stock"]
_TEXTS: dict[What, str] = {"price": "更正: {product} 现价 {price}", "stock": "更正: {product} 现有 {stock} 件"}


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a text said of a product; None: nothing of that."""

    product: str
    price: int | None = None
    stock: int | None = None


class Correction(msgspec.Struct, kw_only=True):
    """`groups` hold the old figure; `text` is what they would be sent as things stand."""

    id: str
    product: str
    what: What
    text: str
    groups: tuple[str, ...]
    at: int
    status: Literal["proposed", "sent", "closed"] = "proposed"
    drop: str | None = None
    why: str | None = None


class CorrectionProposed(Event, tag="correction.proposed", kw_only=True):
    """Also said of one that is proposed already, where its text or groups are others now."""

    correction: str
    product: str
    what: What
    text: str
    groups: tuple[str, ...]


class CorrectionSent(Event, tag="correction.sent", kw_only=True):
    correction: str
    drop: str


class CorrectionClosed(Event, tag="correction.closed", kw_only=True):
    """It is not needed: `dismissed` by the controller, or no group holds an old figure any more (`settled`)."""

    correction: str
    why: str


@command(
    "correction.send", events=("cue.announced", "delivery.requested", "cue.fired", "message.sent", "correction.sent")
)
class CorrectionSend(Command):
    """Sends a proposed correction into its groups, at now + lead; the rule against the same content again is lifted for it."""

    correction: Id
    text: Text | None = None


@command("correction.dismiss", events=("correction.closed",))
class CorrectionDismiss(Command):
    """The groups need no correction."""

    correction: Id


# ---------------------------------------------------------------- proposing
def propose(turn: Turn, product: str, what: What) -> None:
    """A figure has changed: proposes a correction for the groups that hold another one, or takes it back."""
    state = turn.state
    now = getattr(state.products[product], what)
    groups = tuple(
        group
        for group, told in state.told.items()
        if (found := told.get(product)) is not None and getattr(found, what) not in {None, now}
    )
    known = next((c for c in _proposed(state) if (c.product, c.what) == (product, what)), None)
    if not groups or now is None:
        if known is not None:
            turn.emit(CorrectionClosed(correction=known.id, why="settled"))
        return
    text = render.fill(state, _TEXTS[what], product)
    if known is None or (known.text, known.groups) != (text, groups):
        id_ = known.id if known is not None else state.next_id("x")
        turn.emit(CorrectionProposed(correction=id_, product=product, what=what, text=text, groups=groups))


def left_before(turn: Turn, delivery: str) -> None:
    """An older text of a delivery left after all: the group holds what it said."""
    told = turn.state.told.get(turn.state.deliveries[delivery].group, {})
    about = turn.state.rendered.get(delivery)
    product = next(iter(about.values())).product if about else None
    found = told.get(product or "")
    if found is not None and found.price is not None:
        propose(turn, found.product, "price")


def _proposed(state: State) -> list[Correction]:
    return [c for c in state.corrections.values() if c.status == "proposed"]


# ---------------------------------------------------------------- the controller's word
def _need(state: State, correction: str) -> Correction:
    found = state.corrections.get(correction)
    if found is None:
        raise Refusal("unknown", f"there is no correction {correction}", {"field": "correction"})
    if found.status != "proposed":
        raise Refusal("stale", f"{correction} is {found.status}", {"current": found.drop, "status": found.status})
    return found


@decides(CorrectionSend)
def send(turn: Turn, c: CorrectionSend) -> None:
    from coordinator.core import checks, firing

    found = _need(turn.state, c.correction)
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    checks.need_clean(turn, c.text)
    given = turn.override or Override(
        (), f"correction of a {found.what}"
    )  # who corrects a figure has the reason with it
    turn.override = Override(tuple(dict.fromkeys((*given.rules, "DUP"))), given.reason)
    text = c.text or _TEXTS[found.what]
    firing.drop_by_hand(turn, "message.send", {"product": found.product}, list(found.groups), text)
    turn.emit(CorrectionSent(correction=found.id, drop=f"drop{turn.state.counts['drop']}"))


@decides(CorrectionDismiss)
def dismiss(turn: Turn, c: CorrectionDismiss) -> None:
    turn.emit(CorrectionClosed(correction=_need(turn.state, c.correction).id, why="dismissed"))


# ---------------------------------------------------------------- state
@evolves(CorrectionProposed)
def proposed(state: State, e: CorrectionProposed) -> Iterable[Key]:
    if e.correction not in state.corrections:
        state.count("x")
    state.corrections[e.correction] = Correction(
        id=e.correction, product=e.product, what=e.what, text=e.text, groups=e.groups, at=e.at
    )
    return (("corrections", e.correction),)


@evolves(CorrectionSent)
def sent(state: State, e: CorrectionSent) -> Iterable[Key]:
    correction = state.corrections[e.correction]
    correction.status, correction.drop = "sent", e.drop
    return (("corrections", e.correction),)


@evolves(CorrectionClosed)
def closed(state: State, e: CorrectionClosed) -> Iterable[Key]:
    correction = state.corrections[e.correction]
    correction.status, correction.why = "closed", e.why
    return (("corrections", e.correction),)


@evolves(DeliveryRequested)
def rendered(state: State, e: DeliveryRequested) -> Iterable[Key]:
    """What the text of an attempt says of a product: it counts once it has left."""
    drop = state.drops[e.drop]
    product = state.products.get(drop.what or "") or state.products.get(state.the.product or "")
    price, stock = "{price}" in drop.text, "{stock}" in drop.text
    if product is not None and (price or stock):
        shown = Shown(product.id, product.price if price else None, product.stock if stock else None)
        state.rendered.setdefault(e.delivery, {})[str(e.attempt)] = shown
    return ()


@evolves(DeliverySent)
def left(state: State, e: DeliverySent) -> Iterable[Key]:
    if e.again and (e.sent_at or e.at) <= (state.deliveries[e.delivery].sent_at or 0):
        return ()  # the group read another text after it
    of = state.rendered.get(e.delivery, {})
    # An attempt that the platform asked for again has the text of the one before.
    attempt = max((n for n in map(int, of) if n <= e.attempt), default=None)
    if attempt is not None:
        found = of[str(attempt)]
        told = state.told.setdefault(state.deliveries[e.delivery].group, {})
        before = told.get(found.product)
        if before is not None:
            price = before.price if found.price is None else found.price
            found = Shown(found.product, price, before.stock if found.stock is None else found.stock)
        told[found.product] = found
    return ()
