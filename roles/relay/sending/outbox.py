"""What is to leave for the groups, and the instant at which it leaves.

One heap in the sale's time. A little before its instant a delivery gets its slot in the rate window and its line in
the log, together with all others of that instant; at the instant itself only the platform is called. Until that call
everything can be taken back: a withdrawal, a newer attempt, a lost lease and a stop all undo the preparation.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count, groupby
from typing import Any

import msgspec
import structlog

from roles.relay import machine
from roles.relay.adapters.base import Adapter, Delivery, Outcome, Prepared, Routes
from roles.relay.sending.attempts import ANSWER_WITHIN_S, Attempts, Begun
from roles.relay.sending.lanes import Lane, Lanes, Parcel, places_of
from roles.relay.sending.log import Known, Report, SendLog
from roles.relay.sending.waiting import Waiting
from roles.relay.wire.saletime import Lease, Mono, SaleClock

log = structlog.get_logger("relay")

# Enough for one flush of a slow disk; the flush is over when the instant comes.
PREPARE_S = 0.04
# Enough to make fifty calls ready on a busy machine: so many at most, a few before what came in meanwhile is seen to.
HOLD_S, HOLD_MOST, HOLD_TOGETHER = 0.2, 200, 10
HELD_BEFORE_S = 0.003  # in the last moment none is begun
# The longest the heap sleeps: a sale's clock can be stepped, and round trips show it within this time.
LOOK_S = 1.0
# A platform's window that is said to be full until just now is not asked about, and reported, a thousand times.
WAIT_AT_LEAST_S = 0.2
# Not yet gone, in the coordinator's eyes. `held` is what this relay reported as waiting for a rate window.
OPEN = frozenset({"requested", "held"})
# A pause of this length is told, so that the board shows it and another relay can take over; a shorter one is over first.
TOLD_REST_S = 2.0
# The last attempt that ended so is not there, and the next one was not begun either.
NOT_THERE = frozenset({"retry", "rejected", "disabled", "expired"})
NOT_LEFT = "it had not left when the line was lost"
# Longer than a stop takes: what was told to wait until then is nobody's to hand back.
STOPS_WITHIN_S = 30.0


class Outbox:
    """Takes deliveries, has platforms called at their instant, tells what became of them.

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
        self._prepare_s, self._mono = prepare_s, mono
        self._heap: list[tuple[int, int, str]] = []
        self._order = count()
        self._sale = ""
        self._parcels: dict[str, Parcel] = {}
        self._after: dict[str, tuple[Delivery, bool]] = {}  # newer attempts that came while one is on its way
        self._preparing: set[asyncio.Task[Prepared]] = set()
        self._poke = asyncio.Event()
        self._stopping = False
        self._left: list[Delivery] = []  # what was not begun when it was stopped
        self._leaving: set[str] = set()  # "sending" stands in the log, and the platform has not been called
        self._doubted: dict[str, Delivery] = {}  # of these it is to be told that they have not left
        self._denied: dict[str, int] = {}  # delivery → the attempt of which that was told
        self._lanes = Lanes(clock, mono, depart=self._depart, wait=self._wait, sooner=self._sooner)
        self.attempts = Attempts(
            clock=clock,
            store=store,
            lanes=self._lanes,
            tell=tell,
            ended=self._ended,
            put_back=self._put_back,
            answer_within_s=answer_within_s,
            mono=mono,
        )
        self._waiting = Waiting(clock=clock, tell=tell, spawn=self.attempts.spawn, look_at=self._look_at, mono=mono)
        clock.changed = self._poke.set
        lease.regained = self._unblock

    async def open(self) -> None:
        """Fills the rate windows from the log. Before anything else."""
        await self._lanes.open(self._routes, self._store)

    def resume(self, sale: str, known: dict[str, Known]) -> None:
        """What the log knows of this sale. Before its first delivery is taken."""
        if sale != self._sale:
            self._sale = sale
            for id_ in list(self._parcels):
                self._remove(id_)
            self._after.clear()
            self._doubted.clear()
            self._denied.clear()
            self.attempts.resume(sale, known)

    # -- what comes from the coordinator

    def replace(self, raws: Iterable[dict[str, Any]], mine: Callable[[dict[str, Any]], bool]) -> None:
        """The whole truth: what is not in it is no longer to be sent."""
        there = {str(raw.get("id")): raw for raw in raws if mine(raw)}
        for id_ in [i for i in (*self._parcels, *self._after, *self.attempts.going()) if i not in there]:
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
        begun, parcel = self.attempts.of(delivery.id), self._parcels.get(delivery.id)
        if begun is not None and delivery.attempt <= begun.attempt:
            begun.recalled |= delivery.attempt == begun.attempt and delivery.status not in OPEN
            return
        if parcel is not None and delivery.attempt < parcel.delivery.attempt:
            return
        if delivery.status not in OPEN:
            self.drop(delivery.id, delivery.attempt)
            if delivery.status == "unknown" and (begun is None or begun.outcome in NOT_THERE):
                self._deny(delivery)
            return
        self._denied.pop(delivery.id, None)
        self._doubted.pop(delivery.id, None)
        if self._stopping:
            if delivery.status == "requested":
                self._tell_back(delivery)
        elif begun is not None and begun.outcome is None:
            self._after[delivery.id] = (delivery, live)
        elif begun is not None and begun.outcome == "sent" and not begun.acknowledged:
            self._remove(delivery.id)
            self.attempts.carry_over(delivery, begun)
        elif parcel is None or delivery.attempt > parcel.delivery.attempt:
            self._schedule(delivery)

    def _deny(self, delivery: Delivery) -> None:
        """The sale does not know whether it left, and the log does: it did not. It leaves now, or its time is over."""
        if self._stopping or not self._clock.synced or self._denied.get(delivery.id) == delivery.attempt:
            return
        if delivery.id in self._leaving:
            self._doubted[delivery.id] = delivery
            return
        self._denied[delivery.id] = delivery.attempt
        now = self._clock.now()
        if now >= delivery.expires_at:
            self.attempts.decide(delivery, {"outcome": "expired", "why": NOT_LEFT})
        else:
            fields = {"outcome": "waiting", "until": now, "why": NOT_LEFT}
            self._tell(Report.make(delivery.id, delivery.attempt, fields, nth=f"not-left-{now}"))

    def drop(self, id_: str, attempt: int | None = None) -> None:
        """Withdrawn, moved or gone: attempts up to `attempt` (None: all) that have not begun never will."""
        parcel = self._parcels.get(id_)
        if parcel is not None and (attempt is None or parcel.delivery.attempt <= attempt):
            self._remove(id_)
        after = self._after.get(id_)
        if after is not None and (attempt is None or after[0].attempt <= attempt):
            del self._after[id_]
        begun = self.attempts.of(id_)
        if begun is not None and begun.outcome is None and (attempt is None or begun.attempt <= attempt):
            begun.recalled = True

    def may_leave(self, id_: str, attempt: int) -> bool:
        """Whether an attempt that was begun may still be sent: the lease holds, and nobody took it back."""
        begun = self.attempts.of(id_)
        here = begun is not None and begun.attempt == attempt and begun.outcome is None and not begun.recalled
        return here and id_ not in self._after and self._lease.held()

    def agreed(self, report: Report) -> None:
        """The sale has taken a `waiting`, and goes by it from now on."""
        parcel = self._parcels.get(report.delivery)
        if parcel is not None and parcel.told != parcel.not_before and report.body.get("until") == parcel.told:
            parcel.not_before = parcel.told
            self._lanes.admit([parcel.route.adapter.name])

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
        self._lanes.close()
        soon = self._clock.now() + self._clock.span_ms(STOPS_WITHIN_S) if self._clock.synced else 0
        # What is told to wait for longer is certainly not there: the sale knows it already.
        self._left = [p.delivery for p in self._parcels.values() if p.not_before is None or p.not_before <= soon]
        self._left += [newer for newer, _ in self._after.values()]
        for id_ in list(self._parcels):
            self._remove(id_)
        self._after.clear()
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

    # -- scheduling

    def _schedule(self, delivery: Delivery) -> None:
        self._remove(delivery.id)
        route = self._routes.to(delivery.group)
        if route is None:
            why = f"group {delivery.group} is not in this relay's configuration"
            self.attempts.decide(delivery, {"outcome": "rejected", "why": why})
            return
        at = delivery.fire_at
        rest = self.attempts.rest_of(delivery.id)
        if rest is not None and rest.until > self._mono():
            at = max(at, self._clock.at(rest.until))
        if at >= delivery.expires_at:
            at = self._after_prepared(delivery.expires_at)
        parcel = Parcel(delivery, route, at, places=places_of(route, delivery.content))
        if delivery.status == "held":
            parcel.told = parcel.not_before = delivery.until  # what the sale was told, by an earlier life of this relay
        if type(route.adapter).prepare is not Adapter.prepare:
            parcel.preparing = asyncio.get_running_loop().create_task(
                route.adapter.prepare(route.group, delivery.content)
            )
            self._preparing.add(parcel.preparing)
            parcel.preparing.add_done_callback(self._prepared)
        self._expect(parcel)
        if rest is not None and rest.until - self._mono() >= TOLD_REST_S:
            self._waiting.tell(parcel, min(at, delivery.expires_at), rest.why)

    def _expect(self, parcel: Parcel) -> None:
        self._parcels[parcel.delivery.id] = parcel
        self._push(parcel.at, parcel.delivery.id)
        if type(parcel.route.adapter).hold is not Adapter.hold:
            self._push(parcel.at - self._clock.span_ms(HOLD_S - self._prepare_s), parcel.delivery.id)
        self._lanes.expect(parcel)

    def _remove(self, id_: str, *, leaves: bool = False) -> None:
        parcel = self._parcels.pop(id_, None)
        if parcel is not None:
            self._lanes.forget(parcel)
            if not leaves:
                parcel.let_go()

    def _prepared(self, task: asyncio.Task[Prepared]) -> None:
        self._preparing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # The message goes without; only the type, as an HTTP client's error can quote an address.
            log.warning("a message could not be prepared", why=type(task.exception()).__name__)

    def _wait(self, lane: Lane) -> None:
        self._waiting.look_through(lane)

    def _sooner(self, parcel: Parcel) -> None:
        self._waiting.sooner(parcel)

    def _look_at(self, at: int, parcel: Parcel) -> None:
        self._push(self._after_prepared(at), parcel.delivery.id)

    def _after_prepared(self, at: int) -> int:
        """The heap looks `prepare_s` ahead; an entry at this moment is only seen once `at` has come."""
        return at + self._clock.span_ms(self._prepare_s)

    def _push(self, at: int, id_: str) -> None:
        heapq.heappush(self._heap, (at, next(self._order), id_))
        self._poke.set()

    def _due(self) -> None:
        touched: dict[str, None] = {}
        due: list[Parcel] = []
        soon: list[Parcel] = []
        while self._heap and self._clock.seconds_until(self._heap[0][0]) <= self._prepare_s:
            at, _, id_ = heapq.heappop(self._heap)
            parcel = self._parcels.get(id_)
            if parcel is None or parcel.phase not in ("timed", "queued"):
                continue
            name = parcel.route.adapter.name
            if self._clock.now() >= parcel.delivery.expires_at:
                self._remove(id_)
                self.attempts.decide(parcel.delivery, {"outcome": "expired"})
                touched[name] = None  # what waits behind it may take less room
            elif parcel.phase == "timed" and parcel.at == at:
                self._lanes.put(parcel)
                due.append(parcel)
                self._look_at(parcel.delivery.expires_at, parcel)
                touched[name] = None
            elif parcel.phase == "queued":
                self._wait(self._lanes[name])
            elif at < parcel.at and parcel.not_before is None and self._clock.seconds_until(parcel.at) < 2 * HOLD_S:
                soon.append(parcel)
        self._lanes.admit(touched)
        for parcel in due:
            if parcel.phase == "queued":
                parcel.let_go()  # who knows how long it waits
        if soon:
            self.attempts.spawn(self._hold(soon))

    def _unblock(self) -> None:
        for parcel in list(self._parcels.values()):
            if parcel.phase == "blocked":
                parcel.phase = "timed"
                self._expect(parcel)

    # -- leaving

    def _depart(self, parcels: list[Parcel]) -> None:
        if not parcels:
            return
        for parcel in parcels:
            parcel.phase = "prepared"
        self.attempts.spawn(self._leave_together(sorted(parcels, key=lambda p: (p.at, p.delivery.priority))))

    async def _leave_together(self, parcels: list[Parcel]) -> None:
        if self._lease.held():
            self._leaving.update(p.delivery.id for p in parcels)
            await self.attempts.record(parcels)
            undone = []
            for at, same in groupby(parcels, key=lambda p: p.at):
                while (wait := self._clock.seconds_until(at)) > 0 and not self._stopping:  # noqa: ASYNC110 - an instant
                    await asyncio.sleep(wait)
                for parcel in same:
                    await self.attempts.room(parcel)
                    if not self._leave(parcel):
                        undone.append(parcel)
            if undone:
                await self.attempts.unrecord(undone)
        else:
            undone = parcels
        self._leaving.difference_update(p.delivery.id for p in parcels)
        for parcel in undone:
            # Only now: the log's line is gone, so that what comes back can be begun again.
            parcel.let_go()
            if parcel.phase == "prepared":
                parcel.phase = "blocked"
            self._lanes.give_back(parcel)
            if (doubted := self._doubted.pop(parcel.delivery.id, None)) is not None:
                self._deny(doubted)
        self._lanes.admit(dict.fromkeys(p.route.adapter.name for p in undone))
        if undone and self._lease.held():
            self._unblock()

    async def _hold(self, parcels: list[Parcel]) -> None:
        """Has calls made ready while there is time."""
        for n, parcel in enumerate(parcels[:HOLD_MOST]):
            if n % HOLD_TOGETHER == 0:
                await asyncio.sleep(0)
            if self._stopping or self._clock.seconds_until(parcel.at) < HELD_BEFORE_S:
                return
            if parcel.phase in ("timed", "prepared") and parcel.held is None:
                self.attempts.hold(parcel)

    def _leave(self, parcel: Parcel) -> bool:
        """The last look, and the call. False where it must not leave."""
        if self._stopping or parcel.phase != "prepared" or not self._lease.held():
            return False
        if self._clock.now() >= parcel.delivery.expires_at:  # it waited for room among thousands
            return False
        self._remove(parcel.delivery.id, leaves=True)
        self.attempts.begin(parcel)
        return True

    # -- what comes after an attempt

    def _put_back(self, parcel: Parcel, begun: Begun, outcome: Outcome) -> None:
        """Nothing was called: it leaves at `until`, if it is still to leave then."""
        delivery = parcel.delivery
        after = self._after.pop(delivery.id, None)
        if after is not None:
            self._schedule(after[0])
        elif self._stopping:
            self._tell_back(delivery)
        elif not begun.recalled:
            until = max(outcome.until or 0, self._clock.now() + self._clock.span_ms(WAIT_AT_LEAST_S))
            again = replace(parcel, at=until, phase="timed", held=None)
            self._expect(again)
            self._waiting.tell(again, until, outcome.why)

    def _ended(self, delivery: Delivery, begun: Begun) -> None:
        after = self._after.pop(delivery.id, None)
        if after is None:
            return
        newer, live = after
        # The newer attempt was asked for without knowing of this one. What is there is not sent again. What may be
        # there is the sale's to decide: after a reconnect it has decided, else it is told.
        if begun.outcome == "sent" or (begun.outcome == "unknown" and live):
            self.attempts.carry_over(newer, begun)
        else:
            self._schedule(newer)
