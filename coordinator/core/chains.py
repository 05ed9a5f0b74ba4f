"""Chains 接龙: members join a list in their groups; full before its deadline, it unlocks a price or a coupon.

A chain is complete at its target and takes nobody beyond it. At its deadline, or when it is closed by hand, one that
is not full has failed: what it would have unlocked stays locked, and its members are free. Only members join: there
is no command by which the team, or a machine, could fill one in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core import games, members, render, rounds
from coordinator.core.coupons import locked
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    Text,
    Turn,
    command,
    current,
    decides,
    due_key,
    evolves,
    moments,
    result_of,
)
from coordinator.core.money import Price
from coordinator.core.readings import count, things, truth

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

MOST_MEMBERS = 1_000  # a chain of five is usual; the list is one message that people read
USUAL = 5  # members that complete a chain where nobody says how many: the trade's first chain of five


class Unlock(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a full chain unlocks: one of the two."""

    coupon: str | None = None
    price: int | None = None  # the product's, in minor units


class InChain(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    member: str
    group: str | None = None
    at: int


class Chain(msgspec.Struct, kw_only=True):
    id: str
    product: str
    target: int
    until: int
    unlocks: Unlock | None = None
    drop: str
    groups: list[str]
    at: int
    status: Literal["open", "completed", "failed"] = "open"
    why: str | None = None  # of one that failed: deadline, closed
    ended_at: int | None = None
    count: int = 0
    members: list[InChain] = []


things(
    "chain", "chains",
    joined=count("members who are in it", of="target", get=lambda c: c.count), missing=count("members who are missing", get=lambda c: c.target - c.count),
    open=truth("it can be joined", get=lambda c: c.status == "open"), done=truth("it is complete", get=lambda c: c.status == "completed"),
    failed=truth("it was not full in time, or was closed", get=lambda c: c.status == "failed"),
)  # fmt: skip


class ChainOpened(Event, tag="chain.opened", kw_only=True):
    chain: str
    product: str
    target: int
    until: int
    unlocks: Unlock | None = None
    drop: str
    groups: list[str]


class ChainJoined(Event, tag="chain.joined", kw_only=True):
    chain: str
    member: str
    group: str | None = None
    count: int


class ChainCompleted(Event, tag="chain.completed", kw_only=True):
    chain: str
    product: str
    count: int
    unlocks: Unlock | None = None


class ChainFailed(Event, tag="chain.failed", kw_only=True):
    chain: str
    product: str
    count: int
    target: int
    why: str


class UnlockIn(BaseModel):
    """What it unlocks: a coupon, which cannot be claimed before, or the product's new price."""

    model_config = ConfigDict(extra="forbid", strict=True)
    coupon: Id | None = None
    price: Price | None = None


_FOLLOWS = (
    "cue.announced", "delivery.requested", "cue.fired", "coupon.dropped", "message.sent", "prompt.sent", "correction.proposed",
    "correction.closed",
)  # fmt: skip


@command("chain.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "chain.opened"))
class ChainOpen(Command):
    """Opens a chain, announced in groups. `until` is an instant, or a length in ms from the opening."""

    product: Id
    target: Annotated[int, Field(ge=1, le=MOST_MEMBERS)] = USUAL
    until: games.Until
    unlocks: UnlockIn | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("chain.close", button=True, events=("chain.failed",))
class ChainClose(Command):
    """Ends an open chain that is not full: the named one, or the newest. It unlocks nothing."""

    chain: Id | None = None


@command("chain.join", events=("chain.joined", "chain.completed", "product.repriced", *_FOLLOWS))
class ChainJoin(Command):
    """A member joins, once: the named chain, or the newest that is open in their group."""

    member: Member | None = None
    group: Id | None = None
    chain: Id | None = None


# ---------------------------------------------------------------- what a cue can do
def _unlock(state: State, fields: dict[str, Any]) -> Unlock | None:
    given = fields.get("unlocks")
    return msgspec.convert(given, Unlock) if given else None


def _went_out(turn: Turn, drop: Drop) -> None:
    state = turn.state
    fields = state.index.cues[drop.cue][1].fields
    if the_open_one(state, fields["product"]) is not None:
        return  # the one that a hand has opened meanwhile goes on
    turn.emit(
        ChainOpened(
            chain=state.next_id("chain"),
            product=fields["product"],
            target=fields.get("target", USUAL),
            until=games.ends_at(fields["until"], turn.at),
            unlocks=_unlock(state, fields),
            drop=drop.id,
            groups=drop.groups,
        )
    )


def _end(turn: Turn, plan: CuePlan, _cue: Cue) -> None:
    found = _meant(turn.state, plan.fields.get("chain"))
    if found is not None and found.status == "open":
        _fail(turn, found, "closed")


def _fits(state: State, fields: dict[str, Any]) -> None:
    unlocks = fields.get("unlocks")
    if unlocks is None:
        return
    where = {"field": "fields.unlocks"}
    if (unlocks.get("coupon") is None) == (unlocks.get("price") is None):
        raise Refusal("invalid", "a chain unlocks either a coupon or a price", where)
    if unlocks.get("coupon") is not None and unlocks["coupon"] not in state.coupons:
        raise Refusal("unknown", f"there is no coupon {unlocks['coupon'][:64]}", where)


def _words(state: State, fields: dict[str, Any], drop: Drop) -> dict[str, str]:
    unlocks, unlocked = _unlock(state, fields), "专享福利"
    if unlocks is not None and unlocks.coupon is not None and unlocks.coupon in state.coupons:
        unlocked = state.coupons[unlocks.coupon].title
    elif unlocks is not None and unlocks.price is not None:
        unlocked = f"专享价 {render.money(unlocks.price, state.the.currency)}"
    return {"target": str(fields.get("target", USUAL)), "unlocks": unlocked, "within": games.time_words(fields, drop)}


cue_kind(
    "chain.open",
    dropped=_went_out,
    late=LATE_DROP,
    ready_text="接龙: {product}, 满 {target} 人解锁{unlocks}, {within}内在群里回复 +1 参加, 或点 {link}; 人数不够则不成团",
    priority=1,
    about=("product",),
    check=_fits,
    names=("target", "unlocks", "within"),
    words=_words,
)
cue_kind("chain.close", perform=_end, leaves_out=frozenset({"chain"}))


# ---------------------------------------------------------------- which one
def the_open_one(state: State, product: str | None = None) -> Chain | None:
    """The newest that is open, of that product where one is named."""
    return next(
        (c for c in reversed(state.chains.values()) if c.status == "open" and product in {None, c.product}), None
    )


def _meant(state: State, chain: str | None) -> Chain | None:
    return state.chains.get(chain) if chain else the_open_one(state)


@current(ChainOpen)
def open_chain_of(state: State, c: ChainOpen) -> str | None:
    found = the_open_one(state, c.product)
    return found.id if found else None


@current(ChainClose)
def open_chain(state: State, c: ChainClose) -> str | None:
    found = _meant(state, c.chain)
    return found.id if found is not None and found.status == "open" else None


# ---------------------------------------------------------------- deciding
@decides(ChainOpen)
def open_(turn: Turn, c: ChainOpen) -> None:
    from coordinator.core import checks, firing, reaching

    state = turn.state
    if c.product not in state.products:
        raise Refusal("unknown", f"there is no product {c.product}", {"field": "product"})
    if (standing := open_chain_of(state, c)) is not None:
        raise Refusal("stale", f"a chain of {c.product} is open already", {"current": standing})
    if (coming := games.about_to_open(state, "chain", c.product)) is not None:
        raise Refusal("stale", f"a chain of {c.product} is about to open", {"current": coming})
    games.need_later(turn, c.until)
    fields: dict[str, Any] = {"product": c.product, "target": c.target, "until": c.until}
    if c.unlocks is not None:
        fields["unlocks"] = c.unlocks.model_dump(exclude_none=True)
        _fits(state, fields)
        coupon = state.coupons.get(c.unlocks.coupon or "")
        if coupon is not None and coupon.claimed and not locked(state, coupon.id):
            message = f"{coupon.id} has been claimed already: a chain cannot lock it any more"
            raise Refusal("invalid", message, {"field": "unlocks"})
    groups = reaching.check_groups(state, c.groups)
    games.need_own_groups(turn, groups)
    checks.need_clean(turn, c.text)
    firing.drop_by_hand(turn, "chain.open", fields, groups, c.text)


@decides(ChainClose)
def close(turn: Turn, c: ChainClose) -> None:
    found = _meant(turn.state, c.chain)
    if c.chain is not None and found is None:
        raise Refusal("unknown", f"there is no chain {c.chain}", {"field": "chain"})
    if found is None or found.status != "open":
        raise Refusal(
            "stale", "no chain is open" if found is None else f"{found.id} is {found.status}", {"current": None}
        )
    games.need_own_groups(turn, found.groups)
    _fail(turn, found, "closed")


def end_all(turn: Turn) -> None:
    """Nobody joins any more: the sale is closed."""
    for chain in [c for c in turn.state.chains.values() if c.status == "open"]:
        _fail(turn, chain, "closed")


def _fail(turn: Turn, chain: Chain, why: str) -> None:
    turn.emit(ChainFailed(chain=chain.id, product=chain.product, count=chain.count, target=chain.target, why=why))


@decides(ChainJoin)
def join(turn: Turn, c: ChainJoin) -> None:
    state = turn.state
    member = rounds.taking_part(turn, c.member, c.group)
    found = state.chains.get(c.chain) if c.chain else _open_in(state, c.group)
    if found is None:
        if c.chain is None and games.about_to_open(state, "chain") is None and state.chains:
            raise Refusal("too_late", "no chain is open any more", {"field": "chain"})
        raise Refusal("unknown" if c.chain else "too_early", "no such chain is open", {"field": "chain"})
    if c.group is not None and c.group not in found.groups:
        raise Refusal("forbidden", f"{found.id} is not for {c.group}", {"field": "group"})
    same = members.pseudonyms(state, member)
    if any(m.member in same for m in found.members):
        raise Refusal("already", "this member is in the chain already", {"field": "member", "chain": found.id})
    if found.status != "open" or turn.at >= found.until:
        how = "is over" if found.status == "open" else f"is {found.status}"
        raise Refusal("too_late", f"{found.id} {how}", {"field": "chain", "status": found.status})
    turn.emit(ChainJoined(chain=found.id, member=member, group=c.group, count=found.count + 1))
    if found.count >= found.target:
        _complete(turn, found)


def _open_in(state: State, group: str | None) -> Chain | None:
    """The newest open chain of a group; else the newest there was, which says why it cannot be joined."""
    theirs = [c for c in reversed(state.chains.values()) if group is None or group in c.groups]
    return next((c for c in theirs if c.status == "open"), next(iter(theirs), None)) or the_open_one(state)


def _complete(turn: Turn, chain: Chain) -> None:
    from coordinator.core import products

    state, unlocks = turn.state, chain.unlocks
    turn.emit(ChainCompleted(chain=chain.id, product=chain.product, count=chain.count, unlocks=unlocks))
    name = state.products[chain.product].name
    if unlocks is not None and unlocks.price is not None:
        products.change_price(turn, chain.product, unlocks.price)
        text = f"接龙成团! {name} {chain.count} 人到齐, 专享价 {render.money(unlocks.price, state.the.currency)} 已生效"
        games.tell_groups(turn, "message.send", {}, chain.groups, text)
    elif unlocks is not None and unlocks.coupon is not None:
        coupon = state.coupons[unlocks.coupon]
        if coupon.stopped or coupon.left <= 0:
            return
        text = f"接龙成团! {name} {chain.count} 人到齐, 解锁 {{coupon.title}}, 点这里领: {{coupon}}"
        games.tell_groups(turn, "coupon.drop", {"coupon": coupon.id}, chain.groups, text)
    else:
        games.tell_groups(turn, "message.send", {}, chain.groups, f"接龙成团! {name} {chain.count} 人到齐")


# ---------------------------------------------------------------- what is due
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    for chain in state.chains.values():
        if chain.status == "open":
            yield chain.until, 7, f"chain={chain.id}"


@due_key("chain")
def deadline(turn: Turn, name: str) -> None:
    chain = turn.state.chains.get(name)
    if chain is not None and chain.status == "open" and chain.until <= turn.at:
        _fail(turn, chain, "deadline")


# ---------------------------------------------------------------- evolving
@evolves(ChainOpened)
def opened(state: State, e: ChainOpened) -> Iterable[Key]:
    state.count("chain")
    state.chains[e.chain] = Chain(
        id=e.chain, product=e.product, target=e.target, until=e.until, unlocks=e.unlocks, drop=e.drop, groups=e.groups, at=e.at
    )  # fmt: skip
    return [("chains", e.chain)]


@evolves(ChainJoined)
def joined(state: State, e: ChainJoined) -> Iterable[Key]:
    chain = state.chains[e.chain]
    chain.members.append(InChain(member=e.member, group=e.group, at=e.at))
    chain.count = e.count
    return [("chains", e.chain)]


@evolves(ChainCompleted, ChainFailed)
def ended(state: State, e: ChainCompleted | ChainFailed) -> Iterable[Key]:
    chain = state.chains[e.chain]
    chain.ended_at = e.at
    if isinstance(e, ChainFailed):
        chain.status, chain.why = "failed", e.why
    else:
        chain.status = "completed"
    return [("chains", e.chain)]


@result_of(ChainJoined)
def joined_result(state: State, e: ChainJoined) -> dict[str, Any]:
    chain = state.chains[e.chain]
    return {"chain": e.chain, "count": e.count, "target": chain.target}
