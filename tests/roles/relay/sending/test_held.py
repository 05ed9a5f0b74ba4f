"""A call is made ready a blink ahead of its instant, and let go at it; what does not leave is let go of."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest

from roles.relay.adapters.base import Content, Delivery, GroupSettings, Held, Outcome
from tests.roles.relay.conftest import Groups


@pytest.fixture(autouse=True)
def a_machine_that_is_busy_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roles.relay.sending.outbox.HOLD_S", 30.0)


class Ready(Held):
    def __init__(self, delivery: Delivery) -> None:
        self.delivery, self.at = delivery, time.time() * 1000
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Holding(Groups):
    platform: ClassVar[str] = "holding"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.held: dict[str, Ready] = {}
        self.used: list[str] = []

    def hold(self, group: GroupSettings, delivery: Delivery, prepared: Any) -> Held:
        held = self.held[delivery.id] = Ready(delivery)
        self.touch()
        return held

    async def send(self, group: GroupSettings, content: Content, prepared: Any = None) -> Outcome:
        if isinstance(prepared, Ready) and not prepared.cancelled:
            self.used.append(prepared.delivery.id)
        return await super().send(group, content)


async def test_what_is_due_soon_is_made_ready_and_leaves_at_its_instant(coordinator, relays):
    groups = Holding()
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=500))
        await coordinator.sent("d1")
    fire_at = coordinator.deliveries["d1"]["fire_at"]
    assert groups.used == ["d1"]
    assert groups.held["d1"].at < fire_at <= groups.at[0] + 2


async def test_what_is_withdrawn_meanwhile_is_let_go_of(coordinator, relays):
    groups = Holding()
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=500))
        await groups.until(lambda: groups.held)
        await coordinator.withdraw("d1")
        await coordinator.announce(coordinator.delivery("d2", at=300))
        await coordinator.sent("d2")
    assert groups.held["d1"].cancelled
    assert groups.texts == ["text of d2"]


async def test_what_waits_for_a_window_is_not_made_ready(coordinator, relays):
    groups = Holding(per_minute=1)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=500), coordinator.delivery("d2", at=500))
        await coordinator.sent("d1")
        await coordinator.until(lambda: any(i.startswith("d2:1:waiting") for i in coordinator.taken))
    assert groups.used == ["d1"]
    assert "d2" not in groups.held or groups.held["d2"].cancelled


async def test_one_that_cannot_be_made_ready_leaves_all_the_same(coordinator, relays):
    class Broken(Holding):
        def hold(self, group: Any, delivery: Any, prepared: Any) -> Held:
            raise KeyError("SECRET")

    groups = Broken()
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=300))
        await coordinator.sent("d1")
    assert groups.texts == ["text of d1"]
