"""Memory for an idle console: what the server's process grows by, from none to 1,000 and 2,000 of distinct persons."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bench.load import run
from bench.options import Options
from bench.server import consoles, serve, sheet
from bench.wire import BenchError, Crowd

WARM = 20  # consoles that come and go first: what is made once for all is not counted to the first of them


def resident_kib(pid: int) -> int:
    """The process's own memory (its private pages), in KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise BenchError("this system does not tell a process's memory")


def measure(options: Options) -> dict[str, Any]:
    steps = [200, 400] if options.quick else [1000, 2000]
    with serve() as server:
        sale = server.sale(sheet(), start_now=True)
        job = {
            "port": server.port, "pid": server.pid, "steps": steps, "hellos": consoles(steps[-1] + WARM, sale),
        }  # fmt: skip
        return run("memory", job)


async def load(job: dict[str, Any]) -> dict[str, Any]:
    hellos = job["hellos"]
    warm = Crowd(job["port"], "/ws")
    await warm.come(hellos[-WARM:])
    await warm.quiet()
    warm.go()
    await asyncio.sleep(1.0)
    before = resident_kib(job["pid"])
    crowd = Crowd(job["port"], "/ws")
    out: dict[str, Any] = {"empty_mib": round(before / 1024, 1), "steps": {}}
    for count in job["steps"]:
        joined = await crowd.come(hellos[len(crowd.consoles) : count])
        await crowd.quiet(1.0)
        await asyncio.sleep(2.0)
        now = resident_kib(job["pid"])
        out["steps"][str(count)] = {
            "kib_each": round((now - before) / count, 1),
            "joined_s": round(joined, 2),
            "rss_mib": round(now / 1024, 1),
        }
    if crowd.faults():
        raise BenchError(f"a console was lost: {crowd.faults()[0]}")
    crowd.go()
    return out
