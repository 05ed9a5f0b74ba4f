"""A relay at work: it connects, learns what is to be sent, sends it, tells, and comes back when the line breaks."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from coordinator.errors import CannotStart
from roles.relay import machine
from roles.relay.adapters.base import Outcome, Routes
from roles.relay.errors import LineLost, RelayRefused
from roles.relay.sending import limits
from roles.relay.sending.attempts import ANSWER_WITHIN_S, STOPPED_WHILE_SENDING
from roles.relay.sending.following import Follower
from roles.relay.sending.log import Report, SendLog
from roles.relay.sending.outbox import PREPARE_S, Outbox
from roles.relay.wire.line import Answer, Frame, Line, Pace
from roles.relay.wire.post import Post
from roles.relay.wire.saletime import Lease, SaleClock

log = structlog.get_logger("relay")

OBSERVED_MOST = 50_000  # observations that may wait for a coordinator that is away; reports always may


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient an agent is. Seconds."""

    back_first: tuple[float, float] = (0.05, 0.25)  # quick: a restart of the coordinator is often over by then
    back_most: float = 5.0
    settled_after: float = 2.0  # a line that lasted this long makes the next coming back quick again
    lease_held: float = 2.0  # see saletime.Lease
    prepare: float = PREPARE_S
    answer_within: float = ANSWER_WITHIN_S
    report_within: float = 5.0  # how long a stop waits for the last reports to be taken; they are on disk
    follow_every: float = 60.0  # how often it is asked what a person did with what was handed to them
    pace: Pace = field(default_factory=Pace)


