"""What a second node costs, and what it brings: claims and fan-out of one sale on nodes that share a Redis.

Claims go to the node that conducts the sale (the owner), without and with a follower that has listeners, and through the
follower. Listeners are on one node, or half of them on each of two. Redis brings every change to its disk before it
answers, alone or with one replica that has to have it too. All processes and the load share this machine's cores: on two
of them a second node cannot be quicker, it shows what it costs.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench import claims
from bench.load import run
from bench.options import Options
from bench.redis_server import MISSING, RedisServer, durable_redis, there
from bench.server import Server, consoles, hello, serve, sheet
from bench.wire import BenchError

SIZES = {10: 4, 100: 1}  # commands in a `many` → how many of them are on their way on each connection
TRIES = 4
LISTENERS = 100  # on the follower, while claims are taken


def measure(options: Options) -> dict[str, Any]:
    if not there():
        return {"not_measured": MISSING}
    out: dict[str, Any] = {}
    for name, replica in (("alone", False), ("replica", True)):
        with durable_redis(replica=replica) as redis:
            out["redis"] = redis[0].info("redis_version")
            out[name] = {}
            for part, measured in (("claims", _claims), ("fanout", _fanout)):
                out[name][part] = _tried(measured, options, redis)
    return out


def _tried(measured: Callable[..., dict[str, Any]], options: Options, redis: list[RedisServer]) -> dict[str, Any]:
    """A node that is starved of its core turns clients away, and then nothing was measured: it is tried again."""
    for tries in range(1, TRIES + 1):
        try:
            return {**measured(options, redis), "tries": tries}
        except BenchError:
            if tries == TRIES:
                raise
    raise AssertionError


def _claims(options: Options, redis: list[RedisServer]) -> dict[str, Any]:
    totals = {10: 4_000, 100: 8_000} if options.quick else {10: 24_000, 100: 48_000}
    rounds = 1 if options.quick else 3
    out: dict[str, Any] = {"listeners": LISTENERS}
    taken: dict[tuple[str, int], list[dict[str, Any]]] = {}
    with serve(redis=redis[0].url) as owner:
        sale = claims.claimable(owner)
        hellos = [hello("relay", f"r{i}", sale, [f"g{i + 1}"]) for i in range(claims.CONNECTIONS)]

        def turn(which: str, node: Server, nodes: dict[str, Server], listening: Server | None) -> None:
            others = _pids(redis, nodes)
            for size, window in SIZES.items():
                found = taken.setdefault((which, size), [])
                job = {
                    "port": node.port, "pid": owner.pid, "hellos": hellos, "size": size, "window": window, "total": totals[size],
                    "mark": f"{which}-{len(found)}-{size}", "others": others,
                }  # fmt: skip
                if listening is not None:
                    job |= {"listening_at": listening.port, "listeners": consoles(LISTENERS, sale)}
                found.append(run("claims", job))

        for _ in range(rounds):
            turn("one_node", owner, {"owner": owner}, None)
        with serve(redis=redis[0].url) as follower:
            both = {"owner": owner, "follower": follower}
            for _ in range(rounds):
                turn("with_follower", owner, both, follower)
                turn("through_follower", follower, both, follower)
            acknowledged = sum(f["claims"] for found in taken.values() for f in found)
            journal = run("claims", {"check": redis[0].url, "sale": sale})
    if journal["claimed"] != acknowledged or journal["codes"] != acknowledged:
        raise BenchError(f"{acknowledged} claims were acknowledged, the journal has {journal}")
    for (which, size), found in taken.items():
        middle = sorted(found, key=lambda f: f["claims_s"])[len(found) // 2]
        rates = [f["claims_s"] for f in found]
        out.setdefault(which, {})[f"many_{size}"] = {
            "claims_s": round(statistics.median(rates)), "best": max(rates), "worst": min(rates), "p50_ms": middle["p50_ms"],
            "p99_ms": middle["p99_ms"], "busy": {"client": middle["client_busy"], **middle["busy"]},
            "us_each": {name: round(statistics.median(f["us_each"][name] for f in found), 1) for name in found[0]["us_each"]},
        }  # fmt: skip
    return {**out, "acknowledged": acknowledged, "journal": journal}


def _fanout(options: Options, redis: list[RedisServer]) -> dict[str, Any]:
    count = 200 if options.quick else 1000
    job: dict[str, Any] = {"who": "dropcue", "path": "/ws", "singles": 20 if options.quick else 40}
    job["bursts"] = {"100": 3 if options.quick else 5}
    out: dict[str, Any] = {"consoles": count}
    with serve(redis=redis[0].url) as owner:
        sale = owner.sale(sheet(), start_now=True)
        job |= {
            "port": owner.port, "pid": owner.pid, "hellos": consoles(count, sale),
            "control": hello("controller", "desk", sale),
        }  # fmt: skip
        out["one_node"] = run("fanout", {**job, "others": _pids(redis, {"owner": owner})})
        with serve(redis=redis[0].url) as follower:
            others = _pids(redis, {"owner": owner, "follower": follower})
            out["two_nodes"] = run("fanout", {**job, "mark": "t", "other": follower.port, "others": others})
    return out


def _pids(redis: list[RedisServer], nodes: dict[str, Server]) -> dict[str, int]:
    names = dict(zip(("redis", "replica"), redis, strict=False))
    return {name: process.pid for name, process in {**nodes, **names}.items()}
