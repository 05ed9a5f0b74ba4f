"""Attempts that have begun: a platform is called once, and what it answers stands in the log before it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from roles.relay import machine
from roles.relay.adapters.base import Delivery, Outcome, Prepared
from roles.relay.sending.lanes import Lanes, Parcel
from roles.relay.sending.log import Known, Report, Sending, SendLog
from roles.relay.wire.saletime import Mono, SaleClock

log = structlog.get_logger("relay")

# A platform that has not answered by now may still have taken the message.
ANSWER_WITHIN_S = 15.0
# How long a platform that cannot be reached is left alone: first, and at most. Each time twice as long.
AGAIN_FIRST_S, AGAIN_MOST_S = 1.0, 60.0
# How long past its instant a message waits for what is being prepared for it; then it goes without.
PREPARED_WITHIN_S = 1.0

# So many begin before what came in meanwhile is seen to: answers, and the pings that the lease hangs on.
BEGIN_TOGETHER = 50
# So many connections at a time are with platforms; thousands more at once would only wait there.
CALLS_MOST = 1000

STOPPED_WHILE_SENDING = "the relay stopped while it was sending"


class Rest(NamedTuple):
    """A delivery is left alone until then (local s): the platform asked for it, or could not take it."""

    until: float
    why: str


@dataclass(slots=True)
class Begun:
    """The last attempt for which a platform was called, or whose end was decided without one."""

    attempt: int
    outcome: str | None = None  # None: on its way
    acknowledged: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    recalled: bool = False  # while it was on its way it was withdrawn, or given to another


class Attempts:
    """Calls platforms, and knows the last attempt of each delivery that was begun.

    `ended` is called when an attempt has its end, `put_back` when it turned out that nothing was called.
    """

    def __init__(
        self,
        *,
        clock: SaleClock,
        store: SendLog,
        lanes: Lanes,
        tell: Callable[[Report], None],
        ended: Callable[[Delivery, Begun], None],
        put_back: Callable[[Parcel, Begun, Outcome], None],
        answer_within_s: float,
        mono: Mono,
    ) -> None:
        self._clock, self._store, self._lanes, self._tell = clock, store, lanes, tell
        self._ended, self._put_back, self._answer_within_s, self._mono = ended, put_back, answer_within_s, mono
        self._sale = ""
        self._begun: dict[str, Begun] = {}
        self._rest: dict[str, Rest] = {}
        self._tries: dict[str, int] = {}  # how often a platform could not take it, and named no time
        self._disabled: set[str] = set()  # credentials of which it was said that they do not work
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._begun_together = 0
        self._one_ended = asyncio.Event()
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def resume(self, sale: str, known: dict[str, Known]) -> None:
        """What the log knows of a sale."""
        self._sale = sale
        self._begun = {d: Begun(k.attempt, k.outcome, k.acknowledged, k.body) for d, k in known.items()}

    def of(self, id_: str) -> Begun | None:
        """The last attempt of a delivery that was begun here."""
        return self._begun.get(id_)

    def going(self) -> list[str]:
        """The deliveries that are with a platform now."""
        return [id_ for id_, begun in self._begun.items() if begun.outcome is None]

    def rest_of(self, id_: str) -> Rest | None:
        """Until when a delivery is left alone, and why; asked for once."""
        return self._rest.pop(id_, None)

    def acknowledged(self, report: Report) -> None:
        begun = self._begun.get(report.delivery)
        if begun is not None and begun.attempt == report.attempt and begun.outcome == report.outcome:
            begun.acknowledged = True

    async def finished(self) -> None:
        """Waits until every platform that was called has answered, and the log has it."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that is waited for at the end; where it fails the relay ends, as `failed` tells."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            if not self.failed.done():
                self.failed.set_result(error)

    # -- from "sending" in the log to the call

    async def record(self, parcels: Iterable[Parcel]) -> None:
        """Writes "sending" for all of them: nothing is called without it."""
        await self._store.begin([self._sending(parcel) for parcel in parcels])

    async def unrecord(self, parcels: Iterable[Parcel]) -> None:
        """No platform was called for these."""
        await self._store.undo([self._sending(parcel) for parcel in parcels])

    def _sending(self, parcel: Parcel) -> Sending:
        name, delivery = parcel.route.adapter.name, parcel.delivery
        group = delivery.group if self._lanes[name].group_limits else ""
        return Sending(self._sale, delivery.id, delivery.attempt, name, group, parcel.places)

    def hold(self, parcel: Parcel) -> None:
        """Has its call made ready, where what it needs is there."""
        if parcel.preparing is not None and not parcel.preparing.done():
            return
        route = parcel.route
        try:
            parcel.held = route.adapter.hold(route.group, parcel.delivery, _made(parcel.preparing))
        except Exception as error:  # it is made at the instant then; only the type, as for all errors of adapters
            log.warning("a message could not be made ready", why=type(error).__name__)

    async def room(self, parcel: Parcel) -> None:
        """Waits until one more may begin."""
        self._begun_together += 1
        if self._begun_together >= BEGIN_TOGETHER:
            self._begun_together = 0
            await asyncio.sleep(0)
        while parcel.route.adapter.connects and self._calls >= CALLS_MOST:
            self._one_ended.clear()
            await self._one_ended.wait()

    def begin(self, parcel: Parcel) -> None:
        """Calls its platform. It stands in the log, and its place in the windows is taken."""
        self._calls += parcel.route.adapter.connects
        begun = self._begun[parcel.delivery.id] = Begun(parcel.delivery.attempt)
        self.spawn(self._send(parcel, begun))

    async def _send(self, parcel: Parcel, begun: Begun) -> None:
        delivery, route = parcel.delivery, parcel.route
        left_at = max(self._clock.now(), parcel.at) if self._clock.jumps else self._clock.now()
        try:
            async with asyncio.timeout(self._answer_within_s):
                prepared = parcel.held or await _ready(parcel.preparing)
                outcome = await route.adapter.deliver(route.group, delivery, prepared)
            if not isinstance(outcome, Outcome):  # an adapter of one's own that forgot to say
                outcome = Outcome.unknown(f"{route.adapter.platform} did not tell what became of it")
        except TimeoutError:
            outcome = Outcome.unknown(f"no answer within {self._answer_within_s:g} s")
        except Exception as error:
            # Only the type: the text of an HTTP client's error can quote an address with its key.
            outcome = Outcome.unknown(f"{route.adapter.platform} failed with {type(error).__name__}")
        finally:
            parcel.let_go()  # what an adapter did not make use of
            self._calls -= route.adapter.connects
            self._one_ended.set()
        if outcome.word == "waiting":
            await self.unrecord([parcel])
            self._lanes.give_back(parcel)
            del self._begun[delivery.id]
            self._put_back(parcel, begun, outcome)
            self._lanes.admit([route.adapter.name])
            return
        lane = self._lanes[route.adapter.name]
        if outcome.reached:
            lane.settle(delivery.group, self._mono(), parcel.places)
        else:
            self._lanes.give_back(parcel)
        fields = outcome.fields()
        if outcome.word == "sent":
            fields.setdefault("sent_at", left_at)
        if outcome.word == "retry":
            after_ms = fields["after_ms"] = self._again_after_ms(delivery.id, outcome)
            until = self._mono() + after_ms / 1000
            self._rest[delivery.id] = Rest(until, _what_happened(outcome))
            full = lane.of(delivery.group) if outcome.after_ms is not None else None
            if outcome.everyone:
                full = lane.window
            if full is not None:
                full.rest(until)
        else:
            self._tries.pop(delivery.id, None)
        self._say_once(route.adapter.name, outcome)
        await self._end(delivery, begun, fields)
        self._lanes.admit([route.adapter.name])

    def _again_after_ms(self, id_: str, outcome: Outcome) -> int:
        """What the platform says, else twice as long each time, with some chance: many do not come back in step."""
        if outcome.after_ms is not None:
            return outcome.after_ms
        tries = self._tries[id_] = self._tries.get(id_, 0) + 1
        return int(min(AGAIN_MOST_S, AGAIN_FIRST_S * 2 ** min(tries - 1, 10)) * machine.between(500, 1000))

    def _say_once(self, credential: str, outcome: Outcome) -> None:
        """A channel that does not work is said once, not for each of its groups; then again when it works."""
        if outcome.word == "disabled" and credential not in self._disabled:
            self._disabled.add(credential)
            log.warning("a channel does not work", credential=credential, why=outcome.why)
        elif outcome.word == "sent" and credential in self._disabled:
            self._disabled.discard(credential)
            log.info("a channel works again", credential=credential)

    # -- how it ends

    def decide(self, delivery: Delivery, fields: dict[str, Any]) -> None:
        """Ends an attempt without calling a platform."""
        begun = self._begun[delivery.id] = Begun(delivery.attempt)
        self.spawn(self._end(delivery, begun, fields))

    def carry_over(self, newer: Delivery, begun: Begun) -> None:
        """A newer attempt of what is there, or may be: it ends as the one before did."""
        kept = {k: begun.body[k] for k in ("outcome", "sent_at", "platform_id") if k in begun.body}
        self.decide(newer, kept | {"why": f"attempt {begun.attempt} had left"})

    async def _end(self, delivery: Delivery, begun: Begun, fields: dict[str, Any]) -> None:
        report = Report.make(delivery.id, delivery.attempt, fields)
        await self._store.finish(self._sale, report)
        begun.outcome, begun.body = report.outcome, report.body
        self._tell(report)
        self._ended(delivery, begun)

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
                self._rest[id_] = Rest(self._mono() + (outcome.after_ms or 0) / 1000, _what_happened(outcome))
        await self._store.finish(self._sale, report)
        self._tell(report)


def _what_happened(outcome: Outcome) -> str:
    """Why it is tried again later. Only who was reached and named a time has asked for it."""
    why = outcome.why or ("the platform could not take it" if outcome.reached else "the platform cannot be reached")
    return f"the platform asked to wait: {why}" if outcome.reached and outcome.after_ms is not None else why


async def _ready(preparing: asyncio.Task[Prepared] | None) -> Prepared:
    """What was prepared for a message, or nothing where it is not there in time."""
    if preparing is None:
        return None
    if not preparing.done():  # else nothing comes between the instant and the call
        await asyncio.wait({preparing}, timeout=PREPARED_WITHIN_S)
    if not preparing.done():
        preparing.cancel()
        return None
    return _made(preparing)


def _made(preparing: asyncio.Task[Prepared] | None) -> Prepared:
    if preparing is None or preparing.cancelled() or preparing.exception() is not None:
        return None
    return preparing.result()
