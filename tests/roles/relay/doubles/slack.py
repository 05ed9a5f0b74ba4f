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
        shown = _read(body["text"])
        pictures = 0
        for block in body.get("blocks", ()):
            if block["type"] == "rich_text":
                shown = _rich(block)
            elif block["type"] == "image":
                pictures += 1
                assert block["alt_text"]
            else:
                raise Wrong("invalid_blocks", 400)
        if not body["text"]:
            raise Wrong("no_text", 400)
        text, links, pings = shown
        return Seen(text, self._hook, links, pings, pictures)

    def yes(self, taken: Taken) -> object:
        return "ok"

    def too_often(self) -> Answer:
        return Answer("rate_limited", 429, {"Retry-After": "1"})


Shown = tuple[str, tuple[str, ...], tuple[str, ...]]
"""What is read, where it leads, and who is called."""


def _read(text: str) -> Shown:
    """Slack's own markup: links and calls in brackets, and what it formats."""
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
    parts = re.split(r"<([^>|]*)(?:\|([^>]*))?>", text)
    shown = "".join(
        _formed(parts[n]) + (parts[n + 2] or parts[n + 1] if n + 2 < len(parts) else "")
        for n in range(0, len(parts), 3)
    )
    return _plain(shown), tuple(links), tuple(pings)


def _formed(text: str) -> str:
    shown = re.sub(r"([*_~`])(?=\S)([^\n]*?\S)\1", r"\2", re.sub(r"^[ \t]*&gt; ?", "", text, flags=re.MULTILINE))
    return re.sub(r":(?:fire|smile|\+1):", "😄", shown)


def _rich(block: dict[str, Any]) -> Shown:
    """A block of rich text: each element stands for itself."""
    text, links, pings = "", [], []
    for section in block["elements"]:
        assert section["type"] == "rich_text_section"
        for each in section["elements"]:
            match each["type"]:
                case "text":
                    assert each["text"], "an empty one is refused"
                    text += each["text"]
                case "link":
                    links.append(each["url"])
                    text += each["url"]
                case "user":
                    pings.append(each["user_id"])
                case "broadcast":
                    assert each["range"] in ("channel", "here", "everyone")
                    pings.append("all")
                case other:
                    raise Wrong(f"invalid_blocks: {other}", 400)
    return text, tuple(links), tuple(pings)


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
