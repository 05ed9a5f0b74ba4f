"""WeCom's tasks for customer groups against their double, from the task to what became of it."""

from __future__ import annotations

import asyncio
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
