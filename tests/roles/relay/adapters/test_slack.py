"""Slack's incoming webhooks against their double."""

from __future__ import annotations

from typing import ClassVar

import pytest

from roles.relay.adapters.base import Content
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.slack import HOOK, SlackDouble


class TestSlack(AdapterContract):
    double: ClassVar[type[Double]] = SlackDouble

    @pytest.mark.parametrize(("status", "said", "word"), [
        (400, "invalid_payload", "rejected"), (400, "no_text", "rejected"), (403, "action_prohibited", "disabled"),
        (404, "channel_not_found", "disabled"), (410, "channel_is_archived", "disabled"), (404, "", "disabled"),
        (400, f"<p>{HOOK}</p>", "rejected"), (200, "OK", "unknown"), (200, '{"ok":true}', "unknown"),
    ])  # fmt: skip
    async def test_only_a_plain_ok_is_sent(self, status: int, said: str, word: str) -> None:
        assert (await self.told(Answer(said, status))).word == word

    async def test_pictures_are_shown_and_mentions_call(self) -> None:
        async with SlackDouble(limit=9) as double, self.opened(double.base) as adapter:
            await self.send(
                adapter, Content(text=f"A & B <c> {LINK}", link=LINK, images=("https://img.example/1.png",))
            )
            await self.send(adapter, Content(text="开抢", mention="all, U012ABCDEF, 小美"))
        shown, called = (taken.seen for taken in double.taken)
        assert (shown.text, shown.pictures, shown.links) == (f"A & B <c> {LINK}", 1, (LINK,))
        assert called.pings == ("all", "U012ABCDEF")
        assert "@小美" in called.text

    async def test_a_sign_of_an_address_does_not_end_it(self) -> None:
        link = "https://sale.example/l/a?b=1&c=<x>"
        async with SlackDouble() as double, self.opened(double.base) as adapter:
            await self.send(adapter, Content(text="上链接", link=link))
        assert double.taken[0].seen.links == (link,)
