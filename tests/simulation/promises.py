"""What must be so after every run: the promises of the contract (design, section 10), as far as a journal, the consoles
and the platform can tell. `broken` lists what is not."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from coordinator.core import Event, State, answer
from coordinator.core.state import encode
from coordinator.journal import codec
from tests.simulation.consoles import Console
from tests.simulation.script import QUANTITY
from tests.simulation.world import SALE, World, folded

Json = dict[str, Any]


def broken(world: World) -> list[str]:
    """Each promise that this run broke, in words; none where all were kept."""
    return [f"{about}: {what}" for about, check in PROMISES.items() for what in check(_Run(world))]


class _Run:
    """A run that has ended, and its journal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sale = world.store.sale(SALE)
        self.events: list[Event] = codec.decode_all(self.sale.entries, SALE)
        self.kinds = [str(e.__struct_config__.tag) for e in self.events]
        self.state: State = folded(self.sale.entries)
        self.consoles = list(world.consoles.values())

    def of(self, *kinds: str) -> Iterator[Any]:
        return (e for e, kind in zip(self.events, self.kinds, strict=True) if kind in kinds)


def _journal(run: _Run) -> Iterator[str]:
    try:
        end = run.world.store.verify(SALE)
    except Exception as e:
        yield f"it does not verify: {e}"
        return
    if [e.seq for e in run.events] != list(range(1, end + 1)):
        yield "its numbers have gaps"
    if encode(folded(run.sale.entries)) != encode(run.state):
        yield "it folds to one state and to another"
    for a, b in itertools.pairwise(run.events):
        if b.at < a.at:
            yield f"time goes back from {a.seq} to {b.seq}: {a.at} to {b.at}"
    commands = Counter((e.by, e.cmd) for e in run.events if e.cmd is not None)
    yield from (f"{who} {id_} stands in it {n} times" for (who, id_), n in commands.items() if n > 1)


def _writers(run: _Run) -> Iterator[str]:
    """Who has lost the lease writes nothing, and who writes has said so first."""
    opened = {e.seq: f"{e.owner}.{e.incarnation}" for e in run.of("journal.opened")}
    last = ""
    for first, fence, owner in run.sale.written_by:
        last = opened.get(first, last)
        if fence != owner:
            yield f"{fence} wrote number {first} while {owner or 'nobody'} had the lease"
        if fence != last:
            yield f"{fence} wrote number {first}, and the journal was opened by {last}"


def _answers(run: _Run) -> Iterator[str]:
    """Acknowledged is durable, and counts once."""
    for console in run.consoles:
        for id_, told in console.done.items():
            kind = console.given[id_]["kind"]
            again = [r for r in told if (r or {}).get("again")]
            if len({(r or {}).get("code") for r in told}) > 1 or (not again and any(r != told[0] for r in told)):
                yield f"{console.sender} {id_} ({kind}) was told {told}"
            seq = run.sale.ids.get((console.sender, id_))
            if seq is None:
                if not again:
                    yield f"{console.sender} {id_} ({kind}) was done and is not in the journal"
                elif told[0]["code"] not in run.state.codes:
                    yield f"{console.sender} {id_} was told a code that is not in the journal"
            elif (stands := answer(run.state, run.events[seq - 1])) not in told:
                yield f"{console.sender} {id_} ({kind}) is {stands} in the journal, and was told {told}"
        for id_ in console.open:
            yield f"{console.sender} {id_} ({console.given[id_]['kind']}) was not answered to the end"


def _cues(run: _Run) -> Iterator[str]:
    fired = Counter(e.run for e in run.of("cue.fired"))
    yield from (f"run {name} fired {n} times" for name, n in fired.items() if n > 1)
    cues: dict[str, set[str]] = defaultdict(set)
    for e in run.of("cue.fired"):
        cues[e.cue].add(e.run)
    yield from (f"cue {cue} fired in runs {runs}" for cue, runs in cues.items() if len(runs) > 1)
    open_: set[str] = set()
    for e in run.of("cue.announced", "cue.fired", "cue.withdrawn"):
        kind = str(e.__struct_config__.tag)
        if kind == "cue.announced":
            if e.run in open_:
                yield f"run {e.run} was announced again before it was withdrawn"
            open_.add(e.run)
        elif kind == "cue.withdrawn" or e.drop is not None:
            if e.run not in open_:
                yield f"run {e.run} came to {kind} and was not announced"
            open_.discard(e.run)
    yield from (f"run {name} was announced, and neither fired nor withdrawn" for name in open_)


