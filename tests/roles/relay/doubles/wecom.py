"""WeCom's group robots, as they behave."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong, links_in, markdown_shown

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


class WecomDouble(Double):
    platform: ClassVar[str] = "wecom"
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    count: ClassVar[int] = 20

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "base": base, "key": KEY}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.keys: set[str] = {KEY}
        self._key = ""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/cgi-bin/webhook/send", self.post)

    def add_key(self, key: str) -> None:
        self.keys.add(key)

    def credential(self) -> str:
        return self._key

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        self._key = request.query.get("key", "")
        if self.revoked or self._key not in self.keys:
            raise Wrong(
                {"errcode": 93000, "errmsg": f"invalid webhook url, hint: [1700000000_1_x], from ip: 1.2.3.4, key {self._key}, "
                 "more info at https://open.work.weixin.qq.com/devtool/query?e=93000"}
            )  # fmt: skip
        try:
            body = json.loads(raw)
            return self.seen(body), body
        except (ValueError, KeyError, TypeError):
            raise Wrong({"errcode": 40008, "errmsg": "invalid message type"}) from None

    def seen(self, body: dict[str, Any]) -> Seen:
        key = self._key
        match body["msgtype"]:
            case "text":
                text = body["text"]["content"]
                _at_most(text, 2048)
                called = (*body["text"].get("mentioned_list", ()), *body["text"].get("mentioned_mobile_list", ()))
                return Seen(text, key, links_in(text), tuple("all" if c == "@all" else c for c in called))
            case "markdown":
                text = body["markdown"]["content"]
                _at_most(text, 4096)
                called = tuple("all" if c in ("all", "@all") else c for c in re.findall(r"<@([^>]+)>", text))
                shown, links = markdown_shown(text)
                return Seen(shown, key, links, called)
            case "image":
                picture = base64.b64decode(body["image"]["base64"], validate=True)
                if len(picture) > 2 * 1024 * 1024 or not picture.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                    raise Wrong({"errcode": 40009, "errmsg": "invalid image size"})
                if hashlib.md5(picture).hexdigest() != body["image"]["md5"]:  # noqa: S324 - the platform's choice
                    raise Wrong({"errcode": 301019, "errmsg": "media md5 not match"})
                return Seen("", key, pictures=1)
            case "news":
                articles = body["news"]["articles"]
                if not 1 <= len(articles) <= 8:
                    raise Wrong({"errcode": 40008, "errmsg": "invalid articles"})
                for article in articles:
                    _at_most(article["title"], 128)
                    _at_most(article.get("description", ""), 512)
                text = "\n".join(a["title"] + "\n" + a.get("description", "") for a in articles)
                pictures = sum(1 for a in articles if a.get("picurl"))
                return Seen(text, key, tuple(a["url"] for a in articles), pictures=pictures)
            case "template_card":
                card = body["template_card"]
                if card["card_type"] not in ("text_notice", "news_notice") or card["card_action"]["type"] != 1:
                    raise Wrong({"errcode": 42045, "errmsg": "Template_Card.CardAction invalid"})
                title = card["main_title"]
                text = "\n".join(filter(None, (title["title"], title.get("desc"), card.get("sub_title_text"))))
                pictures = 1 if card["card_type"] == "news_notice" and card["card_image"]["url"] else 0
                return Seen(text, key, (card["card_action"]["url"],), pictures=pictures)
        raise Wrong({"errcode": 40008, "errmsg": "invalid message type"})

    def yes(self, taken: Taken) -> object:
        return {"errcode": 0, "errmsg": "ok"}

    def too_often(self) -> Answer:
        return Answer(
            {
                "errcode": 45009,
                "errmsg": "api freq out of limit, hint: [x], more info at https://open.work.weixin.qq.com",
            }
        )


def _at_most(text: str, most: int) -> None:
    if len(text.encode()) > most:
        raise Wrong({"errcode": 40058, "errmsg": f"content exceed max length {most}. invalid Request Parameter"})
