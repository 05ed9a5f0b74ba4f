"""Thousands at one instant: what is due leaves, and does not wait until each of the others is told to wait."""

from __future__ import annotations

import asyncio
import time

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Route, Routes
from roles.relay.sending.log import Report, SendLog
from roles.relay.sending.outbox import Outbox
from roles.relay.wire.saletime import Lease, SaleClock

MANY = 10_000


class Looking(Adapter[CredentialSettings, GroupSettings]):
    platform = "looking"

    def __init__(self, told: list[Report], name: str, per_minute: int | None) -> None:
        super().__init__(name, CredentialSettings(platform="looking", per_minute=per_minute), None)
        self.told, self.before, self.left = told, -1, asyncio.Event()

    async def send(self, group: GroupSettings, content: Content, prepared: object = None) -> Outcome:
        if self.before < 0:
            self.before = sum(report.outcome == "waiting" for report in self.told)
        self.left.set()
        return Outcome.sent()


async def test_a_drop_that_is_due_leaves_while_ten_thousand_are_told_to_wait() -> None:
    told: list[Report] = []
    clock, lease = SaleClock(), Lease(1_000)
    clock.sample(time.monotonic(), time.monotonic(), 1_000_000, 1)
    lease.renew(time.monotonic())
    crowd, link = Looking(told, "crowd", 20), Looking(told, "link", None)
    routes = Routes(
        {
            "g1": Route(GroupSettings(id="g1", credential="crowd"), crowd),
            "g2": Route(GroupSettings(id="g2", credential="link"), link),
        }
    )
    outbox = Outbox(clock=clock, lease=lease, store=SendLog(None), routes=routes, tell=told.append)
    await outbox.open()
    outbox.resume("s1", {})
    at = clock.now()
    base = {"attempt": 1, "content": {"text": "x"}, "fire_at": at, "expires_at": at + 3_600_000}
    for n in range(MANY):
        outbox.take(base | {"id": f"d{n}", "group": "g1", "priority": 2}, live=True)
    outbox.take(base | {"id": "link", "group": "g2"}, live=True)
    running = asyncio.create_task(outbox.run())
    try:
        async with asyncio.timeout(60):
            await link.left.wait()
            while sum(report.outcome == "waiting" for report in told) < MANY - 20:
                await asyncio.sleep(0)
    finally:
        running.cancel()
        outbox.stop_taking()
        await outbox.attempts.finished()
    assert link.before < MANY / 2
