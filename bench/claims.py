"""Durable claims a second through the websocket: a relay's connections pipeline `many` of 1, 10 and 100 distinct members.

Every claim that counts was answered `ok` with a code of its own, which means that it stands on the disk. Afterwards the
journal is read from its file and must hold exactly those claims, with those codes, and verify.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from pathlib import Path
from typing import Any

from bench.load import cpu_seconds, run
from bench.options import Options
from bench.server import Server, hello, serve, sheet
from bench.wire import BenchError, Crowd, client_frame, connect, text

CONNECTIONS = 16
SIZES = {1: 16, 10: 8, 100: 2}  # commands in a `many` → how many of them are on their way on each connection
RUN_SECONDS = 120.0


def measure(options: Options) -> dict[str, Any]:
    totals = {1: 2_000, 10: 6_000, 100: 16_000} if options.quick else {1: 8_000, 10: 32_000, 100: 64_000}
    rounds = 1 if options.quick else 3
    out: dict[str, Any] = {"connections": CONNECTIONS}
    acknowledged = 0
    with serve() as server:
        sale = claimable(server)
        hellos = [hello("relay", f"r{i}", sale, [f"g{i + 1}"]) for i in range(CONNECTIONS)]
        taken: dict[int, list[dict[str, Any]]] = {size: [] for size in SIZES}
        for turn in range(rounds):
            for size, window in SIZES.items():
                job = {
                    "port": server.port,
                    "pid": server.pid,
                    "hellos": hellos,
                    "size": size,
                    "window": window,
                    "total": totals[size],
                    "mark": f"{turn}-{size}",
                }
                taken[size].append(run("claims", job))
        for size, found in taken.items():
            acknowledged += sum(f["claims"] for f in found)
            rates = [f["claims_s"] for f in found]
            middle = sorted(found, key=lambda f: f["claims_s"])[len(found) // 2]
            out[f"many_{size}"] = {
                "claims_s": round(statistics.median(rates)), "best": max(rates), "worst": min(rates), "in_flight": CONNECTIONS * SIZES[size] * size,
                "p50_ms": middle["p50_ms"], "p99_ms": middle["p99_ms"], "client_busy": middle["client_busy"],
                "server_busy": middle["server_busy"], "server_us_each": middle["server_us_each"],
            }  # fmt: skip
        out["acknowledged"] = acknowledged
        out["journal"] = run("claims", {"check": str(server.data), "sale": sale})
    if out["journal"]["claimed"] != acknowledged or out["journal"]["codes"] != acknowledged:
        raise BenchError(f"{acknowledged} claims were acknowledged, the journal has {out['journal']}")
    return out


def claimable(server: Server) -> str:
    """A running sale whose coupon has been dropped into all groups."""
    sale = server.sale(sheet(), start_now=True)
    server.do(sale, kind="coupon.drop", coupon="c1", groups="all")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if server.http("GET", f"/api/sales/{sale}/list/coupons")["coupons"][0].get("dropped_at"):
            return sale
        time.sleep(0.1)
    raise BenchError("the coupon was not dropped")


class _Claimer:
    """One connection that keeps `window` frames on their way."""

    def __init__(self, frames: list[bytes], window: int, done: asyncio.Event) -> None:
        self.frames, self.window, self.done = frames, window, done
        self.at = 0
        self.sent: list[float] = []
        self.took: list[float] = []
        self.answers: list[bytes] = []
        self.welcomed = asyncio.Event()

    def heard(self, payload: bytes) -> None:
        if payload.startswith(b'{"op":"done"'):
            now = time.perf_counter()
            self.answers.append(payload)
            self.took.append(now - self.sent[len(self.answers) - 1])
            if self.at < len(self.frames):
                self.next()
            elif len(self.answers) == len(self.frames):
                self.done.set()
        elif payload.startswith(b'{"op":"welcome"'):
            self.welcomed.set()
        elif payload.startswith((b'{"op":"refused"', b'{"op":"bye"')):
            raise BenchError(f"refused: {payload[:300]!r}")

    def next(self) -> None:
        self.sent.append(time.perf_counter())
        self.wire.send(self.frames[self.at])
        self.at += 1

    def begin(self) -> None:
        for _ in range(min(self.window, len(self.frames))):
            self.next()


CODE = re.compile(rb'"code":"([^"]+)","left"')


async def load(job: dict[str, Any]) -> dict[str, Any]:
    if "check" in job:
        return await _check(job["check"], job["sale"])
    size, mark = job["size"], job["mark"]
    each = job["total"] // size // len(job["hellos"])
    claimers = []
    for c, said in enumerate(job["hellos"]):
        group = said_group(c)
        frames = []
        for f in range(each):
            commands = [
                {
                    "id": f"{mark}-{c}-{f}-{i}",
                    "kind": "coupon.claim",
                    "coupon": "c1",
                    "member": f"m{mark}-{c}-{f}-{i}",
                    "group": group,
                }
                for i in range(size)
            ]
            frames.append(
                client_frame(
                    1, json.dumps({"op": "many", "id": f"{f}", "commands": commands}, separators=(",", ":")).encode()
                )
            )
        claimer = _Claimer(frames, job["window"], asyncio.Event())
        claimer.wire = await connect(job["port"], "/ws", claimer.heard)
        claimer.wire.send(text(said))
        async with asyncio.timeout(20):
            await claimer.welcomed.wait()
        claimers.append(claimer)
    await asyncio.sleep(0.5)
    crowd = Crowd(job["listening_at"], "/ws") if "listeners" in job else None
    if crowd is not None:
        await crowd.come(job["listeners"])
        await crowd.quiet()
    others: dict[str, int] = job.get("others", {})
    spent = {name: -cpu_seconds(pid) for name, pid in others.items()}
    cpu, served = time.process_time(), cpu_seconds(job["pid"])
    started = time.perf_counter()
    for claimer in claimers:
        claimer.begin()
    async with asyncio.timeout(RUN_SECONDS):
        for claimer in claimers:
            await claimer.done.wait()
    seconds = time.perf_counter() - started
    cpu, served = time.process_time() - cpu, cpu_seconds(job["pid"]) - served
    spent = {name: spent[name] + cpu_seconds(pid) for name, pid in others.items()}
    if crowd is not None:
        if crowd.faults():
            raise BenchError(f"a console was lost: {crowd.faults()[0]}")
        crowd.go()
    codes: set[bytes] = set()
    count = 0
    for claimer in claimers:
        for payload in claimer.answers:
            found = CODE.findall(payload)
            if len(found) != size or b'"ok":false' in payload or b'"again"' in payload:
                raise BenchError(f"not all were acknowledged: {payload[:400]!r}")
            count += size
            codes.update(found)
        claimer.wire.transport.abort()
    if len(codes) != count:
        raise BenchError(f"{count} claims were acknowledged with {len(codes)} different codes")
    took = sorted(t for claimer in claimers for t in claimer.took)
    return {
        "claims": count, "seconds": round(seconds, 3), "claims_s": round(count / seconds), "client_busy": round(cpu / seconds, 2),
        "server_busy": round(served / seconds, 2), "server_us_each": round(served / count * 1e6, 1),
        "busy": {name: round(used / seconds, 2) for name, used in spent.items()},
        "us_each": {name: round(used / count * 1e6, 1) for name, used in spent.items()},
        "p50_ms": round(took[len(took) // 2] * 1000, 2), "p99_ms": round(took[len(took) * 99 // 100] * 1000, 2),
    }  # fmt: skip


def said_group(connection: int) -> str:
    return f"g{connection + 1}"


async def _check(where: str, sale: str) -> dict[str, Any]:
    """What the journal's file, or Redis, holds, read by another process while the service has it open."""
    from coordinator.journal import codec
    from coordinator.journal.opening import open_journal

    redis = where if where.startswith("redis://") else None
    journal = await open_journal(Path(where), redis, readonly=True)
    try:
        last = await journal.verify(sale)  # raises Corrupt
        claimed, seq = 0, 0
        codes: set[str] = set()
        while entries := await journal.read(sale, seq, 5_000):
            for entry in entries:
                if b'"coupon.claimed"' in entry.body:
                    claimed += 1
                    codes.add(getattr(codec.decode(entry, sale), "code", ""))
            seq = entries[-1].seq
        return {"claimed": claimed, "codes": len(codes), "events": seq, "verify": "clean", "verified": str(last)}
    finally:
        await journal.close()
