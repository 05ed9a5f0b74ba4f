"""What a relay promises its sale, over a real websocket."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from coordinator.errors import CannotStart
from roles.relay.adapters.base import Outcome
from roles.relay.errors import RelayRefused
from tests.roles.relay.conftest import QUICK, Groups


async def test_a_delivery_leaves_at_its_instant_and_is_reported_with_the_sales_time(coordinator, groups, relays):
    coordinator.offset = 3_600_000  # the sale's clock is an hour ahead of this machine's
    async with relays.running(groups):
        asked = coordinator.delivery("d1", at=300)
        await coordinator.announce(asked)
        report = await coordinator.reported("d1:1:sent")
    assert groups.saw == [("g1", "text of d1")]
    assert groups.at[0] + coordinator.offset >= asked["fire_at"] - 2  # a round trip's doubt
    assert asked["fire_at"] - 2 <= report["sent_at"] < asked["fire_at"] + 5_000
    assert report["platform_id"] == "m1"


async def test_a_fast_sale_is_followed_at_its_speed(coordinator, groups, relays):
    coordinator.speed = 50.0
    async with relays.running(groups):
        began = time.monotonic()
        await coordinator.announce(coordinator.delivery("d1", at=20_000))
        await coordinator.sent("d1")
    assert 0.3 < time.monotonic() - began < 10


async def test_two_hundred_groups_at_one_instant_share_one_commit_and_none_is_early(coordinator, groups, relays):
    async with relays.running(groups) as agent:
        commits = []
        begin = agent._store.begin
        agent._store.begin = lambda sendings: (commits.append(len(sendings)), begin(sendings))[1]
        many = [coordinator.delivery(f"d{n}", group=f"g{n}", at=0) for n in range(200)]
        fire_at = coordinator.now() + 500
        await coordinator.announce(*[d | {"fire_at": fire_at} for d in many])
        await coordinator.sent(*[d["id"] for d in many])
    assert commits == [200]
    assert len(groups.saw) == 200
    assert min(groups.at) >= fire_at - 2
    assert max(coordinator.batches) > 10, "reports go in batches"


async def test_withdrawn_before_it_begins_is_never_sent(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=200), coordinator.delivery("d2", at=300))
        await coordinator.withdraw("d1")
        await coordinator.sent("d2")
    assert groups.texts == ["text of d2"]


async def test_withdrawn_between_its_record_and_its_instant_is_never_sent(coordinator, groups, relays, quick):
    recorded = asyncio.Event()
    async with relays.running(groups, timing=replace(quick, prepare=60.0)) as agent:
        begin = agent._store.begin

        async def begin_and_tell(sendings):
            await begin(sendings)
            recorded.set()

        agent._store.begin = begin_and_tell
        await coordinator.announce(coordinator.delivery("d1", at=400))
        await recorded.wait()
        await coordinator.withdraw("d1")
        await coordinator.announce(coordinator.delivery("d2", at=450))
        await coordinator.sent("d2")
    assert groups.texts == ["text of d2"]
    async with relays.running(groups):
        pass
    assert not any(id_.startswith("d1:") for id_ in coordinator.taken), "nothing was begun, so nothing is unknown"


async def test_a_newer_attempt_replaces_the_older_one(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=200, content={"text": "old price"}))
        await coordinator.announce(coordinator.delivery("d1", at=250, attempt=2, content={"text": "new price"}))
        await coordinator.reported("d1:2:sent")
    assert groups.texts == ["new price"]


async def test_a_newer_attempt_that_crosses_a_send_does_not_reach_the_group_twice(coordinator, groups, relays):
    groups.gate = asyncio.Event()
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", content={"text": "old price"}))
        await groups.until(lambda: groups.saw)
        await coordinator.announce(coordinator.delivery("d1", attempt=2, content={"text": "new price"}))
        groups.gate.set()
        report = await coordinator.reported("d1:2:sent")
    assert groups.texts == ["old price"]
    assert "attempt 1" in report["why"]
    assert "d1:1:sent" in coordinator.taken


async def test_what_the_sale_resends_after_unknown_is_sent(coordinator, groups, relays):
    groups.outcomes = [Outcome.unknown("time-out")]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        assert (await coordinator.reported("d1:1:unknown"))["why"] == "time-out"
        await coordinator.announce(coordinator.delivery("d1", attempt=2))
        await coordinator.reported("d1:2:sent")
    assert len(groups.saw) == 2


async def test_a_retry_is_told_and_its_next_attempt_waits_as_the_platform_asked(coordinator, groups, relays):
    groups.outcomes = [Outcome.retry(300, "too fast")]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        assert (await coordinator.reported("d1:1:retry"))["after_ms"] == 300
        await coordinator.push(
            changes={"deliveries": {"d1": coordinator.deliveries["d1"] | {"attempt": 2, "status": "requested"}}}
        )
        await coordinator.reported("d1:2:sent")
    assert groups.at[1] - groups.at[0] >= 295


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.rejected("too long"), "rejected"),
        (Outcome.disabled("removed"), "disabled"),
        (Outcome.awaiting("phone"), "awaiting"),
    ],
)
async def test_each_outcome_is_reported_by_its_word(coordinator, groups, relays, outcome, word):
    groups.outcomes = [outcome]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        assert (await coordinator.reported(f"d1:1:{word}"))["why"] == outcome.why


async def test_an_adapter_that_fails_is_unknown_and_gives_no_secret_away(coordinator, groups, relays):
    groups.outcomes = [RuntimeError("https://api.example/send?key=SECRET")]
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        report = await coordinator.reported("d1:1:unknown")
    assert "SECRET" not in json.dumps(report)


class Careless(Groups):
    """Somebody's first adapter: it counts wrongly, and answers what it likes."""

    says: Any = None

    def places(self, group: Any, content: Any) -> int:
        raise KeyError("images")

    async def send(self, group: Any, content: Any, prepared: Any = None) -> Any:
        await super().send(group, content)
        return self.says


