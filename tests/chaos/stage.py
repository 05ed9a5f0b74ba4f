"""Three nodes, a cluster of Redis, two relays and hundreds of consoles, each in a process of its own, and what befalls them."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import aiohttp

from coordinator.journal.redis import RedisJournal, key
from tests.chaos.crowd import ROLES, Crowd
from tests.chaos.load import GONE, Load, under_way
from tests.client import Client, Json, token
from tests.faults import Way
from tests.nodes import Nodes
from tests.redis_server import RedisCluster, RedisServer
from tests.server import ROOT, ServerProcess
from tests.sheet import sheet

GROUPS = 6
RELAYS = ("wa", "wb")
CLAIMERS = 2
AT_ONCE = 8
PATIENCE_S = 3.0  # of a client whose line says nothing
SLEEP_S = (1.8, 3.0)  # longer than a lease
OPTIONS = (
    # Nothing is taken that does not stand on two servers.
    "--min-replicas-to-write", "1",
    "--cluster-node-timeout", "600",
    # Whoever asks at an address of their own is sent on to such addresses: so each node has its own way to each server.
    "--cluster-preferred-endpoint-type", "unknown-endpoint",
)  # fmt: skip

Strike = Literal[
    "kill owner", "kill node", "kill master", "kill server", "pause owner", "pause master", "cut owner", "cut relays"
]  # fmt: skip


class Stage:
    """See the module. What happened is in `load`, `told` and `take_overs`."""

    def __init__(self, folder: Path, *, consoles: int, quantity: int, minutes: int, nodes: int = 3) -> None:
        self.folder, self.consoles, self.quantity, self.minutes = folder, consoles, quantity, minutes
        self.seed = random.randrange(1 << 30)
        self.random = random.Random(self.seed)
        self.take_overs: list[tuple[Strike, bool, float]] = []
        """What was struck, whether the sale stood on it, and seconds until a new command was answered."""
        self.told: dict[str, Json] = {}
        self._count = nodes
        self._ways: list[dict[int, Way]] = []
        self._work: list[asyncio.Task[None]] = []
        self._relays: list[asyncio.subprocess.Process] = []
        self._notes = 0

    # ------------------------------------------------------------ the whole
    async def open(self) -> None:
        self.cluster = await asyncio.to_thread(RedisCluster, *OPTIONS)
        for n in range(self._count):
            self._ways.append({s.port: Way(lambda port=s.port: ("127.0.0.1", port)) for s in self.cluster.servers})
            for port, way in self._ways[n].items():
                await way.open(_host(n), port)
        addresses = [f"redis://{','.join(f'{_host(n)}:{port}' for port in ways)}" for n, ways in enumerate(self._ways)]
        self.nodes = Nodes(self.folder, self.cluster.url, ways=addresses)
        await self.nodes.start()
        self.front = Way(lambda: ("127.0.0.1", self.random.choice(self.nodes.up).port))
        await self.front.open()
        self.sale = await self.nodes.sale(_plan(self.quantity, self.minutes), live=True)
        self.load = Load(self.nodes, self.sale, self.seed, self.quantity)
        self.load.patience, self.load.rest = PATIENCE_S, 0.15
        self.load.groups = [f"g{n}" for n in range(1, GROUPS + 1)]
        for name in RELAYS:
            await self._relay(name)
        self.crowd = Crowd(self.sale, [node.port for node in self.nodes.nodes], self.consoles)
        await self.crowd.come()
        controller = await self.nodes.join(self.sale)
        await controller.until(
            lambda: all(controller.state["people"].get(f"relay:{r}", {}).get("here") for r in RELAYS)
        )
        await controller.done("coupon.drop", coupon="c20", groups="all")
        await controller.event("coupon.dropped")
        await self.nodes.leave()
        load = self.load
        self._work = [
            asyncio.create_task(load.run("relay", f"c{n}", self._claim_or_ask, AT_ONCE)) for n in range(CLAIMERS)
        ]
        self._work.append(asyncio.create_task(load.run("controller", "zhao", load.drop, 1)))
        self._work.append(asyncio.create_task(self._answering()))

    async def end(self) -> None:
        """The load comes to its end, and everybody has seen all of it; nodes and relays are stopped."""
        self._watch()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._work = []
        await self._well()
        await under_way(self.load)
        watcher = await self.nodes.join(self.sale)

        def open_() -> list[Json]:
            return [d for d in watcher.state["deliveries"].values() if d["status"] in {"requested", "held"}]

        try:
            await watcher.until(lambda: not open_(), 60)
        except AssertionError as e:
            raise AssertionError(f"{e}; {open_()[:4]}; {watcher.state['people']}") from None
        await watcher.done("show.halt")
        halted = await watcher.event("show.halted")
        self.told = await self.crowd.told(halted["seq"])
        self.states = {role: await self._fresh(role, told["at"]) for role, told in self.told.items()}
        for relay in self._relays:
            relay.terminate()
            await relay.wait()
        await self.nodes.leave()
        for node in self.nodes.nodes:
            await node.kill()  # the show would go on while it is read

    async def journal(self) -> RedisJournal:
        return await self.nodes.journal()

    async def close(self) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        if hasattr(self, "crowd"):
            await self.crowd.close()
        for relay in self._relays:
            if relay.returncode is None:
                relay.kill()
            await relay.wait()
        if hasattr(self, "nodes"):
            for n, node in enumerate(self.nodes.nodes):  # for whoever asks why it failed
                (self.folder / f"n{n}.log").write_text("\n".join(node.log))
            await self.nodes.stop()
        for way in [w for ways in self._ways for w in ways.values()] + ([self.front] if hasattr(self, "front") else []):
            await way.close()
        if hasattr(self, "cluster"):
            for server in self.cluster.servers:
                shutil.copy(server.folder / "log", self.folder / f"redis-{server.port}.log")
            self.cluster.close()

    # ------------------------------------------------------------ the load
    def _claim_or_ask(self) -> Json:
        claim = self.load.claim()
        if self.random.random() < 0.9:
            return claim
        n = self.random.randrange(40)
        return {
            "id": claim["id"], "kind": "question.raise", "group": f"g{n % GROUPS + 1}", "member": claim["member"],
            "text": f"第 {n} 个问题: 怎么保养?",
        }  # fmt: skip

    async def _answering(self) -> None:
        """Support takes each card and answers it, over lines that break."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    client = await Client.join(self.nodes.url, token("support", "chen", self.sale))
            except GONE:
                await asyncio.sleep(0.02)  # it is being started again: there is nothing to wait on but time
                continue
            try:
                while True:
                    open_ = [q for q in client.state["questions"].values() if q["status"] in {"new", "taken"}]
                    for q in open_[:3]:
                        commands = [
                            {"id": f"take-{q['id']}", "kind": "question.take", "question": q["id"]},
                            {
                                "id": f"answer-{q['id']}", "kind": "question.answer", "question": q["id"], "to": "all",
                                "content": {"text": "用温水, 软布。"},
                            },
                        ]  # fmt: skip
                        async with asyncio.timeout(PATIENCE_S):
                            results = await client.many(commands)
                        for command, result in zip(commands, results, strict=True):
                            self.load.take("support:chen", command, result)
                    await asyncio.sleep(0.3)  # a person reads
            except GONE:
                continue
            finally:
                await client.close()

    async def _relay(self, name: str) -> None:
        config = self.folder / f"{name}.yaml"
        mine = [f"g{n}" for n in range(1, GROUPS + 1) if _relay_of(n) == name]
        config.write_text(
            f"coordinator: http://127.0.0.1:{self.front.port}\ntoken: {token('relay', name, self.sale, mine)}\n"
            f"data: {self.folder / name}\ncredentials:\n  screen: {{platform: console, silent: true}}\ngroups:\n"
            + "".join(f"  {group}: {{credential: screen}}\n" for group in mine)
        )
        with (self.folder / f"{name}.log").open("ab") as log:
            self._relays.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "coordinator.cli", "relay", "--config", str(config), cwd=ROOT, stdout=log, stderr=log
                )
            )  # fmt: skip

    async def _fresh(self, role: str, at: int) -> Json:
        """The state at a number as a fresh console of this role has it, from a node that has come so far."""
        path, who = f"/api/sales/{self.sale}/state?at={at}", token(role, ROLES[role], self.sale)
        async with asyncio.timeout(10 * PATIENCE_S):
            while (answer := await self.nodes.http("GET", path, who)).status == 409:
                await asyncio.sleep(0.05)  # it follows: a moment later
        assert answer.status == 200, answer.text
        state: Json = answer.json["state"]
        return state

    # ------------------------------------------------------------ strikes
    async def strike(self, strike: Strike) -> None:
        """One fault, until a new command has been answered and all is well again."""
        await asyncio.sleep(self.random.random() * 0.3)  # somewhere in what is under way
        self._watch()
        owner, master = (
            await self.nodes.owner(self.sale),
            await asyncio.to_thread(self.cluster.master_of, key(self.sale, "head")),
        )
        self.load.strikes.append(time.monotonic())
        match strike:
            case "kill owner" | "kill node":
                node = owner if strike == "kill owner" else self.random.choice(self.nodes.up)
                await self._struck(strike, node is owner, lambda: self._restart(node))
            case "kill master" | "kill server":
                server = master if strike == "kill master" else self.random.choice(self.cluster.servers)
                await self._struck(strike, server is master, lambda: self._restart_redis(server))
            case "pause owner":
                await self._struck(strike, True, lambda: self._pause(owner))
            case "pause master":
                await self._struck(strike, True, lambda: self._pause_redis(master))
            case "cut owner":
                await self._struck(strike, True, lambda: self._cut(self.nodes.nodes.index(owner)))
            case "cut relays":
                await self._struck(strike, False, self._cut_relays)
        await self._well()

    async def _struck(self, strike: Strike, concerned: bool, fault: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        befalls = asyncio.ensure_future(fault())
        await asyncio.sleep(0)
        await self._answered_again()
        seconds = time.monotonic() - began
        self.take_overs.append((strike, concerned, seconds))
        with (self.folder / "strikes.txt").open("a") as file:  # for whoever watches a long run
            file.write(f"{len(self.take_overs)} {strike}{'' if concerned else ', not of the sale'}: {seconds:.2f} s\n")
        await befalls

    async def _answered_again(self) -> None:
        """A new command, given to one node after the other until one of them answers it."""
        self._notes += 1
        command = {"id": f"note-{self._notes}", "kind": "note.add", "text": f"第 {self._notes} 次"}
        headers = {"Authorization": f"Bearer {token('controller', 'sun', self.sale)}"}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1.0)) as session, asyncio.timeout(60):
            while True:
                try:
                    url = f"{self.nodes.url}/api/sales/{self.sale}/do"
                    async with session.post(url, headers=headers, json=command) as response:
                        answer = await response.json()
                        if response.status == 200:
                            break
                        assert response.status in {503, 404}, answer
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.03)
        self.load.take("controller:sun", command, {"ok": True, **answer})

    async def _restart(self, node: ServerProcess) -> None:
        self.nodes.up.remove(node)
        await node.kill()
        await self._start(node)
        self.nodes.up.append(node)

    async def _start(self, node: ServerProcess) -> None:
        """As whoever watches over it does: again, where its Redis was away just then."""
        for _ in range(5):
            try:
                await node.start()
                return
            except AssertionError:
                await node.kill()
        await node.start()

    async def _restart_redis(self, server: RedisServer) -> None:
        server.kill()
        await asyncio.sleep(self.random.uniform(0.1, 0.3))  # whoever watches over it starts it again
        await asyncio.to_thread(server.start)

    async def _pause(self, node: ServerProcess) -> None:
        self.nodes.up.remove(node)
        node.signal(signal.SIGSTOP)
        await asyncio.sleep(self.random.uniform(*SLEEP_S))
        node.signal(signal.SIGCONT)
        self.nodes.up.append(node)

    async def _pause_redis(self, server: RedisServer) -> None:
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(self.random.uniform(*SLEEP_S))
        server.signal(signal.SIGCONT)

    async def _cut(self, n: int) -> None:
        """A node does not reach any Redis, and is told so or not."""
        fault = self.random.choice([Way.cut, Way.swallow])
        for way in self._ways[n].values():
            fault(way)
        await asyncio.sleep(self.random.uniform(*SLEEP_S))
        for way in self._ways[n].values():
            way.heal()

    async def _cut_relays(self) -> None:
        """Relays go on with what they have while their leases hold, and tell late what became of it."""
        self.front.swallow()
        await asyncio.sleep(self.random.uniform(*SLEEP_S))
        self.front.heal()

    async def _well(self) -> None:
        await asyncio.to_thread(self.cluster.until_well)

    def _watch(self) -> None:
        """What went wrong in the test itself, or was told wrongly, ends it."""
        for task in self._work:
            if task.done():
                task.result()
        assert not self.load.wrong, (self.seed, self.load.wrong[:3])
        for relay in self._relays:
            assert relay.returncode is None, "a relay has ended"


def _host(n: int) -> str:
    """The address by which a node reaches every Redis; loopback has many."""
    return f"127.0.0.{10 + n}"


def _relay_of(group: int) -> str:
    return RELAYS[group % len(RELAYS)]


def _plan(quantity: int, minutes: int) -> dict[str, Any]:
    """A cue every second or two for so long."""
    groups = [
        {"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": _relay_of(n), "members": 100}
        for n in range(1, GROUPS + 1)
    ]
    late = {"late": "fire within 10m"}
    cues: list[dict[str, Any]] = [
        {"id": f"p{n}", "at": f"start +{3 * n}s", "prompt": "host", "text": f"第 {n} 句", **late}
        for n in range(1, 20 * minutes)
    ]
    cues += [
        {"id": f"l{n}", "at": f"start +{3700 * n}ms", "do": "link.drop", "product": "pan", "groups": "all", **late}
        for n in range(1, 16 * minutes)
    ]
    pacing = {"same_content": "0s"}  # what is dropped again and again is to leave each time
    return sheet(cues=cues, quantity=quantity, lead="200ms", groups=groups, pacing=pacing)
