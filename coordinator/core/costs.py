"""What the sale costs, as its owner says: without it there is no return on cost, and none is made up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
from pydantic import Field

from coordinator.core.kernel import Command, Event, Key, ShortText, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.state import State


class Cost(msgspec.Struct, kw_only=True):
    """One kind of cost, in minor units, as it was told last."""

    id: str
    amount: int
    at: int
    by: str


class CostReported(Event, tag="cost.reported", kw_only=True):
    what: str
    amount: int
    was: int | None = None


@command("cost.report", after_close=True, events=("cost.reported",))
class CostReport(Command):
    """What was spent on something so far, such as goods, red packets, or advertising. Said again, the last counts."""

    what: ShortText
    amount: Annotated[int, Field(ge=0, le=10**12)]


@decides(CostReport)
def report(turn: Turn, c: CostReport) -> dict[str, bool] | None:
    known = turn.state.costs.get(c.what)
    if known is not None and known.amount == c.amount:
        return {"again": True}
    turn.emit(CostReported(what=c.what, amount=c.amount, was=known.amount if known else None))
    return None


@evolves(CostReported)
def reported(state: State, e: CostReported) -> Iterable[Key]:
    state.costs[e.what] = Cost(id=e.what, amount=e.amount, at=e.at, by=e.by)
    return (("costs", e.what),)
