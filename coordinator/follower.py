"""A sale that another node conducts, as this node serves it: what is durable is read and shown, commands are sent on.

It stands in for a conductor, for everybody who connects here. A command is sent again until it is answered, to
whoever conducts the sale by then; its id counts once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from coordinator import clock as clocks
from coordinator.answers import Answer, Reply, answers_to, busy, refused
from coordinator.clock import FollowedClock
from coordinator.core import Actor, State
from coordinator.ending import end
from coordinator.errors import UNREADABLE, JournalError, JournalUnavailable
from coordinator.nodes import Durable
from coordinator.reading import id_of
from coordinator.record import Record
from coordinator.waiting import Room, class_of

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0  # without an answer, commands are sent again
PATIENCE_SECONDS = 6.0  # without an answer, they are told to come back: longer than a take-over
FIRST_SECONDS = 4.0  # the longest that a sale's end is waited for: longer than a take-over
REST_SECONDS = 0.2  # between two tries to read
RETRY_MS = 1_000  # what `busy` says where nobody knows who will conduct the sale, and when

_numbers = itertools.count(1)
"""Of what is sent on, by all followers of this process: a late answer to what an earlier one sent is nobody else's."""

Send = Callable[[int, Actor, Sequence[Any]], None]
"""(number, who, commands): sends them to whoever conducts the sale now; lost where nobody does."""


class Sent:
    """Commands on their way, and who waits for their answers since when."""

    __slots__ = ("actor", "answers", "came", "commands", "of", "reply", "sent", "size")

    def __init__(self, actor: Actor, commands: list[Any], reply: Reply, of: int, size: int) -> None:
        self.actor, self.commands, self.reply, self.of, self.size = actor, commands, reply, of, size
        self.came = self.sent = clocks.monotonic()
        self.answers: list[Answer] | None = None


