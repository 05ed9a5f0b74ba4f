"""Which sales this node conducts, and which it follows, where nodes share the journal.

Each sale has one lease. Who holds it conducts; every other node that has somebody connected follows. A lease that is
not renewed runs out, and whoever has the least to do takes the sale up: from what it followed, so that it need not
read it anew. A node that stops gives its leases back first.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from coordinator import clock as clocks
from coordinator import nodes
from coordinator.answers import Answer
from coordinator.attendance import Attendance, Here
from coordinator.conductor import Conductor
from coordinator.core import CLOCK, Actor
from coordinator.desk import Desks
from coordinator.ending import end
from coordinator.errors import UNREADABLE, JournalError
from coordinator.follower import Follower, not_now
from coordinator.journal.base import Journal
from coordinator.leases import Bus, Held, Leases, node_of
from coordinator.nodes import Alive, Attending, Do, Done, Durable, Released
from coordinator.record import Listener, Published, Record
from coordinator.registry import Registry, Sale
from coordinator.speaking import Speaker
from coordinator.upkeep import Upkeep

log = structlog.get_logger(__name__)

LEASE_SECONDS = 1.5  # of a node that has died; renewed four times within it
RENEW_SECONDS = 0.35  # also how often a node says whom it has
TEND_SECONDS = 0.15  # how often is looked for sales that nobody conducts
LIST_SECONDS = 1.0  # how often the list of sales is read
CUT_OFF_SECONDS = 2.0  # without the store for so long, a node sends its connections to the others
ALIVE_SECONDS = 1.5  # a node that was not heard for so long is not counted
NODES_KNOWN = 100  # a node has another name after each start
POLITE_SECONDS = 0.3  # so long a node leaves a sale to one that has less to do


class SharedRegistry(Registry):
    def __init__(
        self,
        journal: Journal,
        leases: Leases,
        bus: Bus,
        *,
        public: str,
        node: str | None = None,
        on_snapshot: Callable[[str, int], bool] | None = None,
    ) -> None:
        super().__init__(journal, public=public, on_snapshot=on_snapshot)
        self.node = node or f"n{clocks.bits()[:4].hex()}"
        self._leases, self._bus = leases, bus
        self.speaker, self.upkeep, self.desks = Speaker(bus), Upkeep(), Desks(self)
        self._held: dict[str, Held] = {}
        self._owners: dict[str, str] = {}  # sale → token, as the store last said
        self._alive: dict[str, tuple[float, int]] = {}  # other nodes: when they were heard, how many sales they conduct
        self._orphans: dict[str, float] = {}  # sales that nobody conducts, since when
        self._following: dict[str, Follower] = {}  # while they are opened
        self.leads_changed: Callable[[Sale], None] = lambda _: None
        """Called where another node's connection of a relay may lead now."""
        self.cut_off: Callable[[], None] = lambda: None
        """Called where the store was not reached for so long that others have taken over."""
        self.left: Callable[[Sale, str], None] = lambda *_: None
        """Called where this node can serve a sale no longer, with the reason."""
        self._unreadable: dict[str, JournalError] = {}  # sales that this node cannot read, for good: others may
        self._names: list[str] = []
        self._listed = 0.0
        self._adopting: dict[str, asyncio.Task[None]] = {}
        self._changing: dict[str, asyncio.Lock] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._doing: set[tuple[str, str, int]] = set()  # (sale, node, number) of commands of other nodes, under way
        self._stopping = False

    # ------------------------------------------------------------ life
    async def start(self) -> None:
        """Joins the other nodes; sales that nobody conducts are taken up."""
        await self._bus.subscribe(nodes.ALL)
        await self._bus.subscribe(nodes.of_node(self.node))
        self._tasks.append(asyncio.create_task(self._listen(), name="bus in"))
        self._tasks.append(asyncio.create_task(self.speaker.run(), name="bus out"))
        self._tasks.append(asyncio.create_task(self._renewing(), name="leases"))
        await self._list()
        for part, names in self._leases.together(self._names).items():
            await self.upkeep.tried(f"looks at {part}", functools.partial(self._look, names))
        await asyncio.gather(*self._adopting.values())
        self._tasks.append(asyncio.create_task(self._tending(), name="orphans"))
        self._stepper = asyncio.create_task(self._watch_the_clock())

    async def close(self) -> None:
        """Finishes what is under way, gives all leases back, and tells the others that they may take over."""
        self._stopping = True
        if self._stepper is not None:
            self._stepper.cancel()
        for sale in self.here():
            async with self._lock(sale.id):
                await self._hand_over(sale)
        tasks = [*self._tasks, *self._watches.values(), *self._adopting.values(), *self.upkeep.under_way.values()]
        await end(tasks)
        await self._bus.close()

    async def _hand_over(self, sale: Sale) -> None:
        conductor = sale.conductor
        await conductor.close()
        lease = self._held.pop(sale.id, None)
        if isinstance(conductor, Conductor) and lease is not None:
            with contextlib.suppress(JournalError):
                await lease.give_back()
                await self._bus.publish(nodes.ALL, nodes.encode(Released(sale.id)))

    def conducted(self) -> list[Sale]:
        return [s for s in self.here() if isinstance(s.conductor, Conductor)]

    def _lock(self, sale: str) -> asyncio.Lock:
        return self._changing.setdefault(sale, asyncio.Lock())

    # ------------------------------------------------------------ opening
    async def _claim(self, sale: str) -> str:
        lease = Held(self._leases, sale, self.node, LEASE_SECONDS)
        if not await lease.take():
            raise JournalError(f"sale {sale} is being created by another node")
        self._held[sale] = lease
        return lease.token

    async def _open(self, sale: str) -> Sale:
        if (why := self._unreadable.get(sale)) is not None:
            raise why
        try:
            return await self._open_here(sale)
        except UNREADABLE as e:
            self._leave_alone(sale, e)
            raise

    async def _open_here(self, sale: str) -> Sale:
        async with self._lock(sale):
            owner = None if sale in self._held else (await self._leases.owners([sale])).get(sale)
            record = Record(sale, self.journal)
            if owner is None:
                conductor = await self._take_up(sale, record)
                if conductor is not None:
                    found = self._sales[sale] = self._served(conductor)
                    conductor.record.listeners.append(_Answered(self.upkeep.answered))
                    self._conducting(found, conductor)
                    return found
            follower = Follower(record, self._sender(sale), refusals=self.refusals)
            follower.on_unreadable = lambda e: self._leave_alone(sale, e)
            if owner is not None:
                self._owners[sale] = owner
                follower.owned_by(owner)
            await self._bus.subscribe(nodes.of_sale(sale))
            self._following[sale] = follower
            follower.start()
            try:
                await follower.ready()
            except JournalError:
                del self._following[sale]
                await follower.close()
                raise
            found = self._sales[sale] = self._served(follower)
            follower.record.listeners.append(_Answered(self.upkeep.answered))
            return found

    async def _take_up(self, sale: str, record: Record) -> Conductor | None:
        """Begins to conduct a sale, if its lease can be had. Raises `JournalError`."""
        lease = self._held.get(sale)
        if lease is None:
            if not record.durable:
                # First: a saved state of hundreds of thousands of claims takes longer to read than a lease lasts, and nothing
                # is renewed meanwhile.
                await record.open()
            lease = Held(self._leases, sale, self.node, LEASE_SECONDS)
            if not await lease.take():
                return None
        conductor = self._conductor(record, lease)
        self._held[sale] = lease
        try:
            if (await self.journal.end(sale)).seq == 0:
                raise JournalError(f"sale {sale} has no events: whoever created it did not come to write the first")
            await conductor.open()
        except JournalError:
            self._held.pop(sale, None)
            with contextlib.suppress(JournalError):
                await lease.give_back()
            raise
        return conductor

    def _conducting(self, sale: Sale, conductor: Conductor) -> None:
        log.info("conducts", sale=sale.id, node=self.node, seq=conductor.record.durable)
        new = len(conductor.state.incarnations) <= 1  # nobody has conducted it before
        self.desks.of(sale.id).attendance = Attendance(new=new)
        teller = _Teller(self, sale.id, conductor)
        conductor.record.listeners.append(teller)
        self._watches[sale.id] = asyncio.create_task(self._watch(sale, conductor, teller), name=f"lease of {sale.id}")
        teller.tell()
        self.on_open(sale)

    async def _watch(self, sale: Sale, conductor: Conductor, teller: _Teller) -> None:
        """Waits until another node conducts the sale, and follows it from then on."""
        await conductor.lost.wait()
        conductor.record.listeners.remove(teller)
        self.desks.of(sale.id).attendance = None
        async with self._lock(sale.id):
            self._held.pop(sale.id, None)
            await conductor.close()
            self._follow(sale, conductor.record)
            await self._bus.subscribe(nodes.of_sale(sale.id))

    def _follow(self, sale: Sale, record: Record) -> Follower:
        record.ahead = True  # what was decided, or read on, before this may not have come to stand
        follower = sale.conductor = Follower(record, self._sender(sale.id), refusals=self.refusals)
        follower.on_unreadable = lambda e: self._leave_alone(sale.id, e)
        follower.start()
        return follower

    def _leave_alone(self, sale: str, why: JournalError) -> None:
        """A newer version has written on, or bytes are wrong: what is shown here would be wrong from there on."""
        if sale not in self._unreadable:
            log.error("this node cannot read a sale and leaves it to others", sale=sale, reason=str(why))
            self._unreadable[sale] = why
        if sale in self._sales:
            self.upkeep.alone(f"leaves {sale}", functools.partial(self._leave, sale, why))

    async def _leave(self, sale: str, why: JournalError) -> None:
        async with self._lock(sale):
            found = self._sales.get(sale)
            if found is None or not isinstance(found.conductor, Follower):
                return
            del self._sales[sale]
            self.left(found, f"{why}; come back: another node may serve it")
            await self._bus.unsubscribe(nodes.of_sale(sale))
            await found.conductor.close()
            for sent in found.conductor.left():
                sent.reply([not_now(given, str(why)) for given in sent.commands])

    async def _promote(self, sale: Sale, follower: Follower) -> None:
        """Conducts a sale that was followed here, from where it was followed to."""
        await follower.close()
        why = None
        try:
            conductor = await self._take_up(sale.id, follower.record)
        except JournalError as e:
            why = str(e)
            if follower.unavailable != why:  # once, not with each try
                log.warning("a sale cannot be taken up just now", sale=sale.id, reason=why)
            conductor = None
            if isinstance(e, UNREADABLE):
                self._leave_alone(sale.id, e)  # once it is followed again: below
        if conductor is None:
            following = self._follow(sale, follower.record)
            following.unavailable = why
            # Those too that came while it was tried: nobody else would ever answer them.
            for sent in follower.left():
                following.send(sent)
            return
        sale.conductor = conductor
        self._conducting(sale, conductor)
        for sent in follower.left():
            conductor.submit(sent.actor, sent.commands, sent.reply, sent.size)
        await self._bus.unsubscribe(nodes.of_sale(sale.id))

    # ------------------------------------------------------------ leases
    async def _tending(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            now = clocks.monotonic()
            if now - self._listed >= LIST_SECONDS:
                self.upkeep.alone("lists", self._list)
            mine = {s.id for s in self.conducted()} | self._held.keys() | self._unreadable.keys()
            others = [name for name in self._names if name not in mine]
            for part, names in self._leases.together(others).items():
                self.upkeep.alone(f"looks at {part}", functools.partial(self._look, names))

    async def _renewing(self) -> None:
        """On its own: whatever takes long elsewhere, such as reading a long journal, leases must not run out by it."""
        while True:
            asleep = clocks.monotonic()
            await asyncio.sleep(RENEW_SECONDS)
            self.upkeep.stood_still(clocks.monotonic() - asleep - RENEW_SECONDS)
            self.speaker.say(nodes.ALL, Alive(self.node, len(self._held)))
            for sale in self.here():
                # Who is here, and what waits for an answer, does not hang on the store: it may be away.
                self.desks.attend(sale)
                if isinstance(sale.conductor, Follower):
                    sale.conductor.beat()
                else:
                    self.tell(sale.id, sale.conductor)
            for name in self._held:
                self.upkeep.alone(f"renews {name}", functools.partial(self._renew, name))
            if self.upkeep.silent_for() > CUT_OFF_SECONDS:
                self.upkeep.reached = clocks.monotonic()
                self.cut_off()

    async def _list(self) -> None:
        self._names = await self.journal.sales()
        self._listed = clocks.monotonic()

    async def _look(self, names: Sequence[str]) -> None:
        """Who conducts these sales; what nobody conducts is taken up."""
        owners = await self._leases.owners(names)
        now = clocks.monotonic()
        for name in names:
            token = owners.get(name)
            found = self._sales.get(name)
            if token is not None:
                self._owners[name] = token
                self._orphans.pop(name, None)
                if found is not None and isinstance(found.conductor, Follower):
                    found.conductor.owned_by(token)
                continue
            self._owners.pop(name, None)
            if found is not None and isinstance(found.conductor, Follower):
                found.conductor.beat()  # who waits is told, whether somebody takes it up or nobody can
            if self._stopping or name in self._held:
                continue
            if now >= self._orphans.setdefault(name, now) + self._politeness():
                self._orphans.pop(name, None)
                if name not in self._adopting:
                    self._adopting[name] = asyncio.create_task(self._adopt(name), name=f"adopts {name}")

    def _politeness(self) -> float:
        """How long a sale is left to a node that conducts fewer than this one."""
        now = clocks.monotonic()
        others = [sales for heard, sales in self._alive.values() if now - heard < ALIVE_SECONDS]
        return POLITE_SECONDS if others and min(others) < len(self._held) else 0.0

    async def _adopt(self, name: str) -> None:
        try:
            found = self._sales.get(name)
            if found is None:
                await self.get(name)
                return
            async with self._lock(name):
                if isinstance(found.conductor, Follower) and not self._stopping:
                    await self._promote(found, found.conductor)
        except JournalError as e:
            log.warning("a sale cannot be opened; the others can", sale=name, reason=str(e))
        finally:
            del self._adopting[name]

    async def _renew(self, name: str) -> None:
        lease, found = self._held.get(name), self._sales.get(name)
        if lease is None:
            return  # it was given back since
        token = lease.token
        kept = await lease.renew()
        if found is None or not isinstance(found.conductor, Conductor) or self._held.get(name) is not lease:
            return
        if lease.token != token:
            return  # it was taken again meanwhile
        told = found.conductor.record.durable
        if not kept or (await self.journal.end(name)).seq < told:
            found.conductor.doubt()  # its lease has gone, or the store has lost the record's end

    # ------------------------------------------------------------ who is here
    def present(self, sale: Sale, who: Here, *, here: bool) -> None:
        self.desks.present(sale, who, here=here)

    def taken_over(self, sale: Sale, who: Here, then: Callable[[], None]) -> None:
        self.present(sale, who, here=True)  # who conducts sees by the record that it is another process
        then()

    def leads(self, sale: Sale, relay: str) -> bool:
        return self.desks.leads(sale.id, relay)

    def vouches(self, sale: Sale, relay: str) -> bool:
        return self.desks.vouches(sale, relay)

    def holds(self, sale: str) -> bool:
        """Whether this node's lease of a sale has certainly not run out."""
        lease = self._held.get(sale)
        return lease is not None and clocks.monotonic() < lease.until

    # ------------------------------------------------------------ the bus
    def tell(self, sale: str, conductor: Conductor) -> None:
        """Tells those who follow how far a sale stands."""
        lease = self._held.get(sale)
        if lease is not None:
            clock, desk = conductor.clock, self.desks.of(sale)
            heard = dict(desk.attendance.heard) if desk.attendance is not None and self.holds(sale) else {}
            told = Durable(
                sale, lease.token, conductor.record.durable, clock.now(), clock.speed, conductor.unavailable,
                desk.leads, heard,
            )  # fmt: skip
            self.speaker.say(nodes.of_sale(sale), told)

    def say_to_owner(self, sale: str, message: nodes.Message) -> None:
        """Says it to the node that conducts a sale, where one is known."""
        token = self._owners.get(sale)
        if token is not None:
            self.speaker.say(nodes.of_node(node_of(token)), message)

    def _sender(self, sale: str) -> Callable[[int, Actor, Sequence[Any]], None]:
        return lambda n, actor, commands: self.say_to_owner(sale, Do(sale, self.node, n, actor, list(commands)))

    async def _listen(self) -> None:
        async for _, data in self._bus.messages():
            try:
                self._heard(nodes.decode(data), len(data))
            except msgspec.MsgspecError:
                log.warning("a message of another version was passed over")
            except Exception:  # one message must not end the listening
                log.exception("a message could not be taken")

    def _heard(self, message: nodes.Message, size: int) -> None:
        match message:
            case Alive(node) if node == self.node:
                self.upkeep.answered()
            case Alive(node, sales):
                self._alive[node] = (clocks.monotonic(), sales)
                if len(self._alive) > NODES_KNOWN:
                    del self._alive[min(self._alive, key=self._alive.__getitem__)]
            case Released(sale):
                self._orphans[sale] = -POLITE_SECONDS
            case Durable():
                follower = self._follower(message.sale)
                if follower is not None and follower.heard(message):
                    self._owners[message.sale] = message.token
                    self.desks.told(self._sales.get(message.sale), message)
            case Attending(sale):
                found = self._sales.get(sale)
                if found is not None:
                    self.desks.reported(found, message)
            case Do(sale, node, n, actor, commands):
                # The service's own commands are known by who gives them: a node's copy of that is that again.
                self._do(sale, node, n, CLOCK if actor == CLOCK else actor, commands, size)
            case Done(sale, n, answers):
                follower = self._follower(sale)
                if follower is not None:
                    follower.answered(n, answers)

    def _follower(self, sale: str) -> Follower | None:
        found = self._sales.get(sale)
        if found is None:
            return self._following.get(sale)
        return found.conductor if isinstance(found.conductor, Follower) else None

    def _do(self, sale: str, node: str, n: int, actor: Actor, commands: list[Any], size: int) -> None:
        found = self._sales.get(sale)
        if found is None or not isinstance(found.conductor, Conductor) or self._stopping:
            return  # they are sent again, to who conducts it by then
        conductor, one = found.conductor, (sale, node, n)
        if one in self._doing:
            return  # it was sent again because it waits for long: to take it twice would make that longer
        self._doing.add(one)

        def reply(answers: list[Answer]) -> None:
            self._doing.discard(one)
            leaving = self._stopping or conductor.lost.is_set()
            if not (leaving and any(a.code == "busy" for a in answers)):
                self.speaker.say(nodes.of_node(node), Done(sale, n, answers))

        conductor.submit(actor, commands, reply, size)


class _Answered(Listener):
    """A batch that was written, or read, came from the store: under a load its leases may wait for longer than its work."""

    def __init__(self, answered: Callable[[], None]) -> None:
        self._answered = answered

    def publish(self, _: Published) -> None:
        self._answered()


class _Teller(Listener):
    """Tells followers of each batch; of those that come while the last telling is on its way, once."""

    def __init__(self, registry: SharedRegistry, sale: str, conductor: Conductor) -> None:
        self._registry, self._sale, self._conductor = registry, sale, conductor
        self._asked = False

    def publish(self, _: Published) -> None:
        if not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self.tell)

    def restart(self) -> None:
        self.tell()

    def tell(self) -> None:
        self._asked = False
        self._registry.tell(self._sale, self._conductor)