def _coupons(run: _Run) -> Iterator[str]:
    coupon = run.state.coupons["c"]
    claims = list(run.of("coupon.claimed"))
    if len(claims) > QUANTITY:
        yield f"{len(claims)} of {QUANTITY} were claimed"
    if [e.left for e in claims] != list(range(QUANTITY - 1, QUANTITY - 1 - len(claims), -1)):
        yield f"what was left is {[e.left for e in claims]}"
    if len({e.code for e in claims}) != len(claims):
        yield "a code was given out twice"
    for member, n in Counter(e.member for e in claims).items():
        if n > coupon.per_member:
            yield f"{member} has {n} of {coupon.per_member}"


def _deliveries(run: _Run) -> Iterator[str]:
    """A group gets a drop once; where that is not known, the record says so."""
    allowed: Counter[str] = Counter()  # by the sale's policy, or by hand
    for e in run.of("delivery.unknown"):
        allowed[e.delivery] += run.state.p.unknown == "resend"
    calls: dict[str, list[str]] = defaultdict(list)
    for call in run.world.platform.calls:
        if call.delivery == "?":
            yield f"at {call.at:.3f} {call.relay} sent what it was not asked for"
        elif call.answer != "retry":
            calls[call.delivery].append(f"{call.at:.3f} by {call.relay} (attempt {call.attempt})")
    for delivery, at in calls.items():
        if len(at) > 1 + allowed[delivery]:
            yield f"{delivery} reached its group {len(at)} times: {at}"
        status = run.state.deliveries[delivery].status
        said = status in {"sent", "unknown"} or any(
            e.delivery == delivery for e in run.of("delivery.unknown", "delivery.sent")
        )
        if not said:
            yield f"{delivery} is with its group ({at}), and the record says {status}"
    for e in run.of("delivery.sent"):
        if e.delivery not in calls:
            yield f"{e.delivery} is said to be sent, and its group never got it"
    yield from run.world.platform.wrong


def _consoles(run: _Run) -> Iterator[str]:
    """What a console was told is what stands; what it shows is what a fresh one shows."""
    for console in run.consoles:
        yield from (f"{console.sender}: {what}" for what in console.wrong)
        for (seq, incarnation), event in console.seen.items():
            if seq > len(run.events) or _public(event) != _shown(run, seq):
                yield f"{console.sender} was told {event} as {seq} of {incarnation}; the journal has {_shown(run, seq)}"
        fresh = run.world.fresh[console.person]
        if not console.connected or not fresh.connected:
            yield f"{console.sender} is not connected"
        elif console.state != fresh.state:
            yield f"{console.sender} shows {_difference(console, fresh)}"


def _shown(run: _Run, seq: int) -> Json | None:
    if seq > len(run.events):
        return None
    entry = run.sale.entries[seq - 1]
    return _public(json.loads(codec.wire(run.events[seq - 1], entry.body, entry.private)))


def _public(event: Json) -> Json:
    """Without what only its sender and the desk are told."""
    return {k: v for k, v in event.items() if k not in {"cmd", "sum"}}


def _difference(console: Console, fresh: Console) -> str:
    out = []
    for topic in sorted({*console.state, *fresh.state}):
        ours, theirs = console.state.get(topic, {}), fresh.state.get(topic, {})
        out += [
            f"{topic} {id_}: {ours.get(id_)} and not {theirs.get(id_)}"
            for id_ in sorted({*ours, *theirs})
            if ours.get(id_) != theirs.get(id_)
        ]
    return f"(at {console.position}, a fresh one at {fresh.position}) " + "; ".join(out)[:600]


def _time(run: _Run) -> Iterator[str]:
    """After the last fault all is well again by itself, and nothing happened that the product did not foresee."""
    yield from run.world.late
    yield from run.world.faults
    end = len(run.events)
    for name, node in run.world.nodes.items():
        heads = [sale.hub.head for sale in node.registry.here()] if node is not None else []
        if heads and heads != [end]:
            yield f"{name} stands at {heads[0]}, the journal ends at {end}"


PROMISES = {
    "the journal": _journal, "writers": _writers, "answers": _answers, "cues": _cues, "coupons": _coupons, "deliveries": _deliveries,
    "consoles": _consoles, "in time": _time,
}  # fmt: skip
