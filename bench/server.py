"""The server under test: the real `dropcue serve`, in a process of its own, on a free port, in a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from bench.load import ROOT
from bench.wire import BenchError

KEY = "bench-" + "k" * 40
START_SECONDS = 30.0
ROLES = ("controller", "host", "cohost", *("support",) * 7, *("cheer",) * 90)  # of a hundred consoles


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def token(role: str, person: str, sale: str | None = None, groups: list[str] | None = None) -> str:
    claims: dict[str, Any] = {
        "iss": "dropcue", "sub": person, "role": role, "exp": int(time.time()) + 7200, "jti": secrets.token_hex(8),
    }  # fmt: skip
    if sale is not None:
        claims["sale"] = sale
    if groups is not None:
        claims["groups"] = groups
    return jwt.encode(claims, KEY, "HS256")


def hello(role: str, person: str, sale: str, groups: list[str] | None = None) -> dict[str, Any]:
    return {"op": "hello", "token": token(role, person, sale, groups)}


FIRST = frozenset({"controller", "host", "cohost"})
"""Who runs the show, and is served first."""


def consoles(count: int, sale: str, *, offset: int = 0) -> list[dict[str, Any]]:
    """Hellos of consoles of distinct persons, in the mix of a large team: nine of ten are cheer."""
    return [hello(_role(i), f"person{i}", sale) for i in range(offset, offset + count)]


def desks(count: int, sale: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same consoles as `consoles`: those who run the show, and the others."""
    all_ = consoles(count, sale)
    return [h for i, h in enumerate(all_) if _role(i) in FIRST], [
        h for i, h in enumerate(all_) if _role(i) not in FIRST
    ]


def _role(i: int) -> str:
    return ROLES[i % len(ROLES)]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on this machine's disk, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="dropcue-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


class Server:
    """A running service."""

    def __init__(self, data: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.data, self.port, self.process = data, port, process

    @property
    def pid(self) -> int:
        return self.process.pid

    def http(self, method: str, path: str, body: bytes | None = None, as_: str | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, method=method,
            headers={"Authorization": f"Bearer {as_ or token('owner', 'owner')}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise BenchError(f"{method} {path} answered {e.code}: {e.read()[:500]!r}") from None

    def sale(self, sheet: dict[str, Any], *, start_now: bool = False) -> str:
        answer = self.http("POST", "/api/sales" + ("?start=now" if start_now else ""), json.dumps(sheet).encode())
        return str(answer["sale"])

    def do(self, sale: str, **command: Any) -> Any:
        """One command of the controller's, over HTTP."""
        body = json.dumps({"id": secrets.token_hex(6), **command}).encode()
        return self.http("POST", f"/api/sales/{sale}/do", body, token("controller", "desk", sale))


@contextmanager
def serve(
    data: Path | None = None, port: int | None = None, patience: float = START_SECONDS, *, redis: str | None = None
) -> Iterator[Server]:
    """Starts the service and waits until it is ready; ends it. With `redis`, one node of those that share it."""
    own = data is None
    where = data or Path(tempfile.mkdtemp(prefix="dropcue-bench-"))
    port = port or free_port()
    log = (where / "server.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "coordinator.cli", "serve", "--data", str(where), "--port", str(port)],
        stdout=log, stderr=log, cwd=ROOT, env={**os.environ, "DROPCUE_KEY": KEY, "DROPCUE_LOG": "warning", **({"DROPCUE_REDIS": redis} if redis else {})},
    )  # fmt: skip
    try:
        ready(process, f"http://127.0.0.1:{port}/readyz", patience)
        yield Server(where, port, process)
    finally:
        stop(process)
        log.close()
        if own:
            shutil.rmtree(where, ignore_errors=True)


def ready(process: subprocess.Popen[bytes], url: str, patience: float = START_SECONDS) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            raise BenchError(f"the server ended at once, with {process.returncode}")
        with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise BenchError(f"the server was not ready in {patience} s")


def sheet(cues: list[dict[str, Any]] | None = None, *, groups: int = 20, quantity: int = 5_000_000) -> dict[str, Any]:
    """A sale with groups, a coupon and one long segment; it begins in an hour unless it is started before."""
    start = datetime.now(UTC) + timedelta(hours=1)
    return {
        "title": "bench", "kind": "flash", "timezone": "UTC", "start": start.strftime("%Y-%m-%d %H:%M"), "currency": "CNY",
        "team": [{"person": "desk", "role": "controller"}, {"person": "lin", "role": "host"}],
        "groups": [
            {"id": f"g{i}", "name": f"Group {i}", "tier": "vip" if i % 5 == 0 else "all", "relay": "r0", "members": 200}
            for i in range(1, groups + 1)
        ],
        "products": [
            {"id": "pan", "name": "pan", "line": "hit", "price": "129.00", "list_price": "199.00", "stock": 300,
             "url": "https://shop.example/pan"},
        ],
        "coupons": [
            {"id": "c1", "kind": "threshold", "title": "20 off 100", "over": "100.00", "off": "20.00", "quantity": quantity,
             "per_member": 1, "valid": "2h", "products": ["pan"]},
        ],
        "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
        "segments": [{"id": "main", "kind": "opening", "at": "+0s", "lasts": "2h", "cues": cues or []}],
    }  # fmt: skip
