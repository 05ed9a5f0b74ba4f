"""One run: nodes, relays, consoles, a store and a network between them, and what goes wrong, all from one seed.

.venv/bin/python -m tests.simulation SEED
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from typing import Any

import jwt

from coordinator.core import State, evolve
from coordinator.core import state as states
from coordinator.core.sheets import SaleCreated
from coordinator.gateway.auth import Tokens
from coordinator.journal import codec
from coordinator.journal.base import Flush
from coordinator.leases import node_of
from coordinator.runsheet import load_plan
from tests.simulation import script
from tests.simulation.consoles import Console
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import ClientEnd, Network
from tests.simulation.node import Node
from tests.simulation.platform import Platform, RelayProcess
from tests.simulation.seams import replaced
from tests.simulation.source import Source
from tests.simulation.store import NOBODY, Store, Way
from tests.simulation.weather import Weather

SALE = "sim"
KEY = b"simulation-" + b"k" * 32
EPOCH_MS = script.START - int(script.BEGINS_AT * 1000)
PATIENCE = 20
FAR = 4_102_444_800  # 2100: tokens of the simulation do not run out
_tokens: dict[tuple[str, str], str] = {}


def token(role: str, name: str) -> str:
    """As an owner's company would issue it; the same in every run."""
    if (role, name) not in _tokens:
        claims = {"iss": "dropcue", "sub": name, "role": role, "exp": FAR, "jti": f"jti-{name}", "sale": SALE}
        _tokens[role, name] = jwt.encode(claims, KEY, "HS256")
    return _tokens[role, name]


