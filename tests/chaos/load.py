"""A load of claims, hand drops and timed cues over lines that break, and what must be so after it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import websockets

from coordinator.core import Event
from coordinator.journal import Journal, codec
from tests.client import PATIENCE_S, Client, Closed, Json, token
from tests.server import Room
from tests.sheet import sheet

CLAIMERS = 4
AT_ONCE = 20
GONE = (Closed, OSError, TimeoutError, websockets.WebSocketException)


class Load:
    """Claims and hand drops without end, over lines that break; what was answered is kept."""

    def __init__(self, room: Room, sale: str, seed: int, quantity: int) -> None:
        self.seed = seed
        self.room, self.sale, self.random, self.quantity = room, sale, random.Random(seed), quantity
        self.answered: dict[tuple[str, str], tuple[Json, Any]] = {}  # (sender, id) -> command, result
        self.done: defaultdict[str, list[Json]] = defaultdict(list)  # sender -> the commands of these
        self.open: dict[str, list[Json]] = {}  # sender -> commands that were sent and not answered
        self.patience = PATIENCE_S  # without an answer for so long, a line is taken for broken
        self.rest = 0.0  # between two orders of many
        self.groups: list[str] | None = None  # that the senders serve
        self.refused: Counter[str] = Counter()
        self.wrong: list[Json] = []
        self.strikes: list[float] = []  # when
        self.times: list[float] = []  # of answers
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
                async with asyncio.timeout(self.patience):
                    client = await Client.join(self.room.url, token(role, person, self.sale, self.groups))
            except GONE:
                await asyncio.sleep(0.02)  # it is being started again: there is nothing to wait on but time
                continue
            try:
                while True:
                    # What was under way is sent again with the same ids; so is some of what was answered.
                    commands = self.open.pop(sender, None) or [make() for _ in range(at_once)]
                    done = self.done[sender]
                    again = self.random.sample(done, min(3, len(done)))
                    self.open[sender] = commands
                    async with asyncio.timeout(self.patience):
                        results = await client.many(commands + again)
                    del self.open[sender]
                    for command, result in zip(commands + again, results, strict=True):
                        self.take(sender, command, result)
                    self.answers.set()
                    self.times.append(time.monotonic())
                    await asyncio.sleep(self.rest if at_once > 1 else max(self.rest, 0.05))
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
            self.done[sender].append(command)

    def pauses(self) -> list[float]:
        """After each strike, the longest that nobody was answered, in seconds; shortest first."""
        ends = [*self.strikes[1:], self.times[-1]]
        out = []
        for begin, end in zip(self.strikes, ends, strict=True):
            between = [begin, *(t for t in self.times if begin < t <= end), end]
            out.append(max(b - a for a, b in itertools.pairwise(between)))
        return sorted(out)


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
    pacing = {"same_content": "0s"}  # what is dropped again and again is to leave each time
    return sheet(cues=cues, quantity=quantity, lead="200ms", groups=3, pacing=pacing)


async def under_load(room: Room, strike: Callable[[random.Random], Awaitable[None]], times: int, quantity: int) -> Load:
    """Strikes at random moments, and lets what was under way come to its end."""
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    sale = await room.sale(plan(quantity), live=True)
    controller = await room.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    load = Load(room, sale, seed, quantity)
    work = [asyncio.create_task(load.run("relay", f"r{n}", load.claim, AT_ONCE)) for n in range(1, CLAIMERS + 1)]
    work.append(asyncio.create_task(load.run("controller", "zhao", load.drop, 1)))
    try:
        for _ in range(times):
            # A number of answers, and then a little: the server is somewhere in the next.
            for _ in range(moments.randint(1, 15)):
                load.answers.clear()
                await asyncio.wait_for(load.answers.wait(), 30)
            await asyncio.sleep(moments.random() * 0.25)
            assert not [t for t in work if t.done()], [t.exception() for t in work if t.done()]
            load.strikes.append(time.monotonic())
            await strike(moments)
            load.answers.clear()
            await asyncio.wait_for(load.answers.wait(), 30)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    assert not load.wrong, (seed, load.wrong[:3])

    await under_way(load)
    watcher = await room.join(sale)
    await watcher.until(
        lambda: not [c for c in watcher.state["cues"].values() if c["status"] == "announced" and c.get("hand")]
    )
    await watcher.done("show.halt")
    return load


async def under_way(load: Load) -> None:
    """What was under way at the end is finished: its answer is then known."""
    for sender, commands in load.open.items():
        role, _, person = sender.partition(":")
        client = await load.room.join(load.sale, role, person, load.groups)
        for command, result in zip(commands, await client.many(commands), strict=True):
            load.take(sender, command, result)


async def whole(journal: Journal, sale: str) -> list[Event]:
    """The journal, verified, to its end; it is closed."""
    end = await journal.verify(sale)
    entries, at = [], 0
    while at < end:
        entries += await journal.read(sale, at, 5000)
        at = entries[-1].seq
    await journal.close()
    events = codec.decode_all(entries, sale)
    assert [e.seq for e in events] == list(range(1, end + 1))
    return events


def check(events: Sequence[Event], load: Load) -> dict[str, Any]:
    """What must be so of a journal after a load; what was counted."""
    seed = load.seed
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

    pauses = load.pauses()
    return {
        "events": len(events), "answered": len(load.answered), "claims": len(claimed), "fired": len(fired), "announced": len(announced),
        "refused": load.refused.total(), "seed": seed,
        "pause_p50_s": round(pauses[len(pauses) // 2], 2), "pause_p99_s": round(pauses[len(pauses) * 99 // 100], 2),
    }  # fmt: skip
