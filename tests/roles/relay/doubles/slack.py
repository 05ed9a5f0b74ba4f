"""Slack's incoming webhooks, as they behave."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, HookDouble, Seen, Taken, Wrong, links_in

HOOK = "T00000000/B00000000/plantedXXXXplantedXXXX"


class SlackDouble(HookDouble):
    platform: ClassVar[str] = "slack"
    secrets: ClassVar[tuple[str, ...]] = (HOOK, HOOK.rpartition("/")[2])
    count: ClassVar[int] = 1
    per_s: ClassVar[float] = 1.0
    hook: ClassVar[str] = HOOK
    path: ClassVar[str] = "/services/"

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        if not self.known(request):
            raise Wrong("no_service", 404)
        try:
            body = json.loads(raw)
            return self.seen(body), body
        except (ValueError, KeyError, TypeError):
            raise Wrong("invalid_payload", 400) from None

    def seen(self, body: dict[str, Any]) -> Seen:
        text = body["text"]
        pictures = 0
        for block in body.get("blocks", ()):
            if block["type"] == "section":
                if not 0 < len(block["text"]["text"]) <= 3000:
                    raise Wrong("invalid_blocks", 400)
                text = block["text"]["text"]
            elif block["type"] == "image":
                pictures += 1
                assert block["alt_text"]
        if not text:
            raise Wrong("no_text", 400)
        if len(text) > 4000:
            text = text[:3900]  # it cuts where it likes, and says yes
        links, pings = [], []
        for mark in re.findall(r"<([^>]*)>", text):
            if mark.startswith("!"):
                pings.append("all")
            elif mark.startswith("@"):
                pings.append(mark[1:])
            else:
                links.append(_plain(mark.partition("|")[0]))
        links += links_in(_plain(re.sub(r"<[^>]*>", " ", text)))  # what just stands there is made one
        shown = re.sub(r"<([^>|]*)(?:\|([^>]*))?>", lambda m: m[2] or m[1], text)
        return Seen(_plain(shown), self._hook, tuple(links), tuple(pings), pictures)

    def yes(self, taken: Taken) -> object:
        return "ok"

    def too_often(self) -> Answer:
        return Answer("rate_limited", 429, {"Retry-After": "1"})


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
