"""Events a second from the journal's file to the state: read, decode, fold. What a restart and a review wait for."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from bench import claims
from bench.lateness import commands
from bench.load import run
from bench.options import Options
from bench.server import folder, hello, serve, sheet
from bench.wire import BenchError

ROUNDS = 3


def measure(options: Options) -> dict[str, Any]:
    total = 10_000 if options.quick else 100_000
    with folder() as data:
        with serve(data) as server:
            busy = server.sale(sheet(), start_now=True)
            run("replay", {"port": server.port, "hello": hello("relay", "r0", busy), "total": total})
            claimed = claims.claimable(server)
            hellos = [hello("relay", f"r{i}", claimed, [f"g{i + 1}"]) for i in range(4)]
            run(
                "claims",
                {
                    "port": server.port,
                    "pid": server.pid,
                    "hellos": hellos,
                    "size": 100,
                    "window": 2,
                    "total": total,
                    "mark": "r",
                },
            )
        out = {}
        for name, sale in (("audience", busy), ("claims", claimed)):
            found = [run("replay", {"data": str(data), "sale": sale}) for _ in range(1 if options.quick else ROUNDS)]
            if len({f["state"] for f in found}) != 1:
                raise BenchError("the same journal gave different states")
            out[name] = {
                "events": found[0]["events"], "state_bytes": found[0]["state_bytes"], "events_s": round(statistics.median(f["events_s"] for f in found)),
                "read_events_s": round(statistics.median(f["read_events_s"] for f in found)),
                "verify_events_s": round(statistics.median(f["verify_events_s"] for f in found)),
            }  # fmt: skip
        return out


async def load(job: dict[str, Any]) -> dict[str, Any]:
    return await (_replay(Path(job["data"]), job["sale"]) if "data" in job else _fill(job))


async def _fill(job: dict[str, Any]) -> dict[str, Any]:
    """Makes a journal of what an audience does."""
    import asyncio

    from bench.wire import connect, text

    done: asyncio.Queue[bytes] = asyncio.Queue()
    wire = await connect(job["port"], "/ws", lambda p: done.put_nowait(p) if p.startswith(b'{"op":"done"') else None)
    wire.send(text(job["hello"]))
    for first in range(job.get("first", 0), job["total"], 500):
        many = [{"id": f"f{i}", **commands(i)} for i in range(first, first + 500)]
        wire.send(text({"op": "many", "id": str(first), "commands": many}))
        async with asyncio.timeout(30):
            answer = await done.get()
        if b'"ok":false' in answer:
            raise BenchError(f"refused: {answer[answer.find(b'false') - 40 :][:300]!r}")
    wire.transport.abort()
    return {}


async def _replay(data: Path, sale: str) -> dict[str, Any]:
    import hashlib

    from coordinator.core import State, evolve
    from coordinator.core import state as states
    from coordinator.journal import codec
    from coordinator.journal.sqlite import SqliteJournal

    journal = SqliteJournal.open(data, readonly=True)
    try:
        started = time.perf_counter()
        await journal.verify(sale)
        verified = time.perf_counter() - started
        started, seq = time.perf_counter(), 0
        while entries := await journal.read(sale, seq, 2_000):
            seq = entries[-1].seq
        read = time.perf_counter() - started
        state = State(sale=sale)
        started = time.perf_counter()
        while entries := await journal.read(sale, state.seq, 2_000):
            for event in codec.decode_all(entries, sale):
                evolve(state, event)
        folded = time.perf_counter() - started
    finally:
        await journal.close()
    return {
        "events": seq, "events_s": seq / folded, "read_events_s": seq / read, "verify_events_s": seq / verified,
        "state": hashlib.sha256(states.encode(state)).hexdigest(), "state_bytes": len(states.encode(state)),
    }  # fmt: skip
