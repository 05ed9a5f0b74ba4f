"""Draws 抽奖: members enter, or are entered by a message, a paid order or a claim; winners are drawn so that all can check.

The rules stand in `draw.opened` and never change. With them stands the SHA-256 of a seed; the seed itself is made in
the same append and stands in the private part of `draw.sealed`, an event that no view shows. `draw.drawn` reveals it.
How the winners follow from seed and entries is `lots.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from coordinator.core import games, lots, prizes, rounds, selectors
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    ShortText,
    Text,
    Turn,
    command,
    current,
    decides,
    evolves,
)
from coordinator.core.money import Minor
from coordinator.core.prizes import PrizeRules, prize_faults
from coordinator.core.readings import count, things, truth

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.rules import Fault, Judge
    from coordinator.core.state import State

SEED_LENGTH = 52  # of 32 signs: all of the 256 random bits that a turn is lent
MOST_PRIZES = 10_000
COUPONS_AT_MOST = 500  # in one draw: they are given in the one append that draws it
COLLECT = "客服会联系中奖者"
COLLECT_CODES = "中奖的券码在抽奖页里"

By = Literal["entry", "comment", "order", "claim"]


class Prize(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    name: str
    quantity: int = 1
    worth: int | None = None  # of one, in minor units
    coupon: str | None = None  # of which each winner is given a code


class Eligible(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Who is in the draw: who enters, or who writes, pays, or claims while it is open."""

    by: By = "entry"
    groups: str | None = None  # a selector; None: the groups it went into
    product: str | None = None  # of an order that counts
    coupon: str | None = None  # whose claim counts


