"""What becomes of deliveries when a relay goes or comes, and which relay gets the next attempt of one.

What a relay said to wait has not left before the instant that it named. From then on it may have: nobody else is given it,
and whoever comes back with the record of what was sent knows. What is unknown stays so until that one says of it that it
is there, or that it has not left: then it leaves, in time.

A relay that is cut off does not hear that an attempt was taken back, and may still send it while its lease lasts.
While it counts as here, whatever comes next of that delivery is its own: it knows what it sent. Once it is gone,
what it may have sent is unknown, never another relay's.

A poster is a person: what they have stays theirs while the phone sleeps, and only what they say is known of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core.kernel import Turn, number
from coordinator.core.reaching import relay_for

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State

UNHEARD_MS = 10_000  # a relay counts as here for so long, at most, after it last heard anything
WHEN_DUE = "its relay went away when it was due"
MAY_HAVE_LEFT = frozenset({"requested", "held", "awaiting", "withdrawn", "unknown"})


def next_relay(state: State, group: str, old: Delivery | None) -> str:
    """The relay for a delivery's next attempt: the one that had the last and may have sent it, while it is here."""
    if old is not None and old.status in MAY_HAVE_LEFT:
        relay = state.relays.get(old.relay)
        if relay is not None and (relay.here or relay.hands) and group in relay.groups:
            return old.relay
    return relay_for(state, group)


def relay_gone(turn: Turn, name: str) -> None:
    """A relay's lease is over: what it had not come to goes to another; what was due, or taken back unheard, is unknown."""
    from coordinator.core.deliveries import DeliveryUnknown, again, unknown

    state, record = turn.state, turn.state.relays[name].record
    if state.relays[name].hands:
        return
    heard = _heard_last(state, turn.at)
    unheard = {d.id for d in state.deliveries.values() if d.relay == name and _may_have_left(d, heard, turn.at)}
    for delivery in sorted(unheard, key=number):
        if (d := state.deliveries[delivery]).status == "withdrawn":
            why = "its relay went away before it can have heard that it was taken back"
            turn.emit(DeliveryUnknown(delivery=d.id, attempt=d.attempt, relay=name, why=why, record=record))
    for delivery in sorted(state.opened, key=number):
        d = state.deliveries[delivery]
        if d.relay != name or d.status not in {"requested", "held"}:
            continue
        if delivery in unheard:
            unknown(turn, d, d.attempt, "an earlier attempt may have left before its relay went away", name)
            continue
        if d.rule is not None:
            continue  # no relay has it: it goes when its time comes
        other = relay_for(state, d.group, other_than=name)
        relay = state.relays.get(other)
        another = relay is not None and relay.here
        if may_have_begun(d, turn.at):
            if another or d.status == "requested":
                unknown(turn, d, d.attempt, WHEN_DUE, name)
        elif another:
            again(turn, d, other)


def may_have_begun(d: Delivery, now: int) -> bool:
    """Whether the relay of a delivery without an end may have sent it by now: it was due, or its wait was over."""
    if d.status == "held":
        return d.rule is None and d.until is not None and d.until <= now
    return d.status == "requested" and d.fire_at <= now and d.requested_at < now


def handed_back(turn: Turn, delivery: str) -> None:
    """Its relay stops before it has begun it: it is certainly not there, and the group's other relay has it at once."""
    from coordinator.core.deliveries import again

    state = turn.state
    d = state.deliveries[delivery]
    other = relay_for(state, d.group, other_than=d.relay)
    relay = state.relays.get(other)
    if d.status == "held" and d.rule is None and relay is not None and relay.here:
        again(turn, d, other)


def _heard_last(state: State, now: int) -> int:
    """A relay that goes now has heard whatever stood by then. Soon after a take-over, what stood before it."""
    opened = state.opened_at
    return min(now, state.quiet_since if now - opened <= UNHEARD_MS else now) - UNHEARD_MS


def _may_have_left(d: Delivery, heard: int, now: int) -> bool:
    """Whether an attempt that was taken back came due while its relay cannot be known to have heard of that."""
    if d.status not in {"withdrawn", "requested", "held"} or d.recalled_at is None or d.recalled_due is None:
        return False
    return d.recalled_at >= heard and d.recalled_due <= now


def relay_here(turn: Turn, name: str, before: str | None) -> None:
    """A relay came: what waits for a group of its own and has no relay that is here goes to it.

    `before` is the record of what was sent under its name until now; None where it was never here.
    """
    from coordinator.core.deliveries import again, unknown

    state = turn.state
    groups, record = state.relays[name].groups, state.relays[name].record
    knows = before is None or before == record != ""
    for delivery in sorted(state.opened, key=number):
        d = state.deliveries[delivery]
        holder = state.relays.get(d.relay)
        away = holder is None or not holder.here or d.group not in holder.groups
        # What was asked of a poster before they were known as one awaits them from now on.
        theirs = away if d.relay != name else state.relays[name].hands
        if d.status not in {"requested", "held"} or d.rule is not None or d.group not in groups:
            continue
        left_at = None if holder is None or holder.hands else holder.left_at
        blank = away if d.relay != name else not knows
        if blank and d.status == "held" and left_at is not None and may_have_begun(d, left_at):
            unknown(turn, d, d.attempt, WHEN_DUE, d.relay, before if d.relay == name else None)
        elif theirs:
            again(turn, d, name)
