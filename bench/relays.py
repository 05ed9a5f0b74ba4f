"""At one instant: drops with `fire_at` into 50 groups, each on a platform that takes 5 to 200 ms to answer.

The relay is the real `dropcue relay` in a process of its own, with a robot for each group; the platform is this file's load
process. It notes when a request begins to arrive, before it takes its time. Over TLS, as the platforms are, and without.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.lateness import at_share
from bench.load import ROOT, run
from bench.options import Options
from bench.server import folder, serve, sheet, token
from bench.wire import BenchError

GROUPS = 50
LATENCY_MS = (5.0, 200.0)
LEAD_SECONDS = 12  # from the start to the first drop; the relay has to be there by then
SPACING_MS = 1_500
SETTLE_SECONDS = 3.0


def measure(options: Options) -> dict[str, Any]:
    drops = 8 if options.quick else 40
    out: dict[str, Any] = {"groups": GROUPS, "drops": drops, "latency_ms": LATENCY_MS}
    with folder() as where:
        certificate = _certificate(where)
        for name, of in (("plain", None), ("tls", certificate)):
            if name == "tls" and of is None:
                continue
            with serve() as server:
                plan = sheet(_cues(drops), groups=GROUPS) | {"pacing": {"same_content": "0s"}}
                sale = server.sale(plan)
                server.do(sale, kind="show.arm")
                (where / name).mkdir()
                out[name] = run("relays", {
                    "folder": str(where / name), "port": server.port, "sale": sale, "drops": drops,
                    "certificate": None if of is None else [str(p) for p in of],
                    "relay": token("relay", "r0", sale), "control": token("controller", "desk", sale),
                })  # fmt: skip
    return out


def _cues(drops: int) -> list[dict[str, Any]]:
    return [
        {"at": f"+{LEAD_SECONDS * 1000 + i * SPACING_MS}ms", "do": "link.drop", "link": "room", "groups": "all",
         "text": f"{i}: 3, 2, 1, 上链接 {{link}}"}
        for i in range(drops)
    ]  # fmt: skip


def _certificate(where: Path) -> tuple[Path, Path] | None:
    """A certificate for 127.0.0.1 and its key; None where there is no openssl to make one."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    certificate, key = where / "certificate.pem", where / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


# ---------------------------------------------------------------- the load's process
class Platform(asyncio.Protocol):
    """One connection to all robots: notes when a message begins to arrive, and says yes after its group's latency."""

    arrived: list[tuple[float, str]] = []
    connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._read, self._began = transport, b"", 0.0
        Platform.connections += 1

    def data_received(self, data: bytes) -> None:
        if not self._read:
            self._began = time.time() * 1000
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].decode("latin-1")
            size = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
            )
            if len(self._read) < end + 4 + size:
                return
            body, self._read = self._read[end + 4 : end + 4 + size], self._read[end + 4 + size :]
            self._take(head, body)

    def _take(self, head: str, body: bytes) -> None:
        if head.startswith("HEAD"):
            self._answer(b"")
            return
        robot = head.split("key=", 1)[1].split(" ", 1)[0]
        Platform.arrived.append((self._began, json.loads(body)["text"]["content"].partition(":")[0]))
        low, high = LATENCY_MS
        latency = low + (high - low) * int(robot[1:]) / GROUPS
        asyncio.get_running_loop().call_later(latency / 1000, self._answer, b'{"errcode":0,"errmsg":"ok"}')

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            kind = b"Content-Type: application/json\r\n"
            self._transport.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (kind, len(body), body))  # type: ignore[attr-defined]


async def load(job: dict[str, Any]) -> dict[str, Any]:
    tls = None
    if job["certificate"]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*job["certificate"])
    server = await asyncio.get_running_loop().create_server(Platform, "127.0.0.1", 0, ssl=tls, backlog=1024)
    base = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with _relay(job, base):
        await _started(job)
        async with asyncio.timeout(LEAD_SECONDS + job["drops"] * SPACING_MS / 1000 + 60):
            while len(Platform.arrived) < job["drops"] * GROUPS:
                await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLE_SECONDS)
    planned = await asyncio.to_thread(_planned, job)
    drops: dict[str, list[float]] = {}
    for instant, drop in Platform.arrived:
        drops.setdefault(drop, []).append(instant)
    if {len(instants) for instants in drops.values()} != {GROUPS} or len(drops) != job["drops"]:
        raise BenchError(f"of {job['drops']} drops in {GROUPS} groups came {sorted(map(len, drops.values()))}")
    after_first = sorted(i - min(of) for of in drops.values() for i in of)
    late = sorted(i - planned[int(drop)] for drop, of in drops.items() for i in of)
    spread = sorted(max(of) - min(of) for of in drops.values())
    figures = {"after_first": after_first, "late": late, "spread": spread}
    return {
        **{f"{name}_{at}_ms": round(at_share(of, share), 1)
           for name, of in figures.items() for at, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
        "connections": Platform.connections, "most_early_ms": round(-min(late), 1),
    }  # fmt: skip


@contextmanager
def _relay(job: dict[str, Any], base: str) -> Any:
    where = Path(job["folder"])
    config = {
        "coordinator": f"http://127.0.0.1:{job['port']}", "token": job["relay"], "data": str(where / "data"),
        "credentials": {f"b{n}": {"platform": "wecom", "base": base, "key": f"k{n}", "per_minute": 10_000} for n in range(1, GROUPS + 1)},
        "groups": {f"g{n}": {"credential": f"b{n}"} for n in range(1, GROUPS + 1)},
    }  # fmt: skip
    (where / "relay.yaml").write_text(json.dumps(config))
    trusted = {"SSL_CERT_FILE": job["certificate"][0]} if job["certificate"] else {}
    with (where / "relay.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coordinator.cli", "relay", "--config", str(where / "relay.yaml")],
            stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **trusted},
        )  # fmt: skip
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


async def _started(job: dict[str, Any]) -> None:
    """Starts the show once the relay is there."""
    import aiohttp

    url = f"http://127.0.0.1:{job['port']}/api/sales/{job['sale']}"
    headers = {"Authorization": f"Bearer {job['control']}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(60):
        while True:
            async with session.get(f"{url}/state") as answer:
                people = (await answer.json())["state"]["people"]
            if people.get("relay:r0", {}).get("here"):
                break
            await asyncio.sleep(0.1)
        async with session.post(f"{url}/do", json={"id": "start", "kind": "show.start"}) as answer:
            if answer.status != 200:
                raise BenchError(f"the show did not start: {await answer.text()}")


def _planned(job: dict[str, Any]) -> list[int]:
    """The instant of each drop, in order, as the record has it."""
    from bench.lateness import record

    return sorted(e["planned_at"] for e in record(job | {"owner": token("owner", "owner")}) if e["kind"] == "cue.fired")
