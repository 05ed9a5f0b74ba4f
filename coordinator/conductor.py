"""The conductor of one sale: the only one who writes it.

Command in, decide, append, publish, answer. Commands are decided one after the other; what arrives while
a batch is being flushed forms the next one (group commit). Nobody sees anything that is not durable: views,
reads and answers are made between flushes only. When a flush fails, the working state is dropped and made
anew from the journal, and the journal decides what to answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from coordinator import clock as clocks
from coordinator import reading, rules
from coordinator.answers import Answer, Reply, answers_to, busy, refused
from coordinator.clock import Clock
from coordinator.core import CLOCK, Actor, Event, Moment, Refusal, State, answer, decide, decide_due, due
from coordinator.core.kernel import Override, Touched, check_from
from coordinator.core.sheets import JournalOpened
from coordinator.errors import UNREADABLE, Conflict, JournalError, JournalUnavailable
from coordinator.journal import codec
from coordinator.journal.base import Entry, Flush
from coordinator.leases import Held
from coordinator.limits import Limits, capped
from coordinator.reading import Read
from coordinator.record import Published, Record
from coordinator.waiting import Waiting, Work, class_of

log = structlog.get_logger(__name__)

BATCH_COMMANDS = 256  # a flush's fixed cost is spread over these; more would make the first of them wait
BATCH_SECONDS = 0.004  # the longest the loop is held by deciding; half of it costs a tenth of the claims a second
SHORTEST_SLEEP_SECONDS = 0.001
DELIVERY_ROOM_MS = 1_000  # of the sale's time, between a delivery's moment and where a rehearsal waits for it
REST_SECONDS = 0.5  # after a flush that failed, before what is due is tried again
UNKNOWN_SECONDS = 3.0  # after a flush that failed, so long its commands wait for the journal to say what became of them
RELOAD_SECONDS = 0.2  # between two tries to read a journal that cannot be read
RETRY_MS = 1_000  # what `busy` says where nobody knows when the journal is there again
REPEATS = 1_000  # answers that may be under way from the journal, to ids that came again
SNAPSHOT_EVERY = 10_000  # events: what a take-over may have to read, within a second or so
TIMED_TOPICS = frozenset(
    {"show", "segments", "cues", "deliveries", "questions", "tasks", "followups", "unpaid"}
)  # what `due` reads; conditions add theirs


Prepare = Mapping[str, Callable[[dict[str, Any], State, Actor, Override | None], Awaitable[dict[str, Any]]]]
"""Kind → (fields, state, sender, override) → the fields with what is read outside the core put in, such as a plan.

