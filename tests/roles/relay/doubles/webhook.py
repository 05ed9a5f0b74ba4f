"""A receiver of signed webhooks, as its page asks for one: it checks, counts each id once, and says what became of it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, ClassVar

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong

SECRET = "whsec_" + base64.b64encode(b"planted-planted-planted!").decode()
_LINK = re.compile(r"https?://[^\s\])）】，。<>\u200b]+")


class WebhookDouble(Double):
    platform: ClassVar[str] = "webhook"
    secrets: ClassVar[tuple[str, ...]] = (SECRET, SECRET[6:], "planted-address")
    count: ClassVar[int] = 600

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "url": f"{base}/in/planted-address", "secret": SECRET}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.ids: list[str] = []

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/in/planted-address", self.post)

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        if self.revoked:
            raise Wrong({"why": "unknown"}, 401)
        try:
            Webhook(SECRET).verify(raw, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            raise Wrong({"why": "bad signature"}, 401) from None
        body = json.loads(raw)
        self.ids.append(request.headers["webhook-id"])
        content = body["content"]
        links = _LINK.findall(content["text"])
        links += [content[k] for k in ("link", "coupon", "video") if content.get(k) and content[k] not in links]
        return Seen(content["text"], body["group"], tuple(links), (), len(content.get("images", ()))), body

    def yes(self, taken: Taken) -> object:
        return {"outcome": "sent", "platform_id": f"m{len(self.taken)}"}

    def too_often(self) -> Answer:
        return Answer({"why": "slower"}, 429, {"Retry-After": "2"})
