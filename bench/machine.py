"""The machine's facts: a number means nothing without them."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("dropcue", "aiohttp", "websockets", "uvloop", "msgspec", "pydantic", "redis")
SYNCS = 100
SYNC_BYTES = 20_000  # about a batch of a hundred claims


def facts() -> dict[str, Any]:
    """Processor, memory, disk, versions; and how busy the machine was before the first measurement."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": _cpu(), "cores": os.cpu_count(), "memory_gib": _memory_gib(),
        "kernel": f"{platform.system()} {platform.release()}", "python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version,
        "libraries": {name: version(name) for name in LIBRARIES}, "fdatasync_p50_ms": _sync_ms(),
        "load_1m_before": load(), "redis_server": shutil.which("redis-server") is not None,
    }  # fmt: skip


def load() -> float:
    """How many processes wanted a core, over the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "CPU part")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _sync_ms() -> float:
    """How long this disk takes to say that something is written: what a durable answer waits for at least."""
    took = []
    with tempfile.NamedTemporaryFile(prefix="dropcue-bench-") as f:
        for _ in range(SYNCS):
            f.write(b"x" * SYNC_BYTES)
            f.flush()
            started = time.perf_counter()
            os.fdatasync(f.fileno())
            took.append(time.perf_counter() - started)
    return round(statistics.median(took) * 1000, 3)
