"""A figure of the review, and how one is made: a missing one is said to be missing, with the reason, never 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

from replay.metrics.definitions import DEFINITIONS
from replay.tables import Tables

Scope = dict[str, str]
Why = tuple[str, str]
"""A reason in English and in Chinese."""

N = TypeVar("N", int, float)


class Figure(msgspec.Struct, kw_only=True):
    """One figure. Ratios are 0 to 1, money whole minor units, times ms; nothing is rounded."""

    name: str
    scope: Scope | None = None
    value: float | int | None = None
    numerator: float | int | None = None
    denominator: float | int | None = None
    unit: str = "count"
    state: Literal["provisional", "settled", "not_available"]
    source: str
    definition: str
    why: Why | None = None  # why it is not available

    def as_object(self) -> dict[str, Any]:
        """As `review.json` has it."""
        out: dict[str, Any] = {"name": self.name, "value": self.value, "unit": self.unit, "state": self.state}
        if self.scope:
            out["scope"] = self.scope
        if self.numerator is not None:
            out["numerator"] = self.numerator
        if self.denominator is not None:
            out["denominator"] = self.denominator
        return {**out, "source": self.source, "definition": self.definition}


def figure(
    t: Tables,
    name: str,
    value: float | int | None,
    *,
    scope: Scope | None = None,
    numerator: float | int | None = None,
    denominator: float | int | None = None,
    why: Why | None = None,
) -> Figure:
    """A figure of this name; `value` None is not available, and `why` says why."""
    known = DEFINITIONS[name]
    unit = f"{t.state.p.currency} minor units" if known.unit == "money" and t.state.plan is not None else known.unit
    if value is None:
        numerator = denominator = None
    return Figure(
        name=name, scope=scope, value=value, numerator=numerator, denominator=denominator, unit=unit,
        state="not_available" if value is None else "settled" if t.settled else "provisional",
        source=known.source, definition=known.en, why=why if value is None else None,
    )  # fmt: skip


def ratio(
    t: Tables,
    name: str,
    numerator: float | int | None,
    denominator: float | int | None,
    *,
    scope: Scope | None = None,
    why: Why = ("its denominator is 0", "分母为 0"),
) -> Figure:
    """numerator / denominator; not available where there is nothing to divide by."""
    value = numerator / denominator if numerator is not None and denominator else None
    return figure(t, name, value, scope=scope, numerator=numerator, denominator=denominator, why=why)


def quantile(values: Sequence[N], share: float) -> N | None:
    """The smallest value that at least this share of them does not exceed: always one that was measured."""
    if not values:
        return None
    ordered = sorted(values)
    rank = -(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]
