"""The plan in the sale: made with it, replaced while it runs, approved by its owner.

A live edit changes what is still to come, never what was. Of what is announced it withdraws only what
has another time, other groups or other content; all else that has begun keeps its run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import ConfigDict, Field

from coordinator.core import cues, firing, guests, orders, people, products, reaching, schedule
from coordinator.core.coupons import TERMS, Coupon, check_replaced
from coordinator.core.figures import Figures
from coordinator.core.groups import Group
from coordinator.core.kernel import Command, Event, Key, Refusal, Turn, command, decides, evolves, result_of
from coordinator.core.keywords import Keyword
from coordinator.core.links import Link
from coordinator.core.plan import CouponPlan, CuePlan, GroupPlan, KeywordPlan, LinkPlan, Plan, ProductPlan
from coordinator.core.products import Product
from coordinator.core.show import Show, new_segment

if TYPE_CHECKING:
    from coordinator.core.state import State


class SaleCreated(Event, tag="sale.created", kw_only=True):
    sale: str
    title: str
    plan: Plan
    sheet: Any  # JSON: the sheet as it was given
    rehearsal: float | None = None  # its speed; 0 is `jump`
    approved: bool = True


class SheetReplaced(Event, tag="sheet.replaced", kw_only=True):
    version: int
    plan: Plan
    sheet: Any  # JSON
    approved: bool = False


class SheetApproved(Event, tag="sheet.approved", kw_only=True):
    version: int


@command("sale.create", events=("sale.created",))
class SaleCreate(Command):
    """Given by the service itself when an owner posts a sheet that has been read and checked."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    sale: str
    plan: Plan
    sheet: Any
    rehearsal: float | None = None


@command(
    "sheet.replace",
    events=(
        "sheet.replaced",
        "cue.withdrawn",
        "delivery.withdrawn",
        "cue.skipped",
        "delivery.requested",
        "correction.proposed",
        "correction.closed",
    ),
)
class SheetReplace(Command):
    """A new sheet for the one of `version`. `sheet` is the parsed object; it is read and checked first."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    version: Annotated[int, Field(ge=1)]
    sheet: dict[str, Any]
    plan: Any = None  # put in by the service after reading; a client's own is refused


@command("sheet.approve", events=("sheet.approved",))
class SheetApprove(Command):
    """The owner's word on the sheet of this version."""

    version: Annotated[int, Field(ge=1)]


@decides(SaleCreate)
def create(turn: Turn, c: SaleCreate) -> None:
    turn.emit(SaleCreated(sale=c.sale, title=c.plan.title, plan=c.plan, sheet=c.sheet, rehearsal=c.rehearsal))


@result_of(SaleCreated)
def created_result(_: State, e: SaleCreated) -> dict[str, str]:
    return {"sale": e.sale}


@decides(SheetReplace)
def replace(turn: Turn, c: SheetReplace) -> dict[str, int]:
    state = turn.state
    the = state.the
    if c.version != the.version:
        raise Refusal("stale", f"the sheet is version {the.version} by now", {"current": the.version})
    if not isinstance(c.plan, Plan):
        raise Refusal("invalid", "the sheet was not read", {"field": "sheet"})
    if the.status in {"ended", "closed"}:
        raise Refusal("too_late", f"the sale is {the.status}", {"status": the.status})
    plan: Plan = c.plan
    segments = {s.id for s in plan.segments}
    if the.segment is not None and the.segment not in segments:
        raise Refusal(
            "invalid", f"the running segment {the.segment} is not in the new sheet", {"field": "sheet.segments"}
        )
    if plan.currency != the.currency:
        raise Refusal("invalid", f"the sale is in {the.currency}, and stays so", {"field": "sheet.currency"})
    for coupon in plan.coupons:
        known = state.coupons.get(coupon.id)
        if known is not None and known.claimed:
            check_replaced(known, coupon)
    before = {c.id: cues.plan_of(state, c.id) for c in firing.announced(state) if not c.hand}
    begun = [c.id for c in state.cues.values() if c.status in {"waiting", "held"} and c.id not in state.added]
    figures = {p.id: (p.price, p.stock) for p in state.products.values()}
    on_plan = firing.on_plan(state)
    new = {cue.id: cue for s in plan.segments for cue in s.cues}
    turn.emit(SheetReplaced(version=the.version + 1, plan=plan, sheet=c.sheet, approved=turn.actor.role == "owner"))
    for name, old in before.items():
        cue = state.cues.get(name)
        if cue is not None and (name not in new or _differs(old, new[name]) or firing.has_moved(cue, on_plan)):
            firing.withdraw(turn, cue, "edited")
            if name not in new:
                turn.emit(cues.CueSkipped(cue=name, run=cue.run, why="edited"))
    firing.skip(turn, [name for name in begun if name not in new], "edited")
    for product in plan.products:
        price, stock = figures.get(product.id, (product.price, product.stock))
        if price != state.products[product.id].price:
            products.correct(turn, product.id, "price")
        if stock != state.products[product.id].stock:
            products.correct(turn, product.id, "stock")
    return {"version": the.version}


