"""What the controller decides of one delivery: once more, taken back, by another relay, or left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coordinator.core import pacing, reaching
from coordinator.core.deliveries import OPEN, DeliveryResolved, again, let_go, need, withdraw
from coordinator.core.kernel import Command, Id, Refusal, Turn, command, current, decides

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State


@command("delivery.retry", button=True, events=("delivery.requested",))
class DeliveryRetry(Command):
    """Asks for a failed, expired or unknown delivery once more, or with an override for one that is held back. Its `from` is the attempt that was seen."""

    delivery: Id


@command("delivery.withdraw", events=("delivery.withdrawn", "delivery.requested"))
class DeliveryWithdraw(Command):
    """Takes back one delivery that has not left."""

    delivery: Id


@command("delivery.move", events=("delivery.requested",))
class DeliveryMove(Command):
    """Gives a delivery that has not left to another relay."""

    delivery: Id
    relay: Id


@command("delivery.resolve", events=("delivery.resolved", "delivery.requested"))
class DeliveryResolve(Command):
    """Decides what becomes of an unknown delivery: send it again, or leave it."""

    delivery: Id
    choice: Literal["resend", "leave"]


@current(DeliveryRetry)
def current_attempt(state: State, c: DeliveryRetry) -> str | None:
    delivery = state.deliveries.get(c.delivery)
    return str(delivery.attempt) if delivery else None


@decides(DeliveryRetry)
def retry(turn: Turn, c: DeliveryRetry) -> None:
    d = need(turn.state, c.delivery)
    pacing.need_pace(turn, d)
    if d.rule is not None:
        need_free_way(turn, d)
        let_go(turn, d, "override")
        return
    if d.status not in {"failed", "expired", "unknown"}:
        raise Refusal("stale", f"{d.id} is {d.status}", {"current": str(d.attempt)})
    need_free_way(turn, d)
    again(turn, d)


def need_free_way(turn: Turn, d: Delivery) -> None:
    """Nothing is sent again in a halt, nor of a drop that was taken back, nor into a group that nothing is sent into."""
    if turn.state.drops[d.drop].status == "withdrawn":
        raise Refusal(
            "too_late", f"the drop of {d.id} was taken back: release it, or drop anew", {"status": "withdrawn"}
        )
    if turn.state.the.halted:
        raise Refusal("too_early", "the show is halted: nothing goes into groups before show.unhalt", {"halted": True})
    if not reaching.reachable(turn.state, [d.group]):
        why = "frozen" if turn.state.groups[d.group].frozen else "no longer in the sheet"
        raise Refusal("invalid", f"{d.group} is {why}: nothing is sent into it", {"field": "delivery"})


@decides(DeliveryWithdraw)
def withdraw_one(turn: Turn, c: DeliveryWithdraw) -> None:
    d = need(turn.state, c.delivery)
    if d.status not in OPEN:
        raise Refusal("too_late", f"{d.id} is {d.status}", {"status": d.status})
    withdraw(turn, d, "by hand")
    pacing.look_again(turn, d.group)


@decides(DeliveryMove)
def move(turn: Turn, c: DeliveryMove) -> None:
    d = need(turn.state, c.delivery)
    if d.status in {"sent", "withdrawn"}:
        raise Refusal("too_late", f"{d.id} is {d.status}", {"status": d.status})
    need_free_way(turn, d)
    pacing.need_pace(turn, d)
    if c.relay not in turn.state.relays and not reaching.has_hands(turn.state, c.relay):
        raise Refusal("unknown", f"there is no relay {c.relay}", {"field": "relay"})
    if not reaching.is_for(turn.state, c.relay, d.group):
        raise Refusal("invalid", f"{d.group} is not a group of {c.relay}", {"field": "relay"})
    again(turn, d, c.relay)


@decides(DeliveryResolve)
def resolve(turn: Turn, c: DeliveryResolve) -> None:
    d = need(turn.state, c.delivery)
    if d.status != "unknown":
        raise Refusal("stale", f"{d.id} is {d.status}, not unknown", {"status": d.status})
    if c.choice == "resend":
        need_free_way(turn, d)
    turn.emit(DeliveryResolved(delivery=d.id, attempt=d.attempt, choice=c.choice))
    if c.choice == "resend":
        again(turn, d)
