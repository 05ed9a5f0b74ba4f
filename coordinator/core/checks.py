"""Checks of a text before it is sent into groups: the one place that every topic asks.

A topic calls `need_clean` with its text and what it is for, before its first event. What blocks is refused, unless the
sender overruled just those rules, by name and with a reason; what warns goes. Either way the event says which rule
set judged (`check`), what it found, and whose override it was. The rules are data and come with the turn; they are
practice, not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core import cue_kinds
from coordinator.core.kernel import Check, Checked, Refusal, ShortText, Turn
from coordinator.core.members import person
from coordinator.core.platform_limits import too_long, too_many
from coordinator.core.price_claims import Priced, price_faults
from coordinator.core.price_claims import lowest as lowest_of
from coordinator.core.prizes import PrizeRules, prize_faults
from coordinator.core.rules import Fault, Judge
from coordinator.core.wording import Use, judged

if TYPE_CHECKING:
    from coordinator.core.products import Product
    from coordinator.core.state import State

NEVER = frozenset({"PRIZE"})  # a sum above the law's limit is no matter of judgement
SELLS = frozenset({"link.drop", "coupon.drop"})  # what something can be bought by
POSTED = frozenset({"task.assign"})  # what people of the team post under names of their own
POSTING = frozenset({"cheer", "poster"})  # roles that post; a task of another is a word among the team
SHOWN = 20  # findings that an answer or an event holds


class OverrideIn(BaseModel):
    """`override` as any send may carry it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rules: Annotated[list[ShortText], Field(min_length=1, max_length=20)]
    reason: ShortText


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is for."""

    do: str = "message.send"  # the kind of command that sends it
    product: str | None = None  # what it is about
    groups: tuple[str, ...] = ()  # where it goes
    people: tuple[str, ...] = ()  # who of the team posts it under a name of their own
    among: bool = False  # a word among the team: nobody else reads it


def look(state: State, judge: Judge, text: str, context: Context, now: int) -> dict[str, Any]:
    """What the checks say of a text before it is sent: for a screen that shows it while somebody writes."""
    found = faults_of(state, judge, text, context, max(now, state.at))
    return {"set": judge.name, "version": judge.version, "findings": [as_object(f, "text") for f in found[:SHOWN]]}


def judge_of(turn: Turn) -> Judge:
    """The rules that this turn was lent. Without any, nothing may be sent: that is a fault of ours."""
    if turn.moment.rules is None:
        raise ValueError("no rules were given: a text cannot be checked")
    return turn.moment.rules


def context_of(turn: Turn) -> Context:
    """What a command's text is for, as the command itself says."""
    command = turn.command
    if command is None:
        return Context()
    do, of = command.kind, dict(command)
    if do == "cue.add":
        do, of = of["do"], {**of["fields"], "groups": of["groups"]}
    groups = _groups(turn.state, of)
    who = of.get("who") if do in POSTED else None
    people = [m.person for m in turn.state.p.team if m.role == who] or ([who] if who else [])
    what = of.get("what")
    among = do in POSTED and (what == "do" or (what is None and not posting(turn.state, people)))
    return Context(do=do, product=of.get("product"), groups=tuple(groups), people=tuple(people), among=among)


def posting(state: State, people: Iterable[str]) -> bool:
    """Whether one of them posts in groups: a role that does, or somebody who has it."""
    names = set(people)
    has = {m.role for m in state.p.team if m.person in names} | {
        p.role for p in state.people.values() if p.person in names
    }
    return not POSTING.isdisjoint(names | has)


def _groups(state: State, of: dict[str, Any]) -> list[str]:
    from coordinator.core import reaching

    if of.get("groups") is None:
        return [of["group"]] if of.get("group") in state.groups else []
    try:
        return reaching.check_groups(state, of["groups"])
    except Refusal:  # the topic says what is wrong with them
        return []


def faults_of(state: State, judge: Judge, text: str, context: Context, at: int) -> list[Fault]:
    """Everything that is to be said of a text that goes into groups."""
    faults = words_faults(state, judge, text, context, at)
    relays = {r for g in context.groups if g in state.groups for r in state.groups[g].relay[:1]}
    faults += too_long(state.p, judge, text, relays)
    faults += too_many(state, judge, context.groups, at)
    return faults


def words_faults(state: State, judge: Judge, text: str, context: Context, at: int) -> list[Fault]:
    """What is to be said of the words alone, wherever members read them."""
    plan = state.p
    use = Use(
        sells=context.do in SELLS,
        posted=context.do in POSTED,
        known=state.index.addresses,
        exceptions=plan.checks.exceptions,
    )
    faults = [f for f in judged(judge, text, use) if f.about != "bought" or not _have_bought(state, context.people)]
    about = state.products.get(context.product or "")
    products = [_priced(state, each) for each in state.products.values()]
    faults += price_faults(judge, text, _priced(state, about) if about else None, products, at, state.the.currency)
    return faults


def _have_bought(state: State, people: tuple[str, ...]) -> bool:
    """Whether each of them has a paid order of their own."""
    named = {m.person: m.member for m in state.p.team}
    return bool(people) and all(
        (member := named.get(who)) is not None and person(state, member) in state.buyers for who in people
    )


def _priced(state: State, product: Product) -> Priced:
    planned = state.index.products.get(product.id)
    return Priced(
        id=product.id,
        price=product.price,
        list_price=product.list_price,
        lowest=lowest(state, product),
        history=planned.history if planned is not None else (),
    )


def lowest(state: State, product: Product) -> int | None:
    """The least that can be paid for one piece with the sale's coupons; None where that is not told by their amounts."""
    offs = []
    for coupon in state.coupons.values():
        if coupon.products and product.id not in coupon.products:
            continue
        if coupon.kind not in {"threshold", "amount"}:
            return None
        offs.append((coupon.over, coupon.off))
    return lowest_of(product.price, offs)


def need_clean(turn: Turn, text: str | None, field: str = "text", context: Context | None = None) -> None:
    """Refuses a text that a check blocks, unless the sender overruled just those rules. Says what judged in the event.

    What the text is for is taken from the command; a topic whose command does not say it gives the `context`.
    """
    if text:
        context = context or context_of(turn)
        if context.among:
            return
        need(turn, faults_of(turn.state, judge_of(turn), text, context, turn.at + turn.state.p.lead), field)


def need_clean_fields(turn: Turn, do: str, fields: dict[str, Any], within: str = "") -> None:
    """The same for what members read of a game's fields: its question, its options, its prizes, on its page too."""
    state, judge = turn.state, judge_of(turn)
    for field, words in cue_kinds.said_by(do, fields).items():
        need(turn, words_faults(state, judge, words, Context(do=do), turn.at + state.p.lead), within + field)


def need_lawful_draw(turn: Turn, stated: PrizeRules, field: str = "prizes") -> None:
    """The same for a draw: what it states before anybody takes part, and what its prizes are worth."""
    need(turn, prize_faults(judge_of(turn), stated, turn.state.the.currency), field)


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
    before = turn.check.found if turn.check is not None else ()
    said = {(each.rule, each.term) for each in before}  # a game's question stands in its ready text too
    found = tuple(
        Checked(rule=f.rule, severity=f.severity, term=f.term, where=field)
        for f in faults
        if f.severity != "inform" and (f.rule, f.term) not in said
    )
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
