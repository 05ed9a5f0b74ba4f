"""Telegram's bots against their double."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from roles.relay.adapters import telegram
from roles.relay.adapters.base import Content, Route, Routes
from roles.relay.adapters.telegram import TelegramAdapter, TelegramCredential, TelegramGroup
from roles.relay.agent import Agent
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.conftest import PATIENCE_S, QUICK, FakeCoordinator
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.telegram import CHAT, TOKEN, TelegramDouble

PICTURE = "https://img.example/1.png"


class TestTelegram(AdapterContract):
    double: ClassVar[type[Double]] = TelegramDouble

    @pytest.mark.parametrize(("code", "words", "word", "after_ms"), [
        (429, "Too Many Requests", "retry", 500), (401, "Unauthorized", "disabled", None), (404, "Not Found", "disabled", None),
        (403, "Forbidden: bot was kicked from the group chat", "disabled", None), (500, "Internal Server Error", "unknown", None),
        (400, "Bad Request: chat not found", "disabled", None), (400, "Bad Request: message is too long", "rejected", None),
        (400, "Bad Request: not enough rights to send text messages to the chat", "disabled", None),
        (499, f"never seen {TOKEN}", "rejected", None),
    ])  # fmt: skip
    async def test_each_error_is_what_it_is(self, code: int, words: str, word: str, after_ms: int | None) -> None:
        body = {"ok": False, "error_code": code, "description": words, "parameters": {"retry_after": 0.5}}
        outcome = await self.told(Answer(body, code))
        assert (outcome.word, outcome.after_ms) == (word, after_ms)

    async def test_pictures_are_shown_and_people_are_called(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            one = Content(text="上链接", link=LINK, images=(PICTURE,), mention="all, xiaomei_1")
            outcome = await self.send(adapter, one)
            assert (outcome.word, outcome.why) == ("sent", "Telegram cannot call everybody")
            await self.send(adapter, Content(text="三张", images=(PICTURE, PICTURE + "?2", PICTURE + "?3")))
            long = await self.send(adapter, Content(text="长" * 1100, images=(PICTURE,)))
        first, second, third = (taken.seen for taken in double_.taken)
        assert (first.pictures, first.pings, first.links) == (1, ("xiaomei_1",), (LINK,))
        assert second.pictures == 3
        assert (third.pictures, third.links) == (0, (PICTURE,))
        assert long.why == "pictures went as addresses"

    @pytest.mark.parametrize(
        "words", ["failed to get HTTP URL content", "not enough rights to send photos to the chat"]
    )
    async def test_a_picture_that_telegram_does_not_take_goes_as_an_address(self, words: str) -> None:
        """A group that allows no pictures was taken for one in which the bot may not write at all."""
        async with TelegramDouble() as double, self.opened(double.base) as adapter:
            double.no_pictures = words
            outcome = await self.send(adapter, Content(text="上链接", link=LINK, images=(PICTURE,)))
        assert outcome.word == "sent"
        assert "did not take the pictures" in (outcome.why or "")
        assert double.taken[0].seen.links == (LINK, PICTURE)

    async def test_a_group_that_moved_is_found_again_also_after_a_restart(self, tmp_path: Any) -> None:
        settings = TelegramCredential.model_validate(TelegramDouble.settings("http://127.0.0.1:1"))
        group = TelegramGroup(id="g1", credential="bot", chat_id=CHAT)
        async with TelegramDouble() as double:
            double.moved[CHAT] = -100777
            settings = settings.model_copy(update={"base": double.base})
            adapter = TelegramAdapter("bot", settings, tmp_path)
            await adapter.open()
            first = await adapter.send(group, Content(text="one"))
            assert (first.word, first.after_ms) == ("retry", 0)
            assert (await adapter.send(group, Content(text="one"))).word == "sent"
            await adapter.close()
            again = TelegramAdapter("bot", settings, tmp_path)
            await again.open()
            assert (await again.send(group, Content(text="two"))).word == "sent"
            await again.close()
        assert [taken.seen.group for taken in double.taken] == ["-100777", "-100777"]

    async def test_a_new_id_that_cannot_be_kept_is_used_all_the_same(self, tmp_path: Any) -> None:
        """A full disk made a message `unknown` that was certainly not there, and ended the relay where it heard of it."""
        (tmp_path / "telegram").write_text("no folder")
        async with TelegramDouble() as double:
            double.moved[CHAT] = -100777
            settings = TelegramCredential.model_validate(TelegramDouble.settings(double.base))
            adapter = TelegramAdapter("bot", settings, tmp_path)
            await adapter.open()
            group = TelegramGroup(id="g1", credential="bot", chat_id=CHAT)
            assert [(await adapter.send(group, Content(text="one"))).word for _ in range(2)] == ["retry", "sent"]
            await adapter.close()

    def test_it_keeps_the_windows_of_the_bot_and_of_each_group(self) -> None:
        settings = TelegramCredential.model_validate(TelegramDouble.settings("https://x.example"))
        assert [(w.count, w.per_s) for w in settings.limits()] == [(30, 1.0)]
        assert [(w.count, w.per_s) for w in settings.group_limits()] == [(1, 1.0), (20, 60.0)]

    @pytest.mark.parametrize(("written", "chat"), [
        ("-1001", -1001), (" -1001 ", -1001), (-1001, -1001), ("@kitchen", "@kitchen"),
    ])  # fmt: skip
    def test_a_chats_number_is_one_wherever_it_comes_from(self, written: Any, chat: Any) -> None:
        """From the environment it comes as a text: what was said there was told of no group."""
        assert TelegramGroup.model_validate({"id": "g1", "credential": "bot", "chat_id": written}).chat_id == chat

    @pytest.mark.parametrize("written", ["", "kitchen", "https://t.me/kitchen", True, 1.5, None])
    def test_what_is_no_chat_is_refused(self, written: Any) -> None:
        with pytest.raises(ValueError, match="write the chat's number"):
            TelegramGroup.model_validate({"id": "g1", "credential": "bot", "chat_id": written})

    def test_a_webhook_without_a_secret_is_refused(self) -> None:
        with pytest.raises(ValueError, match="webhook_secret"):
            TelegramCredential.model_validate(TelegramDouble.settings("https://x.example") | {"receive": "webhook"})


async def test_an_album_takes_as_many_places_of_the_groups_window_as_it_has_pictures(
    coordinator: FakeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took one place: Telegram counted three, and answered the seventh album of a minute with 429."""
    monkeypatch.setattr(telegram, "A_SECOND_IN_A_GROUP", 100)
    album = [PICTURE, PICTURE + "?2", PICTURE + "?3"]
    many = [coordinator.delivery(f"d{n}") | {"content": {"text": f"第 {n} 条", "images": album}} for n in range(1, 8)]
    async with TelegramDouble() as double:
        settings = TelegramCredential.model_validate({"platform": "telegram", "base": double.base, "bot_token": TOKEN})
        group = TelegramGroup(id="g1", credential="bot", chat_id=CHAT)
        bot = TelegramAdapter("bot", settings, None)
        assert bot.places(group, Content(text="长" * 1100, images=tuple(album))) == 1, "they go as addresses"
        agent = Agent(coordinator.url, "t", Routes({"g1": Route(group, bot)}), timing=QUICK)
        work = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await agent.connected.wait()
                await coordinator.announce(*many)
                await coordinator.sent(*(f"d{n}" for n in range(1, 7)))
                await coordinator.until(
                    lambda: any(r["delivery"] == "d7" and r["outcome"] == "waiting" for r in coordinator.taken.values())
                )
        finally:
            agent.stop()
            await work
        assert (len(double.taken), double.over) == (6, 0)