@pytest.mark.parametrize(("says", "fields"), [
    (None, {"outcome": "unknown", "why": "double did not tell what became of it"}),
    ("ok", {"outcome": "unknown", "why": "double did not tell what became of it"}),
    (Outcome.sent(4711), {"outcome": "sent", "platform_id": "4711"}),  # type: ignore[arg-type]  # what a platform's JSON holds
    (Outcome.rejected("\ud800 no\x00"), {"outcome": "rejected", "why": "? no "}),
    (Outcome.retry(1500.2, "later"), {"outcome": "retry", "after_ms": 1501, "why": "later"}),  # type: ignore[arg-type]  # seconds as a float
    (Outcome.retry(-5, "later"), {"outcome": "retry", "after_ms": 0, "why": "later"}),
])  # fmt: skip
async def test_an_adapter_that_answers_carelessly_does_not_end_the_relay(coordinator, relays, says, fields):
    """An id that was a number ended the relay with all its groups, and each start of it again."""
    careless = Careless()
    careless.says = says
    async with relays.running(careless):
        await coordinator.announce(coordinator.delivery("d1"))
        told = await coordinator.reported(f"d1:1:{fields['outcome']}")
        careless.says = Outcome.sent("m2")
        await coordinator.announce(coordinator.delivery("d2"))
        await coordinator.sent("d2")
    assert {key: told[key] for key in fields} == fields


class Slow(Groups):
    """Hands everything to a person; asked what became of the first, it never answers."""

    async def follow(self, group: Any, platform_id: str) -> Any:
        if platform_id == "m1":
            await asyncio.Event().wait()
        return Outcome.sent(platform_id) if platform_id == "m2" else "nonsense"


async def test_a_platform_that_never_says_what_became_of_one_does_not_keep_the_others_waiting(coordinator, relays):
    slow = Slow()
    slow.outcomes = [Outcome("awaiting", platform_id=f"m{n}", why="a person confirms it") for n in (1, 3, 2)]
    async with relays.running(slow, timing=replace(QUICK, follow_every=0.01, answer_within=0.05)):
        for n in (1, 2, 3):
            await coordinator.announce(coordinator.delivery(f"d{n}"))
            await coordinator.reported(f"d{n}:1:awaiting")
        await coordinator.sent("d3")


async def test_a_platform_that_does_not_answer_is_unknown(coordinator, groups, relays, quick):
    groups.gate = asyncio.Event()
    async with relays.running(groups, timing=replace(quick, answer_within=0.05)):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.reported("d1:1:unknown")


async def test_what_is_past_is_sent_at_once_and_what_is_expired_never(coordinator, groups, relays):
    late, over = coordinator.delivery("d1", at=-5_000), coordinator.delivery("d2", at=-5_000, lasts=1_000)
    coordinator.deliveries = {"d1": late, "d2": over}
    async with relays.running(groups):
        await coordinator.sent("d1")
        await coordinator.reported("d2:1:expired")
    assert groups.texts == ["text of d1"]


async def test_a_group_without_a_way_is_rejected_by_name(coordinator, tmp_path, quick):
    from roles.relay.adapters.base import Routes
    from roles.relay.agent import Agent

    agent = Agent(coordinator.url, "t", Routes({}), data=tmp_path / "relay-data", timing=quick)
    work = asyncio.create_task(agent.run())
    await agent.connected.wait()
    await coordinator.announce(coordinator.delivery("d1", group="g9"))
    assert "g9" in (await coordinator.reported("d1:1:rejected"))["why"]
    agent.stop()
    await work


