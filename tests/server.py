"""Control rooms for tests: in this process for speed, or in one of their own that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from coordinator.gateway.app import Service
from coordinator.settings import Settings
from tests.client import KEY, PATIENCE_S, Answer, Client, Closed, http, token

ROOT = Path(__file__).parents[1]


class Room:
    """What tests do with a control room, wherever it runs."""

    url: str

    def __init__(self) -> None:
        self.clients: list[Client] = []

    async def http(self, method: str, path: str, token: str | None = None, **more: Any) -> Answer:
        return await http(self.url, method, path, token, **more)

    async def sale(self, sheet: dict[str, Any], *, live: bool = False, query: str = "") -> str:
        """Creates a sale as its owner; `live` starts it now."""
        if live:
            query = "?start=now" + query.replace("?", "&")
        answer = await self.http("POST", "/api/sales" + query, token("owner"), json=sheet)
        assert answer.status == 201, answer.text[:2000]
        return str(answer.json["sale"])

    async def join(
        self,
        sale: str,
        role: str = "controller",
        person: str | None = None,
        groups: list[str] | None = None,
        *,
        patient: bool = True,
        **more: Any,
    ) -> Client:
        """Joins as a screen does: where it is told to come back, it does, unless it is not `patient`. Raises Closed."""
        names = {"controller": "li", "host": "lin", "cohost": "wu", "cheer": "mei", "support": "chen", "relay": "r1"}
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                client = await Client.join(self.url, token(role, person or names.get(role), sale, groups), **more)
            except Closed as e:
                retry_ms = (e.bye or {}).get("retry_ms")
                if not patient or retry_ms is None or time.monotonic() > until:
                    raise
                await asyncio.sleep(retry_ms / 1000)
            else:
                self.clients.append(client)
                return client

    async def do(
        self, sale: str, role: str, kind: str, person: str | None = None, groups: list[str] | None = None, **fields: Any
    ) -> Answer:
        """A command over HTTP."""
        body = {"id": os.urandom(6).hex(), "kind": kind, **fields}
        return await self.http("POST", f"/api/sales/{sale}/do", token(role, person, sale, groups), json=body)

    async def events(self, sale: str) -> list[dict[str, Any]]:
        """The whole record, as the owner is shown it."""
        out: list[dict[str, Any]] = []
        after = 0
        while True:
            answer = await self.http("GET", f"/api/sales/{sale}/events?after={after}&limit=1000", token("owner"))
            assert answer.status == 200, answer.text
            found = answer.json["events"]
            if not found:
                return out
            out += found
            after = found[-1]["seq"]

    async def state(self, sale: str, role: str = "owner", person: str | None = None, query: str = "") -> dict[str, Any]:
        answer = await self.http("GET", f"/api/sales/{sale}/state{query}", token(role, person, sale))
        assert answer.status == 200, answer.text
        return dict(answer.json)

    async def leave(self) -> None:
        for client in self.clients:
            await client.close()
        self.clients.clear()


class InProcess(Room):
    """A control room in the test's own process."""

    def __init__(self, data: Path, **settings: Any) -> None:
        super().__init__()
        self.service = Service(Settings(data=data, port=0, key=KEY, **settings))

    async def start(self) -> None:
        await self.service.start()
        self.url = f"http://127.0.0.1:{self.service.settings.port}"

    async def stop(self) -> None:
        await self.leave()
        await self.service.stop()

    def conductor(self, sale: str) -> Any:
        return next(s for s in self.service.gateway.registry.here() if s.id == sale).conductor


class ServerProcess(Room):
    """`dropcue serve` in a process of its own."""

    def __init__(
        self, data: Path, *, port: int = 0, env: dict[str, str] | None = None, command: tuple[str, ...] = ("serve",)
    ) -> None:
        super().__init__()
        self.data, self.port, self._command = data, port, command
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DROPCUE_")},
            "DROPCUE_KEY": KEY,
            **(env or {}),
        }
        self.log: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def begun(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._process is not None

    async def start(self) -> None:
        """Starts it and waits until it says that it is ready. Where it does not, nothing of it is left behind."""
        try:
            await self._start()
        except BaseException:  # a test that is called off, too
            if self.begun:
                await self.kill()
            raise

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coordinator.cli", *self._command, "--data", str(self.data), "--port", str(self.port),
            cwd=ROOT, env=self.env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(ready))
        async with asyncio.timeout(3 * PATIENCE_S):
            self.url = await ready
        self.port = int(self.url.rpartition(":")[2])
        answer = await self.http("GET", "/readyz")
        assert answer.status == 200, answer.text

    async def _read(self, ready: asyncio.Future[str]) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.log.append(text)
            if '"ready"' in text and not ready.done():
                ready.set_result(json.loads(text)["address"])
        if not ready.done():
            ready.set_exception(AssertionError("it ended before it was ready: " + "\n".join(self.log[-20:])))

    async def kill(self) -> None:
        """kill -9, at once."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    def signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def restart(self) -> None:
        """kill -9, and a start on the same data and port."""
        await self.kill()
        await self.start()

    async def stop(self) -> int:
        """Asks it to stop; its exit code."""
        await self.leave()
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_S):
                code = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise
        if self._reader is not None:
            await self._reader
        return code

    async def gone(self) -> None:
        """Sees to it that nothing of it is left, however the test ended."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def memory_bytes(self) -> int:
        """The memory that the process holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def dropcue(*args: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> tuple[int, str, str]:
    """A command of the command line, to its end: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coordinator.cli", *args, cwd=cwd,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("DROPCUE_")}, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(3 * PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
