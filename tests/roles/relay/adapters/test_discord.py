"""Discord's webhooks against their double."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from roles.relay.adapters import discord
from roles.relay.adapters.base import Content
from roles.relay.adapters.discord import DiscordAdapter
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.discord import HOOK, DiscordDouble


@pytest.fixture(autouse=True)
def _nothing_refused_yet() -> Iterator[None]:
    DiscordAdapter.refused.clear()
    yield
    DiscordAdapter.refused.clear()


class TestDiscord(AdapterContract):
    double: ClassVar[type[Double]] = DiscordDouble

    @pytest.mark.parametrize(("status", "said", "word", "after_ms"), [
        (429, {"message": "slow", "retry_after": 0.25, "global": True}, "retry", 250),
        (404, {"message": "Unknown Webhook", "code": 10015}, "disabled", None),
        (401, {"message": "Invalid Webhook Token", "code": 50027}, "disabled", None),
        (400, {"message": "Invalid Form Body", "code": 50035}, "rejected", None), (204, "", "unknown", None),
        (200, {"id": 7}, "unknown", None), (500, {"message": "oops", "code": 0}, "unknown", None),
    ])  # fmt: skip
    async def test_each_answer_is_what_it_is(self, status: int, said: object, word: str, after_ms: int | None) -> None:
        outcome = await self.told(Answer(said, status))
        assert (outcome.word, outcome.after_ms) == (word, after_ms)

    async def test_the_key_of_its_address_is_not_said_when_discord_says_it_alone(self) -> None:
        key = HOOK.rpartition("/")[2]
        outcome = await self.told(Answer({"message": f"no webhook {key}", "code": 50035}, 400))
        assert "no webhook ***" in (outcome.why or "")

    async def test_what_its_headers_say_is_kept_without_a_call(self) -> None:
        async with DiscordDouble() as double, self.opened(double.base) as adapter:
            double.left, double.reset_after = "0", "5.5"
            assert (await self.send(adapter, Content(text="one"))).word == "sent"
            waits = await self.send(adapter, Content(text="two"))
        assert (waits.word, waits.reached, waits.everyone) == ("retry", False, True)
        assert 5_000 < (waits.after_ms or 0) <= 5_500
        assert double.calls == 1

    async def test_a_webhook_that_is_gone_is_not_called_again(self) -> None:
        async with DiscordDouble() as double, self.opened(double.base) as adapter:
            double.revoked = True
            outcomes = [await self.send(adapter, Content(text="one")) for _ in range(3)]
        assert [outcome.word for outcome in outcomes] == ["disabled"] * 3
        assert double.calls == 1

    async def test_refused_requests_end_long_before_a_ban(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(discord, "REFUSED_MOST", 3)
        async with DiscordDouble(limit=0) as double, self.opened(double.base) as adapter:
            double.left = "1"  # it does not say that it is full
            outcomes = [await self.send(adapter, Content(text="one")) for _ in range(5)]
            async with self.opened(double.base) as other:
                outcomes.append(await self.send(other, Content(text="one")))
        assert [outcome.word for outcome in outcomes] == ["retry"] * 6
        assert double.calls == 3
        assert "ban" in (outcomes[-1].why or "")

    async def test_only_who_is_meant_is_called_and_pictures_are_shown(self, double_: Double) -> None:
        content = Content(text="开抢 @here <@99>", link=LINK, mention="all, 42", images=("https://img.example/1.png",))
        async with self.opened(double_.base) as adapter:
            assert (await self.send(adapter, content)).word == "sent"
        seen = double_.taken[0].seen
        assert (seen.pings, seen.pictures) == (("all", "42"), 1)
