"""On time or not: planned against fired, fired against sent, sent against acknowledged."""

from __future__ import annotations

from collections.abc import Iterable

from replay.metrics.figure import Figure, Scope, Why, figure, quantile
from replay.tables import Tables

NONE_FIRED: Why = ("no cue fired", "没有节点触发")
NONE_SENT: Why = ("nothing was reported as sent", "没有已发出的上报")
NONE_POSTED: Why = ("nobody posted anything by hand", "没有人工发送的上报")
NONE_ACKED: Why = ("no prompt was acknowledged", "没有提词被确认")


def figures(t: Tables) -> list[Figure]:
    out = _pair(t, "late_fired", [f.late_ms for f in t.fires], None, NONE_FIRED)
    machines, posters = [s for s in t.sents if not s.hands], [s for s in t.sents if s.hands]
    out += _pair(t, "late_sent", [s.late_ms for s in machines], None, NONE_SENT)
    out += _pair(t, "late_posted", [s.late_ms for s in posters], None, NONE_POSTED)
    out += _pair(t, "late_acked", [a.after_ms for a in t.acks], None, NONE_ACKED)
    state = t.state
    deliveries = [d.status for d in state.deliveries.values()]
    out += [
        figure(t, "cues_fired", len(t.fires)),
        figure(t, "cues_skipped", sum(1 for c in state.cues.values() if c.status == "skipped")),
        figure(t, "deliveries_sent", deliveries.count("sent")),
        figure(t, "deliveries_lost", sum(deliveries.count(s) for s in LOST)),
    ]
    out += _by(t, "late_fired", "cue", ((f.cue, f.late_ms) for f in t.fires))
    out += _by(t, "late_sent", "cue", ((s.cue, s.late_ms) for s in machines))
    out += _by(t, "late_sent", "group", ((s.group, s.late_ms) for s in machines))
    out += _by(t, "late_sent", "relay", ((s.relay, s.late_ms) for s in machines))
    out += _by(t, "late_posted", "poster", ((s.relay, s.late_ms) for s in posters))
    out += _by(t, "late_sent", "platform", ((s.platform, s.late_ms) for s in machines if s.platform))
    return out + _standing(t)


LOST = frozenset({"failed", "expired", "unknown"})


def _standing(t: Tables) -> list[Figure]:
    """How deliveries ended, by platform and by group."""
    counts: dict[tuple[str, str], list[int]] = {}
    for d in t.state.deliveries.values():
        for topic, what in (("platform", d.platform), ("group", d.group)):
            if what and (d.status == "sent" or d.status in LOST):
                counts.setdefault((topic, what), [0, 0])[d.status != "sent"] += 1
    return [
        figure(t, name, n, scope={topic: what})
        for (topic, what), both in counts.items()
        for name, n in zip(("deliveries_sent", "deliveries_lost"), both, strict=True)
    ]


def _by(t: Tables, name: str, topic: str, values: Iterable[tuple[str, float]]) -> list[Figure]:
    found: dict[str, list[float]] = {}
    for what, ms in values:
        found.setdefault(what, []).append(ms)
    return [f for what, times in found.items() for f in _pair(t, name, times, {topic: what}, NONE_FIRED)]


def _pair(t: Tables, name: str, times: list[float] | list[int], scope: Scope | None, why: Why) -> list[Figure]:
    return [
        figure(t, f"{name}_p{percent}_ms", quantile(times, percent / 100), scope=scope, why=why) for percent in (50, 99)
    ]
