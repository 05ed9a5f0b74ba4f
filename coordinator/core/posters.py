"""Posters 群管: relays with hands. A person posts what no machine may, and says so.

A delivery awaits its poster from the moment it is given: `DeliveryRequested.hands`. It stays theirs while the phone
sleeps, until they have posted it, cannot, it is taken back, or its time is over. Who posts the same groups may take it
over. Where nobody has posted it a while after its time, the controller is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import reaching
from coordinator.core.deliveries import again, need
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Refusal,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
    number,
)

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State

TAKEN_OVER = frozenset({"awaiting", "failed"})  # nobody has posted it, as far as anybody said


class DeliveryReminded(Event, tag="delivery.reminded", kw_only=True):
    """Nobody has posted it a while after its time (`posters.remind` of the sheet)."""

    delivery: str
    attempt: int
    relay: str


@command("delivery.hand", button=True, events=("delivery.requested",))
class DeliveryHand(Command):
    """Hands a delivery that waits for a person to another poster of its group; without `to`, the sender takes it over.
    Of what a machine's relay left to a person, too. Its `from` is the attempt that was seen: of two who take it, one has it."""

    delivery: Id
    to: Id | None = None


@current(DeliveryHand)
def current_attempt(state: State, c: DeliveryHand) -> str | None:
    d = state.deliveries.get(c.delivery)
    return str(d.attempt) if d is not None else None


@decides(DeliveryHand)
def hand(turn: Turn, c: DeliveryHand) -> dict[str, bool] | None:
    from coordinator.core.settling import need_free_way

    state, me = turn.state, turn.actor.name
    d = need(state, c.delivery)
    own = turn.actor.groups
    if me != d.relay and not (reaching.is_for(state, me, d.group) and (own is None or d.group in own)):
        raise Refusal("forbidden", f"{d.group} is not a group of {me}", {"field": "delivery"})
    if d.status not in TAKEN_OVER:
        raise Refusal("too_late", f"{d.id} is {d.status}", {"status": d.status})
    to = c.to if c.to is not None else me
    if to == d.relay and d.status == "awaiting":
        return {"again": True}
    if not reaching.has_hands(state, to):
        raise Refusal("unknown", f"there is no poster {to}", {"field": "to"})
    if not reaching.is_for(state, to, d.group):
        raise Refusal("invalid", f"{d.group} is not a group of {to}", {"field": "to"})
    need_free_way(turn, d)
    again(turn, d, to)
    return None


# ---------------------------------------------------------------- what is due
def _remind_at(state: State, d: Delivery) -> int | None:
    if d.status != "awaiting" or d.reminded_at is not None:
        return None
    at = max(d.fire_at, d.requested_at) + state.p.posters.remind
    return at if at < d.expires_at else None


@moments
def reminders(state: State) -> Iterable[tuple[int, int, str]]:
    if state.plan is None or state.the.status == "closed":
        return
    waiting = [d for x in state.opened if (d := state.deliveries[x]).status == "awaiting"]
    times = [at for d in waiting if (at := _remind_at(state, d)) is not None]
    if times:
        yield min(times), 8, "remind="


@due_key("remind")
def remind(turn: Turn, _: str) -> None:
    from coordinator.core import prompts
    from coordinator.core.rules import Words

    state = turn.state
    late: dict[str, list[str]] = {}
    for name in sorted(state.opened, key=number):
        d = state.deliveries[name]
        at = _remind_at(state, d)
        if at is not None and at <= turn.at:
            turn.emit(DeliveryReminded(delivery=d.id, attempt=d.attempt, relay=d.relay))
            late.setdefault(d.relay, []).append(state.groups[d.group].name or d.group)
    for poster, groups in late.items():
        names = ", ".join(groups[:3]) + (" …" if len(groups) > 3 else "")
        n = len(groups)
        words = Words(zh=f"{poster} 还有 {n} 个群没发: {names}", en=f"{poster} has not posted in {names}")
        prompts.tell(turn, "controller", words)


@evolves(DeliveryReminded)
def reminded(state: State, e: DeliveryReminded) -> Iterable[Key]:
    state.deliveries[e.delivery].reminded_at = e.at
    return [("deliveries", e.delivery)]
