"""What is to leave for the groups, and the instant at which it leaves.

One heap in the sale's time. A little before its instant a delivery gets its slot in the rate window and its line in
the log, together with all others of that instant; at the instant itself only the platform is called. Until that call
everything can be taken back: a withdrawal, a newer attempt, a lost lease and a stop all undo the preparation.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, groupby
from typing import Any

import msgspec
import structlog

from roles.relay import machine
from roles.relay.adapters.base import Adapter, Delivery, Outcome, Prepared, Routes
from roles.relay.sending.lanes import Lane, Parcel, places_of
from roles.relay.sending.log import Known, Report, Sending, SendLog
from roles.relay.sending.windows import Window
from roles.relay.wire.saletime import Lease, Mono, SaleClock

log = structlog.get_logger("relay")

# Enough for one flush of a slow disk; the flush is over when the instant comes.
PREPARE_S = 0.04
# The longest the heap sleeps: a sale's clock can be stepped, and round trips show it within this time.
LOOK_S = 1.0
# A platform that has not answered by now may still have taken the message.
ANSWER_WITHIN_S = 15.0
# A platform's window that is said to be full until just now is not asked about, and reported, a thousand times.
WAIT_AT_LEAST_S = 0.2
# Not yet gone, in the coordinator's eyes. `held` is what this relay reported as waiting for a rate window.
OPEN = frozenset({"requested", "held"})
# How long a platform that cannot be reached is left alone: first, and at most. Each time twice as long.
AGAIN_FIRST_S, AGAIN_MOST_S = 1.0, 60.0
# How long past its instant a message waits for what is being prepared for it; then it goes without.
PREPARED_WITHIN_S = 1.0
# So long thousands are told to wait before what is due is looked at again.
TELL_S = 0.002
# A pause of this length is told, so that the board shows it and another relay can take over; a shorter one is over first.
TOLD_REST_S = 2.0

STOPPED_WHILE_SENDING = "the relay stopped while it was sending"


@dataclass(slots=True)
class Begun:
    """The last attempt for which a platform was called, or whose end was decided without one."""

    attempt: int
    outcome: str | None = None  # None: on its way
    acknowledged: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    recalled: bool = False  # while it was on its way it was withdrawn, or given to another


class Outbox:
    """Takes deliveries, calls platforms, tells what became of them.

    `tell` is called with each report once it is durable (with `waiting`, which needs no disk, at once).
    Priority: the lower number leaves first where a rate window makes some wait (links and coupons are 0).
    """

    def __init__(
        self,
        *,
        clock: SaleClock,
        lease: Lease,
        store: SendLog,
        routes: Routes,
        tell: Callable[[Report], None],
        prepare_s: float = PREPARE_S,
        answer_within_s: float = ANSWER_WITHIN_S,
        mono: Mono = machine.monotonic,
    ) -> None:
        self._clock, self._lease, self._store, self._routes, self._tell = clock, lease, store, routes, tell
        self._prepare_s, self._answer_within_s, self._mono = prepare_s, answer_within_s, mono
        self._sale = ""
        self._heap: list[tuple[int, int, str]] = []
        self._order = count()
        self._parcels: dict[str, Parcel] = {}
        self._begun: dict[str, Begun] = {}
        self._after: dict[str, tuple[Delivery, bool]] = {}  # newer attempts that came while one is on its way
        self._rest: dict[str, float] = {}  # a platform asked to leave this delivery alone until then (local s)
        self._tries: dict[str, int] = {}  # how often a platform could not take it, and named no time
        self._lanes: dict[str, Lane] = {}
        self._disabled: set[str] = set()  # credentials of which it was said that they do not work
        self._tasks: set[asyncio.Task[None]] = set()
        self._preparing: set[asyncio.Task[Prepared]] = set()
        self._to_tell: deque[Lane] = deque()  # something in them waits and has not been told so
        self._telling = False
        self._poke = asyncio.Event()
        self._stopping = False
        self._left: list[Delivery] = []  # what was not begun when it was stopped
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        clock.changed = self._poke.set
        lease.regained = self._unblock

    async def open(self) -> None:
        """Fills the rate windows from the log. Before anything else."""
        for name, adapter in self._routes.adapters.items():
            limits = adapter.settings.limits()
            ages = await self._store.used(name, max((limit.per_s for limit in limits), default=0.0)) if limits else []
            now = self._mono()
            lane = self._lanes[name] = Lane(Window(limits, [now - age for age in ages]))
            lane.group_limits = adapter.settings.group_limits()
            if lane.group_limits:
                within = max(limit.per_s for limit in lane.group_limits)
                for group, known in (await self._store.used_by_group(name, within)).items():
                    lane.groups[group] = Window(lane.group_limits, [now - age for age in known])

    def resume(self, sale: str, known: dict[str, Known]) -> None:
        """What the log knows of this sale. Before its first delivery is taken."""
        if sale != self._sale:
            self._sale = sale
            self._parcels.clear()
            self._after.clear()
            self._begun = {d: Begun(k.attempt, k.outcome, k.acknowledged, k.body) for d, k in known.items()}

    # -- what comes from the coordinator

    def replace(self, raws: Iterable[dict[str, Any]], mine: Callable[[dict[str, Any]], bool]) -> None:
        """The whole truth: what is not in it is no longer to be sent."""
        there = {str(raw.get("id")): raw for raw in raws if mine(raw)}
        going = (i for i, begun in self._begun.items() if begun.outcome is None)
        for id_ in [i for i in (*self._parcels, *self._after, *going) if i not in there]:
            self.drop(id_)
        for raw in there.values():
            self.take(raw, live=False)
        self._unblock()

    def take(self, raw: dict[str, Any], *, live: bool) -> None:
        """One delivery as it now stands. `live`: it comes as it happens, not from a snapshot."""
        try:
            delivery = msgspec.convert({**raw, "sale": self._sale}, Delivery)
        except msgspec.ValidationError as error:
            log.warning("a delivery cannot be read", delivery=raw.get("id"), why=str(error))
            return
        begun, parcel = self._begun.get(delivery.id), self._parcels.get(delivery.id)
        if begun is not None and delivery.attempt <= begun.attempt:
            begun.recalled |= delivery.attempt == begun.attempt and delivery.status not in OPEN
            return
        if parcel is not None and delivery.attempt < parcel.delivery.attempt:
            return
        if delivery.status not in OPEN:
            self.drop(delivery.id, delivery.attempt)
        elif self._stopping:
            if delivery.status == "requested":
                self._tell_back(delivery)
        elif begun is not None and begun.outcome is None:
            self._after[delivery.id] = (delivery, live)
        elif begun is not None and begun.outcome == "sent" and not begun.acknowledged:
            self._carry_over(delivery, begun)
        elif parcel is None or delivery.attempt > parcel.delivery.attempt:
            self._schedule(delivery)

    def drop(self, id_: str, attempt: int | None = None) -> None:
        """Withdrawn, moved or gone: attempts up to `attempt` (None: all) that have not begun never will."""
        parcel = self._parcels.get(id_)
        if parcel is not None and (attempt is None or parcel.delivery.attempt <= attempt):
            del self._parcels[id_]
        after = self._after.get(id_)
        if after is not None and (attempt is None or after[0].attempt <= attempt):
            del self._after[id_]
        begun = self._begun.get(id_)
        if begun is not None and begun.outcome is None and (attempt is None or begun.attempt <= attempt):
            begun.recalled = True

    def may_leave(self, id_: str, attempt: int) -> bool:
        """Whether an attempt that was begun may still be sent: the lease holds, and nobody took it back."""
        begun = self._begun.get(id_)
        here = begun is not None and begun.attempt == attempt and begun.outcome is None and not begun.recalled
        return here and id_ not in self._after and self._lease.held()

    async def became(self, id_: str, attempt: int, outcome: Outcome) -> None:
        """What became of an attempt that had ended here as `awaiting` or `unknown`: a person or the platform told it.

        Raises ValueError for an attempt that never began here. What is told already is not told again.
        """
        begun = self._begun.get(id_)
        if begun is None or begun.attempt < attempt:
            raise ValueError(f"{id_} has no attempt {attempt} that was begun here")
        report = Report.make(id_, attempt, outcome.fields())
        if begun.attempt == attempt:
            if begun.outcome in {"sent", outcome.word}:
                return
            begun.outcome, begun.acknowledged, begun.body = outcome.word, False, report.body
            if outcome.word == "retry":
                self._rest[id_] = self._mono() + (outcome.after_ms or 0) / 1000
        await self._store.finish(self._sale, report)
        self._tell(report)

    def acknowledged(self, report: Report) -> None:
        begun = self._begun.get(report.delivery)
        if begun is not None and begun.attempt == report.attempt and begun.outcome == report.outcome:
            begun.acknowledged = True

    # -- the life of the outbox

    async def run(self) -> None:
        """Sends what is due until it is cancelled."""
        while True:
            wait = LOOK_S
            if self._heap and self._clock.synced:
                wait = min(wait, self._clock.seconds_until(self._heap[0][0]) - self._prepare_s)
                if wait <= 0:
                    self._due()
                    continue
            self._poke.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._poke.wait()
            except TimeoutError:
                pass

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The way out of each credential with its rate windows, as it stands."""
        return self._lanes

    def stop_taking(self) -> None:
        """From now on nothing begins; what is with a platform goes on."""
        if self._stopping:
            return
        self._stopping = True
        self._left = [parcel.delivery for parcel in self._parcels.values() if not parcel.told_waiting]
        self._left += [newer for newer, _ in self._after.values()]
        self._parcels.clear()
        self._after.clear()
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
        for task in self._preparing:
            task.cancel()

    def hand_back(self) -> None:
        """Tells of what was not begun that it waits: it is certainly not there, and another relay may have it."""
        for delivery in self._left:
            self._tell_back(delivery)
        self._left.clear()

    def _tell_back(self, delivery: Delivery) -> None:
        now = self._clock.now()
        fields = {"outcome": "waiting", "until": now, "back": True, "why": "its relay was stopped before it was sent"}
        self._tell(Report.make(delivery.id, delivery.attempt, fields, nth=f"stopped-{now}"))

    async def finished(self) -> None:
        """Waits until every platform that was called has answered, and the log has it."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sending(self) -> int:
        """How many deliveries are with a platform now."""
        return sum(1 for begun in self._begun.values() if begun.outcome is None)

    # -- scheduling

    def _schedule(self, delivery: Delivery) -> None:
        route = self._routes.to(delivery.group)
        if route is None:
            why = f"group {delivery.group} is not in this relay's configuration"
            self._decide(delivery, {"outcome": "rejected", "why": why})
            return
        at = delivery.fire_at
        rest = self._rest.pop(delivery.id, None)
        if rest is not None and rest > self._mono():
            at = max(at, self._clock.at(rest))
        if at >= delivery.expires_at:
            at = self._over(delivery)
        parcel = self._parcels[delivery.id] = Parcel(delivery, route, at, places=places_of(route, delivery))
        if type(route.adapter).prepare is not Adapter.prepare:
            parcel.preparing = asyncio.get_running_loop().create_task(
                route.adapter.prepare(route.group, delivery.content)
            )
            self._preparing.add(parcel.preparing)
            parcel.preparing.add_done_callback(self._prepared)
        self._push(at, delivery.id)
        if rest is not None and rest - self._mono() >= TOLD_REST_S:
            self._tell_waiting(parcel, min(at, delivery.expires_at), "the platform asked to wait")

    def _prepared(self, task: asyncio.Task[Prepared]) -> None:
        self._preparing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # The message goes without; only the type, as an HTTP client's error can quote an address.
            log.warning("a message could not be prepared", why=type(task.exception()).__name__)

    def _over(self, delivery: Delivery) -> int:
        """The heap looks `prepare_s` ahead; an entry at this moment is only seen once the delivery has expired."""
        return delivery.expires_at + self._clock.span_ms(self._prepare_s)

    def _push(self, at: int, id_: str) -> None:
        heapq.heappush(self._heap, (at, next(self._order), id_))
        self._poke.set()

    def _due(self) -> None:
        touched: dict[str, Lane] = {}
        while self._heap and self._clock.seconds_until(self._heap[0][0]) <= self._prepare_s:
            at, _, id_ = heapq.heappop(self._heap)
            parcel = self._parcels.get(id_)
            if parcel is None:
                continue
            if self._expired(parcel):
                if parcel.phase in ("timed", "queued"):
                    self._expire(parcel)
            elif parcel.phase == "timed" and parcel.at == at:
                parcel.phase = "queued"
                name = parcel.route.adapter.name
                lane = touched[name] = self._lanes[name]
                heapq.heappush(lane.queue, (parcel.delivery.priority, parcel.at, next(self._order), parcel))
                lane.untold = True
        self._depart([parcel for lane in touched.values() for parcel in self._admit(lane)])

    def _admit(self, lane: Lane) -> list[Parcel]:
        """Those of a lane for which its window has room now; the others are told to wait."""
        admitted, aside = [], []
        while lane.queue:
            parcel = lane.queue[0][3]
            if self._parcels.get(parcel.delivery.id) is not parcel or parcel.phase != "queued":
                heapq.heappop(lane.queue)
                continue
            room = lane.take(parcel.delivery.group, self._mono(), parcel.places)
            if room == "full":
                break
            entry = heapq.heappop(lane.queue)
            if room == "taken":
                admitted.append(parcel)
            else:
                aside.append(entry)  # its group is full; others need not wait for it
        for entry in aside:
            heapq.heappush(lane.queue, entry)
        if lane.queue:
            self._wait_for_room(lane)
        return admitted

    def _wait_for_room(self, lane: Lane) -> None:
        now = self._mono()
        if lane.timer is not None:
            lane.timer.cancel()
        wants = {
            (entry[3].delivery.group, entry[3].places)
            for entry in (lane.queue if lane.group_limits else lane.queue[:1])
        }
        free = min(lane.free_at(group, now, places=places) for group, places in wants)
        lane.timer = asyncio.get_running_loop().call_later(
            max(0.001, free - now), lambda: self._depart(self._admit(lane))
        )
        if lane.untold:  # else each that leaves would have all that wait looked through
            lane.untold = False
            self._to_tell.append(lane)
            if not self._telling:
                self._telling = True
                self._spawn(self._tell_all_waiting())

    async def _tell_all_waiting(self) -> None:
        """Thousands can begin to wait in one instant: what leaves in it does not wait until all of them are told."""
        began = self._mono()
        while self._to_tell:
            for parcel, until in self._waits(self._to_tell.popleft()):
                self._tell_waiting(parcel, until, "rate window")
                if self._mono() - began > TELL_S:
                    await asyncio.sleep(0)
                    began = self._mono()
        self._telling = False

    def _waits(self, lane: Lane) -> Iterator[tuple[Parcel, int]]:
        """What waits for room and has not been told so, with when there may be room for it."""
        now = self._mono()
        waiting = [entry[3] for entry in sorted(lane.queue, key=lambda entry: entry[:3])]
        before: dict[str, int] = {}
        ahead = -1
        for parcel in waiting:
            if self._parcels.get(parcel.delivery.id) is not parcel or parcel.phase != "queued":
                continue
            ahead += parcel.places
            in_group = before.get(parcel.delivery.group, 0) + parcel.places - 1
            before[parcel.delivery.group] = in_group + 1
            if parcel.told_waiting:
                continue
            parcel.told_waiting = True
            self._push(self._over(parcel.delivery), parcel.delivery.id)
            # Those admitted just now leave within `prepare_s`; a forecast is rather late than early.
            yield (
                parcel,
                self._clock.at(lane.free_at(parcel.delivery.group, now, ahead, in_group) + self._prepare_s),
            )

    def _tell_waiting(self, parcel: Parcel, until: int, why: str) -> None:
        fields = {"outcome": "waiting", "until": until, "why": why}
        self._tell(Report.make(parcel.delivery.id, parcel.delivery.attempt, fields, nth=str(until)))

    def _unblock(self) -> None:
        for parcel in self._parcels.values():
            if parcel.phase == "blocked":
                parcel.phase = "timed"
                self._push(parcel.at, parcel.delivery.id)

    # -- leaving

    def _depart(self, parcels: list[Parcel]) -> None:
        if not parcels:
            return
        for parcel in parcels:
            parcel.phase = "prepared"
        self._spawn(self._leave_together(sorted(parcels, key=lambda p: (p.at, p.delivery.priority))))

    async def _leave_together(self, parcels: list[Parcel]) -> None:
        if self._lease.held():
            await self._store.begin([self._sending(p) for p in parcels])
            undone = []
            for at, same in groupby(parcels, key=lambda p: p.at):
                while (wait := self._clock.seconds_until(at)) > 0 and not self._stopping:  # noqa: ASYNC110 - an instant
                    await asyncio.sleep(wait)
                undone += [parcel for parcel in same if not self._leave(parcel)]
            if undone:
                await self._store.undo([self._sending(p) for p in undone])
        else:
            undone = parcels
        for parcel in undone:
            # Only now: the log's line is gone, so that what comes back can be begun again.
            if self._parcels.get(parcel.delivery.id) is parcel:
                parcel.phase = "blocked"
            self._lanes[parcel.route.adapter.name].give_back(parcel.delivery.group, parcel.places)
        self._admit_all({p.route.adapter.name for p in undone})
        if undone and self._lease.held():
            self._unblock()

    def _leave(self, parcel: Parcel) -> bool:
        """The last look, and the call. False where it must not leave."""
        delivery = parcel.delivery
        if self._stopping or self._parcels.get(delivery.id) is not parcel or not self._lease.held():
            return False
        del self._parcels[delivery.id]
        begun = self._begun[delivery.id] = Begun(delivery.attempt)
        self._spawn(self._send(parcel, begun))
        return True

    async def _send(self, parcel: Parcel, begun: Begun) -> None:
        delivery, route = parcel.delivery, parcel.route
        left_at = max(self._clock.now(), parcel.at) if self._clock.jumps else self._clock.now()
        try:
            async with asyncio.timeout(self._answer_within_s):
                prepared = await _ready(parcel.preparing)
                outcome = await route.adapter.deliver(route.group, delivery, prepared)
            if not isinstance(outcome, Outcome):  # an adapter of one's own that forgot to say
                outcome = Outcome.unknown(f"{route.adapter.platform} did not tell what became of it")
        except TimeoutError:
            outcome = Outcome.unknown(f"no answer within {self._answer_within_s:g} s")
        except Exception as error:
            # Only the type: the text of an HTTP client's error can quote an address with its key.
            outcome = Outcome.unknown(f"{route.adapter.platform} failed with {type(error).__name__}")
        if outcome.word == "waiting":
            await self._put_back(parcel, begun, outcome)
            self._admit_all({route.adapter.name})
            return
        lane = self._lanes[route.adapter.name]
        if outcome.reached:
            lane.settle(delivery.group, self._mono(), parcel.places)
        else:
            lane.give_back(delivery.group, parcel.places)
        fields = outcome.fields()
        if outcome.word == "sent":
            fields.setdefault("sent_at", left_at)
        if outcome.word == "retry":
            after_ms = fields["after_ms"] = self._again_after_ms(delivery.id, outcome)
            until = self._rest[delivery.id] = self._mono() + after_ms / 1000
            full = lane.of(delivery.group) if outcome.after_ms is not None else None
            if outcome.everyone:
                full = lane.window
            if full is not None:
                full.rest(until)
        else:
            self._tries.pop(delivery.id, None)
        self._say_once(route.adapter.name, outcome)
        await self._end(delivery, begun, fields)
        self._admit_all({route.adapter.name})

    def _say_once(self, credential: str, outcome: Outcome) -> None:
        """A channel that does not work is said once, not for each of its groups; then again when it works."""
        if outcome.word == "disabled" and credential not in self._disabled:
            self._disabled.add(credential)
            log.warning("a channel does not work", credential=credential, why=outcome.why)
        elif outcome.word == "sent" and credential in self._disabled:
            self._disabled.discard(credential)
            log.info("a channel works again", credential=credential)

    def _again_after_ms(self, id_: str, outcome: Outcome) -> int:
        """What the platform says, else twice as long each time, with some chance: many do not come back in step."""
        if outcome.after_ms is not None:
            return outcome.after_ms
        tries = self._tries[id_] = self._tries.get(id_, 0) + 1
        return int(min(AGAIN_MOST_S, AGAIN_FIRST_S * 2 ** min(tries - 1, 10)) * machine.between(500, 1000))

    async def _put_back(self, parcel: Parcel, begun: Begun, outcome: Outcome) -> None:
        """Nothing was called: the beginning is undone, and it leaves at `until`, if it is still to leave then."""
        delivery = parcel.delivery
        await self._store.undo([self._sending(parcel)])
        self._lanes[parcel.route.adapter.name].give_back(parcel.delivery.group, parcel.places)
        del self._begun[delivery.id]
        after = self._after.pop(delivery.id, None)
        if after is not None:
            self._schedule(after[0])
        elif self._stopping:
            self._tell_back(delivery)
        elif not begun.recalled:
            until = max(outcome.until or 0, self._clock.now() + self._clock.span_ms(WAIT_AT_LEAST_S))
            self._parcels[delivery.id] = replace(parcel, at=until, phase="timed", told_waiting=True)
            self._push(until, delivery.id)
            self._push(self._over(delivery), delivery.id)
            self._tell(Report.make(delivery.id, delivery.attempt, outcome.fields() | {"until": until}, nth=str(until)))

    async def _end(self, delivery: Delivery, begun: Begun, fields: dict[str, Any]) -> None:
        report = Report.make(delivery.id, delivery.attempt, fields)
        await self._store.finish(self._sale, report)
        begun.outcome, begun.body = report.outcome, report.body
        self._tell(report)
        after = self._after.pop(delivery.id, None)
        if after is None:
            return
        newer, live = after
        # The newer attempt was asked for without knowing of this one. What is there is not sent again. What may be
        # there is the sale's to decide: after a reconnect it has decided, else it is told.
        if report.outcome == "sent" or (report.outcome == "unknown" and live):
            self._carry_over(newer, begun)
        else:
            self._schedule(newer)

    def _carry_over(self, newer: Delivery, begun: Begun) -> None:
        kept = {k: begun.body[k] for k in ("outcome", "sent_at", "platform_id") if k in begun.body}
        self._decide(newer, kept | {"why": f"attempt {begun.attempt} had left"})

    def _expired(self, parcel: Parcel) -> bool:
        return self._clock.now() >= parcel.delivery.expires_at

    def _expire(self, parcel: Parcel) -> None:
        self._decide(parcel.delivery, {"outcome": "expired"})

    def _decide(self, delivery: Delivery, fields: dict[str, Any]) -> None:
        """Ends an attempt without calling a platform."""
        self._parcels.pop(delivery.id, None)
        begun = self._begun[delivery.id] = Begun(delivery.attempt)
        self._spawn(self._end(delivery, begun, fields))

    def _admit_all(self, names: set[str]) -> None:
        if not self._stopping:
            self._depart([parcel for name in names for parcel in self._admit(self._lanes[name])])

    def _sending(self, parcel: Parcel) -> Sending:
        name, delivery = parcel.route.adapter.name, parcel.delivery
        group = delivery.group if self._lanes[name].group_limits else ""
        return Sending(self._sale, delivery.id, delivery.attempt, name, group, parcel.places)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            if not self.failed.done():
                self.failed.set_result(error)


async def _ready(preparing: asyncio.Task[Prepared] | None) -> Prepared:
    """What was prepared for a message, or nothing where it is not there in time."""
    if preparing is None:
        return None
    if not preparing.done():  # else nothing comes between the instant and the call
        await asyncio.wait({preparing}, timeout=PREPARED_WITHIN_S)
    if not preparing.done():
        preparing.cancel()
        return None
    return None if preparing.cancelled() or preparing.exception() is not None else preparing.result()
