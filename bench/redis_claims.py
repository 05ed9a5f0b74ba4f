"""The same claim on Redis with `appendfsync always`: a script that takes one of what is left, once for a member.

It is what one writes when a coupon is all there is to it: no group, no drop, no record of who saw what. The commands of one
turn of Redis's loop share one fsync, as a batch of Dropcue's does.
"""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import time
from typing import Any

from bench.options import Options
from bench.server import folder, free_port, stop
from bench.wire import BenchError

CLIENTS = 50
SCRIPT = """
local had = redis.call('HGET', KEYS[2], ARGV[1])
if had then return {had, 1} end
local left = tonumber(redis.call('GET', KEYS[1]))
if left <= 0 then return {'', 0} end
local code = redis.sha1hex(KEYS[3] .. ARGV[1])
redis.call('DECR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], code)
redis.call('HSET', KEYS[3], code, ARGV[1])
return {code, left - 1}
"""


def measure(options: Options) -> dict[str, Any]:
    if shutil.which("redis-server") is None or shutil.which("redis-benchmark") is None:
        return {"not_measured": "redis-server and redis-benchmark are needed: apt-get install redis"}
    rounds = 1 if options.quick else 3
    total = 20_000 if options.quick else 80_000
    with folder() as where:
        port = free_port()
        running = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(where), "--appendonly", "yes",
             "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _ready(port)
            out: dict[str, Any] = {"clients": CLIENTS, "version": _version()}
            taken: dict[int, list[float]] = {1: [], 16: []}
            _cli(port, "SET", "left", "100000000")
            sha = _cli(port, "SCRIPT", "LOAD", SCRIPT)
            for _ in range(rounds):
                for depth, rates in taken.items():
                    rates.append(_bench(port, sha, depth, total))
            for depth, rates in taken.items():
                out[f"pipeline_{depth}"] = {
                    "claims_s": round(statistics.median(rates)),
                    "best": round(max(rates)),
                    "worst": round(min(rates)),
                }
            claimed = 100_000_000 - int(_cli(port, "GET", "left"))
            if claimed != int(_cli(port, "HLEN", "codes")):
                raise BenchError("Redis gave out another number of codes than it counted down")
            out["claimed"] = claimed
            return out
        finally:
            stop(running)


def _bench(port: int, sha: str, depth: int, total: int) -> float:
    """Claims a second, of members picked from a billion, so that hardly one comes twice."""
    done = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-c", str(CLIENTS), "-n", str(total), "-P", str(depth), "-r", "1000000000", "-q",
         "EVALSHA", sha, "3", "left", "members", "codes", "m__rand_int__"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.findall(r"([0-9.]+) requests per second", done.stdout)
    if not found or "ERR" in done.stdout:
        raise BenchError(f"redis-benchmark said: {done.stdout[-300:]}")
    return float(found[-1])


def _cli(port: int, *words: str) -> str:
    done = subprocess.run(
        ["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.strip()


def _version() -> str:
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    found = re.search(r"v=([0-9.]+)", said)
    return found[1] if found else "unknown"


def _ready(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise BenchError("redis-server did not start")
