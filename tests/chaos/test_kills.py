"""kill -9 at any moment: nothing that was answered is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import websockets

from coordinator.journal import codec
from coordinator.journal.sqlite import SqliteJournal
from tests.client import Client, Closed, Json, token
from tests.server import ServerProcess, dropcue
from tests.sheet import sheet

CLAIMERS = 4
AT_ONCE = 20
GONE = (Closed, OSError, TimeoutError, websockets.WebSocketException)


class Load:
    """Claims and hand drops without end, over lines that break; what was answered is kept."""

    def __init__(self, server: ServerProcess, sale: str, seed: int, quantity: int) -> None:
        self.server, self.sale, self.random, self.quantity = server, sale, random.Random(seed), quantity
        self.answered: dict[tuple[str, str], tuple[Json, Any]] = {}  # (sender, id) -> command, result
        self.open: dict[str, list[Json]] = {}  # sender -> commands that were sent and not answered
        self.refused: Counter[str] = Counter()
        self.wrong: list[Json] = []
        self.answers = asyncio.Event()
        self._n = 0

    def claim(self) -> Json:
        self._n += 1
        # Some members come twice: they get their code again.
        return {
            "id": f"c{self._n}",
            "kind": "coupon.claim",
            "coupon": "c20",
            "member": f"m{self.random.randrange(2 * self.quantity)}",
        }

    def drop(self) -> Json:
        self._n += 1
        return {"id": f"d{self._n}", "kind": "link.drop", "product": "pan", "groups": "all"}

    async def run(self, role: str, person: str, make: Any, at_once: int) -> None:
        sender = f"{role}:{person}"
        while True:
            try:
                client = await Client.join(self.server.url, token(role, person, self.sale))
            except GONE:
                await asyncio.sleep(0.02)  # it is being started again: there is nothing to wait on but time
                continue
            try:
                while True:
                    # What was under way is sent again with the same ids; so is some of what was answered.
                    commands = self.open.pop(sender, None) or [make() for _ in range(at_once)]
                    done = [c for (s, _), (c, _) in self.answered.items() if s == sender]
                    again = self.random.sample(done, min(3, len(done)))
                    self.open[sender] = commands
                    results = await client.many(commands + again)
                    del self.open[sender]
                    for command, result in zip(commands + again, results, strict=True):
                        self.take(sender, command, result)
                    self.answers.set()
                    await asyncio.sleep(0 if at_once > 1 else 0.05)
            except GONE:
                continue
            finally:
                with contextlib.suppress(*GONE):
                    await client.close()

    def take(self, sender: str, command: Json, result: Json) -> None:
        key = (sender, command["id"])
        if not result["ok"]:
            if result["code"] != "busy" and key in self.answered:
                self.wrong.append({"command": command, "result": result})
            self.refused[result["code"]] += 1
            return
        before = self.answered.get(key)
        if result.get("result", {}).get("again") or before is not None:
            # `left` may have moved on for a member's last code; the code is the same.
            if before is not None and before[1].get("code") != result.get("result", {}).get("code"):
                self.wrong.append({"command": command, "before": before[1], "after": result})
            if before is None:
                return
        if before is None:
            self.answered[key] = (command, result.get("result") or {})


def plan(quantity: int) -> dict[str, Any]:
    cues: list[dict[str, Any]] = [
        {"id": f"p{n}", "at": f"start +{200 * n}ms", "prompt": "host", "text": f"第 {n} 句", "late": "fire within 10m"}
        for n in range(1, 1200)
    ]
    cues += [
        {
            "id": f"l{n}",
            "at": f"start +{700 * n}ms",
            "do": "link.drop",
            "product": "pan",
            "groups": "all",
            "late": "fire within 10m",
        }
        for n in range(1, 300)
    ]
    return sheet(cues=cues, quantity=quantity, lead="200ms", groups=3)


async def kill_under_load(server: ServerProcess, kills: int, quantity: int) -> dict[str, int]:
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    sale = await server.sale(plan(quantity), live=True)
    controller = await server.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    load = Load(server, sale, seed, quantity)
    work = [asyncio.create_task(load.run("relay", f"r{n}", load.claim, AT_ONCE)) for n in range(1, CLAIMERS + 1)]
    work.append(asyncio.create_task(load.run("controller", "zhao", load.drop, 1)))
    try:
        for _ in range(kills):
            # A number of answers, and then a little: the server is somewhere in the next.
            for _ in range(moments.randint(1, 15)):
                load.answers.clear()
                await asyncio.wait_for(load.answers.wait(), 30)
            await asyncio.sleep(moments.random() * 0.25)
            assert not [t for t in work if t.done()], [t.exception() for t in work if t.done()]
            await server.restart()
        load.answers.clear()
        await asyncio.wait_for(load.answers.wait(), 30)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    assert not load.wrong, (seed, load.wrong[:3])

    # What was under way at the end is finished: its answer is then known.
    for sender, commands in load.open.items():
        role, _, person = sender.partition(":")
        client = await server.join(sale, role, person)
        for command, result in zip(commands, await client.many(commands), strict=True):
            load.take(sender, command, result)
    watcher = await server.join(sale)
    await watcher.until(
        lambda: not [c for c in watcher.state["cues"].values() if c["status"] == "announced" and c.get("hand")]
    )
    await watcher.done("show.halt")
    await server.kill()
    return await check(server.data, sale, load, seed)


async def check(data: Path, sale: str, load: Load, seed: int) -> dict[str, int]:
    journal = SqliteJournal.open(data, readonly=True)
    end = await journal.verify(sale)
    entries, at = [], 0
    while at < end:
        entries += await journal.read(sale, at, 5000)
        at = entries[-1].seq
    await journal.close()
    events = codec.decode_all(entries, sale)
    assert [e.seq for e in events] == list(range(1, end + 1))
    assert all(a.at <= b.at for a, b in itertools.pairwise(events))
    kinds = [str(e.__struct_config__.tag) for e in events]

    commands = Counter((e.by, e.cmd) for e in events if e.cmd is not None)
    assert max(commands.values()) == 1, (seed, commands.most_common(3))
    for (sender, id_), (command, result) in load.answered.items():
        assert commands[sender, id_] == 1, (seed, sender, command, result)
    claimed: dict[tuple[str, str | None], Any] = {
        (e.by, e.cmd): e for e, k in zip(events, kinds, strict=True) if k == "coupon.claimed"
    }
    for (sender, id_), (command, result) in load.answered.items():
        if command["kind"] == "coupon.claim":
            assert claimed[sender, id_].code == result["code"], seed
            assert claimed[sender, id_].member == command["member"]

    assert len(claimed) <= load.quantity, seed
    assert len({e.code for e in claimed.values()}) == len(claimed)
    assert len({e.member for e in claimed.values()}) == len(claimed), "one for each member"
    assert [e.left for e in claimed.values()] == list(range(load.quantity - 1, load.quantity - 1 - len(claimed), -1))
    assert kinds.count("coupon.ran_out") == (len(claimed) == load.quantity)

    pairs = list(zip(events, kinds, strict=True))
    fired: Counter[str] = Counter(getattr(e, "run", "") for e, k in pairs if k == "cue.fired")
    announced: Counter[str] = Counter(getattr(e, "run", "") for e, k in pairs if k == "cue.announced")
    withdrawn = {getattr(e, "run", "") for e, k in pairs if k == "cue.withdrawn"}
    assert max(fired.values()) == 1, (seed, fired.most_common(3))
    assert max(announced.values()) == 1, (seed, announced.most_common(3))
    assert set(announced) - withdrawn <= set(fired), (seed, "an announced run goes on")
    deliveries = Counter(
        (getattr(e, "delivery", ""), getattr(e, "attempt", 0)) for e, k in pairs if k == "delivery.requested"
    )
    assert max(deliveries.values()) == 1
    by_drop = Counter(
        (getattr(e, "drop", ""), getattr(e, "group", ""), getattr(e, "attempt", 0))
        for e, k in pairs
        if k == "delivery.requested"
    )
    assert max(by_drop.values()) == 1, "a group gets a drop once"

    code, out, err = await dropcue("verify", sale, "--data", str(data))
    assert code == 0, (out, err)
    return {
        "events": end, "answered": len(load.answered), "claims": len(claimed), "fired": len(fired), "announced": len(announced),
        "refused": load.refused.total(), "seed": seed,
    }  # fmt: skip


async def test_eight_kills_under_load_lose_nothing_and_double_nothing(server: ServerProcess) -> None:
    figures = await kill_under_load(server, 8, 1_000)
    assert figures["answered"] > 100
    assert figures["fired"] > 20


@pytest.mark.long
async def test_fifty_kills_under_load_lose_nothing_and_double_nothing(server: ServerProcess) -> None:
    figures = await kill_under_load(server, 50, 20_000)
    print(figures)
    assert figures["answered"] > 1000
    assert figures["fired"] > 200
