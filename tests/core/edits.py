"""What a difference said, held against what the replacement then did."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.core import Moment, State, decide_due
from coordinator.core.cues import Cue
from coordinator.core.difference import OVER, Difference, copy_of, difference
from coordinator.core.state import decode, encode
from coordinator.runsheet import load_plan
from tests.core.driver import ACTORS, Sale


def foretold(sale: Sale, of: dict[str, Any], *, by: str = "owner") -> Difference:
    """What the sheet would change, as things stand; nothing changes."""
    plan, _, findings = load_plan(of, "sheet", None, sale.now)
    assert plan is not None, findings
    before = encode(sale.state)
    found = difference(copy_of(sale.state, plan), ACTORS[by], plan, sale.moment())
    assert encode(sale.state) == before, "asking for the difference changed something"
    return found


def replaced_as_foretold(sale: Sale, of: dict[str, Any], *, by: str = "owner") -> Difference:
    """Replaces the sheet; what was said before is what happened, and nothing else did."""
    said = foretold(sale, of, by=by)
    before, mark = decode(encode(sale.state)), len(sale.events)
    sale.replace(of, by=by)
    _cues(said, before, sale.state, sale.moment())
    _events(said, before, sale.events[mark:])
    _segments(said, before, sale.state)
    _things(said, before, sale.state)
    return said


def _cues(said: Difference, before: State, after: State, moment: Moment) -> None:
    told = {c.cue: c for c in said.cues}
    assert len(told) == len(said.cues), "a cue is told twice"
    for id_ in before.cues.keys() | after.cues.keys():
        was, now = before.cues.get(id_), after.cues.get(id_)
        change = told.get(id_)
        if was is not None and was.status in OVER:
            assert change is None, f"{id_} is past, and told as to come"
            assert now is not None
            if id_ not in said.set_off:
                assert (now.status, now.run, now.fired_at) == (was.status, was.run, was.fired_at)
        elif now is None or (now.status == "skipped"):
            assert change is not None, f"{id_} is gone, and it was not said"
            assert change.change == "dropped"
        elif was is None:
            assert change is not None
            assert change.change == "new"
        elif change is None:
            assert _as_planned(before, was) == _as_planned(after, now), f"{id_} is another, and it was not said"
            assert id_ in said.set_off or now.status == was.status
        else:
            assert change.change == ("moved" if set(change.changes) == {"at"} else "changed")
            for name, field in change.changes.items():
                assert field.before != field.to
                if name in {"at", "segment", "reach"}:
                    assert (field.before, field.to) == (getattr(was, name), getattr(now, name)), (id_, name)
        if change is not None and now is not None and change.change != "dropped":
            assert change.at == now.at
            _at_once(change.at_once, after, now, moment)


def _as_planned(state: State, cue: Cue) -> Any:
    # The moment is told, not how it is written: +20s and the end of 30 s less 10, or anything else once it waits for a word.
    return cue.at, cue.segment, msgspec.structs.replace(state.index.cues[cue.id][1], at=None)


def _at_once(said: str | None, after: State, cue: Cue, moment: Moment) -> None:
    if cue.status != "planned":
        return
    copy = decode(encode(after))
    decide_due(copy, f"cue={cue.id}", moment)
    became = copy.cues[cue.id].status
    of = {"announced": "goes", "fired": "goes", "waiting": "waits", "skipped": "skipped", "planned": None}
    if after.the.status in {"armed", "live", "ended"}:
        assert said == of[became], f"{cue.id} is {became}"


def _events(said: Difference, before: State, events: list[Any]) -> None:
    def of(kind: str) -> list[Any]:
        return [e for e in events if e.__struct_config__.tag == kind]

    assert [w.cue for w in said.withdrawn] == [e.cue for e in of("cue.withdrawn")]
    mine = {before.cues[w.cue].drop for w in said.withdrawn}
    withdrawn = [before.deliveries[e.delivery] for e in of("delivery.withdrawn") if e.delivery in before.deliveries]
    assert sorted(g for w in said.withdrawn for g in w.groups) == sorted(d.group for d in withdrawn if d.drop in mine)
    proposed = [(e.product, e.what, e.text, e.groups) for e in of("correction.proposed")]
    assert [(c.product, c.what, c.text, c.groups) for c in said.corrections] == proposed
    went = {e.cue for e in (*of("cue.announced"), *of("cue.fired"), *of("cue.waiting"))}
    assert set(said.set_off) == went
    dropped = {c.cue for c in said.cues if c.change == "dropped"}
    assert {e.cue for e in of("cue.skipped") if e.why == "edited"} <= dropped


def _segments(said: Difference, before: State, after: State) -> None:
    told = {s.segment: s for s in said.segments}
    for id_ in before.segments.keys() | after.segments.keys():
        was, now = before.segments.get(id_), after.segments.get(id_)
        if was is not None and was.status in {"ended", "skipped"}:
            assert id_ not in told
        elif was is None or now is None:
            assert told[id_].change == ("new" if was is None else "dropped")
        elif id_ not in told:
            names = ("name", "kind", "product", "lasts", "advance", "start", "end", "status", "run")
            assert [getattr(was, n) for n in names] == [getattr(now, n) for n in names]
        else:
            assert told[id_].on_air is (was.status == "running")
            assert (now.status, now.run) == (was.status, was.run)
            for name, field in told[id_].changes.items():
                assert (field.before, field.to) == (getattr(was, name), getattr(now, name))
    assert said.segment == before.the.segment == after.the.segment
    if not said.set_off:
        assert said.product == before.the.product == after.the.product


def _things(said: Difference, before: State, after: State) -> None:
    told = {(t.topic, t.id): t for t in said.things}
    for id_, now in after.products.items():
        was, change = before.products.get(id_), told.get(("products", id_))
        if was is not None and change is None:
            for name in ("name", "price", "stock", "url", "points", "script", "image", "list_price"):
                assert getattr(was, name) == getattr(now, name), f"{id_}.{name} is another, and it was not said"
        for name, field in (change.changes if change else {}).items():
            planned = now if hasattr(now, name) else after.index.products[id_]
            assert field.to == msgspec.to_builtins(getattr(planned, name))
    for id_, coupon in after.coupons.items():
        if id_ in before.coupons and ("coupons", id_) not in told:
            was_coupon = before.coupons[id_]
            for name in ("quantity", "opens_at", "closes_at"):
                assert getattr(was_coupon, name) == getattr(coupon, name), (
                    f"{id_}.{name} is another, and it was not said"
                )
