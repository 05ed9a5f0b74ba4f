"""What can be asked of a Telegram bot without posting: `getMe`, and `getChat` and `getChatMember` for each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from roles.relay.adapters.base import Outcome, Said
from roles.relay.adapters.http import Ended

if TYPE_CHECKING:
    from roles.relay.adapters.telegram import TelegramAdapter, TelegramGroup


class Rights:
    """What Telegram says of a bot and of its groups: whether they are there, and whether it may write."""

    def __init__(self, adapter: TelegramAdapter) -> None:
        self._adapter = adapter
        self._bot = 0

    async def look(self, groups: Sequence[TelegramGroup]) -> list[Said]:
        me = await self._ask("getMe", {})
        self._bot = int(me.get("id", 0))
        found = await self._adapter.each_group(groups, self._group)
        well = len(groups) - sum(said.state != "warn" for said in found)
        name = self._adapter.said("@" + me["username"]) if isinstance(me.get("username"), str) else "the bot"
        where = f"; it may write in {well} {'group' if well == 1 else 'groups'}" if well else ""
        return [Said("ok", f"Telegram knows {name}{where}"), *found]

    async def _group(self, group: TelegramGroup) -> Said | None:
        now = self._adapter.chat(group)
        try:
            chat = await self._ask("getChat", {"chat_id": now})
        except Ended as ended:
            if ended.outcome.platform_id is None:
                raise
            now = int(ended.outcome.platform_id)
            chat = await self._ask("getChat", {"chat_id": now})
        member = await self._ask("getChatMember", {"chat_id": now, "user_id": self._bot})
        if (why := _may_not_write(chat, member)) is not None:
            return Said("wrong", why, group.id)
        if now != group.chat_id:
            return Said("warn", f"the group has become a supergroup: write `chat_id: {now}`", group.id)
        return None

    async def _ask(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """The result. Raises `Ended` with what Telegram says instead."""
        reply, said = await self._adapter.ask(self._adapter.method(method, body))
        result = said.get("result")
        if said.get("ok") is True and isinstance(result, dict):
            return result
        outcome = self._adapter.read(reply, said) or self._adapter.by_status(reply)
        if outcome.word == "disabled" and "chat_id" not in body:
            why = "Telegram does not know this bot: its token was revoked or is wrong; @BotFather gives a new one for `bot_token`"
            outcome = Outcome.disabled(why)
        elif outcome.word == "disabled":
            outcome = Outcome.disabled(f"{outcome.why}; put the bot into the group, and check `chat_id`")
        raise Ended(outcome)


def _may_not_write(chat: dict[str, Any], member: dict[str, Any]) -> str | None:
    """Why a bot may not write in a chat, and what to do; None where it may, or Telegram does not say."""
    status, channel = member.get("status"), chat.get("type") == "channel"
    if status in ("left", "kicked"):
        return f"the bot {'is not in the group' if status == 'left' else 'was removed from the group'}: put it in"
    if status == "creator" or (status == "administrator" and not channel):
        return None
    if channel:
        posts = status == "administrator" and member.get("can_post_messages") is not False
        return None if posts else "it is a channel: make the bot an administrator that may post messages"
    if status == "restricted":
        if member.get("is_member") is False:
            return "the bot is not in the group: put it in"
        if member.get("can_send_messages") is False:
            return "the bot may not write in the group: lift its restriction there"
        return None
    rights = chat.get("permissions")
    if isinstance(rights, dict) and rights.get("can_send_messages") is False:
        return "only administrators may write in the group: make the bot one"
    return None
