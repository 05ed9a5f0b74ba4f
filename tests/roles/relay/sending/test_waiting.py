"""What has to wait for a rate window is told so when it is announced, and what was told is kept to."""

from __future__ import annotations

import pytest

from roles.relay.adapters.base import CredentialSettings, Outcome
from roles.relay.kit import Limit


class Few(CredentialSettings):
    def limits(self) -> tuple[Limit, ...]:
        return (Limit(2, 1.5),)


def waits(coordinator) -> dict[str, list[int]]:
    """What was told of each delivery, until when, in order."""
    told: dict[str, list[int]] = {}
    for command in coordinator.taken.values():
        if command.get("outcome") == "waiting":
            told.setdefault(command["delivery"], []).append(command["until"])
    return told


async def test_what_will_find_no_room_is_told_so_when_it_is_announced(coordinator, make_groups, relays):
    groups = make_groups(per_minute=2)
    async with relays.running(groups):
        fire_at = coordinator.now() + 600_000
        then = {"fire_at": fire_at, "expires_at": fire_at + 900_000}
        drop = [coordinator.delivery(f"d{n}", group=f"g{n}") | then for n in range(5)]
        await coordinator.announce(*drop)
        await coordinator.until(lambda: len(waits(coordinator)) == 3)
        told = {id_: [round((until - fire_at) / 1000) for until in each] for id_, each in waits(coordinator).items()}
        assert told == {"d2": [60], "d3": [60], "d4": [120]}
        # What is more urgent goes first, so that what would have had room has to wait.
        links = [coordinator.delivery(f"l{n}", group=f"g{n}", priority=0) | then for n in range(2)]
        await coordinator.announce(*links)
        await coordinator.until(lambda: len(waits(coordinator)) == 5)
        assert {"d0", "d1"} <= set(waits(coordinator))
        # By another instant the window is empty again: what was withdrawn takes no place in it.
        await coordinator.announce(coordinator.delivery("late") | then | {"fire_at": fire_at + 300_000})
        await coordinator.announce(coordinator.delivery("now"))
        await coordinator.sent("now")
        assert not {"late", "now", "l0", "l1"} & set(waits(coordinator))


async def test_it_leaves_when_it_was_told_and_is_told_once(coordinator, groups, relays):
    groups.settings = Few(platform="double")
    async with relays.running(groups):
        drop = [coordinator.delivery(f"d{n}", at=300) for n in range(6)]
        await coordinator.announce(*drop)
        await coordinator.until(lambda: len(waits(coordinator)) == 4)
        assert groups.saw == []
        await coordinator.sent(*(d["id"] for d in drop))
    left = dict(zip((text.removeprefix("text of ") for text in groups.texts), groups.at, strict=True))
    for id_, [until] in waits(coordinator).items():
        assert left[id_] >= until - 2
    assert [sorted(group) for group in ({"d0", "d1"}, {"d2", "d3"}, {"d4", "d5"})] == [
        sorted(text.removeprefix("text of ") for text in groups.texts[n : n + 2]) for n in (0, 2, 4)
    ]


async def test_where_there_is_room_sooner_that_is_told_before_it_leaves(coordinator, make_groups, relays):
    groups = make_groups(per_minute=1)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=400), coordinator.delivery("d2", at=400))
        await coordinator.until(lambda: "d2" in waits(coordinator))
        await coordinator.withdraw("d1")
        await coordinator.sent("d2")
    first, sooner = waits(coordinator)["d2"]
    assert first - sooner > 50_000
    assert groups.at[0] >= sooner - 2


async def test_until_the_sale_has_heard_that_there_is_room_it_stays(coordinator, make_groups, relays):
    groups = make_groups(per_minute=1)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=300), coordinator.delivery("d2", at=300))
        await coordinator.until(lambda: "d2" in waits(coordinator))
        asked = []

        async def unheard(_socket, frame):
            asked.extend(c["delivery"] for c in frame["commands"])
            coordinator.touch()
            return False

        coordinator.on_many = unheard
        await coordinator.withdraw("d1")
        await coordinator.until(lambda: "d2" in asked)
        assert groups.saw == []
        coordinator.on_many = None
        coordinator.cut()
        await coordinator.sent("d2")
    assert len(groups.saw) == 1


async def test_what_an_earlier_process_said_is_kept_to_by_the_next(coordinator, make_groups, relays):
    groups = make_groups(per_minute=1)
    async with relays.running(make_groups(per_minute=1)):
        pass
    held = coordinator.delivery("d1") | {"status": "held", "until": coordinator.now() + 30_000}
    coordinator.deliveries["d1"] = held
    async with relays.running(groups):
        await coordinator.sent("d1")
    [sooner] = waits(coordinator)["d1"]
    assert held["fire_at"] <= sooner < held["until"]
    assert groups.at[0] >= sooner - 2


def reasons(coordinator) -> dict[str, str]:
    return {c["delivery"]: c["why"] for c in coordinator.taken.values() if c.get("outcome") == "waiting"}


@pytest.mark.parametrize(("outcome", "why"), [
    (Outcome.unreached("WeCom cannot be reached (Connection refused)"), "WeCom cannot be reached (Connection refused)"),
    (Outcome.retry(None, "errcode -1: system busy"), "errcode -1: system busy"),
    (Outcome.retry(30_000, "429: Too Many Requests"), "the platform asked to wait: 429: Too Many Requests"),
], ids=["not reached", "busy", "asked"])  # fmt: skip
async def test_why_it_waits_to_be_tried_again_is_what_happened(coordinator, groups, relays, monkeypatch, outcome, why):
    monkeypatch.setattr("roles.relay.sending.attempts.AGAIN_FIRST_S", 30.0)
    groups.outcomes = [outcome]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.reported("d1:1:retry")
        again = coordinator.deliveries["d1"] | {"attempt": 2, "status": "requested"}
        await coordinator.push(changes={"deliveries": {"d1": again}})
        await coordinator.until(lambda: "d1" in reasons(coordinator))
        assert reasons(coordinator)["d1"] == why


async def test_what_else_an_account_would_send_is_told_that_the_platform_asked_it_to_wait(coordinator, groups, relays):
    groups.outcomes = [Outcome.limited(60_000, "errcode 45009: api freq out of limit")]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.reported("d1:1:retry")
        await coordinator.announce(coordinator.delivery("d2"))
        await coordinator.until(lambda: "d2" in reasons(coordinator))
        assert reasons(coordinator)["d2"] == "the platform asked this account to wait"
