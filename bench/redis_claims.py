"""The same claim on Redis with `appendfsync always`: a script that takes one of what is left, once for a member.

It is what one writes when a coupon is all there is to it: no group, no drop, no record of who saw what. The commands of one
turn of Redis's loop share one fsync, as a batch of Dropcue's does.
"""

from __future__ import annotations

import re
import statistics
import subprocess
from typing import Any

from bench.options import Options
from bench.redis_server import MISSING, redis_server, there
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
    if not there():
        return {"not_measured": MISSING}
    rounds = 1 if options.quick else 3
    total = 20_000 if options.quick else 80_000
    with redis_server() as server:
        out: dict[str, Any] = {"clients": CLIENTS, "version": server.info("redis_version")}
        taken: dict[int, list[float]] = {1: [], 16: []}
        server.ask("SET", "left", "100000000")
        sha = server.ask("SCRIPT", "LOAD", SCRIPT)
        for _ in range(rounds):
            for depth, rates in taken.items():
                rates.append(_bench(server.port, sha, depth, total))
        for depth, rates in taken.items():
            out[f"pipeline_{depth}"] = {
                "claims_s": round(statistics.median(rates)),
                "best": round(max(rates)),
                "worst": round(min(rates)),
            }
        claimed = 100_000_000 - int(server.ask("GET", "left"))
        if claimed != int(server.ask("HLEN", "codes")):
            raise BenchError("Redis gave out another number of codes than it counted down")
        out["claimed"] = claimed
        return out


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
