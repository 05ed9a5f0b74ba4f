"""A credential's way out: its rate window, those of its groups, and what waits for room in them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import structlog

from roles.relay.adapters.base import Content, Delivery, Held, Prepared, Route, Routes
from roles.relay.sending.log import SendLog
from roles.relay.sending.windows import Limit, Window
from roles.relay.wire.saletime import Mono, SaleClock

log = structlog.get_logger("relay")


@dataclass(slots=True, eq=False)
class Parcel:
    """A delivery on its way to its instant."""

    delivery: Delivery
    route: Route
    at: int  # the instant in the sale's time; later than `fire_at` where a platform asked to wait
    phase: Literal["timed", "queued", "prepared", "blocked", "gone"] = "timed"
    told: int | None = None  # until when it was last told to wait
    not_before: int | None = None  # what the sale goes by: until then it is certain that it has not left
    preparing: asyncio.Task[Prepared] | None = None
    places: int = 1  # of the rate window
    held: Held | None = None  # its call, made ready but for the writing

    def let_go(self) -> None:
        """What was made ready does not leave."""
        if self.held is not None:
            self.held.cancel()
            self.held = None


def places_of(route: Route, content: Content) -> int:
    """How many places of its windows it takes: at least one, and never more than the widest has."""
    limits = (*route.adapter.settings.limits(), *route.adapter.settings.group_limits())
    try:
        wanted = int(route.adapter.places(route.group, content))
    except Exception as error:  # somebody's own adapter: one message must not keep the others here
        log.warning("an adapter cannot count a message", platform=route.adapter.platform, why=type(error).__name__)
        wanted = 1
    return max(1, min(wanted, max((limit.count for limit in limits), default=wanted)))


@dataclass(slots=True, eq=False)
class Lane:
    """One credential: its rate window and what waits for room in it, the most urgent first."""

    window: Window
    queue: list[tuple[int, int, int, Parcel]] = field(default_factory=list)
    coming: dict[str, Parcel] = field(default_factory=dict)  # all that is to leave by it, due or not
    untold: bool = False  # some of it has not been told to wait, if it has to
    timer: asyncio.TimerHandle | None = None
    groups: dict[str, Window] = field(default_factory=dict)  # where the platform counts each group too
    group_limits: tuple[Limit, ...] = ()

    def of(self, group: str) -> Window | None:
        """The group's own window, where it has one."""
        if self.group_limits and group not in self.groups:
            self.groups[group] = Window(self.group_limits)
        return self.groups.get(group)

    def take(self, group: str, now: float, places: int) -> Literal["taken", "group full", "full"]:
        """A slot of the credential and, where there is one, of the group; both or none."""
        own = self.of(group)
        if own is not None and not own.take(now, places):
            return "group full"
        if self.window.take(now, places):
            return "taken"
        if own is not None:
            own.give_back(places)
        return "full"

    def settle(self, group: str, ended: float, places: int) -> None:
        self.window.settle(ended, places)
        if group in self.groups:
            self.groups[group].settle(ended, places)

    def give_back(self, group: str, places: int) -> None:
        self.window.give_back(places)
        if group in self.groups:
            self.groups[group].give_back(places)

    def free_at(self, group: str, now: float, places: int = 1) -> float:
        own = self.of(group)
        free = self.window.free_at(now, places)
        return free if own is None else max(free, own.free_at(now, places))

    def forecast(self, now: float, local: Callable[[int], float]) -> Iterator[tuple[Parcel, float]]:
        """When each that is to leave may do so at the earliest, on the clock of `now`: the more urgent first, all at once
        answered. `local` brings an instant of the sale over to that clock."""
        window, groups = self.window.as_of(now), dict[str, Window]()
        coming = sorted(((local(p.at), n, p) for n, p in enumerate(self.coming.values())), reverse=True)
        ready: list[tuple[int, float, int, Parcel]] = []
        at = now
        while coming or ready:
            if not ready:
                at = max(at, coming[-1][0])
            while coming and coming[-1][0] <= at:
                due, n, parcel = coming.pop()
                heapq.heappush(ready, (parcel.delivery.priority, due, n, parcel))
            parcel = ready[0][3]
            free = window.free_at(at, parcel.places)
            if free > at and coming and coming[-1][0] < free:
                at = coming[-1][0]  # what comes meanwhile may be more urgent
                continue
            heapq.heappop(ready)
            at = free
            leaves = self._in_group(groups, parcel, at, now)
            if leaves < local(parcel.delivery.expires_at):
                window.use(leaves, parcel.places)
            yield parcel, leaves

    def _in_group(self, groups: dict[str, Window], parcel: Parcel, at: float, now: float) -> float:
        """When there is room in its group too; the others need not wait for that."""
        own = self.of(parcel.delivery.group)
        if own is None:
            return at
        window = groups.setdefault(parcel.delivery.group, own.as_of(now))
        leaves = window.free_at(at, parcel.places)
        window.use(leaves, parcel.places)
        return leaves