def _differs(old: CuePlan, new: CuePlan) -> bool:
    return (old.do, old.fields, old.groups, old.text) != (new.do, new.fields, new.groups, new.text)


@decides(SheetApprove)
def approve(turn: Turn, c: SheetApprove) -> None:
    the = turn.state.the
    if c.version != the.version:
        raise Refusal("stale", f"the sheet is version {the.version} by now", {"current": the.version})
    if not the.approved:
        turn.emit(SheetApproved(version=c.version))


# ---------------------------------------------------------------- evolving
def _product(p: ProductPlan) -> Product:
    return Product(
        id=p.id, name=p.name, line=p.line, price=p.price, list_price=p.list_price, stock=p.stock, stocked=p.stock, url=p.url,
        points=p.points, script=p.script, image=p.image,
    )  # fmt: skip


def _coupon(c: CouponPlan) -> Coupon:
    return Coupon(
        id=c.id, kind=c.kind, title=c.title, over=c.over, off=c.off, quantity=c.quantity, per_member=c.per_member,
        valid_ms=c.valid_ms, products=c.products, groups=c.groups, left=c.quantity, basis_points=c.basis_points,
        at_most=c.at_most, pay=c.pay, pay_within_ms=c.pay_within_ms, price=c.price, units=c.units, pool=c.pool,
        pool_left=c.pool, shares=c.shares, spend=c.spend, exclusive=c.exclusive,
    )  # fmt: skip


def _link(x: LinkPlan) -> Link:
    return Link(id=x.id, kind=x.kind, url=x.url, title=x.title)


def _group(g: GroupPlan) -> Group:
    return Group(
        id=g.id,
        name=g.name,
        tier=g.tier,
        stage=g.stage,
        org=g.org,
        tags=g.tags,
        relay=g.relay,
        members=g.members,
        owner=g.owner,
    )


def _keyword(k: KeywordPlan) -> Keyword:
    return Keyword(id=k.id, words=k.words, do=k.do)


@evolves(SaleCreated)
def created(state: State, e: SaleCreated) -> Iterable[Key]:
    plan = e.plan
    state.plan, state.sheet, state.rehearsal = plan, e.sheet, e.rehearsal
    state.show["show"] = Show(
        title=plan.title, kind=plan.kind, currency=plan.currency, timezone=plan.timezone, planned_start=plan.start,
        start=plan.start, approved=e.approved, lead=plan.lead, rehearsal=e.rehearsal is not None, targets=_targets(plan),
    )  # fmt: skip
    state.groups = {g.id: _group(g) for g in plan.groups}
    state.products = {p.id: _product(p) for p in plan.products}
    state.coupons = {c.id: _coupon(c) for c in plan.coupons}
    state.links = {x.id: _link(x) for x in plan.links}
    state.keywords = {k.id: _keyword(k) for k in plan.keywords}
    state.guests = guests.of_plan(plan)
    state.figures["sale"] = Figures(members=sum(g.members for g in plan.groups))
    for member in plan.team:
        people.person(state, member.role, member.person)
    _take_segments(state, {})
    return _of_the_sheet(state)


def _targets(plan: Plan) -> dict[str, int]:
    return {k: v for k, v in (("sales", plan.targets.sales), ("buyers", plan.targets.buyers)) if v is not None}


_RUN_OF_A_CUE = (
    "status", "run", "drop", "fire_at", "planned_at", "waiting_since", "waiting_until", "alerted", "confirmed", "why", "reach",
)  # fmt: skip


def _take_segments(state: State, before: dict[str, tuple[str, CuePlan]]) -> None:
    """Lays the plan's segments and cues under what has run already. `before` are the cues of the plan it replaces."""
    plan = state.p
    old_segments, old_cues = state.segments, state.cues
    state.reindex()
    state.segments, state.cues = {}, {}
    counts: reaching.Counts = {}
    for i, s in enumerate(plan.segments):
        segment = new_segment(s, i)
        known = old_segments.get(s.id)
        if known is not None and known.status != "planned":
            known.index = i
            if known.status == "running":
                known.name, known.lasts, known.advance, known.product = s.name, s.lasts, s.advance, s.product
            segment = known
        state.segments[s.id] = segment
        for n, c in enumerate(s.cues):
            cue = cues.new_cue(state, s.id, c, n, counts)
            was = old_cues.get(c.id)
            if was is not None and was.status in {"fired", "skipped"}:
                was.index, was.segment = n, s.id
                cue = was
            elif was is not None:
                for name in ("run", "drop") if was.status == "planned" else _RUN_OF_A_CUE:
                    setattr(cue, name, getattr(was, name))
                if was.status == "waiting" and c.at is not None:
                    cue.at = was.at  # what waits for a word has had its moment
            state.cues[c.id] = cue
    # What ran stays, though the new sheet knows it no longer; so does what was added by hand.
    for id_, segment in old_segments.items():
        if id_ not in state.segments and segment.status != "planned":
            state.segments[id_] = segment
    for id_, cue in old_cues.items():
        if id_ not in state.cues and (cue.status != "planned" or id_ in state.added):
            state.cues[id_] = cue
            if id_ not in state.index.cues:
                state.added[id_] = before[id_]
    state.reindex()
    schedule.replan(state)
    for segment in state.segments.values():
        if segment.status == "planned":
            segment.planned_start, segment.planned_end = segment.start, segment.end
    for cue in state.cues.values():
        if cue.status == "planned":
            cue.planned_at = cue.at


