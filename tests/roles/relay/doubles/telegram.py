"""Telegram's bot interface, as it behaves: it takes messages, gives updates by long poll, and calls webhooks."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from typing import Any, ClassVar

import aiohttp
from aiohttp import web

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CHAT = -1001
BOT = 110201543
_LINK = re.compile(r"https?://[^\s\]）)】，。<>\u200b]+")


class TelegramDouble(Double):
    """The window that is counted is a group's: 20 a minute."""

    platform: ClassVar[str] = "telegram"
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, TOKEN.partition(":")[2])
    group: ClassVar[dict[str, Any]] = {"chat_id": CHAT}
    count: ClassVar[int] = 20

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "base": base, "bot_token": TOKEN}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.tokens: set[str] = {TOKEN}
        self.moved: dict[int, int] = {}
        self.kicked: set[int] = set()
        self.no_pictures = ""  # why it takes none
        self.types: dict[int, str] = {}  # of a chat that is no supergroup
        self.rights: dict[int, dict[str, Any]] = {}  # what everybody may do in a chat
        self.members: dict[int, dict[str, Any]] = {}  # what the bot is in a chat, where it is not just a member
        self.webhook = ""
        self.secret = ""
        self.updates: list[dict[str, Any]] = []
        self.polls: list[dict[str, Any]] = []
        self.poll_answers: deque[Answer] = deque()
        self._fresh = asyncio.Event()
        self._chat = 0

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/bot{token}/getUpdates", self._get_updates)
        app.router.add_post("/bot{token}/setWebhook", self._set_webhook)
        app.router.add_post("/bot{token}/{method}", self.post)

    def add_key(self, key: str) -> None:
        self.tokens.add(key)

    def credential(self) -> str:
        return str(self._chat)

    def counts(self, seen: Seen) -> int:
        return seen.pictures or 1  # an album is as many messages as it has pictures

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        if self.revoked or request.match_info["token"] not in self.tokens:
            raise _no(401, "Unauthorized")
        method = request.match_info["method"]
        if method == "getMe":
            raise Wrong({"ok": True, "result": {"id": BOT, "is_bot": True, "username": "dropcue_bot"}})
        try:
            body = json.loads(raw)
            self._chat = int(body["chat_id"])
        except (ValueError, KeyError, TypeError):
            raise _no(400, "Bad Request: chat not found") from None
        if self._chat in self.moved:
            more = {"migrate_to_chat_id": self.moved[self._chat]}
            raise _no(400, "Bad Request: group chat was upgraded to a supergroup chat", more)
        if self._chat in self.kicked:
            raise _no(403, "Forbidden: bot was kicked from the supergroup chat")
        match method:
            case "getChat":
                about = {"type": self.types.get(self._chat, "supergroup"), "title": "VIP 1"}
                if self._chat in self.rights:
                    about["permissions"] = self.rights[self._chat]
                raise Wrong({"ok": True, "result": {"id": self._chat, **about}})
            case "getChatMember":
                assert body["user_id"] == BOT, "it asks about itself"
                raise Wrong({"ok": True, "result": self.members.get(self._chat, {"status": "member"})})
            case "sendMessage":
                text, most, pictures = body["text"], 4096, 0
            case "sendPhoto":
                text, most, pictures = body.get("caption", ""), 1024, 1
            case "sendMediaGroup":
                text, most, pictures = body["media"][0].get("caption", ""), 1024, len(body["media"])
            case _:
                raise _no(404, "Not Found")
        if pictures and self.no_pictures:
            raise _no(400, f"Bad Request: {self.no_pictures}")
        if not text and not pictures:
            raise _no(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > most:
            raise _no(400, "Bad Request: message is too long")
        pings = re.findall(r"@([A-Za-z]\w{2,31})", _LINK.sub("", text), re.ASCII)
        return Seen(text, str(self._chat), tuple(_LINK.findall(text)), tuple(pings), pictures), body

    def yes(self, taken: Taken) -> object:
        return {"ok": True, "result": {"message_id": len(self.taken), "chat": {"id": self._chat}}}

    def too_often(self) -> Answer:
        body = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 34"}
        return Answer(body | {"parameters": {"retry_after": 34}}, 429)

    # -- what happens in its groups

    def happens(self, **update: Any) -> dict[str, Any]:
        """Something that the bot is told of."""
        made = {"update_id": 1000 + len(self.updates), **update}
        self.updates.append(made)
        self._fresh.set()
        return made

    def says(self, text: str, person: int = 12345, name: str = "Xiao Wang", chat: int = CHAT) -> dict[str, Any]:
        return self.happens(message=message(person, name, chat) | {"text": text})

    async def call(self, update: Any, secret: str | None = None) -> int:
        """Calls the webhook with an update; its answer."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.secret if secret is None else secret}
        data = update if isinstance(update, bytes) else json.dumps(update).encode()
        async with aiohttp.ClientSession() as http, http.post(self.webhook, data=data, headers=headers) as answer:
            return answer.status

    async def _get_updates(self, request: web.Request) -> web.StreamResponse:
        if self.revoked or request.match_info["token"] not in self.tokens:
            return self._response(_no(401, "Unauthorized").answer)
        asked = await request.json()
        self.polls.append(asked)
        async with self._changed:
            self._changed.notify_all()
        if self.poll_answers:
            return self._response(self.poll_answers.popleft())
        if self.webhook:
            words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            return self._response(_no(409, words).answer)
        # What lies before the offset is confirmed, and never given again.
        offset = asked.get("offset", 0)
        self.updates_from = max(getattr(self, "updates_from", 0), offset)
        self._fresh.clear()
        found = self._unconfirmed()
        if not found:
            try:
                async with asyncio.timeout(min(asked.get("timeout", 0), 5)):
                    await self._fresh.wait()
            except TimeoutError:
                pass
            found = self._unconfirmed()
        return self._response(Answer({"ok": True, "result": found[: asked.get("limit", 100)]}))

    def _unconfirmed(self) -> list[dict[str, Any]]:
        return [
            u for u in self.updates if not isinstance(u.get("update_id"), int) or u["update_id"] >= self.updates_from
        ]

    async def _set_webhook(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.webhook, self.secret = asked["url"], asked.get("secret_token", "")
        async with self._changed:
            self._changed.notify_all()
        return self._response(Answer({"ok": True, "result": True}))


def message(person: int = 12345, name: str = "Xiao Wang", chat: int = CHAT) -> dict[str, Any]:
    return {
        "message_id": 7, "date": 1_700_000_000, "chat": {"id": chat, "type": "supergroup", "title": "VIP 1"},
        "from": {"id": person, "is_bot": False, "first_name": name},
    }  # fmt: skip


def _no(code: int, words: str, more: dict[str, Any] | None = None) -> Wrong:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
    return Wrong(body | ({"parameters": more} if more else {}), code)