class World:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.trace: list[str] = []
        self.loop = VirtualLoop()
        self.source = Source(seed)
        self.chance = self.source.stream("world")
        self.store = Store()
        self.weather = Weather(self.loop, self.source.stream("weather"), self.note)
        self.network = Network(self.loop, self.source.stream("network"), self.note)
        self.network.opened = self._opened
        self.platform = Platform(self.loop, self.source.stream("platform"))
        self.nodes: dict[str, Node | None] = {f"n{n}": None for n in range(self.chance.choice([2, 3, 3]))}
        self.relays = {
            name: RelayProcess(name, name[:2], token("relay", name[:2]), SALE, self.platform)
            for name in ("r1", "r2", *script.beside(self.source.stream("beside")))
        }
        self.consoles: dict[str, Console] = {}
        self.fresh: dict[str, Console] = {}
        """At the end, for each console another one that has just come."""
        self.faults: list[str] = []
        """What the product did not foresee."""
        self.late: list[str] = []
        """What was not well again in time after the last fault."""
        self._boots = 0
        self._disks: dict[str, sqlite3.Connection] = {}
        self._tokens_of_nodes = Tokens(KEY)
        self._healed = False

    def note(self, what: str) -> None:
        self.trace.append(f"{self.loop.now:.6f} {what}")

    def run(self) -> World:
        """Runs to the end. What was wrong is for `promises.broken` to say."""
        with replaced(self.loop, EPOCH_MS, self.source, self.network, self.note, self.faults, self._disks):
            disk = self.source.stream("disk")
            self.loop.disk_seconds = lambda: disk.random() * 0.01
            self.loop.run(self._live())
            self.faults += self.loop.faults
        for each in self._disks.values():
            each.close()
        return self

    # ------------------------------------------------------------ life
    async def _live(self) -> None:
        self._create()
        for name in self.nodes:
            self._start_node(name)
        for name in self.relays:
            self._start_relay(name)
        for role, person, ahead in script.TEAM:
            self.consoles[person] = self._console(role, person, ahead)
        steps = script.commands(self.source.stream("commands"))
        for n, step in enumerate(steps):
            self.loop.call_at(step.at, self._give, step.who, f"c{n}", step.what)
            if self.chance.random() < 0.2:  # again, with the same id
                self.loop.call_at(step.at + self.chance.random() * 12, self._give, step.who, f"c{n}", step.what)
        for fault in script.faults(
            self.source.stream("faults"), list(self.nodes), list(self.consoles), list(self.relays)
        ):  # fmt: skip
            self.loop.call_at(fault.at, self._strike, fault.what)
        self.loop.call_at(script.HEALED_AT, self._heal)
        await asyncio.sleep(script.HEALED_AT + 5)
        self._conducted()
        await asyncio.sleep(script.ENDS_AT - self.loop.now)
        self.fresh = {p: self._console(c.role, p, c.ahead) for p, c in self.consoles.items()}
        for _ in range(PATIENCE):
            before = len(self.store.sale(SALE).entries)
            await asyncio.sleep(2.5)  # longer than any lead
            entries = self.store.sale(SALE).entries
            if len(entries) == before and all(c.status != "announced" for c in folded(entries).cues.values()):
                return  # nothing has happened for a while: what is shown now is what stands

    def _create(self) -> None:
        of = script.sheet(self.source.stream("sheet"))
        plan, sheet, findings = load_plan(of, "sheet", None, EPOCH_MS)
        assert plan is not None, findings
        self.store.create(SALE)
        created = SaleCreated(
            seq=1, at=EPOCH_MS, by="owner:boss", sale=SALE, title=plan.title, plan=plan, sheet=sheet, rehearsal=None
        )
        self.store.append(SALE, Flush(first=1, bodies=[codec.encode(created)[0]]), self.loop.now)

    def _process(self, name: str) -> Process:
        skew = self.chance.uniform(-100, 100)
        return Process(self.loop, name, monotonic=self.chance.uniform(0, 100_000), wall_ms=skew)

    def _console(self, role: str, person: str, ahead: bool) -> Console:
        process = self._process(person)
        chance = self.source.stream(f"console {person}")
        console = Console(process, self.network, token(role, person), role, person, ahead=ahead, chance=chance)
        process.start(console.run())
        return console

    def _give(self, who: str, id_: str, what: dict[str, Any]) -> None:
        self.note(f"{who} gives {id_} {what}")
        self.consoles[who].do(id_, what)

    def _opened(self, process: Process, end: ClientEnd) -> None:
        relay = self.relays.get(process.name)
        if relay is not None:
            end.read = relay.read

    # ------------------------------------------------------------ nodes
    def _start_node(self, name: str) -> None:
        before = self.nodes[name]
        if before is not None and not before.process.dead:
            return
        self._boots += 1
        process = self._process(name)
        node = self.nodes[name] = Node(
            process, Way(self.store, self.weather.way(process), process), self._boots, self._tokens_of_nodes
        )
        self.note(f"{name} starts as {node.registry.node}")

        def ready() -> None:
            self.note(f"{name} is ready")
            self.network.servers[name] = (process, node.take)

        process.start(node.start(ready, lambda: self._crash(node, silently=False, back_in=0.5)))

    def _crash(self, node: Node, *, silently: bool, back_in: float) -> None:
        if node.process.dead:
            return
        name = node.process.name
        self.note(f"{name} is no more")
        node.process.crash()
        self.network.servers.pop(name, None)
        self.network.died(node.process, silently=silently)
        if node.way in self.store.ways:
            self.store.ways.remove(node.way)
        self.loop.call_later(back_in, self._start_node, name, context=NOBODY)

    def owner(self) -> Node | None:
        """The node whose lease the store holds."""
        name = node_of(self.store.sale(SALE).owner(self.loop.now))
        return next((n for n in self.nodes.values() if n is not None and n.registry.node == name), None)

    def _conducted(self) -> None:
        """Some node conducts the sale, and can write."""
        node = self.owner()
        if node is None or node.process.dead:
            self.late.append(f"at {self.loop.now:.1f} no node conducts the sale")
            return
        sale = next(iter(node.registry.conducted()), None)
        if sale is None or sale.conductor.unavailable is not None:
            why = "it does not conduct it" if sale is None else sale.conductor.unavailable
            self.late.append(f"at {self.loop.now:.1f} {node.registry.node} has the lease: {why}")

    # ------------------------------------------------------------ relays
    def _start_relay(self, name: str) -> None:
        relay = self.relays[name]
        if relay.process is None or relay.process.dead:
            self.note(f"{name} starts")
            relay.start(self._process(name))

    # ------------------------------------------------------------ what goes wrong
    def _strike(self, what: dict[str, Any]) -> None:
        named, seconds = what["node"], what["seconds"]
        node = self.owner() if named == "the owner" else self.nodes[named]
        self.note(f"fault {what} at {node.process.name if node else 'nobody'}")
        relay = self.relays[what["relay"]] if "relay" in what else None
        match what["fault"]:
            case "crash" if node is not None:
                self._crash(node, silently=what["silently"], back_in=seconds)
            case "stop" if node is not None and not node.process.dead:
                self.network.servers.pop(node.process.name, None)
                node.process.start(node.stop(lambda: self._crash(node, silently=False, back_in=seconds)))
                # Who does not come to an end is killed.
                self.loop.call_later(5, lambda: self._crash(node, silently=False, back_in=seconds))
            case "pause" if node is not None:
                self._pause(node.process, seconds)
            case "cut off" if node is not None:
                self.weather.cut.add(node.process.name)
                self.loop.call_later(seconds, self.weather.cut.discard, node.process.name)
            case "unreachable" if node is not None:
                self.network.unreachable.add(node.process.name)
                for link in self.network.of(node.process):
                    link.silent = True
                self.loop.call_later(seconds, self.network.unreachable.discard, node.process.name)
            case "stall":
                self.weather.stalled_until = max(self.weather.stalled_until, self.loop.now + seconds)
            case "flaky" | "bus":
                for name in ("lost", "unanswered", "late", "unheard", "twice", "disorder"):
                    if name in what:
                        setattr(self.weather, name, what[name])
                        self.loop.call_later(seconds, setattr, self.weather, name, 0.0)
            case "wall" if node is not None:
                node.process.wall_ms += what["by_ms"]
            case "break" | "half open" | "slow reader":
                self._spoil(self.consoles[what["client"]].process, what["fault"])
            case "relay crash" if relay is not None and relay.process is not None and not relay.process.dead:
                relay.process.crash()
                self.network.died(relay.process, silently=what["silently"])
                self.loop.call_later(seconds, self._start_relay, relay.name)
            case "relay pause" if relay is not None and relay.process is not None:
                self._pause(relay.process, seconds)
            case "relay break" if relay is not None and relay.process is not None:
                self._spoil(relay.process, self.chance.choice(["break", "half open"]))
            case "snapshot":
                self._snapshot()
            case "platform":
                self.platform.retries, self.platform.doubts = 10.0, 10.0

    def _pause(self, process: Process, seconds: float) -> None:
        process.pause()
        self.loop.call_later(seconds, self._resume, process)

    def _resume(self, process: Process) -> None:
        self.note(f"{process.name} goes on")
        process.resume()

    def _spoil(self, process: Process, how: str) -> None:
        for link in self.network.of(process):
            match how:
                case "break":
                    link.cut()
                case "half open":
                    link.silent = True
                case "slow reader":
                    link.down.bytes_per_second = 2000.0

    def _snapshot(self) -> None:
        """Somebody keeps the state as it is: what is opened from here on begins with it."""
        entries = copy.copy(self.store.sale(SALE).entries)
        state = folded(entries)
        self.store.save_snapshot(SALE, state.seq, states.encode(state))

    def _heal(self) -> None:
        """From here on nothing more goes wrong; the promises are to be kept by themselves."""
        self.note("all is well from here on")
        self.weather.clear_up()
        self.network.unreachable.clear()
        self.network.slow = 0.0
        self.platform.retries = self.platform.doubts = 0.0
        for process in self.loop.processes:
            if process.paused and not process.dead:
                self._resume(process)
        for link in list(self.network.links):
            link.down.bytes_per_second = None
            if link.silent:
                link.silent = False
                link.cut()
        for name in self.nodes:
            self._start_node(name)
        for name in self.relays:
            self._start_relay(name)


def folded(entries: list[Any]) -> State:
    """The state that a journal gives."""
    state = State(sale=SALE)
    for event in codec.decode_all(entries, SALE):
        evolve(state, event)
    return state
