"""Checks of a text before it is sent into groups: the one place that every topic asks.

A topic calls `need_clean` with its text and what it is for, before its first event. What blocks is refused, unless the
sender overruled just those rules, by name and with a reason; what warns goes. Either way the event says which rule
set judged (`check`), what it found, and whose override it was. The rules are data and come with the turn; they are
practice, not legal advice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core.kernel import Check, Checked, Refusal, ShortText, Turn
from coordinator.core.rules import Fault, Judge
from coordinator.core.wording import Use, judged

if TYPE_CHECKING:
    from coordinator.core.state import State

NEVER = frozenset({"PRIZE"})  # a sum above the law's limit is no matter of judgement
SELLS = frozenset({"link.drop", "coupon.drop"})  # what something can be bought by
POSTED = frozenset({"task.assign"})  # what people of the team post under names of their own
SHOWN = 20  # findings that an answer or an event holds


class OverrideIn(BaseModel):
    """`override` as any send may carry it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rules: Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    reason: ShortText


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is for. `do` is the kind of command that sends it."""

    do: str = "message.send"
    product: str | None = None  # what it is about


def look(state: State, judge: Judge, text: str, context: Context) -> dict[str, Any]:
    """What the checks say of a text before it is sent: for a screen that shows it while somebody writes."""
    found = faults_of(state, judge, text, context)
    return {"set": judge.name, "version": judge.version, "findings": [as_object(f, "text") for f in found[:SHOWN]]}


def judge_of(turn: Turn) -> Judge:
    """The rules that this turn was lent. Without any, nothing may be sent: that is a fault of ours."""
    if turn.moment.rules is None:
        raise ValueError("no rules were given: a text cannot be checked")
    return turn.moment.rules


def faults_of(state: State, judge: Judge, text: str, context: Context) -> list[Fault]:
    """Everything that is to be said of a text that goes into groups."""
    return judged(
        judge,
        text,
        Use(
            sells=context.do in SELLS,
            posted=context.do in POSTED,
            known=state.index.addresses,
            exceptions=state.p.checks.exceptions,
        ),
    )


def need_clean(turn: Turn, text: str | None, field: str = "text", context: Context | None = None) -> None:
    """Refuses a text that a check blocks, unless the sender overruled just those rules. Says what judged in the event."""
    if text:
        need(turn, faults_of(turn.state, judge_of(turn), text, context or Context()), field)


def need(turn: Turn, faults: list[Fault], field: str) -> None:
    """The same for what was found already. To be called once for each field, before the first event."""
    judge = judge_of(turn)
    overruled = set(turn.override.rules) - NEVER if turn.override is not None else set()
    blocking = [f for f in faults if f.severity == "block" and f.rule not in overruled]
    if blocking:
        raise Refusal(
            "blocked",
            f"{field}: {blocking[0].message}",
            {
                "field": field,
                "rules": sorted({f.rule for f in blocking}),
                "findings": [as_object(f, field) for f in faults[:SHOWN]],
            },
        )
    found = tuple(
        Checked(rule=f.rule, severity=f.severity, term=f.term, where=field) for f in faults if f.severity != "inform"
    )
    before = turn.check.found if turn.check is not None else ()
    turn.check = Check(set=judge.name, version=judge.version, found=(*before, *found)[:SHOWN])


def as_object(fault: Fault, where: str) -> dict[str, Any]:
    """A finding as it is told: rule, term and its place, what is wrong and what to do, in both languages."""
    said: dict[str, Any] = {
        "rule": fault.rule,
        "severity": fault.severity,
        "term": fault.term,
        "where": where,
        "message": fault.message,
        "zh": fault.zh,
    }
    if fault.at is not None:
        said["at"] = list(fault.at)
    if fault.law is not None:
        said["law"] = {"zh": fault.law.zh, "en": fault.law.en}
    return said
