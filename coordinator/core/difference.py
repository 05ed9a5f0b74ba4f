"""What another sheet would change, before it does: the replacement is carried out on a copy of the sale, and told.

What is told comes from the rules that will carry it out (`sheets`), never from a second reading of them: a
difference cannot say one thing and the replacement do another, as long as nothing happens in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coordinator.core import firing, sheets
from coordinator.core.contents import Content
from coordinator.core.corrections import CorrectionProposed
from coordinator.core.cue_kinds import into_groups
from coordinator.core.cues import Cue, CueAnnounced, CueFired, CueWaiting, CueWithdrawn, lead_of
from coordinator.core.deliveries import DeliveryRequested, DeliveryWithdrawn
from coordinator.core.kernel import Actor, Event, Moment, decide
from coordinator.core.plan import CuePlan, Plan
from coordinator.core.quiet import DAY_MS, Nights
from coordinator.core.state import State, decode, encode

if TYPE_CHECKING:
    from coordinator.core.show import Segment

THINGS = ("products", "coupons", "links", "groups", "keywords", "guests")
"""What a sheet lists beside its run of show, in the order in which it is told."""
OVER = frozenset({"fired", "skipped"})

# Books that no replacement reads: of a large sale they are by far the larger part.
_UNREAD: dict[str, Any] = {
    "sheet": None, "codes": {}, "claims": {}, "touches": {}, "present": {}, "buyers": {}, "speakers": set(), "orders": {},
    "redeemed": {}, "refunds": {}, "keys": {}, "rendered": {}, "asked": {}, "notes": {}, "newest_orders": [], "traffic": {},
}  # fmt: skip


_NO_CONTENT = Content(text="")


class Change(msgspec.Struct, frozen=True, rename={"before": "from"}):
    """One field, as it is and as it would be: times in ms since 1970, money in minor units."""

    before: Any  # Any: whatever the field holds, as JSON
    to: Any


class CueChange(msgspec.Struct, frozen=True):
    """`moved`: nothing but its moment. `at` is its moment then, None for one with a condition or one that is dropped.

    `at_once` says what becomes of a moment that is past already: it goes, waits for a person, or is skipped as too late.
    """

    cue: str
    segment: str | None
    do: str
    change: Literal["new", "moved", "changed", "dropped"]
    at: int | None
    changes: dict[str, Change]
    at_once: Literal["goes", "waits", "skipped"] | None = None


class SegmentChange(msgspec.Struct, frozen=True):
    segment: str
    name: str
    change: Literal["new", "moved", "changed", "dropped"]
    on_air: bool
    changes: dict[str, Change]


class ThingChange(msgspec.Struct, frozen=True):
    """`left_out`: the new sheet does not have it. It stays, for it has a past, and nothing new comes of it."""

    topic: str
    id: str
    name: str
    change: Literal["new", "changed", "left_out"]
    on_air: bool
    changes: dict[str, Change]


class Withdrawal(msgspec.Struct, frozen=True):
    """What is announced and would be taken back from its groups. `again_at`: when it would go out instead."""

    cue: str
    do: str
    fire_at: int | None
    groups: tuple[str, ...]
    again_at: int | None


class Correction(msgspec.Struct, frozen=True):
    """Groups that hold an old price or stock: what would be proposed to send them."""

    product: str
    what: str
    text: str
    groups: tuple[str, ...]


class Stays(msgspec.Struct, frozen=True):
    """What is past, and what goes on untouched."""

    segments: int
    cues: int
    announced: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """`ran`: cues that have run and are others in the new sheet; they stay as they ran, and do not run
    again, unless they come again by themselves: then as the new sheet has them.

    `rendered` are drops on their way whose text would be made anew, `set_off` cues whose condition the edit makes true.
    """

    version: int
    approved: bool
    segment: str | None
    product: str | None
    stays: Stays
    cues: tuple[CueChange, ...]
    segments: tuple[SegmentChange, ...]
    things: tuple[ThingChange, ...]
    settings: dict[str, Change]
    withdrawn: tuple[Withdrawal, ...]
    rendered: tuple[str, ...]
    corrections: tuple[Correction, ...]
    ran: tuple[str, ...]
    set_off: tuple[str, ...]


def copy_of(state: State, plan: Plan) -> bytes:
    """What `difference` needs of a sale for this plan, as bytes: the sale may go on meanwhile."""
    # Of what has left, the record of each group's delivery has nothing to say to an edit.
    under_way = {state.deliveries[d].drop for d in state.opened}
    under_way |= {drop.id for drop in state.drops.values() if drop.status != "fired"}
    by_drop = {drop: of for drop, of in state.by_drop.items() if drop in under_way}
    deliveries = {d: state.deliveries[d] for of in by_drop.values() for d in of.values()}
    for of in state.recent.values():  # the rules of pace look at when they went, not at what they said
        for d in of:
            if d not in deliveries:
                deliveries[d] = msgspec.structs.replace(state.deliveries[d], content=_NO_CONTENT)
    # What was sold of it before is counted for a product that is new.
    reports = {} if {p.id for p in plan.products} <= {p.id for p in state.p.products} else state.reports
    return encode(msgspec.structs.replace(state, **_UNREAD, by_drop=by_drop, deliveries=deliveries, reports=reports))


def difference(copy: bytes, actor: Actor, plan: Plan, moment: Moment) -> Difference:
    """What `sheet.replace` with this plan, by this person at this moment, would change.

    Raises Refusal where it would be refused.
    """
    before, after = decode(copy), decode(copy)
    plan = sheets.plan_from(msgspec.to_builtins(plan))  # as the sale has its own: as it is read from the journal
    command = sheets.SheetReplace(version=before.the.version, sheet={}, plan=plan)
    events = decide(after, actor, command, moment).events
    at = after.at
    return Difference(
        version=before.the.version,
        approved=after.the.approved,
        segment=before.the.segment,
        product=before.the.product,
        stays=_stays(before, after),
        cues=tuple(sorted(_cues(before, after, at), key=lambda c: (c.at is None, c.at or 0))),
        segments=tuple(_segments(before, after)),
        things=tuple(_things(before, after)),
        settings=_settings(before, after),
        withdrawn=tuple(_withdrawn(before, after, events)),
        rendered=_rendered(before, after, events),
        corrections=tuple(
            Correction(product=e.product, what=e.what, text=e.text, groups=e.groups)
            for e in events
            if isinstance(e, CorrectionProposed)
        ),
        ran=tuple(_ran(before, after)),
        set_off=_set_off(events),
    )


def _stays(before: State, after: State) -> Stays:
    return Stays(
        segments=sum(s.status in {"ended", "skipped"} for s in before.segments.values()),
        cues=sum(c.status in OVER for c in before.cues.values()),
        announced=tuple(
            c.id for c in before.cues.values() if c.status == "announced" and after.cues[c.id].status != "planned"
            and after.cues[c.id].status != "skipped"
        ),
    )  # fmt: skip


# ---------------------------------------------------------------- the run of show
def _cues(before: State, after: State, at: int) -> Iterator[CueChange]:
    for id_, now in after.cues.items():
        was = before.cues.get(id_)
        if was is not None and was.status in OVER:
            continue
        if was is None:
            yield _cue(after, now, "new", {}, at)
        elif now.status == "skipped":
            yield CueChange(id_, was.segment, was.do, "dropped", None, {})
        elif changes := _of_a_cue(before, after, was, now):
            yield _cue(after, now, "moved" if set(changes) == {"at"} else "changed", changes, at)
    for id_, was in before.cues.items():
        if id_ not in after.cues:
            yield CueChange(id_, was.segment, was.do, "dropped", None, {})


def _cue(
    after: State, now: Cue, change: Literal["new", "moved", "changed"], changes: dict[str, Change], at: int
) -> CueChange:
    return CueChange(now.id, now.segment, now.do, change, now.at, changes, _at_once(after, now, at))


def _at_once(after: State, cue: Cue, at: int) -> Literal["goes", "waits", "skipped"] | None:
    """As `firing.cue_due` has it, where the moment of a planned cue is past when the sheet comes."""
    if cue.status != "planned" or cue.at is None or after.the.status not in {"armed", "live", "ended"}:
        return None
    plan = _planned(after, cue.id)
    if not firing.may_come(after, cue) or (after.the.halted and into_groups(plan.do)):
        return None
    if cue.at - lead_of(after, plan) > at:
        return None
    if at - cue.at > plan.late.within:
        return "waits" if plan.late.rule == "ask" else "skipped"
    return "waits" if plan.confirm is not None and not cue.confirmed else "goes"


def _planned(state: State, cue: str) -> CuePlan:
    return state.index.cues[cue][1]


def _said(plan: CuePlan) -> dict[str, Any]:
    """What a plan says of a cue, apart from its moment."""
    said: dict[str, Any] = dict(plan.fields)
    said |= {
        "do": plan.do, "when": plan.when, "again_after": plan.again_after, "groups": plan.groups,
        "text": list(plan.texts) if plan.texts else plan.text, "lead": plan.lead,
        "confirm": plan.confirm and msgspec.to_builtins(plan.confirm), "late": f"{plan.late.rule} {plan.late.within}",
    }  # fmt: skip
    return said


def _of_a_cue(before: State, after: State, was: Cue, now: Cue) -> dict[str, Change]:
    changes = _changes(_said(_planned(before, was.id)), _said(_planned(after, now.id)))
    if was.segment != now.segment:
        changes["segment"] = Change(was.segment, now.segment)
    if was.at != now.at:
        changes["at"] = Change(was.at, now.at)
    if was.reach != now.reach and was.status != "announced":  # of what is announced its groups are told
        changes["reach"] = Change(was.reach, now.reach)
    return changes


def _changes(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Change]:
    names = dict.fromkeys([*was, *now])
    return {name: Change(was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)}


def _ran(before: State, after: State) -> Iterator[str]:
    for id_, cue in before.cues.items():
        if cue.status in OVER and id_ in before.index.cues and id_ in after.index.cues:
            was, now = before.index.cues[id_], after.index.cues[id_]
            if was != now:
                yield id_


_OF_A_SEGMENT = ("kind", "name", "product", "lasts", "advance")


def _segments(before: State, after: State) -> Iterator[SegmentChange]:
    for id_, now in after.segments.items():
        was = before.segments.get(id_)
        if was is None:
            yield SegmentChange(id_, now.name, "new", False, {"start": Change(None, now.start)})
        elif was.status in {"planned", "running"} and (changes := _of_a_segment(was, now)):
            moved = set(changes) <= {"start", "end"} and was.status == "planned"
            yield SegmentChange(id_, now.name, "moved" if moved else "changed", was.status == "running", changes)
    for id_, was in before.segments.items():
        if id_ not in after.segments:
            yield SegmentChange(id_, was.name, "dropped", False, {})


def _of_a_segment(was: Segment, now: Segment) -> dict[str, Change]:
    names = (*_OF_A_SEGMENT, "start", "end")
    return _changes({n: getattr(was, n) for n in names}, {n: getattr(now, n) for n in names})


# ---------------------------------------------------------------- what is sold, to whom, and the sheet's own fields
def _things(before: State, after: State) -> Iterator[ThingChange]:
    for topic in THINGS:
        old = {x.id: x for x in getattr(before.p, topic)}
        new = {x.id: x for x in getattr(after.p, topic)}
        was, now = getattr(before, topic), getattr(after, topic)
        for id_ in dict.fromkeys([*old, *new]):
            on_air = topic == "products" and before.the.product == id_
            if id_ not in new:
                yield ThingChange(topic, id_, _named(was[id_]), "left_out", on_air, {})
                continue
            # Fields of the plan, as the sale has them: what was changed in the show stands where the sheet does not speak of it.
            fields = [
                name for each in new[id_].__struct_fields__ if hasattr(now[id_], name := INSTANTS.get(each, each))
            ]
            changes = _changes(_fields(was.get(id_), fields), _fields(now[id_], fields))
            # The rest stands in the plan alone: a group's rules, what a keyword brings, a price's history.
            rest = [each for each in new[id_].__struct_fields__ if not {each, INSTANTS.get(each)} & set(fields)]
            changes |= _changes(_fields(old.get(id_), rest), _fields(new[id_], rest))
            if id_ not in old:
                yield ThingChange(topic, id_, _named(now[id_]), "new", on_air, {})
            elif changes:
                yield ThingChange(topic, id_, _named(now[id_]), "changed", on_air, changes)


INSTANTS = {"opens": "opens_at", "closes": "closes_at"}
"""How a plan says when something can be had → the instant that the sale has of it."""


def _fields(thing: Any, names: list[str]) -> dict[str, Any]:
    return {} if thing is None else {name: msgspec.to_builtins(getattr(thing, name)) for name in names}


def _named(thing: Any) -> str:
    return str(getattr(thing, "name", "") or getattr(thing, "title", "") or thing.id)


def _settings(before: State, after: State) -> dict[str, Change]:
    """The sheet's own fields; a field of one of them is told as `followup.every`."""
    was, now = _unfolded(before.p), _unfolded(after.p)
    if _same_nights(before.p.followup.quiet, after.p.followup.quiet):
        del was[QUIET], now[QUIET]
    else:  # the hours, not each night
        was[QUIET], now[QUIET] = was[QUIET][:1], now[QUIET][:1]
    return _changes(was, now)


