"""A sale that is only a clock, a barrier, a relay and a shop, each keeping what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from coordinator.demo.shopping import Opened

START = 1_800_000_000_000


class RehearsalClock:
    """The sale's clock at an endless speed: it jumps to the next moment that somebody waits for, never past a hold."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self.holds: dict[str, int] = {}
        self.released: list[str] = []

    def now(self) -> int:
        return self._now

    async def wait_until(self, ms: int) -> None:
        await asyncio.sleep(0)
        limit = min(self.holds.values(), default=ms)
        self._now = max(self._now, min(ms, limit))
        while self._now < ms:
            await asyncio.sleep(0)
            self._now = max(self._now, min([ms, *self.holds.values()]))

    def hold(self, name: str, ms: int) -> None:
        self.holds[name] = ms

    def release(self, name: str) -> None:
        self.holds.pop(name, None)
        self.released.append(name)


Decide = Callable[[dict[str, Any]], dict[str, Any]]


class JournalingRelay:
    """Accepts each id once, as the service does; `decide` may refuse, `fail` raises for the n-th frame."""

    def __init__(self, clock: RehearsalClock, decide: Decide | None = None, fail: Callable[[int], bool] | None = None):
        self.clock, self.decide, self.fail = clock, decide, fail
        self.frames: list[list[dict[str, Any]]] = []
        self.journal: dict[str, tuple[int, dict[str, Any]]] = {}

    async def observe(self, commands: list[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        self.frames.append(commands)
        await asyncio.sleep(0)
        answers = []
        for command in commands:
            refusal = self.decide(command) if self.decide else {}
            if refusal:
                answers.append({"id": command["id"], "ok": False, **refusal})
            else:
                self.journal.setdefault(command["id"], (self.clock.now(), command))
                answers.append({"id": command["id"], "ok": True})
        if self.fail is not None and self.fail(len(self.frames)):
            raise ConnectionResetError("cut after the frame was taken")
        return answers

    def recorded(self, what: str) -> list[dict[str, Any]]:
        return [c for _, c in self.journal.values() if c.get("what", c["kind"]) == what]


class FakeShop:
    def __init__(self, coupons: int = 10**9, address: str | None = None) -> None:
        self.left, self.address = coupons, address
        self.clicks: list[tuple[str, str]] = []
        self.opens: list[tuple[str, str]] = []
        self.claims: dict[str, str] = {}
        self.reports: list[dict[str, Any]] = []

    async def click(self, member: str, key: str) -> Opened:
        self.clicks.append((member, key))
        return Opened(True, address=self.address)

    async def open(self, member: str, key: str) -> Opened:
        self.opens.append((member, key))
        return Opened(True)

    async def claim(self, member: str, key: str, claim: str) -> Opened:
        if self.left <= 0:
            return Opened(False, "exhausted", "none left")
        self.left -= 1
        assert claim.endswith(f"{member}-{key}")
        self.claims[claim] = f"CODE{len(self.claims)}"
        return Opened(True, claimed=self.claims[claim])

    async def report(self, hook: str, commands: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        self.reports.extend(commands)
        return [{"id": f"{hook}:{n}", "ok": True} for n in range(len(commands))]


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)
