"""A sale that is asked for more than it can take: cues go on, what was answered stands, the rest is told when to come back."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from typing import Any

from coordinator.journal import codec
from coordinator.journal.sqlite import SqliteJournal
from tests.client import PATIENCE_S, Client, Json
from tests.server import ServerProcess
from tests.sheet import sheet

RELAYS = 8
AT_ONCE = 8  # `many` that each relay has under way: more than one sender may have waiting
SIZE = 1_000
CUES, FIRST_MS, APART_MS = 40, 2_500, 100
MIB = 1 << 20


class Flood:
    """Relays and a member that claim without end, and keep what they were told."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.done: dict[str, str] = {}  # id of the command → its code
        self.refused: Counter[str] = Counter()
        self.wrong: list[Json] = []
        self._ids = itertools.count()

    async def run(self, client: Client, at_once: int, **fields: Any) -> None:
        while not self.over.is_set():
            numbers = [[next(self._ids) for _ in range(SIZE)] for _ in range(at_once)]
            manys = [
                [{"id": f"c{n}", "kind": "coupon.claim", "coupon": "c20", "member": f"m{n}", **fields} for n in of]
                for of in numbers
            ]
            for results in await asyncio.gather(*(client.many(many) for many in manys)):
                self.take(results)

    def take(self, results: list[Json]) -> None:
        for result in results:
            if result["ok"]:
                self.done[result["id"]] = result["result"]["code"]
                continue
            self.refused[result["code"]] += 1
            details = result.get("details") or {}
            if result["code"] not in {"busy", "capped"} or not details.get("retry_ms", 0) > 0:
                self.wrong.append(result)
            if result["code"] == "capped" and "allowed_at" not in details:
                self.wrong.append(result)


async def presses(controller: Client, flood: Flood) -> int:
    """The controller presses, again and again; how often it was done. A press is never told to come back."""
    done = 0
    while not flood.over.is_set():
        await controller.done("note.add", text=f"{done}")
        done += 1
    return done


async def waiting(server: ServerProcess) -> list[float]:
    text = (await server.http("GET", "/metrics")).text
    return [float(n) for n in re.findall(r"^dropcue_commands_waiting\{.*\} (\S+)$", text, re.MULTILINE)]


async def test_under_a_flood_cues_fire_presses_are_done_and_what_was_answered_stands(server: ServerProcess) -> None:
    cues = [
        {"id": f"p{n}", "at": f"start +{FIRST_MS + n * APART_MS}ms", "prompt": "host", "text": f"第 {n} 句"}
        for n in range(CUES)
    ]
    sale = await server.sale(sheet(lead="0s", quantity=5_000_000, cues=cues), live=True)
    controller = await server.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    relays = [await server.join(sale, "relay", f"r{n}") for n in range(RELAYS)]
    member = await server.join(sale, "audience", "m-many")
    watcher = await server.join(sale, "host")
    before = server.memory_bytes()

    flood = Flood()
    flooding = [asyncio.create_task(flood.run(relay, AT_ONCE)) for relay in relays]
    flooding.append(asyncio.create_task(flood.run(member, 1, member=None)))
    pressing = asyncio.create_task(presses(controller, flood))
    await watcher.until(lambda: sum(e["kind"] == "cue.fired" for e in watcher.events) >= CUES, 6 * PATIENCE_S)
    flood.over.set()
    pressed = await pressing
    await asyncio.gather(*flooding)

    async with asyncio.timeout(PATIENCE_S):
        while any(await waiting(server)):
            await asyncio.sleep(0.05)  # nothing tells of it
    assert (await relays[0].done("coupon.claim", coupon="c20", member="late"))["code"]
    grown = server.memory_bytes() - before
    assert not flood.wrong, flood.wrong[:3]
    assert flood.refused["busy"] > 0
    assert flood.refused["capped"] > 0
    assert pressed > 0
    await server.stop()

    journal = SqliteJournal.open(server.data, readonly=True)
    end = await journal.verify(sale)
    events = []
    while len(events) < end:
        events += codec.decode_all(await journal.read(sale, len(events), 5_000), sale)
    await journal.close()
    claimed = {str(e.cmd): getattr(e, "code", "") for e in events if str(e.__struct_config__.tag) == "coupon.claimed"}
    fresh = {id_: code for id_, code in flood.done.items() if id_ in claimed}
    assert fresh == {id_: claimed[id_] for id_ in fresh}
    again = set(flood.done.values()) - set(claimed.values())
    assert not again, "a code that nobody was given"
    assert len(set(claimed.values())) == len(claimed)
    fired = Counter(str(getattr(e, "cue", "")) for e in events if str(e.__struct_config__.tag) == "cue.fired")
    assert {cue: fired[cue] for cue in (f"p{n}" for n in range(CUES))} == {f"p{n}": 1 for n in range(CUES)}
    late = sorted(getattr(e, "late_ms", 0) for e in events if str(e.__struct_config__.tag) == "cue.fired")
    assert all(ms <= 30_000 for ms in late), "later ones are skipped by their rule"
    print(
        {"claimed": len(claimed), "refused": dict(flood.refused), "pressed": pressed, "grown_mib": grown // MIB,
         "late_p50_ms": late[len(late) // 2], "late_p99_ms": late[len(late) * 99 // 100]}
    )  # fmt: skip
    # What stands takes its room: a claim is about a KiB of state and ids. What waited has been given back.
    assert grown < 150 * MIB + len(claimed) * 2_048
