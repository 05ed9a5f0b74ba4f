"""What is said of a delivery after the record had it as sent: by another who sent it too, or with more to show for it.

What happened first stands, with its time and its proof. What comes later is kept beside it, and whoever says it is told:
a group that has something twice is better known than not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coordinator.core import reaching
from coordinator.core.deliveries import (
    Delivery,
    DeliveryAwaiting,
    DeliveryExpired,
    DeliveryFailed,
    DeliveryReport,
    DeliverySent,
    Further,
    LeftOpen,
)
from coordinator.core.kernel import Event, Key, Turn, evolves, result_of

if TYPE_CHECKING:
    from coordinator.core.state import State

MOST = 20  # of one delivery: nobody reads on, and a phone that repeats itself fills no journal


class DeliveryProved(Event, tag="delivery.proved", kw_only=True):
    """Something more to show for what was posted, from its poster's other phone or another poster of the group."""

    delivery: str
    attempt: int
    relay: str
    proof: str


def may_prove(turn: Turn, d: Delivery, c: DeliveryReport) -> bool:
    """Whoever posts in the group may show what was posted there."""
    name = turn.actor.name
    shows = d.status == c.outcome == "sent" and c.proof is not None
    return shows and reaching.has_hands(turn.state, name) and reaching.is_for(turn.state, name, d.group)


def say(turn: Turn, d: Delivery, c: DeliveryReport) -> dict[str, Any] | None:
    """A `sent` of what is sent: the same sending once more, a proof for it, or another sending."""
    from coordinator.core import corrections

    who = turn.actor.name
    full = len(d.further) >= MOST
    if who in d.had and not _is_known(d, who, c) and not full:
        turn.emit(
            DeliverySent(
                delivery=d.id, attempt=c.attempt, relay=who, why=c.why, platform_id=c.platform_id,
                sent_at=c.sent_at or turn.at, proof=c.proof, again=True,
            )
        )  # fmt: skip
        if c.attempt < d.attempt:
            corrections.left_before(turn, d.id)
        return None
    if c.proof is not None and c.proof not in {d.proof, *(each.proof for each in d.further)} and not full:
        turn.emit(DeliveryProved(delivery=d.id, attempt=c.attempt, relay=who, proof=c.proof))
        return None
    return {"again": True}


def _is_known(d: Delivery, who: str, c: DeliveryReport) -> bool:
    """Whether it is a sending that the record has: of this attempt, or one that a relay tells of a newer attempt too."""
    known = [(d.sent_by, d.sent_attempt, d.sent_at), *((f.relay, f.attempt, f.sent_at) for f in d.further if f.sent_at)]
    return any(by == who and (c.attempt == attempt or c.sent_at in {None, at}) for by, attempt, at in known)


@result_of(DeliverySent)
def told(state: State, e: DeliverySent) -> dict[str, Any]:
    """Who sends what is there already is told who was first."""
    if not e.again:
        return {}
    d = state.deliveries[e.delivery]
    return {"again": True, "by": d.sent_by, "sent_at": d.sent_at}


@result_of(DeliveryProved)
def kept(_: State, __: DeliveryProved) -> dict[str, Any]:
    return {"again": True}


@evolves(DeliveryProved)
def proved(state: State, e: DeliveryProved) -> Iterable[Key]:
    d = state.deliveries[e.delivery]
    if d.proof is None:
        d.proof = e.proof
    else:
        d.further = (*d.further, Further(relay=e.relay, attempt=e.attempt, at=e.at, proof=e.proof))
    return [("deliveries", e.delivery)]


@evolves(DeliverySent)
def sent_too(state: State, e: DeliverySent) -> Iterable[Key]:
    d = state.deliveries[e.delivery]
    if e.again:
        more = Further(relay=e.relay, attempt=e.attempt, at=e.at, sent_at=e.sent_at or e.at, proof=e.proof)
        d.further = (*d.further, more)
    return (*_closed(d, e), ("deliveries", d.id))


@evolves(DeliveryFailed, DeliveryExpired)
def taken_back(state: State, e: DeliveryFailed | DeliveryExpired) -> Iterable[Key]:
    """The person at the platform cannot confirm it any more."""
    return _closed(state.deliveries[e.delivery], e)


@evolves(DeliveryAwaiting)
def still_open(state: State, e: DeliveryAwaiting) -> Iterable[Key]:
    """A person at the platform has it, though it was taken away meanwhile; or it could not be taken back, and why."""
    d = state.deliveries[e.delivery]
    if not e.platform_id or (e.attempt == d.attempt and d.status == "awaiting"):
        return ()
    d.left_open = LeftOpen(relay=e.relay, attempt=e.attempt, why=e.why)
    return (("deliveries", d.id),)


def _closed(d: Delivery, e: DeliverySent | DeliveryFailed | DeliveryExpired) -> tuple[Key, ...]:
    if d.left_open is None or (d.left_open.relay, d.left_open.attempt) != (e.relay, e.attempt):
        return ()
    d.left_open = None
    return (("deliveries", d.id),)
