"""WeCom group robots 企业微信 群机器人: `POST {base}/cgi-bin/webhook/send?key=KEY`."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import Field, SecretStr

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HttpAdapter, HttpCredential, Reply
from roles.relay.adapters.pictures import Picture, Pictures
from roles.relay.adapters.rendering import (
    addresses_of,
    fit,
    in_bytes,
    in_signs,
    is_marked,
    markdown,
    mentions_of,
    reasons,
    without,
    without_markup,
)

TEXT_BYTES = 2048
MARKDOWN_BYTES = 4096
PLAIN_BYTES = 2000  # an announcement of so many goes as text where markdown would read signs of its own in it
PICTURE_BYTES = 2 * 1024 * 1024
NEWS_TITLE_BYTES, NEWS_TEXT_BYTES = 128, 512  # WeCom cuts what is longer
CARD_TITLE_SIGNS, CARD_TEXT_SIGNS = 26, 112  # WeCom shows no more
CARD_ADDRESS_BYTES = 1024
PER_MINUTE = 20
WINDOW_MS = 60_000  # what is said to be too often is let through again when a whole window is over

_SLOWER, _BUSY = frozenset({45009, 45033}), frozenset({-1})
_GONE = {
    93000: "the robot's key is not valid, or the robot was removed from its group: add it again and mend `key`",
    93004: "the robot was taken out of use in WeCom",
    93008: "the robot is not in its group any more",
}


class WecomCredential(HttpCredential):
    """`private_pictures`: pictures may lie on this machine or in its own network."""

    base: str = "https://qyapi.weixin.qq.com"
    key: SecretStr = Field(min_length=1)
    per_minute: int | None = Field(default=PER_MINUTE, ge=1)
    private_pictures: bool = False


class WecomAdapter(HttpAdapter[WecomCredential, GroupSettings]):
    platform: ClassVar[str] = "wecom"
    says: ClassVar[str] = "WeCom"
    credential_settings: ClassVar[type[WecomCredential]] = WecomCredential

    def __init__(self, name: str, settings: WecomCredential, data: Path | None) -> None:
        super().__init__(name, settings, data)
        self._pictures = Pictures(PICTURE_BYTES, private=settings.private_pictures)

    async def close(self) -> None:
        await self._pictures.close()
        await super().close()

    async def prepare(self, group: GroupSettings, content: Content) -> list[Picture | None]:
        """The pictures that follow the text, in the order of their addresses."""
        await super().prepare(group, content)
        if self._session is None or _card(content) is not None:
            return []
        return await self._pictures.fetch(content.images[: self._room()])

    def places(self, group: GroupSettings, content: Content) -> int:
        return 1 if _card(content) is not None else 1 + min(len(content.images), self._room())

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        card = _card(content)
        if card is not None:
            return self._call(card)
        here = [a for a, picture in zip(content.images, prepared or (), strict=False) if picture is not None]
        rest = tuple(address for address in content.images if address not in here)
        body, why = _text(msgspec.structs.replace(content, images=rest))
        return self._call(body, why)

    def following(self, group: GroupSettings, content: Content, prepared: Prepared) -> list[Call]:
        return [
            self._call(
                {"msgtype": "image", "image": {"base64": base64.b64encode(p.data).decode(), "md5": _md5(p.data)}}
            )
            for p in prepared or ()
            if p is not None
        ]

    def _call(self, body: dict[str, Any], why: str | None = None) -> Call:
        key = quote(self.settings.key.get_secret_value(), safe="")
        return Call.json(f"{self.settings.base}/cgi-bin/webhook/send?key={key}", body, why)

    def _room(self) -> int:
        """How many pictures may follow a text within one window."""
        return 3 if self.settings.per_minute is None else min(3, self.settings.per_minute - 1)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        code = (said or {}).get("errcode")
        if said is None or not isinstance(code, int) or isinstance(code, bool):
            return None
        words = self.said(f"errcode {code}:", said.get("errmsg"))
        if code == 0:
            return Outcome.sent() if reply.status == 200 else None
        if code in _SLOWER:
            return Outcome.limited(WINDOW_MS, words)
        if code in _BUSY:
            return Outcome.retry(None, words)
        if code in _GONE:
            return Outcome.disabled(f"{_GONE[code]} (errcode {code})")
        return Outcome.rejected(words)


def _card(content: Content) -> dict[str, Any] | None:
    """A coupon's card, or a link's card with its picture, where everything that was written fits on it."""
    address = content.coupon or content.link
    if address is None or content.mention or content.video or content.as_ == "announcement":
        return None
    text = without(content.text, address)
    if "://" in text:
        return None  # the whole card is one press: another address could not be reached
    first, _, rest = text.partition("\n")
    first, rest = first.strip(), rest.strip()
    if content.coupon and not content.link and not content.images:
        if in_signs(first) > CARD_TITLE_SIGNS:
            first, rest = "优惠券", f"{first}\n{rest}".strip()
        first = first or "优惠券"
        if in_signs(rest) <= CARD_TEXT_SIGNS and len(address) <= CARD_ADDRESS_BYTES:
            card: dict[str, Any] = {"card_type": "text_notice", "main_title": {"title": first}}
            card |= {"sub_title_text": rest} if rest else {}
            card |= {"card_action": {"type": 1, "url": address}}
            return {"msgtype": "template_card", "template_card": card}
    elif (
        len(content.images) == 1
        and not (content.coupon and content.link)
        and first
        and in_bytes(first) <= NEWS_TITLE_BYTES
        and in_bytes(rest) <= NEWS_TEXT_BYTES
    ):
        article = {"title": first, "description": rest, "url": address, "picurl": content.images[0]}
        return {"msgtype": "news", "news": {"articles": [article]}}
    return None


def _text(content: Content) -> tuple[dict[str, Any], str | None]:
    addresses, mentions = addresses_of(content), mentions_of(content)
    why = "pictures went as addresses" if content.images else "the video went as an address" if content.video else None
    announced = "📢 " + content.text
    plain = is_marked(content.text, addresses) and in_bytes(announced) + sum(map(in_bytes, addresses)) < PLAIN_BYTES
    if content.as_ == "announcement" and not (mentions.everybody or mentions.people or plain):
        fitted = fit(announced, addresses, MARKDOWN_BYTES, lambda text: in_bytes(markdown(text, addresses)))
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": {"content": markdown(fitted.text, addresses)}}
        return body, reasons(why, fitted.why)
    written = announced if content.as_ == "announcement" else content.text
    fitted = fit(written, addresses, TEXT_BYTES, lambda text: in_bytes(without_markup(text, addresses)))
    text: dict[str, Any] = {"content": without_markup(fitted.text, addresses)}
    people = [*(["@all"] if mentions.everybody else []), *mentions.people]
    phones = [name for name in people if name.isascii() and name.isdigit() and len(name) == 11]
    if names := [name for name in people if name not in phones]:
        text["mentioned_list"] = names
    if phones:
        text["mentioned_mobile_list"] = phones
    return {"msgtype": "text", "text": text}, reasons(why, fitted.why)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()  # the platform's choice
