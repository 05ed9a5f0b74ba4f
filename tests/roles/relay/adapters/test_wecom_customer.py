"""WeCom's tasks for customer groups against their double, from the task to what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roles.relay.adapters.base import Content, Outcome, Route, Routes
from roles.relay.adapters.wecom_customer import WecomCustomerAdapter, WecomCustomerCredential, WecomCustomerGroup
from roles.relay.agent import Agent
from tests.contract.adapter_suite import LINK
from tests.roles.relay.conftest import PATIENCE_S, QUICK, FakeCoordinator
from tests.roles.relay.doubles.base import CUT_AFTER, PAGE, Answer
from tests.roles.relay.doubles.wecom_customer import CHAT, TOKEN, WecomCustomerDouble

GROUP = WecomCustomerGroup(id="g1", credential="bot", chat_id=CHAT)


def adapter(base: str, **more: Any) -> WecomCustomerAdapter:
    settings = {"platform": "wecom_customer", "base": base, "sender": "zhangsan"} | (more or {"access_token": TOKEN})
    return WecomCustomerAdapter("bot", WecomCustomerCredential.model_validate(settings), None)


async def told(double: WecomCustomerDouble, content: Content, **more: Any) -> Outcome:
    bot = adapter(double.base, **more)
    await bot.open()
    try:
        outcome = await bot.send(GROUP, content)
    finally:
        await bot.close()
    assert TOKEN not in repr(outcome) + repr(bot) + repr(bot.settings)
    return outcome


async def test_a_task_waits_for_a_person_and_holds_the_link() -> None:
    async with WecomCustomerDouble() as double:
        outcome = await told(double, Content(text="明晚八点 " + "见" * 3000, link=LINK))
    assert (outcome.word, outcome.platform_id) == ("awaiting", "msg1")
    assert "zhangsan has to confirm" in (outcome.why or "")
    assert double.taken[0].seen.links == (LINK, LINK)  # in the text, and on a card


@pytest.mark.parametrize(("answer", "word"), [
    (Answer({"errcode": 45009, "errmsg": "freq"}), "retry"), (Answer({"errcode": -1}), "retry"),
    (Answer({"errcode": 42001, "errmsg": f"expired {TOKEN}"}), "disabled"), (Answer({"errcode": 84061}), "disabled"),
    (Answer({"errcode": 40058}), "rejected"), (Answer({"errcode": 0, "msgid": "m", "fail_list": [CHAT]}), "rejected"),
    (Answer({"errcode": 0}), "unknown"), (Answer({"errcode": False, "msgid": "m"}), "unknown"), (Answer({"msgid": "m"}), "unknown"),
    (PAGE, "unknown"), (CUT_AFTER, "unknown"), (Answer("bad", 502), "unknown"),
])  # fmt: skip
async def test_only_a_task_that_was_made_is_awaited(answer: Answer, word: str) -> None:
    async with WecomCustomerDouble() as double:
        double.next.append(answer)
        assert (await told(double, Content(text="见"))).word == word


async def test_a_token_in_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with WecomCustomerDouble() as double:
        assert (await told(double, Content(text="见"), token_file=str(file))).word == "disabled"
        file.write_text(TOKEN + "\n")
        assert (await told(double, Content(text="见"), token_file=str(file))).word == "awaiting"


@pytest.mark.parametrize(("status", "outcome"), [(1, "sent"), (2, "rejected"), (3, "rejected")])
async def test_what_became_of_a_task_is_told_also_by_a_relay_that_was_started_anew(
    coordinator: FakeCoordinator, tmp_path: Path, status: int, outcome: str
) -> None:
    async with WecomCustomerDouble() as double:
        for again in (False, True):
            bot = adapter(double.base)
            timing = replace(QUICK, follow_every=0.02)
            agent = Agent(coordinator.url, "t", Routes({"g1": Route(GROUP, bot)}), data=tmp_path, timing=timing)
            work = asyncio.create_task(agent.run())
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await agent.connected.wait()
                    if not again:
                        await coordinator.announce(coordinator.delivery("d1"))
                        await coordinator.reported("d1:1:awaiting")
                        await double.until(lambda: double.asked >= 2)
                        assert len(coordinator.taken) == 1, "nobody has confirmed it yet"
                    else:
                        double.status = status
                        report = await coordinator.reported(f"d1:1:{outcome}")
                        assert report["outcome"] == outcome
            finally:
                agent.stop()
                await work
    assert len(double.taken) == 1


@pytest.mark.parametrize(("status", "cancels", "word"), [
    (0, {"errcode": 0, "errmsg": "ok"}, "rejected"), (1, {"errcode": 0, "errmsg": "ok"}, "sent"),
    (1, {"errcode": 41096, "errmsg": "done already"}, "sent"), (2, {"errcode": 41096}, "rejected"),
    (0, {"errcode": 48002, "errmsg": "api forbidden"}, "awaiting"), (0, {"errcode": 41096, "errmsg": "no"}, "awaiting"),
    (0, {"errcode": -1}, None), (0, {"errcode": 45009}, None), (0, {"errcode": False}, None), (0, {}, None),
])  # fmt: skip
async def test_a_task_is_taken_back_from_the_employee_or_it_is_said_that_it_is_not(
    status: int, cancels: dict[str, Any], word: str | None
) -> None:
    async with WecomCustomerDouble() as double:
        bot = adapter(double.base)
        await bot.open()
        try:
            task = (await bot.send(GROUP, Content(text="见"))).platform_id
            assert task is not None
            double.status, double.cancels = status, cancels
            outcome = await bot.take_back(task)
        finally:
            await bot.close()
        assert (outcome and outcome.word) == word
        assert double.cancelled == (["msg1"] if word == "rejected" and status == 0 else [])
        assert outcome is None or word != "awaiting" or "tell them not to send it" in (outcome.why or "")


@asynccontextmanager
async def relay(
    coordinator: FakeCoordinator, double: WecomCustomerDouble, data: Path, every_s: float = 60.0
) -> AsyncIterator[None]:
    routes = Routes({"g1": Route(GROUP, adapter(double.base))})
    agent = Agent(coordinator.url, "t", routes, data=data, timing=replace(QUICK, follow_every=every_s))
    work = asyncio.create_task(agent.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await agent.connected.wait()
            yield
    finally:
        agent.stop()
        await work


def taken_away(coordinator: FakeCoordinator) -> dict[str, Any]:
    """How the service shows a relay what another has now: it names whose task is still open."""
    taken = coordinator.deliveries["d1"] | {"relay": "hui", "attempt": 2, "status": "awaiting"}
    return taken | {"left_open": {"relay": "r1", "attempt": 1}}


async def test_a_task_is_taken_back_at_once_when_somebody_else_has_it(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with WecomCustomerDouble() as double, relay(coordinator, double, tmp_path):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.reported("d1:1:awaiting")
        await coordinator.push(changes={"deliveries": {"d1": None}})  # another process may lead: nothing is taken back
        await coordinator.push(changes={"deliveries": {"d1": taken_away(coordinator)}})
        report = await coordinator.reported("d1:1:rejected")
        assert "taken back" in report["why"]
        assert double.cancelled == ["msg1"]


async def test_a_relay_that_was_away_takes_it_back_when_it_is_here_again(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with WecomCustomerDouble() as double:
        async with relay(coordinator, double, tmp_path):
            await coordinator.announce(coordinator.delivery("d1"))
            await coordinator.reported("d1:1:awaiting")
        coordinator.deliveries["d1"] = taken_away(coordinator)
        async with relay(coordinator, double, tmp_path):
            await coordinator.reported("d1:1:rejected")
        assert double.cancelled == ["msg1"]


async def test_a_task_that_stays_open_is_told_once_and_asked_after_until_it_is_over(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with WecomCustomerDouble() as double, relay(coordinator, double, tmp_path, every_s=0.02):
        double.cancels = {"errcode": 48002, "errmsg": "api forbidden"}
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.reported("d1:1:awaiting")
        await coordinator.push(changes={"deliveries": {"d1": taken_away(coordinator)}})
        told = await coordinator.reported("d1:1:awaiting:stays-open")
        assert (told["outcome"], told["platform_id"]) == ("awaiting", "msg1")
        assert "zhangsan has the task still, tell them not to send it" in told["why"]
        seen = double.asked
        await double.until(lambda: double.asked >= seen + 2)
        double.status = 1
        assert (await coordinator.reported("d1:1:sent"))["platform_id"] == "msg1"
    assert [name for name in coordinator.taken if name.startswith("d1:1:awaiting")] == [
        "d1:1:awaiting", "d1:1:awaiting:stays-open",
    ]  # fmt: skip


async def test_a_task_whose_time_is_over_is_taken_from_the_employee(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    """It stayed on the phone: whoever confirmed it an hour later put a drop into the group that was long over."""
    async with WecomCustomerDouble() as double, relay(coordinator, double, tmp_path):
        await coordinator.announce(coordinator.delivery("d1", lasts=400), coordinator.delivery("d2", lasts=600_000))
        report = await coordinator.reported("d1:1:expired")
        assert "its time was over" in report["why"]
        assert coordinator.now() >= coordinator.deliveries["d1"]["expires_at"]
        [kept] = set(double.cancelled)
        assert kept == await platform_id(coordinator, "d1")


async def platform_id(coordinator: FakeCoordinator, delivery: str) -> str:
    return str((await coordinator.reported(f"{delivery}:1:awaiting"))["platform_id"])


async def test_one_that_was_over_while_the_relay_was_away_is_taken_back_when_it_comes(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with WecomCustomerDouble() as double:
        async with relay(coordinator, double, tmp_path):
            await coordinator.announce(coordinator.delivery("d1"))
            await coordinator.reported("d1:1:awaiting")
        coordinator.deliveries["d1"] |= {"expires_at": coordinator.now() - 1}
        async with relay(coordinator, double, tmp_path):
            await coordinator.reported("d1:1:expired")
        assert double.cancelled == ["msg1"]


async def test_an_employee_who_was_quicker_than_the_end_has_sent_it(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with WecomCustomerDouble() as double, relay(coordinator, double, tmp_path):
        double.status = 1
        await coordinator.announce(coordinator.delivery("d1", lasts=300))
        assert (await coordinator.reported("d1:1:sent"))["platform_id"] == "msg1"


async def test_one_that_is_over_and_cannot_be_taken_back_is_told(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    async with WecomCustomerDouble() as double, relay(coordinator, double, tmp_path):
        double.cancels = {"errcode": 48002, "errmsg": "api forbidden"}
        await coordinator.announce(coordinator.delivery("d1", lasts=300))
        told = await coordinator.reported("d1:1:awaiting:stays-open")
        assert "tell them not to send it" in told["why"]
