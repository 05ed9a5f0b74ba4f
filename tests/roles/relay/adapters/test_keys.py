"""What platforms say of a key without anything being posted, as `dropcue relay check` tells it."""

from __future__ import annotations

from typing import Any

import pytest

from roles.relay.adapters.base import AnyAdapter, Said
from roles.relay.adapters.dingtalk import DingtalkAdapter
from roles.relay.adapters.discord import DiscordAdapter
from roles.relay.adapters.telegram import TelegramAdapter
from roles.relay.adapters.webhook import WebhookAdapter
from roles.relay.adapters.wecom_customer import WecomCustomerAdapter
from tests.roles.relay.doubles.base import PAGE, Double
from tests.roles.relay.doubles.discord import HOOK, DiscordDouble
from tests.roles.relay.doubles.telegram import TOKEN, TelegramDouble
from tests.roles.relay.doubles.webhook import WebhookDouble
from tests.roles.relay.doubles.wecom_customer import CHAT, WecomCustomerDouble
from tests.roles.relay.doubles.wecom_customer import TOKEN as ACCESS


async def said(kind: type[AnyAdapter], groups: list[dict[str, Any]], **settings: Any) -> list[Said]:
    bot = kind("bot", kind.credential_settings.model_validate({"platform": kind.platform, **settings}), None)
    served = [kind.group_settings.model_validate({"credential": "bot", **group}) for group in groups]
    await bot.open()
    try:
        found = await bot.check(served)
    finally:
        await bot.close()
    for planted in (TOKEN, HOOK.rpartition("/")[2], ACCESS):
        assert planted not in repr(found)
    return found


class TestTelegram:
    async def check(self, double: TelegramDouble, *chats: int | str, token: str = TOKEN) -> list[Said]:
        groups = [{"id": f"g{n}", "chat_id": chat} for n, chat in enumerate(chats, 1)]
        found = await said(TelegramAdapter, groups, base=double.base, bot_token=token)
        assert double.taken == []
        return found

    async def test_a_bot_that_may_write_everywhere_is_said_once(self) -> None:
        async with TelegramDouble() as double:
            found = await self.check(double, *range(-1012, -1000))
            assert found == [Said("ok", "Telegram knows @dropcue_bot; it may write in 12 groups")]

    async def test_a_revoked_token_is_said_once_with_where_to_get_another(self) -> None:
        async with TelegramDouble() as double:
            double.revoked = True
            (found,) = await self.check(double, -1, -2)
        assert (found.state, found.group) == ("wrong", None)
        assert "@BotFather" in found.message

    async def test_a_group_that_has_moved_is_told_with_its_new_id_and_looked_at_there(self) -> None:
        async with TelegramDouble() as double:
            double.moved = {-1: -1001, -2: -1002}
            double.members[-1002] = {"status": "left"}
            found = await self.check(double, -1, -2)
        assert found == [
            Said("ok", "Telegram knows @dropcue_bot; it may write in 1 group"),
            Said("warn", "the group has become a supergroup: write `chat_id: -1001`", "g1"),
            Said("wrong", "the bot is not in the group: put it in", "g2"),
        ]

    @pytest.mark.parametrize(("member", "rights", "kind", "words"), [
        ({"status": "left"}, {}, "supergroup", "put it in"),
        ({"status": "kicked"}, {}, "supergroup", "was removed"),
        ({"status": "restricted", "is_member": False}, {}, "supergroup", "put it in"),
        ({"status": "restricted", "is_member": True, "can_send_messages": False}, {}, "supergroup", "lift its restriction"),
        ({"status": "member"}, {"can_send_messages": False}, "supergroup", "make the bot one"),
        ({"status": "administrator", "can_post_messages": False}, {}, "channel", "may post messages"),
        ({"status": "member"}, {}, "channel", "make the bot an administrator"),
        ({"status": "administrator"}, {"can_send_messages": False}, "supergroup", None),
        ({"status": "administrator", "can_post_messages": True}, {}, "channel", None),
        ({"status": "restricted", "is_member": True, "can_send_messages": True}, {}, "group", None),
        ({"status": "member"}, {"can_send_messages": True}, "group", None),
    ])  # fmt: skip
    async def test_what_the_bot_may_do_in_a_group(
        self, member: dict[str, Any], rights: dict[str, Any], kind: str, words: str | None
    ) -> None:
        async with TelegramDouble() as double:
            double.members[-1], double.rights[-1], double.types[-1] = member, rights, kind
            _, *found = await self.check(double, -1)
        assert [each.state for each in found] == (["wrong"] if words else [])
        if words:
            assert words in found[0].message

    async def test_a_bot_that_was_kicked_and_a_chat_that_is_not_there_are_told_by_group(self) -> None:
        async with TelegramDouble() as double:
            double.kicked.add(-1)
            first, *found = await self.check(double, -1, "@nobody")
        assert first.message == "Telegram knows @dropcue_bot"
        assert [(each.state, each.group) for each in found] == [("wrong", "g1"), ("wrong", "g2")]
        assert "chat not found" in found[1].message
        assert "check `chat_id`" in found[1].message

    async def test_a_page_instead_of_an_answer_is_not_taken_for_one(self) -> None:
        async with TelegramDouble() as double:
            double.always = PAGE
            (found,) = await self.check(double, -1)
        assert found.state == "unreached"


