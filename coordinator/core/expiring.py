"""What did not leave in time is not sent any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import failover, pacing
from coordinator.core.deliveries import DeliveryExpired, unknown
from coordinator.core.kernel import Turn, due_key, moments

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State

EXPIRY_GRACE_MS = 5_000  # a relay gets this long after `expires_at` to say what happened


def _ends(d: Delivery) -> bool:
    """Whether it is for the core to say that its time is over: of what a machine left to a person, its relay says so."""
    return d.status in {"requested", "held"} or (d.status == "awaiting" and d.hands)


@moments
def expiries(state: State) -> Iterable[tuple[int, int, str]]:
    earliest: dict[str, int] = {}
    for delivery in state.opened:  # there may be thousands, and this is asked after each batch
        d = state.deliveries[delivery]
        known = earliest.get(d.drop)
        if (known is None or d.expires_at < known) and _ends(d):
            earliest[d.drop] = d.expires_at
    for drop, instant in earliest.items():
        yield instant + EXPIRY_GRACE_MS, 8, f"expire={drop}"


@due_key("expire")
def expire(turn: Turn, drop: str) -> None:
    state = turn.state
    for delivery in list(state.by_drop.get(drop, {}).values()):
        d = state.deliveries[delivery]
        if not _ends(d) or d.expires_at + EXPIRY_GRACE_MS > turn.at:
            continue
        relay = state.relays.get(d.relay)
        # A relay that was never here while it mattered cannot have sent it, nor what it said to wait until later.
        came = d.until if d.status == "held" and d.until is not None else d.fire_at
        was_here = relay is not None and (relay.here or (relay.left_at or 0) >= came)
        if was_here and (d.status == "requested" or failover.may_have_begun(d, d.expires_at)):
            unknown(turn, d, d.attempt, "no report until it expired", d.relay)
        else:
            why = f"held back by {d.rule} until it was too late" if d.rule is not None else "not sent in time"
            if d.hands:
                why = f"{d.relay} has not posted it in time"
            turn.emit(DeliveryExpired(delivery=d.id, attempt=d.attempt, relay=d.relay, why=why))
            pacing.look_again(turn, d.group)