class Follower:
    def __init__(self, record: Record, send: Send, *, refusals: Counter[str] | None = None) -> None:
        self.record, self.sale, self.journal = record, record.sale, record.journal
        self.clock = FollowedClock()
        self.unavailable: str | None = None
        self._room = Room()
        self._refusals: Counter[str] = Counter() if refusals is None else refusals
        self._send = send
        self._token: str | None = None
        self._speaks: str | None = None  # the token of who was last heard to conduct
        self._past: deque[str] = deque(maxlen=16)  # tokens of owners before this one
        self._wanted: int | None = None  # the last number that is known to be durable
        self.reached = 0
        """Up to this number the record of who conducts now was read."""
        self._doubt = True  # whether the journal still holds what was told here is to be looked at
        self._fresh = asyncio.Event()
        self._more = asyncio.Event()
        self._sent: dict[int, Sent] = {}
        self._task: asyncio.Task[None] | None = None
        self._unreadable: JournalError | None = None
        self.on_unreadable: Callable[[JournalError], None] = lambda _: None
        """Called, once, where the sale cannot be read here any further."""

    @property
    def state(self) -> State:
        return self.record.state

    @property
    def waiting(self) -> int:
        """Commands that were taken and are not answered yet."""
        return sum(self._room.waiting)

    @property
    def waiting_by_class(self) -> Sequence[int]:
        """The same, by class as in `waiting.CLASSES`."""
        return self._room.waiting

    # ------------------------------------------------------------ life
    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"follower {self.sale}")

    async def ready(self) -> None:
        """Waits until the sale is here as far as it is durable.

        Raises `JournalUnavailable` where nobody conducts it, `Newer` or `Corrupt` where it cannot be read here.
        """
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self._fresh.wait()
            if self._unreadable is not None:
                raise self._unreadable
        except TimeoutError:
            why = self.unavailable or "no node conducts it just now"
            raise JournalUnavailable(f"sale {self.sale} cannot be opened: {why}; come back in a moment") from None

    async def close(self) -> None:
        """Stops reading. Commands are still taken: `left` gives them to whoever takes its place."""
        if self._task is not None:
            await end([self._task])

    def left(self) -> list[Sent]:
        """The commands that are not answered yet. From here on it answers none."""
        left = [s for s in self._sent.values() if s.answers is None]
        for sent in [s for s in self._sent.values() if s.answers is not None]:
            sent.reply(sent.answers or [])
        self._sent.clear()
        self._room = Room()
        return left

    # ------------------------------------------------------------ the way in
    def submit(self, actor: Actor, commands: Sequence[Any], reply: Reply, size: int = 0) -> None:
        """Sends commands on; `reply` gets their answers, in order, once what they led to is here as well.

        As many may be under way as may wait at who conducts the sale, who counts each person's as well.
        """
        if not commands:
            reply([])
            return
        of = class_of(actor.role, commands)
        why = self._room.why_not(actor.sender, of, len(commands), size)
        if why is not None:
            self._refusals["busy"] += len(commands)
            no = busy(why, self._room.retry_ms())
            reply([refused(id_of(given), no) for given in commands])
            return
        # An id of its own for each: what is sent again must count once.
        named = [{"id": clocks.bits()[:8].hex(), **c} if isinstance(c, dict) else c for c in commands]
        self.send(Sent(actor, named, reply, of, size))

    def send(self, sent: Sent) -> None:
        """Sends on what came to this node, perhaps a while ago: how long it has waited counts from then."""
        n = next(_numbers)
        self._sent[n] = sent
        self._room.take(sent.actor.sender, sent.of, len(sent.commands), sent.size)
        self._send(n, sent.actor, sent.commands)

    async def do(self, actor: Actor, command: dict[str, Any]) -> Answer:
        """One command, and its answer."""
        return (await answers_to(self.submit, actor, [command]))[0]

    async def settled(self) -> State:
        """The state as far as it is durable and here."""
        await self.ready()
        return self.record.state

    def wake(self) -> None:
        """Nothing is due here: who conducts the sale has its clock."""

    # ------------------------------------------------------------ what the bus brings
    def heard(self, told: Durable) -> bool:
        """Who conducts the sale says how far it stands; whether it is they who say it."""
        if told.token in self._past:
            return False  # a node that does not know yet that its lease has gone
        self.owned_by(told.token)
        if told.token != self._speaks or (self.unavailable is not None and told.unavailable is None):
            # Whoever took the lease conducts by now, or can write again: what was sent before that may be lost.
            self._speaks = told.token
            self._again(0.0)
        if self._wanted is None or told.seq > self._wanted:
            self._wanted = told.seq
        self.clock.tell(told.now, told.speed)
        self.unavailable = told.unavailable
        self._more.set()
        return True

    def owned_by(self, token: str) -> None:
        """Another one has the lease, as the store has it: it conducts the sale as soon as it says so."""
        if token == self._token:
            return
        if token in self._past:
            self._past.remove(token)  # somebody whose lease had gone was heard in between
        if self._token is not None:
            self._past.append(self._token)
        self._token = token
        self._wanted, self._doubt, self.reached = None, True, 0  # another one's record: it may have lost its end

    def answered(self, n: int, answers: list[Answer]) -> None:
        sent = self._sent.get(n)
        if sent is None or sent.answers is not None:
            return  # it was sent twice, and is answered
        sent.answers = answers
        last = max((a.seq for a in answers), default=0)
        if last > self.record.durable:
            # Told before its events were: they are durable all the same.
            self._wanted = max(self._wanted or 0, last)
            self._more.set()
        else:
            self._finish(n, sent)

    def beat(self) -> None:
        """Called a few times a second: sends again what was not answered, and gives up what waited too long."""
        now = clocks.monotonic()
        for n, sent in list(self._sent.items()):
            if sent.answers is None and now - sent.came > PATIENCE_SECONDS:
                why = self.unavailable or "nobody answers just now"
                sent.answers = [not_now(given, why) for given in sent.commands]
                self._finish(n, sent)
        self._again(AGAIN_SECONDS)

    def _again(self, after: float) -> None:
        now = clocks.monotonic()
        for n, sent in self._sent.items():
            if sent.answers is None and now - sent.sent >= after:
                sent.sent = now
                self._send(n, sent.actor, sent.commands)

    def _reply(self) -> None:
        """Answers go out once what they led to is here."""
        for n, sent in list(self._sent.items()):
            if sent.answers is not None and max((a.seq for a in sent.answers), default=0) <= self.record.durable:
                self._finish(n, sent)

    def _finish(self, n: int, sent: Sent) -> None:
        del self._sent[n]
        self._room.give(sent.actor.sender, sent.of, len(sent.commands), sent.size)
        self._room.worked(len(sent.commands))
        sent.reply(sent.answers or [])

    # ------------------------------------------------------------ reading on
    async def _run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            if self._wanted is None:
                continue
            try:
                await self._read(self._wanted)
            except UNREADABLE as e:
                self.unavailable = str(e)
                self._unreadable = e
                self._fresh.set()
                self.on_unreadable(e)
                return
            except JournalError as e:
                self.unavailable = str(e)
                await asyncio.sleep(REST_SECONDS)
                self._more.set()

    async def _read(self, to: int) -> None:
        token = self._token
        await self.record.catch_up(to, doubt=self._doubt)
        if token == self._token:
            self._doubt, self.reached = False, to
        self._fresh.set()
        self._reply()


def not_now(given: Any, why: str) -> Answer:
    """A command is told to come back, though nobody knows when there will be somebody to take it."""
    return refused(id_of(given), busy(why, clocks.jittered(RETRY_MS)))