It reads the state before it waits, and not after. Raises Refusal."""


class _Batch:
    __slots__ = ("answers", "decided", "events", "ids", "senders", "touched")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.senders: list[str] = []
        self.touched: Touched = {}
        self.answers: list[tuple[Work, int, Answer]] = []
        self.ids: list[tuple[str, str, int]] = []
        self.decided = 0


class Conductor:
    def __init__(
        self,
        record: Record,
        *,
        permissions: reading.Permissions,
        make_clock: Callable[[State], Clock],
        prepare: Prepare | None = None,
        public: str = "",
        lease: Held | None = None,
        refusals: Counter[str] | None = None,
    ) -> None:
        self.record, self.sale, self.journal, self.public = record, record.sale, record.journal, public
        self.state = record.state
        self.clock: Clock = clocks.LiveClock()
        self.unavailable: str | None = None
        """Why nothing can be written just now, in plain words."""
        self.lost = asyncio.Event()
        """Set when another node may write this sale: this conductor has stopped, and writes no more."""
        self._rest_until = 0.0
        self._permissions, self._make_clock, self._prepare = permissions, make_clock, prepare or {}
        self._lease = lease
        self._broken = False  # a decision failed half-way: the working state is not to be trusted
        self._poisoned: set[str] = set()  # moments whose deciding failed: they are left alone
        self._ids: dict[str, dict[str, int]] = {}  # sender → id → number
        self._queue = Waiting()
        self._limits = Limits()
        self._repeats = 0
        self._refusals: Counter[str] = Counter() if refusals is None else refusals
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._due: list[tuple[int, int, str]] = []
        self._due_old = True
        self._declined: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._snapshot_at = 0
        self.wants_snapshot: Callable[[str, int], bool] | None = None
        """Asked for a snapshot at a durable number; False where none can be made just now."""

    # ------------------------------------------------------------ life
    async def open(self) -> None:
        """Reads the sale, or reads on where it was followed here, and begins to conduct it. Raises `JournalError`."""
        record = self.record
        if not record.durable:
            await record.open()
        # A record that came from where nodes share it goes on as another one's: its numbers may be given again.
        if self._lease is not None or (record.state.incarnations and record.incarnation != record.base):
            await record.catch_up(await self._declare())
        await self._take_up()
        self.clock = self._make_clock(self.state)
        self._task = asyncio.create_task(self._run(), name=f"conductor {self.sale}")

    async def close(self) -> None:
        """Finishes the batch under way, tells the rest to come back, and stops."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._refuse_all("the service is stopping")

    async def _take_up(self, after: int = 0) -> None:
        """The record's state is the working state; the ids that count are those of the journal: up to `after` they are here."""
        ids = {sender: {id_: seq for id_, seq in own.items() if seq <= after} for sender, own in self._ids.items()}
        async for sender, id_, seq in self.journal.commands(self.sale, after):
            ids.setdefault(sender, {})[id_] = seq
        self.state, self._ids = self.record.state, ids
        self._due_old = True
        self._declined.clear()
        self._snapshot_at = max(self._snapshot_at, self.record.snapshot)

    async def _declare(self) -> int:
        """Writes that this one is the writer from here on; the number. Once it stands, all before it stands as well.

        Raises `Newer`, and has written nothing, where a newer version has written what this one cannot read.
        """
        end = await self.journal.end(self.sale)
        last = await self.record.look_at(end.seq)
        at = max(last.at, self._make_clock(self.record.state).now())
        owner, incarnation, fence = "journal", end.incarnation, ""
        if self._lease is not None:
            owner, fence = self._lease.node, self._lease.token
            incarnation = fence.partition(".")[2]
        opened = JournalOpened(seq=end.seq + 1, at=at, by=CLOCK.by, owner=owner, incarnation=incarnation)
        flush = Flush(first=opened.seq, bodies=[codec.encode(opened)[0]], fence=fence)
        await self.journal.append(self.sale, flush)
        return opened.seq

    # ------------------------------------------------------------ the way in
    @property
    def waiting(self) -> int:
        """Commands that were taken and are not decided yet."""
        return len(self._queue)

    @property
    def waiting_by_class(self) -> Sequence[int]:
        """The same, by class as in `waiting.CLASSES`."""
        return self._queue.waiting

    def submit(self, actor: Actor, commands: Sequence[Any], reply: Reply, size: int = 0) -> None:
        """Queues commands; `reply` gets their answers, in order, once all of them stand or are refused.

        `size` is how many bytes they came in. What cannot wait, or comes too often, is refused at once, all of it.
        """
        if not commands:
            reply([])
            return
        of = class_of(actor.role, commands)
        no = self._no_to(actor, of, len(commands), size)
        if no is not None:
            self._refuse_work(Work(actor, [Read(reading.id_of(given)) for given in commands], reply), 0, no)
            return
        # They come while a flush is on its way: what can be told without the state is told now, not when they are decided.
        work = Work(actor, [self._read(actor, given) for given in commands], reply, of, size)
        if any(read.fields is not None for read in work.commands):
            _in_background(self._prepared(work))
        else:
            self._put(work)

    def _put(self, work: Work) -> None:
        self._queue.put(work)
        self._wake.set()

    async def _prepared(self, work: Work) -> None:
        """What takes long to read is read before it is queued: other people's commands, and what is due, go on meanwhile."""
        for read in work.commands:
            if read.fields is None:
                continue
            try:
                fields = await self._prepare[read.kind](read.fields, self.state, work.actor, read.override)
                read.command = reading.validated(read.kind, fields)
            except Refusal as refusal:
                read.refusal = refusal
            except Exception:
                # Whatever reading a sheet breaks on, its sender is owed an answer: this runs in no caller's hands.
                log.exception("a command could not be read", sale=self.sale, kind=read.kind)
                read.refusal = _our_fault(read.kind)
        if self._closing or self.lost.is_set():
            self._refuse_work(work, 0, _retry("the service is stopping"))
        else:
            self._put(work)

    def _no_to(self, actor: Actor, of: int, count: int, size: int) -> Refusal | None:
        """Why so many commands of somebody's are not taken now."""
        if self._closing:
            return _retry("the service is stopping")
        why = self._queue.why_not(actor.sender, of, count, size)
        if why is not None:
            return busy(why, self._queue.retry_ms())
        wait = self._limits.wait(actor, count)
        return capped(wait, self.clock.now(), self.clock.speed or 1.0) if wait else None

    def _read(self, actor: Actor, given: Any) -> Read:
        try:
            return reading.read(actor, given, self._permissions, self._prepare)
        except Exception:  # a fault of ours in one command is not to end its connection
            log.exception("a command could not be read", sale=self.sale)
            return Read(None, refusal=_our_fault("a command"), early=True)

    async def do(self, actor: Actor, command: dict[str, Any]) -> Answer:
        """One command, and its answer."""
        return (await answers_to(self.submit, actor, [command]))[0]

    async def settled(self) -> State:
        """The state between two flushes: all of it durable. It is the live object: read, do not wait, do not keep."""
        while not self._settled.is_set():
            await self._settled.wait()
        return self.state

    def wake(self) -> None:
        """The clock may have moved: look again at what is due."""
        self._wake.set()

    def doubt(self) -> None:
        """The lease may have gone to another: look before anything more is decided."""
        self._broken = True
        self._wake.set()

    def _refuse_all(self, why: str) -> None:
        for work, first in self._queue.emptied():
            self._refuse_work(work, first, _retry(why))

    def _refuse_work(self, work: Work, first: int, no: Refusal) -> None:
        for i in range(first, len(work.commands)):
            self._settle(work, i, refused(work.commands[i].id, no, self.record.durable))

    # ------------------------------------------------------------ the loop
    async def _run(self) -> None:
        while not self.lost.is_set():
            if self._closing and self._broken and self.unavailable is not None:
                return  # the journal cannot be read: whoever conducts the sale next reads it
            self._refresh_due()
            next_at = self._due[0][0] if self._due else None
            now = self.clock.now()
            resting = self.unavailable is not None and clocks.monotonic() < self._rest_until
            if not self._queue and not self._broken and (next_at is None or next_at > now or resting):
                if self._closing:
                    return
                await self._sleep(next_at)
                continue
            batch = self._decide_batch()
            if batch.events or self._broken:
                await self._flush(batch)
                # Others on the loop (readers of frames, above all) get their turn between batches.
            else:
                self._answer(batch)
            self._queue.worked(batch.decided)
            await asyncio.sleep(0)

    async def _sleep(self, next_at: int | None) -> None:
        self._wake.clear()
        if self._queue or self._broken:
            return
        # A rehearsal's clock may stand still: then it is looked at again, not spun on.
        timeout = None if next_at is None else max(SHORTEST_SLEEP_SECONDS, self.clock.delay(next_at))
        if self.unavailable is not None:
            # There may be room again. What is due is tried anew; where nothing is, the next command will tell.
            timeout = max(SHORTEST_SLEEP_SECONDS, self._rest_until - clocks.monotonic())
            if next_at is None and clocks.monotonic() >= self._rest_until:
                self.unavailable, timeout = None, None
        timer = None
        if timeout is not None:
            timer = asyncio.get_running_loop().call_later(timeout, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _refresh_due(self) -> None:
        if self._due_old:
            if self.state.plan is not None:
                self._due = [d for d in due(self.state) if d[2] not in self._declined and d[2] not in self._poisoned]
            self._due_old = False
            self.clock.set_bound(self._due[0][0] if self._due else None)
            if self.state.rehearsal is not None:
                self._keep_rehearsal_back()

    def _keep_rehearsal_back(self) -> None:
        """A rehearsal's time begins when it is armed, and does not run past what a relay has yet to bring."""
        state = self.state
        if state.the.status == "planned":
            self.clock.hold("arming", state.at)
        else:
            self.clock.release("arming")
        here = {name for name, relay in state.relays.items() if relay.here}
        waits = [
            d.fire_at for x in state.opened if (d := state.deliveries[x]).status == "requested" and d.relay in here
        ]
        if waits:
            self.clock.hold("deliveries", min(waits) + DELIVERY_ROOM_MS)
        else:
            self.clock.release("deliveries")

    def _decide_batch(self) -> _Batch:
        batch = _Batch()
        worked, look_at = clocks.worked(), clocks.perf() + BATCH_SECONDS
        over = False
        # What is due goes before what waits. Hundreds may be due at once: the loop has its turn between them too.
        while not over and not self._broken and self._due and self._due[0][0] <= self.clock.now():
            self._decide_due(batch, self._due[0][2])
            over = clocks.worked() - worked > BATCH_SECONDS or len(batch.events) >= 4 * BATCH_COMMANDS
        while not over and not self._broken and (turn := self._queue.turn()) is not None:
            work, share = turn
            moment = self._moment()
            first = work.next
            last = min(len(work.commands), first + share)
            while work.next < last and not over and not self._broken:
                index = work.next
                work.next += 1
                self._decide_one(batch, work, index, moment)
                if clocks.perf() > look_at:
                    # What other programs on the machine take is not deciding; but asking for that is dear.
                    left = worked + BATCH_SECONDS - clocks.worked()
                    look_at = clocks.perf() + left
                    over = left <= 0
            self._queue.took(work, work.next - first)
            batch.decided += work.next - first
            over = over or batch.decided >= BATCH_COMMANDS
        return batch

    def _moment(self) -> Moment:
        speed, plan = self.clock.speed or 1.0, self.state.plan
        judge = rules.judge_for(plan.checks.rules if plan is not None else rules.DEFAULT)
        return Moment(at=self.clock.now(), bits=clocks.bits(), public=self.public, speed=speed, rules=judge)

    def _decide_due(self, batch: _Batch, key: str) -> None:
        moment = self._moment()
        try:
            decided = decide_due(self.state, key, moment)
        except Exception:
            # A fault of ours in one moment must not stop the show: it is left alone, and said.
            log.exception("a moment could not be decided", sale=self.sale, key=key)
            self._poisoned.add(key)
            self._broken = True
            return
        if decided.events:
            self._take(batch, decided.events, decided.touched, CLOCK.by)
        else:
            self._declined.add(key)
            self._due_old = True
        self._refresh_due()

    def _take(self, batch: _Batch, events: list[Event], touched: Touched, sender: str) -> None:
        batch.events += events
        batch.senders += [sender] * len(events)
        batch.touched |= touched
        timed = self.state.index.timed_topics
        for topic, _ in touched:
            if topic in TIMED_TOPICS or topic in timed:
                self._due_old = True
                self._declined.clear()
                break

    def _decide_one(self, batch: _Batch, work: Work, index: int, moment: Moment) -> None:
        read = work.commands[index]
        id_ = read.id
        try:
            if read.early:
                raise read.refusal or _our_fault(read.kind)
            known = self._ids.get(work.sender, _NO_IDS).get(id_) if id_ is not None else None
            if known is not None:
                self._repeat(batch, work, index, known)
                return
            if read.refusal is not None:
                raise read.refusal
            command = read.command
            if command is None:
                raise _our_fault(read.kind)
            if read.saw:
                check_from(self.state, command, read.seen)
            decided = decide(self.state, work.actor, command, moment, id_, read.sum, read.override)
        except Refusal as refusal:
            batch.answers.append((work, index, refused(id_, refusal, self.state.seq)))
            return
        except Exception:
            # Whatever a topic's rule breaks on, others' commands in the batch, and what is due, go on.
            log.exception("a command could not be decided", sale=self.sale, kind=read.kind)
            self._broken = True
            batch.answers.append((work, index, refused(id_, _our_fault(read.kind), self.state.seq)))
            return
        if decided.events:
            self._take(batch, decided.events, decided.touched, work.sender)
            if id_ is not None:
                first = decided.events[0].seq
                self._ids.setdefault(work.sender, {})[id_] = first
                batch.ids.append((work.sender, id_, first))
        batch.answers.append((work, index, Answer(id=id_, ok=True, seq=self.state.seq, result=decided.result)))

    def _repeat(self, batch: _Batch, work: Work, index: int, seq: int) -> None:
        """The same id again: the same answer, computed from the event; nothing happens twice."""
        id_, sum_ = work.commands[index].id, work.commands[index].sum
        event = next((e for e in batch.events if e.seq == seq), None)
        if event is not None:
            batch.answers.append((work, index, self._again(id_, event, sum_)))
            return

        if self._repeats >= REPEATS:
            batch.answers.append((work, index, refused(id_, busy("too many repeats", self._queue.retry_ms()))))
            return
        self._repeats += 1

        async def later() -> None:
            try:
                entries = await self.journal.read(self.sale, seq - 1, 1)
                given = self._again(id_, codec.decode(entries[0], self.sale), sum_)
            except JournalError as e:
                given = refused(id_, _retry(str(e)))
            self._repeats -= 1
            self._settle(work, index, given)

        _in_background(later())

    def _again(self, id_: str | None, event: Event, sum_: int | None) -> Answer:
        if event.sum is not None and event.sum != sum_:
            return refused(
                id_,
                Refusal(
                    "invalid", "this id was given to another command: a new command needs a new id", {"field": "id"}
                ),
                self.state.seq,
            )
        return Answer(id=id_, ok=True, seq=self.state.seq, result=answer(self.state, event))

    # ------------------------------------------------------------ flushing
    async def _flush(self, batch: _Batch) -> None:
        if not batch.events:
            self._settled.clear()
            try:
                await self._reload()
            finally:
                self._settled.set()
            self._answer(batch)
            return
        entries: list[Entry] = []
        private: list[tuple[int, bytes]] = []
        for event in batch.events:
            body, part = codec.encode(event)
            entries.append(Entry(seq=event.seq, body=body, private=part))
            if part is not None:
                private.append((event.seq, part))
        flush = Flush(
            first=batch.events[0].seq, bodies=[e.body for e in entries], private=private, commands=batch.ids,
            fence=self._lease.token if self._lease is not None else "",
        )  # fmt: skip
        self._settled.clear()
        try:
            await self.journal.append(self.sale, flush)
            self.unavailable = None
            if self._broken:
                await self._reload()  # which tells of this batch as well
            else:
                self.record.publish(Published(batch.events, entries, batch.senders, batch.touched))
        except (JournalUnavailable, Conflict) as e:
            await self._after_failure(batch, flush, str(e))
            return
        finally:
            self._settled.set()
        self._answer(batch)
        durable = self.record.durable
        wanted = self.wants_snapshot
        due = durable - self._snapshot_at >= SNAPSHOT_EVERY
        if wanted is not None and due and wanted(self.sale, durable):
            self._snapshot_at = durable

    def _answer(self, batch: _Batch) -> None:
        for work, index, given in batch.answers:
            self._settle(work, index, given)

    def _settle(self, work: Work, index: int, given: Answer) -> None:
        # A refusal was made on a state that may not have come to stand: what it names must exist, or the
        # connection would wait for it and keep back every answer behind it.
        given.seq = min(given.seq, self.record.durable)
        if not given.ok:
            self._refusals[given.code] += 1
        work.settle(index, given)

    async def _after_failure(self, batch: _Batch, flush: Flush, why: str) -> None:
        """The journal decides: what stands in it is done, the rest is told to come back."""
        self.unavailable, self._rest_until = why, clocks.monotonic() + REST_SECONDS
        log.error("a flush failed; the journal decides", sale=self.sale, first=flush.first, reason=why)
        timer = asyncio.get_running_loop().call_later(UNKNOWN_SECONDS, self._give_up, batch, why)
        try:
            await self._reload()
        finally:
            timer.cancel()
        stood = False
        if self.record.durable >= flush.last:
            with contextlib.suppress(JournalError):
                entries = await self.journal.read(self.sale, flush.first - 1, len(flush.bodies))
                stood = [e.body for e in entries] == list(flush.bodies)
        for work, index, given in batch.answers:
            if given.ok and not stood:
                given = refused(given.id, _retry(f"nothing can be written: {why}"))  # noqa: PLW2901
            self._settle(work, index, given)

    def _give_up(self, batch: _Batch, why: str) -> None:
        """The journal does not say what became of a batch: who waits comes back, with the same ids, and is told then."""
        answers, batch.answers = batch.answers, []
        for work, index, given in answers:
            self._settle(work, index, refused(given.id, _retry(f"it is not known yet whether it stands: {why}")))

    async def _reload(self) -> None:
        """Drops the working state for what the journal holds, however long the journal takes to be there.

        Where nodes share the journal, that begins with another token: nothing that is still on its way can land. A
        lease that is another's by then ends this conductor.
        """
        known = self.record.durable  # ids up to here are those of the journal, as long as that goes on
        while True:
            try:
                to = None
                if self._lease is not None:
                    if not await self._lease.take():
                        log.warning("another node conducts this sale now", sale=self.sale)
                        self.lost.set()
                        self._refuse_all("another node conducts this sale now")
                        return
                    to = await self._declare()
                if not await self.record.renew(to):
                    known = 0
                await self._take_up(known)
                break
            except JournalError as e:
                self.unavailable = str(e)
                self._refuse_all(f"nothing can be written: {e}")
                if isinstance(e, UNREADABLE) and self._lease is not None:
                    with contextlib.suppress(JournalError):
                        await self._lease.give_back()  # for a node that can read it
                    self.lost.set()
                    return
                if self._closing:
                    self._broken = True
                    return
                await asyncio.sleep(RELOAD_SECONDS)
        self._broken = False


def _retry(why: str) -> Refusal:
    return busy(why, clocks.jittered(RETRY_MS))


def _our_fault(kind: str) -> Refusal:
    return Refusal("invalid", f"{kind} failed inside the service; nothing was changed, and the fault is logged")


_NO_IDS: dict[str, int] = {}
_background: set[asyncio.Task[None]] = set()


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