class Winner(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    member: str
    prize: str
    coupon: str | None = None


class Draw(msgspec.Struct, kw_only=True):
    id: str
    prizes: tuple[Prize, ...]
    quantity: int
    until: int
    eligible: Eligible
    groups: list[str]
    collect: str
    organiser: str
    commit: str
    drop: str
    at: int
    status: Literal["open", "closed", "drawn"] = "open"
    closed_at: int | None = None
    drawn_at: int | None = None
    count: int = 0
    """Entries."""
    seed: str | None = None
    winners: list[Winner] = []
    left: int = 0
    """Prizes that nobody won: there were fewer entries."""
    not_given: int = 0
    """Winners who could not be given the coupon that they won."""


things(
    "draw", "draws",
    entries=count("members who are in it", get=lambda d: d.count), open=truth("it can be entered", get=lambda d: d.status == "open"),
    closed=truth("it waits to be run", get=lambda d: d.status == "closed"), done=truth("its winners are drawn", get=lambda d: d.status == "drawn"),
)  # fmt: skip


# ---------------------------------------------------------------- events
class DrawOpened(Event, tag="draw.opened", kw_only=True):
    """The rules, frozen, and the seed's SHA-256."""

    draw: str
    prizes: tuple[Prize, ...]
    quantity: int
    until: int
    eligible: Eligible
    groups: list[str]
    collect: str
    organiser: str
    commit: str
    drop: str


class DrawSealed(Event, tag="draw.sealed", kw_only=True):
    """The seed, kept from everybody until the draw is run."""

    PRIVATE: ClassVar[tuple[str, ...]] = ("seed",)
    draw: str
    seed: str | None = None


class DrawEntered(Event, tag="draw.entered", kw_only=True):
    draw: str
    member: str
    group: str | None = None


class DrawClosed(Event, tag="draw.closed", kw_only=True):
    """No more entries."""

    draw: str
    entries: int


class DrawDrawn(Event, tag="draw.drawn", kw_only=True):
    draw: str
    seed: str
    entries: int
    winners: list[Winner]
    left: int = 0


class DrawNotGiven(Event, tag="draw.not_given", kw_only=True):
    """A winner cannot be given the coupon that was won; `why` as a refusal's code."""

    draw: str
    member: str
    coupon: str
    why: str


# ---------------------------------------------------------------- commands
class PrizeIn(BaseModel):
    """A prize: what it is, how many there are, what one is worth. With a `coupon` of the sheet each winner is given a code of it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: ShortText | None = None
    quantity: Annotated[int, Field(ge=1, le=MOST_PRIZES)] = 1
    worth: Minor | None = None
    coupon: Id | None = None

    @model_validator(mode="after")
    def _is_something(self) -> PrizeIn:
        if self.name is None and self.coupon is None:
            raise ValueError("a prize has a name, or is a coupon")
        return self


class EligibleIn(BaseModel):
    """Who is in: `entry` enters, `comment` writes in a group, `order` pays, `claim` claims a coupon, while it is open."""

    model_config = ConfigDict(extra="forbid", strict=True)
    by: By = "entry"
    groups: str | None = None
    product: Id | None = None
    coupon: Id | None = None


Prizes = ShortText | Annotated[list[ShortText | PrizeIn], Field(min_length=1, max_length=20)]


@command(
    "draw.open", button=True, events=("cue.announced", "delivery.requested", "cue.fired", "draw.opened", "draw.sealed")
)
class DrawOpen(Command):
    """Opens a draw, announced in groups. `quantity` prizes in all; `until` is an instant, or a length in ms."""

    prizes: Prizes
    quantity: Annotated[int, Field(ge=1, le=MOST_PRIZES)] | None = None
    until: games.Until
    eligible: By | EligibleIn = "entry"
    collect: ShortText | None = None
    organiser: ShortText | None = None
    groups: str | list[Id] = "all"
    text: Text | None = None


@command("draw.enter", events=("draw.entered",))
class DrawEnter(Command):
    """A member enters, once: the named draw, or the one that is open."""

    member: Member | None = None
    group: Id | None = None
    draw: Id | None = None


@command(
    "draw.run",
    button=True,
    after_close=True,
    events=(
        "draw.drawn",
        "coupon.claimed",
        "coupon.ran_out",
        "draw.not_given",
        "cue.announced",
        "delivery.requested",
        "cue.fired",
        "message.sent",
        "prompt.sent",
    ),
)
class DrawRun(Command):
    """Draws the winners of a draw that has closed, and reveals its seed. Without `draw`: of the one that waits for it.

    What members were promised can be kept after the sale's close too; the groups are not told then.
    """

    draw: Id | None = None


# ---------------------------------------------------------------- the rules
def rules_of(fields: dict[str, Any], state: State | None = None) -> tuple[tuple[Prize, ...], int, Eligible]:
    """Prizes, how many in all, and who; refuses what does not add up. A coupon without a name has its title, or its id."""
    given = fields["prizes"]
    listed = [given] if isinstance(given, str) else given
    coupons = state.coupons if state is not None else {}
    prizes = [
        Prize(name=p)
        if isinstance(p, str)
        else msgspec.convert({**p, "name": p.get("name") or rounds.title_of(coupons, p["coupon"])}, Prize)
        for p in listed
    ]
    quantity: int | None = fields.get("quantity")
    if len(prizes) == 1 and prizes[0].quantity == 1 and quantity is not None:
        prizes = [msgspec.structs.replace(prizes[0], quantity=quantity)]
    in_all = sum(p.quantity for p in prizes)
    if quantity is not None and quantity != in_all:
        message = f"the prizes are {in_all} in all, quantity says {quantity}; make them equal or leave quantity out"
        raise Refusal("invalid", message, {"field": "quantity"})
    who = fields.get("eligible") or "entry"
    return tuple(prizes), in_all, msgspec.convert({"by": who} if isinstance(who, str) else who, Eligible)


def _fits(state: State, fields: dict[str, Any]) -> None:
    prizes, _, who = rules_of(fields)
    for prize in prizes:
        rounds.need_gift(state, prize.coupon, "prizes")
    if sum(p.quantity for p in prizes if p.coupon) > COUPONS_AT_MOST:
        message = f"a draw gives at most {COUPONS_AT_MOST} coupons, because all are given at once; make it two draws"
        raise Refusal("invalid", message, {"field": "prizes"})
    for name, named, there in (("coupon", who.coupon, state.coupons), ("product", who.product, state.products)):
        if named is not None and named not in there:
            raise Refusal("unknown", f"there is no {name} {named[:64]}", {"field": "eligible"})
    if who.groups is not None:
        try:
            selectors.parse(who.groups)
        except selectors.SelectorError as e:
            raise Refusal("invalid", f"eligible: {e}", {"field": "eligible"}) from None


_HOW = {
    "entry": "在群里回复 抽奖 即可参加",
    "comment": "在群里发言即参加",
    "order": "付款下单即参加",
    "claim": "领券即参加",
}


def _prize_words(prizes: Iterable[Prize]) -> str:
    return ", ".join(f"{p.name} {p.quantity} 份" for p in prizes)


def _collect(fields: dict[str, Any], prizes: Iterable[Prize]) -> str:
    """How what is won is collected: as its rules say; a coupon's code stands on the draw's page."""
    said: str | None = fields.get("collect")
    return said or (COLLECT_CODES if all(p.coupon for p in prizes) else COLLECT)


def _words(state: State, fields: dict[str, Any], drop: Drop) -> dict[str, str]:
    prizes, quantity, who = rules_of(fields, state)
    return {
        "prizes": _prize_words(prizes),
        "quantity": str(quantity),
        "how": _HOW[who.by],
        "within": games.time_words(fields, drop),
        "collect": _collect(fields, prizes),
        "organiser": fields.get("organiser") or state.the.title,
    }


def stated(fields: dict[str, Any]) -> PrizeRules:
    """What a draw says of itself before anybody takes part, for the checks."""
    listed, quantity, _ = rules_of(fields)
    codes = COLLECT_CODES if all(p.coupon for p in listed) else ""
    return PrizeRules(
        prizes=tuple(prizes.Prize(name=p.name, worth=p.worth) for p in listed), quantity=quantity, until=fields["until"],
        collect=fields.get("collect") or codes, organiser=fields.get("organiser") or "",
    )  # fmt: skip


def _shown(fields: dict[str, Any]) -> dict[str, str]:
    given = fields["prizes"]
    named = (p if isinstance(p, str) else p.get("name") or "" for p in ([given] if isinstance(given, str) else given))
    return {
        "prizes": "\n".join(filter(None, named)), "collect": fields.get("collect") or "",
        "organiser": fields.get("organiser") or "",
    }  # fmt: skip


def _judged(state: State, judge: Judge, fields: dict[str, Any]) -> list[Fault]:
    return prize_faults(judge, stated(fields), state.the.currency)


# ---------------------------------------------------------------- what a cue can do
def _went_out(turn: Turn, drop: Drop) -> None:
    state = turn.state
    if the_open_one(state) is not None:
        return  # the one that a hand has opened meanwhile goes on
    fields = state.index.cues[drop.cue][1].fields
    prizes, quantity, who = rules_of(fields, state)
    groups = drop.groups
    if who.groups is not None:
        groups = selectors.select(who.groups, list(state.groups.values()))
    name, seed = state.next_id("draw"), turn.secret(SEED_LENGTH)
    turn.emit(
        DrawOpened(
            draw=name, prizes=prizes, quantity=quantity, until=games.ends_at(fields["until"], turn.at), eligible=who,
            groups=groups, collect=_collect(fields, prizes), organiser=fields.get("organiser") or state.the.title,
            commit=lots.commit_of(seed), drop=drop.id,
        )
    )  # fmt: skip
    turn.emit(DrawSealed(draw=name, seed=seed))


cue_kind(
    "draw.open",
    dropped=_went_out,
    late=LATE_DROP,
    ready_text="抽奖: {prizes}, {how}, {within}后截止。领奖: {collect}。主办: {organiser}。规则和验算: {link}",
    priority=1,
    check=_fits,
    judged=_judged,
    says=_shown,
    names=("prizes", "quantity", "how", "within", "collect", "organiser"),
    words=_words,
)


# ---------------------------------------------------------------- which one
def the_open_one(state: State) -> Draw | None:
    return next((d for d in reversed(state.draws.values()) if d.status == "open"), None)


@current(DrawOpen)
def open_draw(state: State, _: Any) -> str | None:
    found = the_open_one(state)
    return found.id if found else None


# ---------------------------------------------------------------- deciding
@decides(DrawOpen)
def open_(turn: Turn, c: DrawOpen) -> None:
    from coordinator.core import checks, firing, reaching

    state = turn.state
    if (standing := open_draw(state, c)) is not None:
        raise Refusal("stale", "a draw is open already", {"current": standing})
    if (coming := games.about_to_open(state, "draw")) is not None:
        raise Refusal("stale", "a draw is about to open", {"current": coming})
    games.need_later(turn, c.until)
    fields = c.model_dump(exclude={"groups", "text"}, exclude_none=True)
    _fits(state, fields)
    groups = reaching.check_groups(state, c.groups)
    checks.need_lawful_draw(turn, stated(fields))
    checks.need_clean_fields(turn, "draw.open", fields)
    checks.need_clean(turn, c.text)
    firing.drop_by_hand(turn, "draw.open", fields, groups, c.text)


# ---------------------------------------------------------------- evolving
@evolves(DrawOpened)
def opened(state: State, e: DrawOpened) -> Iterable[Key]:
    state.count("draw")
    state.draws[e.draw] = Draw(
        id=e.draw, prizes=e.prizes, quantity=e.quantity, until=e.until, eligible=e.eligible, groups=e.groups,
        collect=e.collect, organiser=e.organiser, commit=e.commit, drop=e.drop, at=e.at,
    )  # fmt: skip
    state.entries[e.draw] = {}
    return [("draws", e.draw)]


@evolves(DrawSealed)
def sealed(state: State, e: DrawSealed) -> Iterable[Key]:
    if e.seed is not None:
        state.seeds[e.draw] = e.seed
    return ()


@evolves(DrawClosed)
def closed(state: State, e: DrawClosed) -> Iterable[Key]:
    draw = state.draws[e.draw]
    draw.status, draw.closed_at, draw.count = "closed", e.at, e.entries
    return [("draws", e.draw)]


@evolves(DrawDrawn)
def drawn(state: State, e: DrawDrawn) -> Iterable[Key]:
    from coordinator.core import drawing

    draw = state.draws[e.draw]
    state.entries[e.draw] = dict.fromkeys(drawing.entries_of(state, e.draw), "")
    draw.status, draw.drawn_at, draw.count = "drawn", e.at, e.entries
    draw.seed, draw.winners, draw.left = e.seed, e.winners, e.left
    draw.closed_at = draw.closed_at or e.at
    state.seeds.pop(e.draw, None)
    return [("draws", e.draw)]


@evolves(DrawNotGiven)
def not_given(state: State, e: DrawNotGiven) -> Iterable[Key]:
    state.not_given.setdefault(e.draw, {})[e.member] = e.why
    draw = state.draws[e.draw]
    draw.not_given += 1
    return [("draws", e.draw)]
