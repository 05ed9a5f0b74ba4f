"""A relay as its file makes it: what a group says comes in, what the team sends goes out, over one Telegram bot."""

from __future__ import annotations

import asyncio
from pathlib import Path

from roles.relay.agent import Agent
from roles.relay.cli import receiving_of
from roles.relay.config import load
from roles.relay.receiving.server import together
from tests.client import token
from tests.roles.relay.conftest import PATIENCE_S, QUICK
from tests.roles.relay.doubles.telegram import CHAT, TOKEN, TelegramDouble
from tests.server import InProcess
from tests.sheet import sheet


async def test_one_bot_hears_and_speaks(room: InProcess, tmp_path: Path) -> None:
    sale = await room.sale(sheet(groups=1), live=True)
    controller = await room.join(sale, "controller")
    file = tmp_path / "relay.yaml"
    async with TelegramDouble() as double:
        file.write_text(
            f"coordinator: {room.url}\ntoken: {token('relay', 'r1', sale, ['g1'])}\n"
            "credentials:\n  tg: {platform: telegram, base: '"
            + double.base
            + "', bot_token: '${BOT}', receive: poll}\n"
            f"groups:\n  g1: {{credential: tg, chat_id: {CHAT}}}\nstaff:\n  telegram: {{'777': mei}}\n",
            "utf-8",
        )
        config = load(file, {"BOT": TOKEN})
        agent = Agent(
            config.coordinator, config.token.get_secret_value(), config.routes, data=config.data, timing=QUICK
        )
        receiving = receiving_of(config, agent)
        assert receiving is not None
        work = asyncio.create_task(together(agent, receiving))
        try:
            double.says("包邮吗?")
            double.says("有人要链接吗?", person=777, name="Mei")
            await controller.until(lambda: sum(e["kind"] == "group.message" for e in controller.events) == 2)
            await controller.done("message.send", content="今晚八点, 不见不散", groups=["g1"])
            await double.until(lambda: double.taken)
            await controller.until(lambda: any(e["kind"] == "delivery.sent" for e in controller.events))
            double.happens(
                my_chat_member={"chat": {"id": CHAT, "type": "group"}, "new_chat_member": {"status": "kicked"}}
            )
            await controller.until(lambda: controller.state["groups"]["g1"].get("frozen"))
        finally:
            agent.stop()
            async with asyncio.timeout(PATIENCE_S):
                await work
    said = [e for e in controller.events if e["kind"] == "group.message"]
    assert [e.get("staff") for e in said] == [None, "mei"]
    assert double.texts == ["今晚八点, 不见不散"]
    assert "was removed" in controller.state["groups"]["g1"]["frozen_why"]
    assert sum(e["kind"] == "question.raised" for e in controller.events) == 1
