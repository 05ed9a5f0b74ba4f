"""DingTalk's custom robots, as they behave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong, links_in, markdown_shown

TOKEN = "d1f2e3a4b5c6d7e8f9planted"
SECRET = "SECplanted0123456789"
HOUR_MS = 3_600_000
THROTTLED_S = 600.0


class DingtalkDouble(Double):
    platform: ClassVar[str] = "dingtalk"
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, SECRET)
    count: ClassVar[int] = 20

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "base": base, "access_token": TOKEN, "secret": SECRET}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.tokens: dict[str, str | None] = {TOKEN: SECRET}
        self.keyword = ""
        self.addresses: set[str] | None = None  # None: from anywhere
        self._throttled: dict[str, float] = {}
        self._token = ""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/robot/send", self.post)

    def add_key(self, key: str) -> None:
        self.tokens[key] = None

    def credential(self) -> str:
        return self._token

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        self._token = request.query.get("access_token", "")
        if time.monotonic() < self._throttled.get(self._token, 0.0):
            raise Wrong({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "6f2b"})
        if self.revoked or self._token not in self.tokens:
            raise Wrong({"errcode": 300005, "errmsg": f"token is not exist: {self._token}"})
        secret = self.tokens[self._token]
        if secret is not None:
            ms = request.query.get("timestamp", "")
            if not ms.isdigit() or abs(int(ms) - self.now_ms()) > HOUR_MS:
                raise Wrong({"errcode": 310000, "errmsg": "invalid timestamp, more: [https://ding-doc.dingtalk.com]"})
            digest = hmac.new(secret.encode(), f"{ms}\n{secret}".encode(), hashlib.sha256).digest()
            if request.query.get("sign") != base64.b64encode(digest).decode():
                raise Wrong({"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com]"})
        if self.addresses is not None and request.remote not in self.addresses:
            raise Wrong({"errcode": 310000, "errmsg": f"ip {request.remote} not in whitelist"})
        if len(raw) > 20_000:
            raise Wrong({"errcode": 460101, "errmsg": "message is too long"})
        try:
            body = json.loads(raw)
            seen = self.seen(body)
        except (ValueError, KeyError, TypeError):
            raise Wrong({"errcode": 400105, "errmsg": "unsupported msgtype"}) from None
        if self.keyword not in seen.text:
            raise Wrong({"errcode": 310000, "errmsg": "keywords not in content, more: [https://ding-doc.dingtalk.com]"})
        return seen, body

    def seen(self, body: dict[str, Any]) -> Seen:
        at = body.get("at") or {}
        pings = ["all"] if at.get("isAtAll") else []
        token = self._token
        match body["msgtype"]:
            case "text":
                text = body["text"]["content"]
                named = [*at.get("atMobiles", ()), *at.get("atUserIds", ())]
                return Seen(text, token, links_in(text), (*pings, *(n for n in named if f"@{n}" in text)))
            case "markdown":
                text = body["markdown"]["text"]
                assert body["markdown"]["title"]
                named = [*at.get("atMobiles", ()), *at.get("atUserIds", ())]
                pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
                shown, links = markdown_shown(re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text))
                called = (*pings, *(n for n in named if f"@{n}" in text))
                return Seen(shown, token, links, called, len(pictures))
            case "actionCard":
                card = body["actionCard"]
                assert card["title"]  # what a notice is headed with; it is not on the card
                shown, links = markdown_shown(card["text"])
                return Seen(shown, token, (card["singleURL"], *links))
        raise KeyError(body["msgtype"])

    def yes(self, taken: Taken) -> object:
        return {"errcode": 0, "errmsg": "ok"}

    def too_often(self) -> Answer:
        self._throttled[self._token] = time.monotonic() + THROTTLED_S
        return Answer({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
