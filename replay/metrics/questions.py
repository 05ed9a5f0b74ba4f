"""Questions from the groups, and how long an answer took. An unanswered one took for ever: it does not drop out."""

from __future__ import annotations

import math

from replay.metrics.figure import Figure, Scope, Why, figure, quantile, ratio
from replay.metrics.people import UNSEEN, seen
from replay.tables import Tables

WITHIN_MS = 180_000  # the trade's limit: a question that waits longer is a breach
NONE_ASKED: Why = ("nobody asked", "没有提问")
MOSTLY_OPEN: Why = ("too many were never answered for this share to have an answer", "未答的太多, 达不到该比例")


def waits(t: Tables) -> list[tuple[str, str | None, float]]:
    """Of each asking: its group, who answered, and after how many ms (infinite where nobody did)."""
    answers: dict[str, list[tuple[int, str, tuple[str, ...]]]] = {}
    for a in t.answers:
        answers.setdefault(a.question, []).append((a.at, a.person, a.groups))
    out: list[tuple[str, str | None, float]] = []
    for asking in t.askings:
        found = next(
            (
                (at, who)
                for at, who, groups in answers.get(asking.question, ())
                if at >= asking.at and asking.group in groups
            ),
            None,
        )
        out.append((asking.group, found[1], found[0] - asking.at) if found else (asking.group, None, math.inf))
    return out


def figures(t: Tables) -> list[Figure]:
    waited = waits(t)
    out: list[Figure] = []
    known = seen(t) or bool(t.askings)
    for group in (None, *t.state.groups):
        scope = None if group is None else {"group": group}
        times = [ms for g, _, ms in waited if group in {None, g}]
        out += _of(t, times, scope, known)
    for person in sorted({who for _, who, _ in waited if who is not None}):
        times = [ms for _, who, ms in waited if who == person]
        out += [f for f in _of(t, times, {"person": person}, known) if f.name != "questions"]
    return out


def _of(t: Tables, times: list[float], scope: Scope | None, known: bool) -> list[Figure]:
    out = [
        figure(t, "questions", len(times) if known else None, scope=scope, why=UNSEEN),
        figure(t, "answered", sum(1 for ms in times if ms < math.inf) if known else None, scope=scope, why=UNSEEN),
    ]
    for name, share in (("response_p50_ms", 0.5), ("response_p90_ms", 0.9)):
        found = quantile(times, share)
        value = None if found is None or found == math.inf else int(found)
        out.append(figure(t, name, value, scope=scope, why=MOSTLY_OPEN if times else NONE_ASKED))
    quick = sum(1 for ms in times if ms <= WITHIN_MS)
    out.append(ratio(t, "response_within_180s", quick, len(times), scope=scope, why=NONE_ASKED))
    return out