async def test_what_another_relay_is_to_send_is_left_to_it(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", relay="r2"), coordinator.delivery("d2", at=50))
        await coordinator.sent("d2")
    assert groups.texts == ["text of d2"]


async def test_a_delivery_that_is_moved_away_is_not_sent_here(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1", at=200), coordinator.delivery("d2", at=300))
        await coordinator.push(changes={"deliveries": {"d1": None}})
        await coordinator.sent("d2")
    assert groups.texts == ["text of d2"]


async def test_a_full_rate_window_is_told_and_links_go_before_talk(coordinator, make_groups, relays):
    groups = make_groups(per_minute=1)
    async with relays.running(groups):
        fire_at = coordinator.now() + 150
        talk = [coordinator.delivery(f"d{n}", priority=2) | {"fire_at": fire_at} for n in (1, 2)]
        link = coordinator.delivery("d3", priority=0) | {"fire_at": fire_at}
        await coordinator.announce(*talk, link)
        await coordinator.sent("d3")
        await coordinator.until(lambda: sum(":waiting:" in i for i in coordinator.taken) == 2)
    assert groups.texts == ["text of d3"]
    waits = sorted(c["until"] for i, c in coordinator.taken.items() if ":waiting:" in i)
    assert waits[0] >= fire_at + 60_000
    assert waits[1] >= waits[0] + 60_000


async def test_what_waits_for_a_window_expires_rather_than_leave_stale(coordinator, make_groups, relays):
    groups = make_groups(per_minute=1)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
        await coordinator.announce(coordinator.delivery("d2", lasts=300))
        await coordinator.reported("d2:1:expired")
    assert groups.texts == ["text of d1"]


async def test_the_rate_window_survives_a_restart(coordinator, make_groups, relays):
    async with relays.running(make_groups(per_minute=1)):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
    groups = make_groups(per_minute=1)
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d2"))
        await coordinator.until(lambda: any(i.startswith("d2:1:waiting") for i in coordinator.taken))
    assert groups.saw == []


async def test_a_stop_finishes_what_a_platform_has_and_begins_nothing_more(coordinator, groups, relays):
    groups.gate = asyncio.Event()
    async with relays.running(groups) as agent:
        await coordinator.announce(coordinator.delivery("d1"), coordinator.delivery("d2", at=60_000))
        await groups.until(lambda: groups.saw)
        agent.stop()
        groups.gate.set()
    assert groups.texts == ["text of d1"]
    told = [(c["delivery"], c["outcome"]) for c in coordinator.taken.values()]
    assert told == [("d2", "waiting"), ("d1", "sent")], "what it did not begin is for whoever comes next"
    assert coordinator.left == 1


@pytest.mark.parametrize("code", [4100, 4101, 4102])
async def test_a_coordinator_that_says_do_not_come_back_ends_the_relay(coordinator, groups, relays, code):
    async def refuse(socket):
        await socket.send(json.dumps({"op": "bye", "code": code, "message": "no", "retry": False}))
        await socket.close(code, "no")
        return False

    coordinator.on_hello = refuse
    with pytest.raises(RelayRefused) as caught:
        async with relays.running(groups):
            pass
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert "secret-token" not in str(caught.value)
    assert len(coordinator.hellos) == 1


async def test_no_token_is_in_a_log_that_is_asked_for_every_detail(coordinator, groups, relays, caplog):
    """The websocket's library writes each frame there; the first one holds the token."""
    caplog.set_level(logging.DEBUG, logger="websockets.client")
    logging.getLogger("websockets").setLevel(logging.DEBUG)
    try:
        async with relays.running(groups):
            await coordinator.announce(coordinator.delivery("d1"))
            await coordinator.sent("d1")
    finally:
        logging.getLogger("websockets").setLevel(logging.NOTSET)
    assert not [r for r in caplog.records if "secret-token" in r.getMessage() and r.name != "websockets.server"]


async def test_two_relays_cannot_share_a_folder(coordinator, groups, relays, make_groups):
    async with relays.running(groups):
        with pytest.raises(CannotStart, match="another relay"):
            async with relays.running(make_groups()):
                pass


async def test_a_members_pseudonym_is_stable_and_hides_the_person(coordinator, groups, relays):
    async with relays.running(groups) as agent:
        one = agent.pseudonym("wecom", "lin")
        assert one == agent.pseudonym("wecom", "lin") != agent.pseudonym("wecom", "wu")
        assert "lin" not in one