class TestDiscord:
    async def check(self, double: DiscordDouble, hook: str = HOOK) -> list[Said]:
        return await said(DiscordAdapter, [{"id": "g1"}], webhook=f"{double.base}/api/webhooks/{hook}")

    async def test_a_webhook_says_its_name_and_never_its_token(self) -> None:
        async with DiscordDouble() as double:
            assert await self.check(double) == [Said("ok", "Discord knows the webhook 直播间, and it may write")]
            (thread,) = await self.check(double, HOOK + "?thread_id=7")
            assert double.taken == []
        assert thread.state == "ok"
        assert "thread cannot be looked at" in thread.message

    async def test_one_that_was_removed_is_told(self) -> None:
        async with DiscordDouble() as double:
            double.revoked = True
            (found,) = await self.check(double)
        assert found.state == "wrong"
        assert "make a new one" in found.message


class TestWecomCustomer:
    async def check(self, double: WecomCustomerDouble, *chats: str, sender: str = "zhangsan") -> list[Said]:
        groups = [{"id": f"g{n}", "chat_id": chat} for n, chat in enumerate(chats, 1)]
        found = await said(WecomCustomerAdapter, groups, base=double.base, access_token=ACCESS, sender=sender)
        assert double.taken == []
        return found

    async def test_a_token_that_is_taken_and_groups_of_another_or_of_nobody(self) -> None:
        async with WecomCustomerDouble() as double:
            double.chats.add("wr2")
            double.owners["wr2"] = "lisi"
            first, other, nobody = await self.check(double, CHAT, "wr2", "wr3")
        assert first == Said("ok", "WeCom takes the access token; zhangsan can be given tasks for 1 group")
        assert (other.state, other.group) == ("wrong", "g2")
        assert "belongs to lisi" in other.message
        assert (nobody.state, nobody.group) == ("wrong", "g3")
        assert "check `chat_id`" in nobody.message

    async def test_an_expired_token_and_a_missing_right_are_said_once(self) -> None:
        async with WecomCustomerDouble() as double:
            double.refuses = {"errcode": 48002, "errmsg": "api forbidden"}
            (missing,) = await self.check(double, CHAT, "wr2")
            double.revoked = True
            (expired,) = await self.check(double, CHAT, "wr2")
        assert (missing.state, missing.group) == ("wrong", None)
        assert "give it the right to customer groups" in missing.message
        assert "renew it" in expired.message

    async def test_one_that_is_busy_is_not_called_wrong(self) -> None:
        async with WecomCustomerDouble() as double:
            double.refuses = {"errcode": -1, "errmsg": "system busy"}
            (found,) = await self.check(double, CHAT)
        assert found.state == "unreached"


@pytest.mark.parametrize(("kind", "double", "settings"), [
    (DingtalkAdapter, None, {"access_token": "t", "secret": "SECx"}),
    (WebhookAdapter, WebhookDouble, {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
])  # fmt: skip
async def test_where_nothing_can_be_asked_it_is_said_how_to_try_it(
    kind: type[AnyAdapter], double: type[Double] | None, settings: dict[str, Any]
) -> None:
    async with (double or TelegramDouble)() as there:
        where = {"url": f"{there.base}/hook"} if kind is WebhookAdapter else {"base": there.base}
        (found,) = await said(kind, [{"id": "g1"}], **settings, **where)
        assert (there.calls, there.taken) == (0, [])
    assert found.state == "untested"
    assert "--send" in found.message
