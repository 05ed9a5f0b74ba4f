"""What a sale weighs: a node's memory by events and by groups, the disk and Redis by events, and how long copies take.

`docs/sizing.md` is made of these figures. Memory is what the server's process has grown by while it ran, with what a
Python process keeps for later; a start on the same journal needs less.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import claims
from bench.load import ROOT, run
from bench.memory import resident_kib
from bench.options import Options
from bench.redis_server import RedisServer, redis_server, there
from bench.server import Server, folder, hello, serve, sheet
from bench.wire import BenchError, connect, text

GROUPS = 1000
DROPS = 10  # into all of them
AT_ONCE = 100_000  # events that one run of the load makes
LONE = 20_000  # events that come one at a time
COPY_SECONDS = 600.0


def measure(options: Options) -> dict[str, Any]:
    steps = [1_000, 5_000] if options.quick else [10_000, 100_000]
    million = 10_000 if options.quick else 1_000_000
    out: dict[str, Any] = {"events": {kind: _by_events(kind, steps) for kind in ("audience", "claims")}}
    out["groups"] = _by_groups(100 if options.quick else GROUPS)
    if there():
        out["store"] = _by_store(million, 2_000 if options.quick else LONE)
    return out


def _fill(server: Server, kind: str, sale: str, first: int, total: int) -> None:
    if kind == "audience":
        run("replay", {"port": server.port, "hello": hello("relay", "r0", sale), "first": first, "total": total})
        return
    hellos = [hello("relay", f"r{i}", sale, [f"g{i + 1}"]) for i in range(4)]
    job = {"port": server.port, "pid": server.pid, "hellos": hellos, "size": 100, "window": 2, "mark": f"s{first}"}
    run("claims", {**job, "total": total - first})


def _by_events(kind: str, steps: list[int]) -> dict[str, Any]:
    """The server's memory with so many events of one sale, while it runs and after a start on them."""
    out: dict[str, Any] = {}
    with folder() as data:
        with serve(data) as server:
            sale = claims.claimable(server)
            empty = resident_kib(server.pid)
            out["empty_mib"] = round(empty / 1024, 1)
            first = 0
            for total in steps:
                _fill(server, kind, sale, first, total)
                time.sleep(2.0)  # what was made for the batches on their way is let go of
                grown = resident_kib(server.pid) - empty
                out[str(total)] = {"mib": round(grown / 1024, 1), "bytes_each": round(grown * 1024 / total)}
                first = total
        started = time.perf_counter()
        with serve(data, patience=COPY_SECONDS) as server:
            out["start_s"] = round(time.perf_counter() - started, 2)
            out["start_mib"] = round(resident_kib(server.pid) / 1024, 1)
    return out


def _by_groups(count: int) -> dict[str, Any]:
    with serve() as server:
        empty = resident_kib(server.pid)
        sale = server.sale(sheet(groups=count), start_now=True)
        time.sleep(1.0)
        created = resident_kib(server.pid)
        welcome = run("sizing", {"port": server.port, "hello": hello("controller", "desk", sale)})["bytes"]
        took = []
        for _ in range(DROPS):
            started = time.perf_counter()
            server.do(sale, kind="link.drop", link="room", groups="all", text="come in: {link}")
            took.append(time.perf_counter() - started)
        time.sleep(4.0)  # the lead, and the frames
        dropped = resident_kib(server.pid)
        after = run("sizing", {"port": server.port, "hello": hello("controller", "desk", sale)})["bytes"]
        took.sort()
        return {
            "groups": count, "created_mib": round((created - empty) / 1024, 1), "welcome_kib": round(welcome / 1024),
            "drops": DROPS, "deliveries": count * DROPS, "dropped_mib": round((dropped - created) / 1024, 1),
            "delivery_bytes": round((dropped - created) * 1024 / count / DROPS), "drop_ms": round(took[len(took) // 2] * 1000),
            "dropped_welcome_kib": round(after / 1024),
        }  # fmt: skip


def _by_store(million: int, lone: int) -> dict[str, Any]:
    """The same events in a data folder and in Redis; how long it takes to bring them there, back, and to check them."""
    out: dict[str, Any] = {"events": million}
    with folder() as data, redis_server() as redis:
        sales: dict[str, str] = {}
        with serve(data) as server:
            for kind in ("audience", "claims"):
                sale = sales[kind] = claims.claimable(server)
                before = _bytes(data)
                for first in range(0, million // 2, AT_ONCE):
                    _fill(server, kind, sale, first, min(first + AT_ONCE, million // 2))
                out[kind] = {"folder_bytes_each": round((_bytes(data) - before) / (million // 2))}
        seconds = 0.0
        for kind, sale in sales.items():
            used, written = int(redis.info("used_memory")), _bytes(redis.folder)
            seconds += _command("restore", str(data), "--redis", redis.url, "--sale", sale)
            out[kind]["redis_bytes_each"] = round((int(redis.info("used_memory")) - used) / (million // 2))
            out[kind]["redis_disk_bytes_each"] = round((_bytes(redis.folder) - written) / (million // 2))
        out["restore_events_s"] = round(million / seconds)
        out["redis_mib"] = round(int(redis.info("used_memory")) / 2**20)
        out["backup_events_s"] = round(million / _command("backup", str(data / "kept"), "--redis", redis.url))
        out["verify_events_s"] = round(
            million / sum(_command("verify", s, "--redis", redis.url) for s in sales.values())
        )
        used = int(redis.info("used_memory"))
        run("sizing", {"data": str(data), "sale": sales["audience"], "redis": redis.url, "lone": lone})
        out["lone_redis_bytes_each"] = round((int(redis.info("used_memory")) - used) / lone)
        out["take_up_s"] = _take_up(redis)
    return out


def _bytes(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file() and "snapshots" not in f.parts)


def _command(*args: str) -> float:
    """Runs a command of Dropcue; the seconds it took. Raises BenchError where it failed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "coordinator.cli", *args], capture_output=True, text=True, cwd=ROOT, timeout=COPY_SECONDS, check=False
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"{args[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return time.perf_counter() - started


def _take_up(redis: RedisServer) -> float:
    """Seconds from the start of a node to where it has taken up all that stands in Redis."""
    started = time.perf_counter()
    with serve(redis=redis.url, patience=COPY_SECONDS):
        return round(time.perf_counter() - started, 1)


async def load(job: dict[str, Any]) -> dict[str, Any]:
    return await (_one_by_one(job) if "lone" in job else _welcome(job))


async def _welcome(job: dict[str, Any]) -> dict[str, Any]:
    """The size of a welcome with its state."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    wire = await connect(job["port"], "/ws", heard.put_nowait)
    wire.send(text(job["hello"]))
    async with asyncio.timeout(20):
        payload = await heard.get()
    wire.transport.abort()
    return {"bytes": len(payload)}


async def _one_by_one(job: dict[str, Any]) -> dict[str, Any]:
    """Appends events of a sale to another one, a flush for each."""
    from coordinator.journal.base import Flush
    from coordinator.journal.redis import RedisJournal
    from coordinator.journal.sqlite import SqliteJournal

    source = SqliteJournal.open(Path(job["data"]), readonly=True)
    redis = await RedisJournal.open(job["redis"])
    await redis.create("lone")
    for entry in await source.read(job["sale"], 0, job["lone"]):
        private = [(entry.seq, entry.private)] if entry.private is not None else []
        await redis.append("lone", Flush(entry.seq, [entry.body], private, [("relay:r0", f"f{entry.seq}", entry.seq)]))
    await source.close()
    await redis.close()
    return {}
