"""What every client was told, compared with the journal: consoles, relays, and whoever was answered."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from coordinator.core import Actor, Event, State, evolve
from roles import streams
from roles.relay.adapters.console import read_kept
from tests.chaos.crowd import ROLES
from tests.chaos.load import check, whole
from tests.chaos.stage import RELAYS, Stage
from tests.server import dropcue


async def check_told(stage: Stage) -> dict[str, Any]:
    """Everything; what was counted, and how long take-overs took."""
    code, out, err = await dropcue("verify", stage.sale, "--redis", stage.cluster.url)
    assert code == 0, (out, err)
    events = await whole(await stage.journal(), stage.sale)
    figures = check(events, stage.load)
    state = State(sale=stage.sale)
    for event in events:
        evolve(state, event)
    for role in ROLES:
        consoles(stage, role, events, state)
    figures |= relays(stage, events)
    counts: Counter[str] = sum((Counter(told["counts"]) for told in stage.told.values()), Counter())
    return {**figures, **counts, "refused": dict(stage.load.refused), **dict(take_overs(stage))}


def consoles(stage: Stage, role: str, events: Sequence[Event], state: State) -> None:
    """A role's consoles were shown what the journal holds, all of what is theirs, and stand where a fresh one would."""
    told, seed = stage.told[role], stage.seed
    assert not told["faults"], (seed, role, told["faults"])
    theirs = streams.listens_to(Actor(role, ROLES[role]), state, ahead=True)
    view = [e.seq for e in events if not theirs.isdisjoint(streams.of_event(state, e))]
    held = {e.seq: msgspec.json.decode(msgspec.json.encode(e)) for e in events}
    for shown in told["shown"]:
        own = held[shown["seq"]]
        hidden = (
            {} if shown.keys() == own.keys() else {k: own[k] for k in ("cmd", "sum") if k not in shown and k in own}
        )
        assert shown | hidden == own, (seed, role, "shown, and held otherwise")
    assert {e["seq"] for e in told["shown"]} <= set(view), (seed, role)
    for at, following in told["steps"]:
        begin, end = bisect_left(view, at + 1), bisect_left(view, following)
        assert begin == end, (seed, role, f"from {at} to {following} without {view[begin:end]}")
    assert told["state"] == stage.states[role], (seed, role)


def relays(stage: Stage, events: Sequence[Event]) -> dict[str, int]:
    """What relays gave to groups is what they said: each delivery once, none left open."""
    kept = Counter(
        (message.group, message.content.text, message.content.link)
        for name in RELAYS
        for message in read_kept(stage.folder / name)
    )
    status: dict[str, str] = {}
    for event in events:
        kind = str(event.__struct_config__.tag)
        if kind.startswith("delivery."):
            status[getattr(event, "delivery")] = kind.removeprefix("delivery.")  # noqa: B009 - of many kinds of events
    ends = Counter(status.values())
    assert not ends.keys() & {"requested", "held", "retried"}, (stage.seed, ends)
    linked = {what: count for what, count in kept.items() if what[2]}
    assert max(linked.values()) == 1, (stage.seed, "a group was given a drop twice", Counter(linked).most_common(2))
    sent = ends["sent"]
    assert sent <= kept.total() <= sent + ends["unknown"] + ends["withdrawn"], (stage.seed, ends, kept.total())
    return {"sent": sent, "unknown": ends["unknown"], "withdrawn": ends["withdrawn"]}


def take_overs(stage: Stage) -> Iterator[tuple[str, object]]:
    """(name, p50, p99, longest and how many) in seconds: of what the sale stood on, by what was struck, and of all."""
    concerned = [(strike, s) for strike, is_concerned, s in stage.take_overs if is_concerned]
    for strike, times in itertools.groupby(sorted(concerned), key=lambda t: t[0]):
        yield f"{strike}, s", _spread([s for _, s in times])
    yield "all that the sale stood on, s", _spread([s for _, s in concerned])
    yield "all, s", _spread([s for _, _, s in stage.take_overs])


def _spread(times: Sequence[float]) -> dict[str, float]:
    times = sorted(times)
    if not times:
        return {}
    return {
        "n": len(times), "p50": round(times[len(times) // 2], 2), "p99": round(times[len(times) * 99 // 100], 2),
        "max": round(times[-1], 2),
    }  # fmt: skip
