"""When the last group will have a drop: a forecast from the windows that relays have told, before anything is sent.

It plays through what the relay will do: a strict window for each credential, the more urgent first, then the earlier,
with all that waits already and all that has left within the window. It is exact where platforms answer at once and
nothing else is put in, and else too early, never too late by more than that. Windows run in real time; only a sale in
real time has any, for a rehearsal has the built-in relay alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from coordinator.core.reaching import relay_for
from coordinator.core.windows import Limit, way_of

if TYPE_CHECKING:
    from coordinator.core.state import State

EDGE_MS = 1  # a platform may count both ends of its window


class Job(NamedTuple):
    """Something to be sent with one credential, not before `at` and not from `expires_at` on."""

    priority: int
    at: int
    expires_at: int
    asked: bool = False  # it is what the forecast is for


class Lane(msgspec.Struct, kw_only=True):
    """Credentials of one kind, together: so many groups wait behind them."""

    platform: str
    limits: tuple[Limit, ...]
    credentials: int = 0
    groups: int = 0
    last_at: int | None = None


class Forecast(msgspec.Struct, kw_only=True):
    """`last_at` is when the last group will have it, of those whose relays have told their windows."""

    at: int
    last_at: int | None = None
    groups: int = 0
    told: int = 0  # of them, groups whose windows are known
    waiting: int = 0  # groups that will have it later than `at`
    expired: int = 0  # groups that will not have it, because its time is over before they come
    lanes: list[Lane] = []


def departures(limits: Iterable[Limit], used: Iterable[int], jobs: Iterable[Job], now: int) -> list[int | None]:
    """When each asked job leaves by a strict window, in their order; None where it expires before."""
    rows = [(limit, limit.per_ms + EDGE_MS) for limit in limits]
    log = sorted(used)
    coming = sorted((job.at, job.priority, n, job) for n, job in enumerate(jobs))
    found: dict[int, int | None] = {n: None for _, _, n, job in coming if job.asked}
    ready: list[tuple[int, int, int, Job]] = []
    left, next_, at = len(found), 0, now
    while left:
        if not ready:
            at = max(at, coming[next_][0])
        for limit, per in rows:
            if len(log) >= limit.count:
                at = max(at, log[-limit.count] + per)
        while next_ < len(coming) and coming[next_][0] <= at:
            moment, priority, n, job = coming[next_]
            heapq.heappush(ready, (priority, moment, n, job))
            next_ += 1
        _, _, n, job = heapq.heappop(ready)
        left -= job.asked
        if at < job.expires_at:
            log.append(at)
            if job.asked:
                found[n] = at
    return [found[n] for n in sorted(found)]


def forecast(
    state: State, groups: Iterable[str], *, at: int, expires_at: int, priority: int, now: int
) -> tuple[Forecast, dict[str, int | None]]:
    """What would become of a drop into these groups at `at`; and when each group whose windows are known would have it."""
    asked: dict[tuple[str, str], list[str]] = {}
    out = Forecast(at=at)
    for group in groups:
        out.groups += 1
        way = way_of(state, relay_for(state, group), group)
        if way is not None:
            asked.setdefault(way, []).append(group)
    if not asked:
        return out, {}
    before = _on_their_way(state, now)
    moments: dict[str, int | None] = {}
    lanes: dict[tuple[str, tuple[Limit, ...]], Lane] = {}
    for way, theirs in asked.items():
        credential = state.windows[way[0]].credentials[way[1]]
        jobs = [*before.get(way, ()), *(Job(priority, at, expires_at, True) for _ in theirs)]
        left = departures(credential.limits, credential.used, jobs, now) if credential.limits else [at] * len(theirs)
        moments.update(zip(theirs, left, strict=True))
        lane = lanes.setdefault(
            (credential.platform, credential.limits), Lane(platform=credential.platform, limits=credential.limits)
        )
        lane.credentials += 1
        lane.groups += len(theirs)
        lane.last_at = max((x for x in (lane.last_at, *left) if x is not None), default=None)
    known = [x for x in moments.values() if x is not None]
    out.told, out.expired = len(moments), len(moments) - len(known)
    out.waiting = sum(x > at for x in known)
    out.last_at = max(known, default=None)
    out.lanes = sorted(lanes.values(), key=lambda lane: (-(lane.last_at or at), lane.platform))
    return out, moments


def _on_their_way(state: State, now: int) -> dict[tuple[str, str], list[Job]]:
    """What waits for a slot, by its credential."""
    jobs: dict[tuple[str, str], list[Job]] = {}
    for name in sorted(state.opened, key=lambda d: int(d[1:])):
        d = state.deliveries[name]
        if d.status not in {"requested", "held"} or d.expires_at <= now:
            continue
        way = way_of(state, d.relay, d.group)
        if way is not None and state.windows[way[0]].credentials[way[1]].limits:
            at = d.fire_at if d.rule is None else max(d.fire_at, d.until or d.fire_at)
            jobs.setdefault(way, []).append(Job(d.priority, at, d.expires_at))
    return jobs
