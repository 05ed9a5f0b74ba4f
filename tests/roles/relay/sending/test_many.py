"""Thousands at one instant: what is due leaves while the others are told to wait, and the lease is seen to meanwhile."""

from __future__ import annotations

import asyncio
import time

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Route, Routes
from roles.relay.sending.attempts import BEGIN_TOGETHER, CALLS_MOST
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


async def test_thousands_leave_a_few_at_a_time_and_no_more_than_there_are_connections_for(coordinator, groups, relays):
    async with relays.running(groups):
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        at_tick: list[int] = []
        send = groups.send

        async def counted(*args):
            at_tick.append(ticks)
            return await send(*args)

        groups.send, groups.connects, groups.gate = counted, True, asyncio.Event()
        ticking = asyncio.create_task(tick())
        many = [coordinator.delivery(f"d{n}", group=f"g{n}") for n in range(2 * CALLS_MOST)]
        await coordinator.announce(*many)
        await groups.until(lambda: len(groups.saw) == CALLS_MOST)
        async with asyncio.timeout(20):
            while ticks < at_tick[-1] + 20:
                await asyncio.sleep(0)
        assert len(groups.saw) == CALLS_MOST, "the others wait for an answer"
        assert max(at_tick.count(n) for n in set(at_tick)) <= BEGIN_TOGETHER
        ticking.cancel()
        groups.gate.set()
        await coordinator.sent(*(d["id"] for d in many))
    assert len(set(groups.saw)) == len(groups.saw) == 2 * CALLS_MOST
