"""When the last group will have a drop: a forecast from the windows that relays have told, before anything is sent.

It plays through what the relay will do: a strict window for each credential, and for each group where the platform has
such, the more urgent first, then the earlier, with all that waits already and all that has left within the window. It is exact where platforms answer at once and
nothing else is put in, and else too early, never too late by more than that. Windows run in real time; only a sale in
real time has any, for a rehearsal has the built-in relay alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from coordinator.core.kernel import number
from coordinator.core.reaching import relay_for
from coordinator.core.windows import Limit, takes, way_of

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State

EDGE_MS = 1  # a platform may count both ends of its window


class Job(NamedTuple):
    """Something to be sent with one credential, not before `at` and not from `expires_at` on."""

    priority: int
    at: int
    expires_at: int
    asked: bool = False  # it is what the forecast is for
    group: str = ""
    places: int = 1  # of the windows: an album is as many messages as it has pictures


class Lane(msgspec.Struct, kw_only=True):
    """Credentials of one kind, together: so many groups wait behind them."""

    platform: str
    limits: tuple[Limit, ...]
    group_limits: tuple[Limit, ...] = ()
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


class Log:
    """A strict window: when there is room for so many more. What is more than it ever takes goes when it is empty."""

    def __init__(self, limits: Iterable[Limit], used: Iterable[int]) -> None:
        self._rows = [(limit.count, limit.per_ms + EDGE_MS) for limit in limits]
        self._left = sorted(used) if self._rows else []

    def free_at(self, at: int, places: int = 1) -> int:
        left = self._left
        for most, per in self._rows:
            beside = most - places if most > places else 0  # so many others may be in it
            if len(left) > beside and left[-beside - 1] + per > at:
                at = left[-beside - 1] + per
        return at

    def leave(self, at: int, places: int = 1) -> None:
        if self._rows:
            self._left += [at] * places


Entry = tuple[int, int, int, Job]
"""What may leave: its priority, since when, its number, the job."""


class _Group:
    """A group with windows of its own, and what waits for room there."""

    def __init__(self, limits: Iterable[Limit], used: Iterable[int]) -> None:
        self.log = Log(limits, used)
        self.wakes_at: int | None = None
        self.out: set[int] = set()  # those that were let out, and have not left
        self._waiting: list[Entry] = []
        self._sizes: dict[int, int] = {}  # places → how many wait for so many

    def wait(self, entry: Entry) -> None:
        heapq.heappush(self._waiting, entry)
        places = entry[3].places
        self._sizes[places] = self._sizes.get(places, 0) + 1

    def woken(self, at: int) -> Iterator[Entry]:
        """Those that have room together, the more urgent first; one that takes more is passed by those that take less."""
        taken, passed = 0, []
        while self._waiting and self.log.free_at(at, taken + 1) <= at:
            entry = heapq.heappop(self._waiting)
            places = entry[3].places
            if self.log.free_at(at, taken + places) > at:
                passed.append(entry)
                continue
            taken += places
            self._sizes[places] -= 1
            self.out.add(entry[2])
            yield entry
        for entry in passed:
            heapq.heappush(self._waiting, entry)

    def free_at(self, at: int) -> int | None:
        """When there is room for one more of those that wait; None where there is none, or for those that were let out."""
        free = [self.log.free_at(at, places) for places, many in self._sizes.items() if many]
        return min((each for each in free if each > at or not self.out), default=None)


def departures(
    limits: Iterable[Limit],
    used: Iterable[int],
    jobs: Iterable[Job],
    now: int,
    group_limits: tuple[Limit, ...] = (),
    used_in: Mapping[str, Iterable[int]] = {},
) -> list[int | None]:
    """When each asked job leaves by strict windows, in their order; None where it expires before.

    What a relay said to have sent ahead of its instant counts as just sent: nothing here is in the future.
    """
    window, groups = Log(limits, (min(left, now) for left in used)), dict[str, _Group]()
    # What comes: a job, or a group in which there is room again.
    coming: list[tuple[int, int, int, Job | _Group]] = [(job.at, job.priority, n, job) for n, job in enumerate(jobs)]
    found: dict[int, int | None] = {n: None for _, _, n, job in coming if isinstance(job, Job) and job.asked}
    more = count(len(coming))
    heapq.heapify(coming)
    ready: list[Entry] = []
    left, at = len(found), now

    def again(group: _Group) -> None:
        free = group.free_at(at)
        if free is not None and (group.wakes_at is None or free < group.wakes_at):
            group.wakes_at = free
            heapq.heappush(coming, (free, 0, next(more), group))

    while left:
        if not ready:
            at = max(at, coming[0][0])
        while coming and coming[0][0] <= at:
            moment, priority, n, what = heapq.heappop(coming)
            if isinstance(what, Job):
                heapq.heappush(ready, (priority, moment, n, what))
            elif what.wakes_at == moment:
                what.wakes_at = None
                for entry in what.woken(at):
                    heapq.heappush(ready, entry)
                again(what)
        if not ready:
            continue
        entry = ready[0]
        n, job = entry[2:]
        group = None
        if group_limits:
            if job.group not in groups:
                groups[job.group] = _Group(group_limits, (min(left, now) for left in used_in.get(job.group, ())))
            group = groups[job.group]
        if at < job.expires_at:
            if group is not None and group.log.free_at(at, job.places) > at:
                group.wait(heapq.heappop(ready))
                group.out.discard(n)
                again(group)
                continue
            free = window.free_at(at, job.places)
            if at < free:
                # Of what takes more than one place, what comes meanwhile may be more urgent, and take less.
                at = min(free, job.expires_at, coming[0][0] if coming else free) if job.places > 1 else free
                continue
            window.leave(at, job.places)
            if group is not None:
                group.log.leave(at, job.places)
            if job.asked:
                found[n] = at
        heapq.heappop(ready)
        left -= job.asked
        if group is not None:
            group.out.discard(n)
            again(group)
    return [found[n] for n in sorted(found)]


def forecast(
    state: State,
    groups: Iterable[str],
    *,
    at: int,
    expires_at: int,
    priority: int,
    now: int,
    pictures: int = 0,
    linked: bool = False,
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
    before = on_their_way(state, asked, now)
    moments: dict[str, int | None] = {}
    lanes: dict[tuple[str, tuple[Limit, ...], tuple[Limit, ...]], Lane] = {}
    for way, theirs in asked.items():
        told = state.windows[way[0]]
        credential = told.credentials[way[1]]
        limits, in_groups = credential.limits, credential.group_limits
        places = credential.takes(pictures, linked=linked)
        jobs = [*before.get(way, ()), *(Job(priority, at, expires_at, True, group, places) for group in theirs)]
        left: list[int | None] = [at] * len(theirs)
        if limits or in_groups:
            left = departures(limits, credential.used, jobs, now, in_groups, told.used)
        moments.update(zip(theirs, left, strict=True))
        kind = (credential.platform, limits, in_groups)
        lane = lanes.setdefault(kind, Lane(platform=credential.platform, limits=limits, group_limits=in_groups))
        lane.credentials += 1
        lane.groups += len(theirs)
        lane.last_at = max((x for x in (lane.last_at, *left) if x is not None), default=None)
    known = [x for x in moments.values() if x is not None]
    out.told, out.expired = len(moments), len(moments) - len(known)
    out.waiting = sum(x > at for x in known)
    out.last_at = max(known, default=None)
    out.lanes = sorted(lanes.values(), key=lambda lane: (-(lane.last_at or at), lane.platform))
    return out, moments


def on_their_way(state: State, ways: Iterable[tuple[str, str]], now: int) -> dict[tuple[str, str], list[Job]]:
    """What waits for a slot of these credentials, as it was asked for."""
    waiting: dict[str, dict[str, list[Delivery]]] = {}  # relay → credential → what waits for it
    for relay, name in ways:
        waiting.setdefault(relay, {})[name] = []
    # There may be thousands that wait for others: they are passed over as cheaply as can be.
    for id_ in state.opened:
        d = state.deliveries[id_]
        theirs = waiting.get(d.relay)
        if theirs is not None and d.status in {"requested", "held"} and d.expires_at > now:
            of = theirs.get(state.windows[d.relay].groups.get(d.group, ""))
            if of is not None:
                of.append(d)
    return {
        (relay, name): [
            Job(d.priority, d.fire_at if d.rule is None else max(d.fire_at, d.until or d.fire_at), d.expires_at, False, d.group,
                takes(state.windows[relay].credentials[name], d))
            for d in sorted(of, key=lambda d: number(d.id))
        ]
        for relay, theirs in waiting.items()
        for name, of in theirs.items()
    }  # fmt: skip