OF_THE_SHEET = (
    "show", "segments", "cues", "runs", "products", "coupons", "links", "groups", "people", "keywords", "guests", "figures",
)  # fmt: skip
"""What a sheet says something of. What has become of the rest, deliveries by the thousand, is not looked at again."""


def _of_the_sheet(state: State) -> list[Key]:
    return [(topic, id_) for topic in OF_THE_SHEET for id_ in getattr(state, topic)]


@evolves(SheetReplaced)
def replaced(state: State, e: SheetReplaced) -> Iterable[Key]:
    before = _of_the_sheet(state)
    plan, was = e.plan, state.p
    cues_before = dict(state.index.cues)
    the = state.the
    state.plan, state.sheet = plan, e.sheet
    the.version, the.approved = e.version, e.approved
    the.title, the.kind, the.timezone, the.lead, the.targets = (
        plan.title,
        plan.kind,
        plan.timezone,
        plan.lead,
        _targets(plan),
    )
    the.planned_start = plan.start
    if the.started_at is None and plan.start != was.start:  # else a shift of the start stands
        the.start = plan.start
    state.figures["sale"].members += sum(g.members for g in plan.groups if g.id not in state.groups)
    _merge(
        state.groups, {g.id: _group(g) for g in plan.groups}, ("name", "tier", "stage", "org", "tags", "relay", "owner")
    )
    _merge(
        state.products,
        {p.id: _product(p) for p in plan.products},
        ("name", "line", "list_price", "url", "points", "script", "image"),
    )
    earlier = {p.id: p for p in was.products}
    for product in plan.products:
        old, now = earlier.get(product.id), state.products[product.id]
        if old is None:
            orders.sold_before(state, now)
        # What the sheet does not change stands as it was changed in the show.
        if old is None or product.price != old.price:
            now.price = product.price
        if old is not None and product.stock != old.stock:
            products.restocked(now, product.stock)
    _merge(state.links, {x.id: _link(x) for x in plan.links}, ("kind", "url", "title"))
    state.guests = guests.of_plan(plan)
    _merge(state.keywords, {k.id: _keyword(k) for k in plan.keywords}, ("words", "do"))
    pools = {c.id: c.pool for c in state.coupons.values()}
    _merge(
        state.coupons,
        {c.id: _coupon(c) for c in plan.coupons},
        (*TERMS, "title", "quantity", "per_member", "valid_ms", "groups", "pay_within_ms", "pool", "shares", "spend"),
    )
    for coupon in state.coupons.values():
        coupon.left = coupon.quantity - coupon.claimed + coupon.lapsed
        coupon.pool_left += coupon.pool - pools.get(coupon.id, coupon.pool)
    for member in plan.team:
        people.person(state, member.role, member.person)
    _take_segments(state, cues_before)
    return [*before, *_of_the_sheet(state)]


def _merge(have: dict[str, Any], new: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Takes over what the plan says, keeps what has been counted. What the plan dropped stays: it has a past."""
    for id_, fresh in new.items():
        known = have.get(id_)
        if known is None:
            have[id_] = fresh
        else:
            for name in fields:
                setattr(known, name, getattr(fresh, name))


@evolves(SheetApproved)
def approved(state: State, _: SheetApproved) -> Iterable[Key]:
    state.the.approved = True
    return [("show", "show")]


@result_of(SheetReplaced)
def replaced_result(_: State, e: SheetReplaced) -> dict[str, int]:
    return {"version": e.version}


class JournalOpened(Event, tag="journal.opened", kw_only=True):
    """A node, or `journal` for a data folder's, has become the writer of this sale. Numbers from here on are of this incarnation."""

    owner: str
    incarnation: str


@evolves(JournalOpened)
def opened(state: State, e: JournalOpened) -> Iterable[Key]:
    state.incarnations.append((e.seq, e.incarnation))
    state.opened_at, state.quiet_since = e.at, state.before
    return ()


def plan_from(data: Any) -> Plan:
    """A plan from its JSON form, as it stands in an event."""
    return msgspec.convert(data, Plan)
