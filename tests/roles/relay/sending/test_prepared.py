"""What a platform makes ready ahead of the instant, and what becomes of a message when it is not ready."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from roles.relay.adapters.base import Outcome
from roles.relay.sending import attempts


@pytest.fixture
def studio(make_groups):
    class Studio(make_groups):
        """Prepares a picture for each message."""

        def __init__(self) -> None:
            super().__init__()
            self.ready = asyncio.Event()
            self.asked = 0
            self.given: list[Any] = []

        async def prepare(self, group, content):
            self.asked += 1
            self.touch()
            await self.ready.wait()
            if content.text == "text of broken":
                raise OSError("https://img.example/SECRET")
            return f"picture for {content.text}"

        async def send(self, group, content, prepared=None) -> Outcome:
            self.given.append(prepared)
            return await super().send(group, content, prepared)

    return Studio()


async def test_it_is_made_when_the_message_is_announced_and_given_to_the_send(coordinator, relays, studio):
    async with relays.running(studio):
        await coordinator.announce(coordinator.delivery("d1", at=600_000))
        await studio.until(lambda: studio.asked == 1)
        studio.ready.set()
        await coordinator.announce(coordinator.delivery("d2"))
        await coordinator.sent("d2")
        await coordinator.withdraw("d1")
    assert studio.given == ["picture for text of d2"]


async def test_what_is_not_ready_in_time_or_fails_goes_without(coordinator, relays, studio, monkeypatch, capfd):
    monkeypatch.setattr(attempts, "PREPARED_WITHIN_S", 0.05)
    async with relays.running(studio):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
        studio.ready.set()
        await coordinator.announce(coordinator.delivery("broken"))
        await coordinator.sent("broken")
    assert studio.given == [None, None]
    assert "SECRET" not in "".join(capfd.readouterr())


async def test_a_relay_that_stops_does_not_wait_for_what_is_being_prepared(coordinator, relays, studio):
    async with relays.running(studio):
        await coordinator.announce(coordinator.delivery("d1", at=600_000))
        await studio.until(lambda: studio.asked == 1)
    assert studio.given == []
