"""How late cues fire: idle, and with 1,000 consoles while 500 events a second come in.

Two clocks look at it: the server's own `late_ms` in `cue.fired`, read from the journal afterwards, and the time at which the consoles have the event against
the instant it was planned for (the same machine's clock). The second has the journal, the fan-out and the client in it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from bench.load import run
from bench.options import Options
from bench.server import desks, hello, serve, sheet, token
from bench.wire import BenchError, Crowd, Reader, connect, text

LEAD_SECONDS = 4  # from the start to the first cue
SPACING_MS = 100
EVENTS_A_SECOND = 500
TICK_SECONDS = 0.004  # commands are sent this often, those that have fallen due together
FIRED = re.compile(rb'\{"kind":"cue\.fired","seq":([0-9]+)')
SETTLE_SECONDS = 15.0  # for the consoles to have the last of it


def measure(options: Options) -> dict[str, Any]:
    count = 60 if options.quick else 250
    crowd = 200 if options.quick else 1000
    out: dict[str, Any] = {"cues": count, "events_s": EVENTS_A_SECOND, "consoles": crowd}
    for name, people, rate in (("idle", 1, 0), ("loaded", crowd, EVENTS_A_SECOND)):
        with serve() as server:
            sale = server.sale(sheet(cues(count)))
            server.do(sale, kind="show.arm")
            desk, others = desks(people, sale)
            out[name] = run("lateness", {
                "port": server.port, "desk": desk, "others": others, "relay": hello("relay", "r0", sale),
                "control": hello("controller", "desk", sale), "rate": rate, "cues": count, "sale": sale, "owner": token("owner", "owner"),
            })  # fmt: skip
    return out


def cues(count: int) -> list[dict[str, Any]]:
    """Prompts at exact times; each tenth moment drops a link into all groups as well."""
    out: list[dict[str, Any]] = []
    for i in range(count):
        at = f"+{LEAD_SECONDS * 1000 + i * SPACING_MS}ms"
        if i % 10 == 9:
            out.append({"at": at, "do": "link.drop", "link": "room", "groups": "all", "text": f"{i} come in: {{link}}"})
        else:
            out.append({"at": at, "prompt": "host", "text": f"{i}: look into the camera"})
    return out


def commands(i: int) -> dict[str, Any]:
    """The audience's part of a busy sale: of ten, seven speak, two claim, one joins."""
    group = f"g{i % 20 + 1}"
    if i % 10 < 7:
        return {
            "kind": "group.observe",
            "group": group,
            "what": "message",
            "member": f"m{i % 700}",
            "text": f"{i} 多少钱? 想要",
            "name": "n",
        }
    if i % 10 < 9:
        return {
            "kind": "group.observe",
            "group": group,
            "what": "left" if i % 20 < 10 else "joined",
            "member": f"j{i // 20}",
        }
    return {"kind": "group.observe", "group": group, "what": "joined", "member": f"k{i}"}


async def load(job: dict[str, Any]) -> dict[str, Any]:
    desks, others = (Crowd(job["port"], "/ws", Reader(FIRED)) for _ in range(2))
    await desks.come(job["desk"])
    await others.come(job["others"])
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    taken = refused = snapshots = 0

    def control_heard(payload: bytes) -> None:
        if payload.startswith((b'{"op":"done"', b'{"op":"refused"')):
            answers.put_nowait(payload)

    def relay(payload: bytes) -> None:
        nonlocal taken, refused
        if payload.startswith(b'{"op":"done"'):
            taken += 1
        elif payload.startswith(b'{"op":"refused"'):
            refused += 1

    control = await connect(job["port"], "/ws", control_heard)
    control.send(text(job["control"]))
    feeder = await connect(job["port"], "/ws", relay)
    feeder.send(text(job["relay"]))
    await others.quiet()
    # Which console had which number when, in ms since 1970: kept as it comes, looked at afterwards.
    arrived: dict[Crowd, list[tuple[float, tuple[int, ...]]]] = {desks: [], others: []}

    def listener(crowd: Crowd) -> Callable[[bytes], None]:
        def heard(payload: bytes) -> None:
            nonlocal snapshots
            if payload.startswith(b'{"op":"snapshot"'):
                snapshots += 1
            elif numbers := crowd.reader.numbers(payload):
                arrived[crowd].append((time.time() * 1000, numbers))

        return heard

    for crowd in arrived:
        for console in crowd.consoles:
            console.wire.heard = listener(crowd)
    control.send(text({"op": "do", "id": "start", "kind": "show.start"}))
    async with asyncio.timeout(20):
        while not (await answers.get()).startswith(b'{"op":"done"'):
            pass
    started = time.perf_counter()
    end = started + LEAD_SECONDS + job["cues"] * SPACING_MS / 1000 + 2.5
    sent = 0
    while (now := time.perf_counter()) < end:
        owed = int((now - started) * job["rate"]) - sent
        if owed > 0 and now < end - 2:
            frames = [text({"op": "do", "id": f"e{i}", **commands(i)}) for i in range(sent, sent + owed)]
            feeder.send(b"".join(frames))
            sent += owed
        await asyncio.sleep(TICK_SECONDS)
    seconds = end - 2 - started
    async with asyncio.timeout(30):
        while taken + refused < sent:
            await asyncio.sleep(0.05)
    fired = await asyncio.to_thread(_fired, job)
    if len(fired) != job["cues"]:
        raise BenchError(f"{len(fired)} of {job['cues']} cues fired")
    owed_numbers = len(fired) * sum(len(crowd.consoles) for crowd in arrived)
    patience = time.perf_counter() + SETTLE_SECONDS
    while sum(len(n) for of in arrived.values() for _, n in of) < owed_numbers and time.perf_counter() < patience:
        await asyncio.sleep(0.1)
    late = sorted(ms for _, ms in fired.values())
    first, rest = ([at - fired[n][0] for at, numbers in of for n in numbers if n in fired] for of in arrived.values())
    first.sort()
    seen = sorted(first + rest)
    if len(seen) < owed_numbers and not snapshots:
        raise BenchError(
            f"{owed_numbers - len(seen)} of {owed_numbers} fired cues did not come, and no snapshot in their place"
        )
    for crowd in arrived:
        crowd.go()
    return {
        "late_p50_ms": at_share(late, 0.5), "late_p99_ms": at_share(late, 0.99), "late_max_ms": late[-1],
        "seen_p50_ms": round(at_share(seen, 0.5), 1), "seen_p99_ms": round(at_share(seen, 0.99), 1), "seen_max_ms": round(seen[-1], 1),
        "seen_first_p50_ms": round(at_share(first, 0.5), 1), "seen_first_p99_ms": round(at_share(first, 0.99), 1),
        "fired": len(fired), "snapshots": snapshots, "not_seen_as_events": owed_numbers - len(seen), "events_s": round(taken / seconds), "refused": refused,
    }  # fmt: skip


def _fired(job: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Number → (planned_at, late_ms) of each cue that fired, as the journal has it."""
    return {e["seq"]: (e["planned_at"], e.get("late_ms", 0)) for e in record(job) if e["kind"] == "cue.fired"}


def record(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All events, as the owner is shown them."""
    after = 0
    while True:
        url = f"http://127.0.0.1:{job['port']}/api/sales/{job['sale']}/events?after={after}&limit=1000"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {job['owner']}"})
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            events = json.load(answer)["events"]
        if not events:
            return
        yield from events
        after = events[-1]["seq"]


def at_share(ordered: list[Any], share: float) -> Any:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
