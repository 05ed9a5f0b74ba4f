"""An order's life, put together from what the shop has said of it: the same reports in any order give the same order.

Of each state (placed, paid …) the reports are kept, the one that counts last. One that says when it happened (`told`)
goes before those that happened later, whenever it comes; of those that do not say, the later to come counts, and of
refunds the larger. A fact is that of the last report of the earliest state that names it: a sum that was paid is what
the shop said when it was paid, a member whoever placed the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any  # a report's field, whichever

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Id
from coordinator.core.money import Minor

LIFE = ("placed", "paid", "shipped", "cancelled", "refunded")
TOTALLED = LIFE[:-1]  # a refund's amount and lines are what was given back
REPORTS_KEPT = 20  # of one state of one order: who corrects it more often is at fault


class Line(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    product: str
    quantity: int = 1
    price: int = 0


class LineIn(BaseModel):
    """One line of an order: the product's id, how many, and the price of one in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product: Id
    quantity: Annotated[int, Field(ge=1, le=10**6)] = 1
    price: Minor = 0


class Report(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What was said of one state. None, and no lines: not said."""

    at: int
    told: bool = False
    amount: int | None = None
    member: str | None = None
    group: str | None = None
    link: str | None = None
    coupon: str | None = None
    lines: tuple[Line, ...] = ()


Reports = Mapping[str, tuple[Report, ...]]
"""Status → its reports, the one that counts last."""


class Facts(msgspec.Struct, kw_only=True):
    """The order as all reports together tell it."""

    status: str
    member: str | None
    group: str | None
    link: str | None
    coupon: str | None
    lines: tuple[Line, ...]
    amount: int
    moment: int
    """When it was first heard of, or is said to have happened."""
    times: dict[str, int]
    paid: int
    refunded: int
    refunded_in_full: bool
    returned: tuple[Line, ...]


def worth(lines: Iterable[Line]) -> int:
    return sum(line.quantity * line.price for line in lines)


def counts(lines: Iterable[Line]) -> dict[str, int]:
    """Product → how many."""
    out: dict[str, int] = {}
    for line in lines:
        out[line.product] = out.get(line.product, 0) + line.quantity
    return out


def _said(report: Report) -> Report:
    """What it says, whenever it came: two that say the same are one, sent twice."""
    return report if report.told else msgspec.structs.replace(report, at=0)


def _refund(report: Report) -> float:
    """How much it gives back; without an amount or lines all of it."""
    return report.amount or worth(report.lines) or float("inf")


def with_report(known: tuple[Report, ...], status: str, report: Report) -> tuple[Report, ...] | None:
    """The reports of one state with another one in its place; None where it says nothing new."""
    if not known:
        return (report,)
    if any(_said(report) == _said(other) for other in known):
        return None

    def rank(r: Report) -> tuple[Any, ...]:
        refund = _refund(r) if status == "refunded" else 0.0
        # Two that happened at once are put in the same order whichever comes first.
        return (1, r.at, refund, msgspec.json.encode(r)) if r.told else (0, 0, refund, b"")

    return tuple(sorted((*known, report), key=rank))[-REPORTS_KEPT:]


def _first(reports: Reports, name: str, of: tuple[str, ...] = LIFE) -> Any:
    """What the last report that says it, of the earliest state in which it is said, says."""
    for status in of:
        for report in reversed(reports.get(status, ())):
            value = getattr(report, name)
            if value is not None and value != ():
                return value
    return None


def _lines(reports: Reports, of: tuple[str, ...]) -> tuple[Line, ...]:
    found: tuple[Line, ...] | None = _first(reports, "lines", of)
    return found or ()


def together(reports: Reports) -> Facts:
    """The order that these reports tell of; there is at least one."""
    lines = _lines(reports, TOTALLED)
    amount = _first(reports, "amount", TOTALLED)
    if amount is None:
        amount = worth(lines)
    paid = 0
    if "paid" in reports:
        told = _first(reports, "amount", ("paid",))
        paid = amount if told is None else told
    refunded, in_full = 0, False
    returned: tuple[Line, ...] = ()
    if "refunded" in reports:
        base = paid if "paid" in reports else amount
        most = _refund(reports["refunded"][-1])
        in_full = most >= base
        refunded = base if most == float("inf") else int(most)
        returned = lines if in_full else _lines(reports, ("refunded",))
    return Facts(
        status=_status(reports, in_full),
        member=_first(reports, "member"),
        group=_first(reports, "group"),
        link=_first(reports, "link"),
        coupon=_first(reports, "coupon"),
        lines=lines,
        amount=amount,
        moment=min(r.at for of in reports.values() for r in of),
        times={status: min(r.at for r in of) for status, of in reports.items()},
        paid=paid,
        refunded=refunded,
        refunded_in_full=in_full,
        returned=returned,
    )


def _status(reports: Reports, in_full: bool) -> str:
    if in_full:
        return "refunded"
    if "cancelled" in reports:
        return "cancelled"
    if "refunded" in reports:
        return "partly_refunded"
    return next(s for s in reversed(LIFE) if s in reports)


def taken(facts: Facts) -> dict[str, int]:
    """Product → how many of it are gone: what was paid for, less what came back before it was shipped.

    What comes back after it was shipped is the shop's to put on sale again: it says so with a new stock.
    """
    if "paid" not in facts.times:
        return {}
    out = counts(facts.lines)
    if "shipped" in facts.times:
        return out
    if facts.refunded_in_full or "cancelled" in facts.times:
        return {}
    for product, quantity in counts(facts.returned).items():
        if product in out:
            out[product] = max(0, out[product] - quantity)
    return out
