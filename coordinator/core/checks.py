"""Checks of a text before it is sent into groups: what blocks it, and who may overrule that.

The rules are data (`wording`); they are not legal advice. An override names the rules and the reason, and
is recorded in the event with the person who gave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Refusal, ShortText, Turn
from coordinator.core.wording import Fault, absolute_terms, foreign_addresses, personal_data

if TYPE_CHECKING:
    from coordinator.core.state import State


class OverrideIn(BaseModel):
    """`override` as any send may carry it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rules: Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    reason: ShortText


def faults_of(state: State, text: str) -> list[Fault]:
    """Everything that is to be said of a text that goes into groups."""
    known = [x.url for x in state.links.values()] + [p.url for p in state.products.values() if p.url]
    return [*absolute_terms(text), *personal_data(text), *foreign_addresses(text, known)]


def need_clean(turn: Turn, text: str | None, field: str = "text") -> None:
    """Refuses a text that a check blocks, unless the sender overruled just those rules."""
    if not text:
        return
    overruled = set(turn.override.rules) if turn.override is not None else set()
    blocking = [f for f in faults_of(turn.state, text) if f.severity == "block" and f.rule not in overruled]
    if blocking:
        rules = sorted({f.rule for f in blocking})
        raise Refusal(
            "blocked",
            f"{field}: {blocking[0].message}",
            {
                "field": field,
                "rules": rules,
                "findings": [{"rule": f.rule, "message": f.message} for f in blocking[:10]],
            },
        )