class Agent:
    """A relay of one sale, with the groups of `routes`, on the folder `data` (None: in memory, for rehearsals).

    `run()` goes on until `stop()`; both belong to one event loop. `everything` takes also what is meant for another
    relay: for the built-in relay of a rehearsal, which serves all groups. `record` names what it knows of what it sent,
    where that is not the folder's. `state` is the relay's view as it stands.
    """

    def __init__(
        self,
        coordinator: str,
        token: str,
        routes: Routes,
        *,
        sale: str | None = None,
        data: Path | None = None,
        everything: bool = False,
        timing: Timing = Timing(),
        clock: SaleClock | None = None,
        record: str | None = None,
    ) -> None:
        self._coordinator, self._token, self._routes = coordinator, token, routes
        self._wanted, self._data, self._everything, self._timing = sale, data, everything, timing
        self._clock = clock or SaleClock()
        self._lease = Lease(timing.lease_held)
        self._reports, self._observations = Post(), Post()
        self._acks: list[Report] = []
        self._acking: asyncio.Task[None] | None = None
        self._position: str | None = None
        self._record = record
        self._stopping = asyncio.Event()
        self._over = False
        self._knows = False  # whether what stands at the coordinator was learnt
        self._limits: dict[str, Any] = {}  # what was told of the rate windows over this line
        self._ids = (f"o-{machine.new_name()}-{n}" for n in range(1 << 62))
        self.state: dict[str, dict[str, Any]] = {}
        self.welcome: Frame = {}
        self.connected = asyncio.Event()

    def __repr__(self) -> str:
        return f"Agent(sale={self.sale or self._wanted!r})"

    @property
    def sale(self) -> str:
        """The sale's id; empty before the first welcome."""
        return str(self.welcome.get("sale", ""))

    def now(self) -> int:
        """The sale's time, ms. Raises RuntimeError before the first welcome."""
        return self._clock.now()

    def seconds_until(self, sale_ms: float) -> float:
        """Real seconds until the sale's time is `sale_ms`. Raises RuntimeError before the first welcome."""
        return self._clock.seconds_until(sale_ms)

    async def run(self) -> None:
        """Works until `stop()`. Raises `RelayRefused`, `DiskFailed`, or `CannotStart` where the folder is taken.

        A coordinator that cannot be reached is called again, for ever.
        """
        self._store = SendLog(self._data)
        self._outbox = Outbox(
            clock=self._clock,
            lease=self._lease,
            store=self._store,
            routes=self._routes,
            tell=self._tell,
            prepare_s=self._timing.prepare,
            answer_within_s=self._timing.answer_within,
        )
        self._attempts = self._outbox.attempts
        self._follower = Follower(
            self._attempts,
            self._store,
            self._routes,
            sale=lambda: self.sale if self._knows else "",
            me=lambda: str(self.welcome.get("name", "")),
            stands=self._shown,
            seconds_until=self.seconds_until,
            tell=self._tell,
            every_s=self._timing.follow_every,
            answer_within_s=self._timing.answer_within,
        )
        opened = []
        sending: asyncio.Task[None] | None = None
        following: asyncio.Task[None] | None = None
        try:
            await self._outbox.open()
            self._record = self._record or await self._store.name()
            for adapter in self._routes.adapters.values():
                await adapter.open()
                opened.append(adapter)
            sending = asyncio.create_task(self._outbox.run())
            following = asyncio.create_task(self._follower.run())
            await self._come_back_until_stopped(sending)
        finally:
            self._lease.drop()
            self._outbox.stop_taking()
            for task in (sending, following):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            await self._attempts.finished()
            self._over = True
            for post in (self._reports, self._observations):
                post.give_up(lambda: CannotStart("the relay was stopped"))
            if self._acking is not None:
                await asyncio.gather(self._acking, return_exceptions=True)
            for adapter in opened:
                await adapter.close()
            await self._store.close()

    def stop(self) -> None:
        """Begins nothing more, finishes what is with a platform, reports it, closes. Safe to call more than once."""
        self._stopping.set()

    async def observe(self, commands: Iterable[dict[str, Any]]) -> list[Answer]:
        """Gives commands such as `group.observe` and `question.raise`; waits for their answers, in order.

        One without `id` gets one. They are kept over broken lines and given again with the same ids, so each counts
        once. A refusal is an answer, not an exception; beyond OBSERVED_MOST that wait it is `busy`. Raises CannotStart where the relay stops first.
        """
        if self._over:
            raise CannotStart("the relay was stopped")
        named = [{"id": next(self._ids), **c} for c in commands]
        if len(self._observations) + len(named) > OBSERVED_MOST:
            why = "the coordinator is away, and too much waits to be told"
            return [Answer(c["id"], ok=False, code="busy", message=why) for c in named]
        return await asyncio.gather(*self._observations.put(named))

    async def became(self, delivery: str, attempt: int, outcome: Outcome) -> None:
        """Tells what became of an attempt that had ended as `awaiting` or `unknown`. It is on disk when this returns.

        Raises ValueError for an attempt that this relay never began, DiskFailed where it cannot be kept.
        """
        await self._attempts.became(delivery, attempt, outcome)

    def may_leave(self, delivery: str, attempt: int) -> bool:
        """Whether an attempt that was begun may still be sent: the lease holds, and it was not taken back meanwhile."""
        return self._outbox.may_leave(delivery, attempt)

    def pseudonym(self, namespace: str, person: str) -> str:
        """The member that stands for a person of a platform in this sale. Needs a welcome with a `member_key`."""
        key = self.welcome.get("member_key")
        if not key:
            raise RuntimeError("the coordinator gives this connection no member_key")
        who = f"{namespace}:{person}".encode("utf-8", "replace")
        return hmac.new(str(key).encode(), who, hashlib.sha256).hexdigest()[:20]

    # -- lines

    async def _come_back_until_stopped(self, sending: asyncio.Task[None]) -> None:
        tries = 0
        while not self._stopping.is_set():
            began = machine.monotonic()
            try:
                line = await self._first(self._open())
                if line is None:
                    return
                began = machine.monotonic()
                lost = await self._serve(line, sending)
            except LineLost as error:
                lost = error
            if lost is None:
                return
            if not lost.retry:
                raise RelayRefused(lost.code, lost.reason)
            tries = (
                0
                if machine.monotonic() - began >= self._timing.settled_after and self.connected.is_set()
                else tries + 1
            )
            self.connected.clear()
            low, high = self._timing.back_first
            pause = min(self._timing.back_most, machine.between(low, high) * 2 ** min(max(0, tries - 1), 10))
            if lost.after_s is not None:
                pause = lost.after_s  # the coordinator knows when it has room again
            log.info("the line is gone, coming back", code=lost.code, why=lost.reason, after_s=round(pause, 3))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _open(self) -> Line:
        # Within the lease nobody else was given anything, so what was missed is enough. Beyond it only the whole truth
        # says what is still this relay's to send.
        position = self._position if self._lease.held() else None
        return await Line.open(
            self._coordinator,
            self._token,
            clock=self._clock,
            lease=self._lease,
            frames=self._frame,
            welcomed=self._welcomed,
            sale=self._wanted,
            position=position,
            record=self._record,
            pace=self._timing.pace,
        )

    async def _first(self, opening: Coroutine[Any, Any, Line]) -> Line | None:
        """The line, or None where a stop came first."""
        task = asyncio.create_task(opening)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            return None
        finally:
            for one in (task, stop):
                one.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _serve(self, line: Line, sending: asyncio.Task[None]) -> LineLost | None:
        """One line from welcome to end. None: it was ended by a stop."""
        self.connected.set()
        log.info("connected", sale=self.sale, relay=self.welcome.get("name"), recovered=self.welcome.get("recovered"))
        carrying = [asyncio.create_task(post.carry(line)) for post in (self._reports, self._observations)]
        stop = asyncio.create_task(self._stopping.wait())
        try:
            ends: set[asyncio.Future[Any]] = {line.lost, stop, sending, self._attempts.failed, *carrying}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._attempts.failed.done():
                raise self._attempts.failed.result()
            if sending.done():
                sending.result()
            if line.lost.done():
                return line.lost.result()
            if stop.done():
                await self._finish(line)
                return None
            for one in carrying:  # ended before the line did: LineLost tells why, anything else is a fault of ours
                if one.done():
                    one.result()
            return await line.lost
        finally:
            stop.cancel()
            for one in carrying:
                one.cancel()
            await asyncio.gather(stop, *carrying, return_exceptions=True)
            await line.close()

    async def _finish(self, line: Line) -> None:
        """What a platform has been called for is waited for and told; what is not told by then stands on disk."""
        self._outbox.stop_taking()
        self._outbox.hand_back()
        await self._attempts.finished()
        told = [asyncio.create_task(post.emptied()) for post in (self._reports, self._observations)]
        everything: asyncio.Future[Any] = asyncio.gather(*told)
        await asyncio.wait(
            {line.lost, everything}, timeout=self._timing.report_within, return_when=asyncio.FIRST_COMPLETED
        )
        everything.cancel()
        await asyncio.gather(everything, return_exceptions=True)
        self._lease.drop()
        await line.leave()
        log.info("stopped", untold=len(self._reports))

    # -- what the coordinator says

    async def _welcomed(self, welcome: Frame) -> None:
        if (role := welcome.get("role", "relay")) != "relay":
            raise CannotStart(
                f"the token is that of a {role}, no relay's: nothing would be given to send; make one with "
                "`dropcue join SALE relay --name NAME --json`, and give its `token`"
            )
        fresh = welcome.get("sale") != self.welcome.get("sale")
        self.welcome = welcome
        self._knows &= not fresh
        if fresh:
            await self._store.recover(self.sale, STOPPED_WHILE_SENDING)
            self._outbox.resume(self.sale, await self._store.known(self.sale))
        self._position = welcome.get("position")
        # Before what is to be sent: the coordinator shall know what was, first.
        if fresh:
            for report in await self._store.unacknowledged(self.sale):
                self._tell(report)
        state = welcome.get("state")
        if state is not None:
            self._learn(state)
        self._limits = {}
        self._tell_limits()

    def _frame(self, frame: Frame) -> None:
        self._position = frame.get("position", self._position)
        if frame["op"] == "snapshot":
            self._learn(frame["state"])
            self._tell_limits()
            return
        for event in frame.get("events", ()):
            match event.get("kind"):
                case "delivery.requested":
                    raw = event | {"id": event.get("delivery"), "status": "requested"}
                    if self._mine(raw):
                        self._outbox.take(raw, live=True)
                    else:
                        self._outbox.drop(str(raw["id"]))
                case "delivery.withdrawn":
                    self._outbox.drop(str(event.get("delivery")), event.get("attempt"))
        changes = frame.get("changes") or {}
        for topic, entities in changes.items():
            known = self.state.setdefault(topic, {})
            for id_, entity in entities.items():
                if entity is None:
                    known.pop(id_, None)
                else:
                    known[id_] = entity
        if self._follower.has_work and changes.get("deliveries"):
            self._follower.look()
        for id_, entity in changes.get("deliveries", {}).items():
            if entity is None or not self._mine(entity):
                self._outbox.drop(id_)
            else:
                self._outbox.take({"id": id_} | entity, live=True)

    def _learn(self, state: dict[str, dict[str, Any]]) -> None:
        self.state, self._knows = state, True
        self._follower.look()
        deliveries = state.get("deliveries") or {}
        self._outbox.replace(({"id": id_} | entity for id_, entity in deliveries.items()), self._mine)

    def _tell_limits(self) -> None:
        """Tells the windows of the credentials that serve the sale's groups, where that is news on this line."""
        fields = limits.told(
            self._routes, self._outbox.lanes, self.state.get("groups") or (), machine.monotonic(), self._clock.at
        )
        if limits.without_use(fields) == self._limits or not fields["groups"]:
            return
        self._limits = limits.without_use(fields)
        [answer] = self._observations.put([{"id": next(self._ids), "kind": "relay.limits", **fields}])
        answer.add_done_callback(_limits_told)

    def _mine(self, delivery: dict[str, Any]) -> bool:
        """A group can have several relays; its deliveries are sent by the one they name."""
        name, me = delivery.get("relay"), self.welcome.get("name")
        return self._everything or not name or not me or name == me

    def _shown(self, delivery: str) -> dict[str, Any] | None:
        return (self.state.get("deliveries") or {}).get(delivery)

    # -- what is told

    def _tell(self, report: Report) -> None:
        if report.outcome == "awaiting":
            self._follower.look()  # it may have been taken away before it was there
        [answer] = self._reports.put([report.body])
        if not answer.done():
            answer.add_done_callback(lambda done: self._told(report, done))

    def _told(self, report: Report, done: asyncio.Future[Answer]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        answer = done.result()
        if not answer.ok:
            # It would be refused again: what the coordinator does not want to know is not told for ever.
            log.warning("a report was refused", report=report.id, code=answer.code, why=answer.message)
        if report.outcome == "waiting":
            if answer.ok:
                self._outbox.agreed(report)
        else:
            self._attempts.acknowledged(report)
            self._acks.append(report)
            if self._acking is None:
                self._acking = asyncio.create_task(self._acknowledge())

    async def _acknowledge(self) -> None:
        try:
            while self._acks:
                batch, self._acks = self._acks, []
                await self._store.acknowledge(self.sale, [report.id for report in batch])
        except Exception as error:
            if not self._attempts.failed.done():
                self._attempts.failed.set_result(error)
        finally:
            self._acking = None


def _limits_told(done: asyncio.Future[Answer]) -> None:
    """An older coordinator does not know of windows: it forecasts nothing, and all else goes on."""
    if not done.cancelled() and done.exception() is None and not done.result().ok:
        log.info("the rate windows were not taken", code=done.result().code, why=done.result().message)
