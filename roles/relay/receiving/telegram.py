"""What Telegram tells a bot of its groups: by long poll, whose place is kept on disk, or by webhook."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from pydantic import ValidationError

from coordinator.problem import Problem
from roles.relay import machine
from roles.relay.adapters.telegram import TelegramAdapter, TelegramGroup
from roles.relay.adapters.ways import proxy_for
from roles.relay.errors import DiskFailed
from roles.relay.receiving.inbox import Receipt
from roles.relay.receiving.intake import Intake
from roles.relay.receiving.seen import Seen

log = structlog.get_logger("relay")

POLL_S = 25  # how long Telegram holds a poll that has nothing to tell
ANSWER_WITHIN_S = POLL_S + 15
NOTHING_S = 1.0  # a poll that has nothing to tell is held longer than this
UPDATES_BYTES = 16 * 1024 * 1024  # far above a hundred updates
FORGOTTEN_MS = 6 * 24 * 3600 * 1000  # after a week of silence Telegram counts from elsewhere
KINDS = ["message", "my_chat_member", "message_reaction"]
_ANONYMOUS = 1087968824  # the account that stands for an administrator who is not named
_WORDLESS = {
    "sticker": "[sticker]", "photo": "[photo]", "video": "[video]", "voice": "[voice]", "animation": "[animation]",
    "audio": "[audio]", "document": "[file]", "video_note": "[video]", "location": "[location]", "contact": "[contact]",
}  # fmt: skip
_OUT = {"left": "left", "kicked": "was removed"}

Json = dict[str, Any]


class TelegramUpdates:
    """One bot's groups. `again_s` is how long it waits after what went wrong."""

    def __init__(
        self, adapter: TelegramAdapter, groups: Sequence[TelegramGroup], intake: Intake, *, again_s: float = 5.0
    ) -> None:
        self._adapter, self._groups, self._intake, self._again_s = adapter, groups, intake, again_s
        self._mark = f"telegram:{adapter.name}"
        self._said: set[str] = set()

    def add_to(self, app: web.Application) -> None:
        if self._adapter.settings.receive == "webhook":
            app.router.add_post(f"/telegram/{self._adapter.name}", self._called)

    async def run(self) -> None:
        settings = self._adapter.settings
        patience = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        async with aiohttp.ClientSession(timeout=patience, proxy=proxy_for(settings.base)) as http:
            if settings.receive == "poll":
                while True:
                    if not await self._poll(http):
                        await asyncio.sleep(self._again_s)
            elif settings.webhook is not None:
                secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
                wanted = {"url": settings.webhook, "secret_token": secret, "allowed_updates": KINDS}
                while await self._ask(http, "setWebhook", wanted) is None:  # noqa: ASYNC110 - it is asked anew
                    await asyncio.sleep(self._again_s)
                log.info("Telegram calls the relay", credential=self._adapter.name)

    # -- polling

    async def _poll(self, http: aiohttp.ClientSession) -> bool:
        """One poll; False where the next one has to wait."""
        asked_at = machine.monotonic()
        try:
            offset = await self._offset()
            asked = {"timeout": POLL_S, "limit": 100, "allowed_updates": KINDS} | ({"offset": offset} if offset else {})
            found = await self._ask(http, "getUpdates", asked)
            if not isinstance(found, list):
                return False
            seen: list[Seen] = []
            last = None
            for update in found:
                number = _number(update)
                if number is not None and number >= max(offset, 0 if last is None else last + 1):
                    last = number
                    seen += self.read(update)
            if last is None:  # who answers at once that there is nothing is not asked without a pause
                return not found and machine.monotonic() - asked_at >= NOTHING_S
            await self._intake.take(seen, marks={self._mark: f"{last + 1} {machine.wall_ms()}"})
        except (Problem, DiskFailed) as error:  # Telegram keeps it for a day, and gives it again
            self._say("kept", "what Telegram tells cannot be kept now", why=str(error))
            return False
        self._said.discard("kept")
        return True

    async def _offset(self) -> int:
        number, _, at = (await self._intake.inbox.mark(self._mark) or "0 0").partition(" ")
        return int(number) if machine.wall_ms() - int(at) < FORGOTTEN_MS else 0

    async def _ask(self, http: aiohttp.ClientSession, method: str, body: Json) -> Any:
        """The result of one call; None where there is none, which is said in plain words, once."""
        settings = self._adapter.settings
        url = f"{settings.base}/bot{settings.bot_token.get_secret_value()}/{method}"
        try:
            # Nobody is followed elsewhere: the body can hold the webhook's secret, and updates are Telegram's own.
            async with http.post(url, json=body, allow_redirects=False) as answer:
                data = bytearray()
                async for part in answer.content.iter_chunked(65_536):
                    data += part
                    if len(data) > UPDATES_BYTES:
                        raise ValueError("too long")
                said = json.loads(data.decode("utf-8", "replace"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            self._say("reach", "Telegram cannot be asked", why=type(error).__name__)  # its text can hold the token
            return None
        if isinstance(said, dict) and said.get("ok") is True:
            self._said.difference_update({"reach", "refused"})
            return said.get("result")
        code = said.get("error_code") if isinstance(said, dict) else None
        words = str(said.get("description", "")) if isinstance(said, dict) else ""
        if code == 409 and "webhook" in words:
            why = "a webhook is set for this bot, and Telegram gives each update once: remove it (deleteWebhook), or write `receive: webhook`"
        elif code == 409:
            why = "another program asks with this bot's token: stop it, or give the relay a bot of its own"
        elif code in (401, 404):
            why = "Telegram does not know this bot: its token was revoked or is wrong"
        else:
            why = self._adapter.said(f"{code}:", words)
        self._say("refused", "Telegram tells nothing", why=why)
        return None

    def _say(self, what: str, words: str, **more: str) -> None:
        if what not in self._said:
            self._said.add(what)
            log.error(words, credential=self._adapter.name, **more)

    # -- called by Telegram

    async def _called(self, request: web.Request) -> web.Response:
        secret = self._adapter.settings.webhook_secret
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if secret is None or not hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), secret.get_secret_value().encode()
        ):
            raise Problem(401, "forbidden", "the secret token is not that of `webhook_secret`")
        data = await request.read()
        try:
            update = json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise Problem(422, "invalid", "the body is no JSON") from None
        number = _number(update)
        if number is None:
            raise Problem(422, "invalid", "an update has a number, `update_id`")
        id_ = str(number)
        async with self._intake.one_at_a_time(self._mark, id_):
            if await self._intake.inbox.receipt(self._mark, id_) is None:
                await self._intake.take(self.read(update), receipt=Receipt(self._mark, id_, b"", ""))
        return web.Response()

    # -- reading

    def read(self, update: Any) -> list[Seen]:
        """What an update tells; nothing where it tells nothing of our groups, or cannot be read."""
        found: list[Seen] = []
        try:
            found.extend(Seen.model_validate(fields) for fields in self._things(update))
        except (ValidationError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            log.warning("an update of Telegram cannot be read", credential=self._adapter.name, why=type(error).__name__)
        return found

    def _things(self, update: Json) -> Iterator[Json]:
        if "message" in update:
            message = update["message"]
            self._may_have_moved(message)
            group = self._group(message["chat"])
            if group is not None:
                yield from _said_or_moved(group, message)
        elif "my_chat_member" in update:
            yield from self._in_or_out(update["my_chat_member"])
        elif "message_reaction" in update:
            reaction = update["message_reaction"]
            group = self._group(reaction["chat"])
            if group is not None and len(reaction["new_reaction"]) > len(reaction["old_reaction"]):
                yield {"group": group, "what": "liked", **_who(reaction.get("user"))}

    def _group(self, chat: Json) -> str | None:
        """The group of the sheet that a chat is."""
        name = f"@{chat.get('username')}".lower()
        for group in self._groups:
            where = self._adapter.chat(group)
            if where == chat["id"] or (isinstance(where, str) and where.lower() == name):
                return group.id
        if chat.get("type") in {"group", "supergroup"} and isinstance(chat["id"], int):
            what = f"chat {chat['id']}"
            if len(self._said) < 1000 and what not in self._said:
                self._said.add(what)
                log.info("the bot is in a chat that is no group of the configuration", chat_id=chat["id"])
        return None

    def _may_have_moved(self, message: Json) -> None:
        to, was, chat = message.get("migrate_to_chat_id"), message.get("migrate_from_chat_id"), message["chat"]["id"]
        old, new = (chat, to) if to is not None else (was, chat)
        if type(old) is int and type(new) is int and any(self._adapter.chat(g) == old for g in self._groups):
            self._adapter.moved(old, new)

    def _in_or_out(self, change: Json) -> Iterator[Json]:
        group = self._group(change["chat"])
        if group is None:
            return
        chat, status = change["chat"]["id"], change["new_chat_member"]["status"]
        bot = change["new_chat_member"]
        if status == "restricted" and bot.get("is_member") is False:
            status = "left"
        mute = status == "restricted" and bot.get("can_send_messages") is False
        if status in _OUT or mute:
            how = "may not write there" if mute else _OUT[status]
            self._adapter.gone[chat] = f"the bot {how}: add it to the group again"
            log.error("a group is disabled", group=group, credential=self._adapter.name, why=f"the bot {how}")
            yield {"group": group, "what": "unreachable", "why": self._adapter.gone[chat]}
        elif self._adapter.gone.pop(chat, None) is not None:
            log.info("a group is open again", group=group, credential=self._adapter.name)
            yield {"group": group, "what": "reachable"}


def _said_or_moved(group: str, message: Json) -> Iterator[Json]:
    at = message.get("date")
    base: Json = {"group": group} | ({"at": at * 1000} if type(at) is int else {})
    sender = message.get("from") or {}
    if "new_chat_members" in message:
        for user in message["new_chat_members"]:
            if not user.get("is_bot"):
                yield base | {"what": "joined"} | _who(user)
        return
    if "left_chat_member" in message:
        user = message["left_chat_member"]
        if not user.get("is_bot"):
            what = "left" if sender.get("id") == user.get("id") else "removed"
            yield base | {"what": what} | _who(user)
        return
    text = message.get("text") or message.get("caption")
    if text is None:
        text = next((words for kind, words in _WORDLESS.items() if kind in message), None)
    spoken_as = message.get("sender_chat")
    if text is None or (sender.get("is_bot") and sender.get("id") != _ANONYMOUS and spoken_as is None):
        return
    who = (
        _who(sender)
        if spoken_as is None
        else {"person": f"telegram:{spoken_as['id']}"} | _named(spoken_as.get("title"))
    )
    number = message.get("message_id")
    numbered = {"platform_id": str(number)} if type(number) is int else {}
    yield base | {"what": "message", "text": _clean(text)[:20_000]} | who | numbered


def _who(user: Json | None) -> Json:
    if user is None:
        return {}
    name = " ".join(part for part in (user.get("first_name"), user.get("last_name")) if part)
    account = user.get("username")
    reach = {"contact": f"@{account}"} if isinstance(account, str) and account.isascii() and account else {}
    return {"person": f"telegram:{int(user['id'])}"} | _named(name) | reach


def _named(name: Any) -> Json:
    said = _clean(name)[:200] if isinstance(name, str) else ""
    return {"name": said} if said.strip() else {}


def _clean(text: str) -> str:
    """Without what no text may hold: halves of a character, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _number(update: Any) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if type(number) is int and 0 <= number < 2**53 else None
