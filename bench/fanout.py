"""Fan-out to many consoles: single events and bursts, of Dropcue and of the bare loops, read by the same client.

Dropcue's burst is one `many` of notes: it is decided, made durable and answered as well. The bare loops send events
of the same content from memory.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench import bare_aiohttp, bare_websockets
from bench.load import cpu_seconds, run
from bench.options import Options
from bench.server import consoles, hello, serve, sheet
from bench.wire import BenchError, Crowd, Reader, connect, text

WORDS = "红包雨倒数三十秒, 主播看镜头, 下一个是不粘锅, 链接马上发到群里; get ready"  # what a note or prompt is like
BURST_SECONDS = 60.0
LONE_SECONDS = 0.2  # between single events: each is alone
DEAF_FRAMES, DEAF_ROUNDS = 60, 3  # of a thousand events of 300 bytes: more than any buffer on the way holds
CLOSE_SECONDS = 0.03  # or follows so closely that a tick may hold it


def measure(options: Options) -> dict[str, Any]:
    count = 200 if options.quick else 1000
    bursts = {100: 3, 500: 2} if options.quick else {100: 5, 1000: 2}
    job = {"singles": 20 if options.quick else 40, "bursts": {str(k): v for k, v in bursts.items()}}
    out: dict[str, Any] = {"consoles": count}
    with serve() as server:
        sale = server.sale(sheet(), start_now=True)
        out["dropcue"] = run("fanout", {
            **job, "who": "dropcue", "port": server.port, "pid": server.pid, "path": "/ws", "hellos": consoles(count, sale),
            "control": hello("controller", "desk", sale), "deaf": hello("controller", "deaf", sale),
            "relay": hello("relay", "r0", sale),
        })  # fmt: skip
    for name, bare in (("aiohttp", bare_aiohttp), ("websockets", bare_websockets)):
        with bare.serve() as (port, pid):
            hellos = [{"op": "hello"}] * count
            out[name] = run("fanout", {
                **job, "who": name, "port": port, "pid": pid, "path": "/", "hellos": hellos, "control": {"op": "control"},
            })  # fmt: skip
    for size in bursts:
        ours = out["dropcue"]["bursts"][str(size)]["deliveries_s"]
        out[f"ratio_{size}"] = {
            n: round(ours / out[n]["bursts"][str(size)]["deliveries_s"], 1) for n in ("aiohttp", "websockets")
        }
    return out


async def load(job: dict[str, Any]) -> dict[str, Any]:
    ours = job["who"] == "dropcue"
    crowd = Crowd(job["port"], job["path"], Reader(), other=job.get("other"))
    joined = await crowd.come(job["hellos"])
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    said: list[bytes] = []  # why the server closed the line that orders

    def answered(payload: bytes) -> None:
        if payload.startswith(b'{"op":"bye"'):
            said.append(payload[:200])
        if payload.startswith((b'{"op":"done"', b'{"op":"refused"', b'{"op":"welcome"')):
            answers.put_nowait(payload)

    control = await connect(job["port"], job["path"], answered)
    control.send(text(job["control"]))
    async with asyncio.timeout(20):
        await answers.get()
    await crowd.quiet()
    sent = 0

    def order(count: int) -> bytes:
        nonlocal sent
        sent += 1
        if not ours:
            return text({"op": "burst", "count": count, "text": WORDS})
        notes = [
            {"id": f"{job.get('mark', 'b')}{sent}-{i}", "kind": "note.add", "text": f"{i:04d} {WORDS}"}
            for i in range(count)
        ]
        return text({"op": "many", "id": f"b{sent}", "commands": notes})

    async def burst(count: int) -> list[float]:
        """Seconds from the order to each console's last event, sorted."""
        frame = order(count)
        if said or control.lost:
            raise BenchError(f"the line that orders was closed: {said or control.lost}")
        crowd.expect(count)
        started = time.perf_counter()
        control.send(frame)
        await crowd.all_done(BURST_SECONDS)
        if ours:
            async with asyncio.timeout(20):
                answer = await answers.get()
            if answer.count(b'"ok":true') != count:
                raise BenchError(f"not all of {count} were done: {answer[:300]!r}")
        return sorted(t - started for t in crowd.done_at)

    out: dict[str, Any] = {"joined_s": round(joined, 2), "bursts": {}}
    await burst(1)
    for name, seconds in (("single", LONE_SECONDS), ("close", CLOSE_SECONDS)):
        times: list[float] = []
        lasts: list[float] = []
        served = -cpu_seconds(job["pid"]) if ours else 0.0
        for _ in range(job["singles"]):
            await asyncio.sleep(seconds)
            took = await burst(1)
            times += took
            lasts.append(took[-1])
        times.sort()
        served += cpu_seconds(job["pid"]) if ours else 0.0
        out[name] = {
            "p50_ms": round(times[len(times) // 2] * 1000, 2), "p99_ms": round(times[len(times) * 99 // 100] * 1000, 2),
            "last_ms": round(statistics.median(lasts) * 1000, 2),
            **({"server_us_each": round(served / len(times) * 1e6, 2)} if ours else {}),
        }  # fmt: skip
    for size, rounds in job["bursts"].items():
        count = int(size)
        took_s = []
        frames = sum(c.frames for c in crowd.consoles)
        bytes_ = sum(c.bytes for c in crowd.consoles)
        cpu = served = 0.0
        spent = dict.fromkeys(job.get("others", {}), 0.0)
        for _ in range(rounds):
            await asyncio.sleep(0.2)
            cpu, served = cpu - time.process_time(), served - cpu_seconds(job["pid"])
            spent = {name: used - cpu_seconds(job["others"][name]) for name, used in spent.items()}
            took_s.append((await burst(count))[-1])
            cpu, served = cpu + time.process_time(), served + cpu_seconds(job["pid"])
            spent = {name: used + cpu_seconds(job["others"][name]) for name, used in spent.items()}
        median = statistics.median(took_s)
        out["bursts"][size] = {
            "seconds": round(median, 4), "best_s": round(min(took_s), 4), "worst_s": round(max(took_s), 4),
            "deliveries_s": round(count * len(crowd.consoles) / median),
            "client_busy": round(cpu / sum(took_s), 2), "server_busy": round(served / sum(took_s), 2),
            "busy": {name: round(used / sum(took_s), 2) for name, used in spent.items()},
            "server_us_each": round(served / rounds / count / len(crowd.consoles) * 1e6, 2),
            "frames_each": round((sum(c.frames for c in crowd.consoles) - frames) / rounds / len(crowd.consoles), 1),
            "kib_each": round((sum(c.bytes for c in crowd.consoles) - bytes_) / rounds / len(crowd.consoles) / 1024, 1),
        }  # fmt: skip
    if "deaf" in job:
        out["beside_deaf"] = await _beside_deaf(job, burst)
    faults = crowd.faults()
    if faults:
        raise BenchError(f"{len(faults)} consoles missed something, such as: {faults[0]}")
    out["snapshots"] = sum(c.snapshots for c in crowd.consoles)
    out["missed"] = 0
    crowd.go()
    return out


async def _beside_deaf(job: dict[str, Any], burst: Callable[[int], Awaitable[list[float]]]) -> dict[str, Any]:
    """The largest burst alone, and beside a controller who does not read who has joined."""
    count = max(map(int, job["bursts"]))
    alone = statistics.median([(await burst(count))[-1] for _ in range(DEAF_ROUNDS)])
    deaf = await connect(job["port"], job["path"], lambda _: None)
    deaf.send(text(job["deaf"]))
    deaf.transport.pause_reading()
    told = asyncio.Event()
    relay = await connect(job["port"], job["path"], lambda payload: told.set() if b'"op":"done"' in payload else None)
    relay.send(text(job["relay"]))
    for frame in range(DEAF_FRAMES):
        told.clear()
        joined = [
            {
                "id": f"w{frame}-{n}",
                "kind": "group.observe",
                "group": "g1",
                "what": "joined",
                "member": f"{frame:064}-{n:063}",
            }
            for n in range(1000)
        ]
        relay.send(text({"op": "many", "id": f"w{frame}", "commands": joined}))
        async with asyncio.timeout(20):
            await told.wait()
    relay.transport.abort()
    beside = statistics.median([(await burst(count))[-1] for _ in range(DEAF_ROUNDS)])
    deaf.transport.abort()
    return {"alone_s": round(alone, 4), "beside_s": round(beside, 4), "ratio": round(beside / alone, 2)}