class Lanes(Mapping[str, Lane]):
    """The lanes of all credentials, by name.

    `depart` is handed what has room; `wait` is called with a lane in which something has to wait, `sooner` with what was
    told to wait and need not any more.
    """

    def __init__(
        self,
        clock: SaleClock,
        mono: Mono,
        *,
        depart: Callable[[list[Parcel]], None],
        wait: Callable[[Lane], None],
        sooner: Callable[[Parcel], None],
    ) -> None:
        self._clock, self._mono = clock, mono
        self._depart, self._wait, self._sooner = depart, wait, sooner
        self._lanes: dict[str, Lane] = {}
        self._order = count()
        self._closed = False

    def __getitem__(self, credential: str) -> Lane:
        return self._lanes[credential]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    async def open(self, routes: Routes, store: SendLog) -> None:
        """Fills the rate windows from the log."""
        for name, adapter in routes.adapters.items():
            limits = adapter.settings.limits()
            ages = await store.used(name, max((limit.per_s for limit in limits), default=0.0)) if limits else []
            now = self._mono()
            lane = self._lanes[name] = Lane(Window(limits, [now - age for age in ages]))
            lane.group_limits = adapter.settings.group_limits()
            if lane.group_limits:
                within = max(limit.per_s for limit in lane.group_limits)
                for group, known in (await store.used_by_group(name, within)).items():
                    lane.groups[group] = Window(lane.group_limits, [now - age for age in known])

    def close(self) -> None:
        """Nothing is let out any more."""
        self._closed = True
        for lane in self._lanes.values():
            lane.coming.clear()
            if lane.timer is not None:
                lane.timer.cancel()

    def expect(self, parcel: Parcel) -> None:
        """It is to leave at its instant; if there will be no room then, it is told so ahead."""
        lane = self._lanes[parcel.route.adapter.name]
        lane.coming[parcel.delivery.id] = parcel
        if lane.window.limits or lane.group_limits:
            self._wait(lane)

    def forget(self, parcel: Parcel) -> None:
        """It does not leave."""
        parcel.phase = "gone"
        self._lanes[parcel.route.adapter.name].coming.pop(parcel.delivery.id, None)

    def put(self, parcel: Parcel) -> None:
        """Its instant has come."""
        parcel.phase = "queued"
        lane = self._lanes[parcel.route.adapter.name]
        heapq.heappush(lane.queue, (parcel.delivery.priority, parcel.at, next(self._order), parcel))
        lane.untold = True

    def give_back(self, parcel: Parcel) -> None:
        """Nothing left with the places that it took."""
        self._lanes[parcel.route.adapter.name].give_back(parcel.delivery.group, parcel.places)

    def admit(self, credentials: Iterable[str]) -> None:
        """Lets out what has room now; the others are told to wait."""
        if not self._closed:
            self._depart([parcel for name in credentials for parcel in self._admitted(self._lanes[name])])

    def _admitted(self, lane: Lane) -> list[Parcel]:
        admitted, aside = [], []
        while lane.queue:
            parcel = lane.queue[0][3]
            if parcel.phase != "queued":
                heapq.heappop(lane.queue)
                continue
            promised = parcel.not_before is not None and self._clock.seconds_until(parcel.not_before) > 0
            if promised and not lane.group_limits:
                break
            room = "promised" if promised else lane.take(parcel.delivery.group, self._mono(), parcel.places)
            if room == "full":
                break
            entry = heapq.heappop(lane.queue)
            if room == "taken":
                lane.coming.pop(parcel.delivery.id, None)
                admitted.append(parcel)
            else:
                aside.append(entry)  # its group is full; others need not wait for it
        for entry in aside:
            heapq.heappush(lane.queue, entry)
        if lane.queue:
            self._wait_for_room(lane)
        return admitted

    def _wait_for_room(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
        now = self._mono()
        first = float("inf")
        known: dict[tuple[str, int], float] = {}
        for parcel in (entry[3] for entry in (lane.queue if lane.group_limits else lane.queue[:1])):
            if (key := (parcel.delivery.group, parcel.places)) not in known:
                known[key] = lane.free_at(parcel.delivery.group, now, parcel.places)
            free = known[key]
            if parcel.not_before is not None and (promised := self._clock.local(parcel.not_before)) > free:
                if free <= now:
                    self._sooner(parcel)
                free = promised
            first = min(first, free)
        lane.timer = asyncio.get_running_loop().call_later(
            max(0.001, first - now), lambda: self._depart(self._admitted(lane))
        )
        if lane.untold:  # else each that leaves would have all that wait looked through
            lane.untold = False
            self._wait(lane)
