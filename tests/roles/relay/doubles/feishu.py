"""Feishu's custom bots, as they behave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections import deque
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong, links_in

HOOK = "0f3c7a1e-planted-4c1b-9d11-aa00bb11cc22"
SECRET = "larkSECRETplanted"
HOUR_S = 3600


class FeishuDouble(Double):
    platform: ClassVar[str] = "feishu"
    secrets: ClassVar[tuple[str, ...]] = (HOOK, SECRET)
    count: ClassVar[int] = 100
    per_second: ClassVar[int] = 5

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "base": base, "hook": HOOK, "secret": SECRET}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.hooks: dict[str, str | None] = {HOOK: SECRET}
        self.keyword = ""
        self._hook = ""
        self._second: dict[str, deque[float]] = {}

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/open-apis/bot/v2/hook/{hook}", self.post)

    def add_key(self, key: str) -> None:
        self.hooks[key] = None

    def credential(self) -> str:
        return self._hook

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        self._hook = request.match_info["hook"]
        if self.revoked or self._hook not in self.hooks:
            raise Wrong(
                {"code": 19001, "msg": f"param invalid: incoming webhook access token invalid {self._hook}", "data": {}}
            )
        if len(raw) > 20 * 1024:
            raise Wrong({"code": 9499, "msg": "too large: the body is over 20 KB", "data": {}}, 400)
        try:
            body = json.loads(raw)
            secret = self.hooks[self._hook]
            if secret is not None:
                seconds = str(body.get("timestamp", ""))
                digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
                late = not seconds.isdigit() or abs(int(seconds) - self.now_ms() / 1000) > HOUR_S
                if late or body.get("sign") != base64.b64encode(digest).decode():
                    raise Wrong(
                        {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
                    )
            seen = self.seen(body)
        except (ValueError, KeyError, TypeError):
            raise Wrong({"code": 9499, "msg": "Bad Request", "data": {}}, 400) from None
        if self.keyword not in seen.text:
            raise Wrong({"code": 19024, "msg": "Key Words Not Found", "data": {}})
        now = time.monotonic()
        second = self._second.setdefault(self._hook, deque())
        while second and second[0] < now - 1:
            second.popleft()
        if len(second) >= self.per_second:
            self.over += 1
            raise Wrong(self.too_often().body)
        second.append(now)
        return seen, body

    def seen(self, body: dict[str, Any]) -> Seen:
        hook = self._hook
        if body["msg_type"] == "text":
            text = body["content"]["text"]
            called = re.findall(r"""<at\s+user_id=["']?([^"'>]+)""", text, re.IGNORECASE)
            return Seen(re.sub(r"</?at\b[^>]*>", "", text), hook, links_in(text), tuple(called))
        if body["msg_type"] != "interactive":
            raise KeyError(body["msg_type"])
        texts, links, pings = [], [], []
        for element in body["card"]["elements"]:
            if element["tag"] == "div":
                texts.append(element["text"]["content"])
                if element["text"]["tag"] == "lark_md":
                    pings += re.findall(r"<at\s+id=([^>]+)>", element["text"]["content"])
                    links += links_in(element["text"]["content"])
            else:
                assert element["tag"] == "action"
                links += [button["url"] for button in element["actions"]]
        return Seen("\n".join(texts), hook, tuple(links), tuple(pings))

    def yes(self, taken: Taken) -> object:
        return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}

    def too_often(self) -> Answer:
        return Answer({"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"})
