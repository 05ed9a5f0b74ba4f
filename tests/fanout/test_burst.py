"""A burst reaches everybody, whoever does not read; how long it takes is the bench's to say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import time
from typing import Any

import pytest

from tests.client import Client, token
from tests.fanout.lean import Lean, deaf, lean
from tests.server import ServerProcess
from tests.sheet import sheet

EVENTS = 1_000
MIB = 1 << 20


def allow(files: int) -> None:
    """As many open files as are needed, or no test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        if hard != resource.RLIM_INFINITY and hard < files:
            pytest.skip(f"needs {files} open files; the system allows {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


async def burst(sender: Client, readers: list[Lean], name: str, count: int = EVENTS) -> list[float]:
    """Notes as fast as they are taken; after how many seconds each reader had the last."""
    complete = [r.expect(count) for r in readers]
    started = time.perf_counter()
    commands = [{"id": f"{name}-{n}", "kind": "note.add", "text": f"消息 {n}"} for n in range(count)]
    results = await sender.many(commands)
    assert all(r["ok"] for r in results)
    async with asyncio.timeout(120):
        return sorted(at - started for at in await asyncio.gather(*complete))


async def bursts(server: ServerProcess, connections: int) -> dict[str, Any]:
    allow(2 * connections + 200)
    sale = await server.sale(sheet(), live=True)
    sender = await server.join(sale, "support")
    relay = await server.join(sale, "relay")
    roles = ["host", "cohost", "support"]
    readers = [await lean(server.port, token(roles[n % 3], f"p{n}", sale), "note.added") for n in range(connections)]
    # Who came is told to all: what is still on its way would disturb the first burst.
    await burst(sender, readers, "warm")
    alone = await burst(sender, readers, "alone")
    before = server.memory_bytes()

    slow = deaf(server.port, token("controller", "slow", sale))
    # The controller is told what thousands say: more than any buffer between here and there holds.
    words = "x" * 4000
    for frame in range(200):
        await relay.many(
            [
                {
                    "id": f"w{frame}-{n}",
                    "kind": "group.observe",
                    "group": "g1",
                    "what": "message",
                    "member": f"m{n}",
                    "text": words,
                }
                for n in range(30)
            ]
        )
    await burst(sender, readers, "settled", 1)
    before_it = sum(r.snapshots for r in readers)
    together = await burst(sender, readers, "together")
    snapshots = sum(r.snapshots for r in readers) - before_it
    grown = server.memory_bytes() - before
    for reader in readers:
        reader.transport.abort()
    said = await asyncio.to_thread(read_all, slow)
    return {
        "connections": connections, "alone_s": round(alone[-1], 3), "together_s": round(together[-1], 3), "grown_mib": grown // MIB,
        "p50_alone_s": round(alone[len(alone) // 2], 3), "p50_together_s": round(together[len(together) // 2], 3), "slow": said, "snapshots": snapshots,
    }  # fmt: skip


def read_all(line: Any) -> str:
    """What one who had not read finds when it does: a snapshot, or a code that says come back."""
    line.settimeout(20)
    data = b""
    with contextlib.suppress(OSError):
        while True:
            got = line.recv(MIB)
            if not got:
                return "cut"
            data += got
            if b'{"op":"snapshot"' in data[-2 * MIB :]:
                return "snapshot"
            at = data.rfind(b'{"op":"bye"')
            if at >= 0:
                return str(json.loads(data[at : data.index(b"}", at) + 1])["code"])
    return "cut"


def judge(found: dict[str, Any]) -> None:
    print(found)
    assert found["grown_mib"] < 200, found
    # Cut: it did not even take the bye within the seconds that it was given.
    assert found["slow"] in {"snapshot", "4002", "4003", "cut"}, found


async def test_200_connections_get_a_burst_of_1000_events_whoever_does_not_read(server: ServerProcess) -> None:
    judge(await bursts(server, 200))


@pytest.mark.long
async def test_1000_connections_get_a_burst_of_1000_events_whoever_does_not_read(server: ServerProcess) -> None:
    judge(await bursts(server, 1000))