QUIET = "followup.quiet"


def _unfolded(plan: Plan) -> dict[str, Any]:
    listed = {*THINGS, "segments"}
    fields: dict[str, Any] = {}
    for name in Plan.__struct_fields__:
        held = getattr(plan, name)
        if isinstance(held, msgspec.Struct):
            fields |= {f"{name}.{inner}": value for inner, value in _fields(held, list(held.__struct_fields__)).items()}
        elif name not in listed:
            fields |= _fields(plan, [name])
    return fields


def _same_nights(was: Nights, now: Nights) -> bool:
    """Whether quiet hours are the same. A sheet's start says for which nights they are worked out, and is told by itself."""
    if not was or not now:
        return not was and not now
    begin, end = max(was[0][0], now[0][0]), min(was[-1][0], now[-1][0])
    if begin > end:  # moved by months: the hours of the day are what can be compared
        return was[0][0] % DAY_MS == now[0][0] % DAY_MS and was[0][1] - was[0][0] == now[0][1] - now[0][0]
    return [night for night in was if begin <= night[0] <= end] == [night for night in now if begin <= night[0] <= end]


# ---------------------------------------------------------------- what leads to messages
def _withdrawn(before: State, after: State, events: list[Event]) -> Iterator[Withdrawal]:
    for e in events:
        if not isinstance(e, CueWithdrawn):
            continue
        was, now = before.cues[e.cue], after.cues[e.cue]
        of = set(before.by_drop.get(was.drop or "", {}).values())
        groups = tuple(
            before.deliveries[w.delivery].group for w in events if isinstance(w, DeliveryWithdrawn) and w.delivery in of
        )
        yield Withdrawal(e.cue, was.do, was.fire_at, groups, now.at if now.status == "planned" else None)


def _rendered(before: State, after: State, events: list[Event]) -> tuple[str, ...]:
    """Drops that are on their way before and after, with another text."""
    of = [e.drop for e in events if isinstance(e, DeliveryRequested) and e.drop in before.drops]
    return tuple(drop for drop in dict.fromkeys(of) if after.drops[drop].status != "withdrawn")


def _set_off(events: list[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.cue for e in events if isinstance(e, CueAnnounced | CueFired | CueWaiting)))
