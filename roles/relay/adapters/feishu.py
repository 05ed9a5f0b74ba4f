"""Feishu / Lark custom bots 飞书 自定义机器人: `POST {base}/open-apis/bot/v2/hook/TOKEN`, signed in the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from html import escape
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import Field, SecretStr, field_validator

from roles.relay import machine
from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HttpAdapter, HttpCredential, Reply, checked_address, clock_words
from roles.relay.adapters.rendering import (
    addresses_of,
    fit,
    in_bytes,
    mentions_of,
    reasons,
    without,
    without_markup,
)
from roles.relay.sending.windows import Limit

BODY_BYTES = 20_000
FRAME_BYTES = 2_000  # what stands around the text, the addresses on buttons apart
PER_MINUTE, PER_SECOND = 100, 5

_SLOWER = frozenset({11232, 99991400})
_TOO_OFTEN = re.compile(
    r"too many requests?|frequency limit|rate limit", re.IGNORECASE
)  # 9499 says it so, beside bad requests
_GONE = {
    19001: "the bot's address is not valid, or the bot was removed from its group: copy `hook` again",
    19022: "this machine's address is not on the bot's list",
}


class FeishuCredential(HttpCredential):
    """`hook` is the token at the end of the bot's address, or the whole address."""

    base: str = "https://open.feishu.cn"
    hook: SecretStr = Field(min_length=1)
    secret: SecretStr | None = None
    per_minute: int | None = Field(default=PER_MINUTE, ge=1)
    per_second: int = Field(default=PER_SECOND, ge=1)

    @field_validator("hook")
    @classmethod
    def _an_address_or_its_end(cls, value: SecretStr) -> SecretStr:
        if "/" in value.get_secret_value():
            checked_address(value.get_secret_value())
        return value

    def limits(self) -> tuple[Limit, ...]:
        return (*super().limits(), Limit(self.per_second, 1.0))


def sign(secret: str, seconds: int) -> str:
    """HMAC-SHA256 of nothing with "SECONDS\\nSECRET" as its key, in base64."""
    return base64.b64encode(hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


class FeishuAdapter(HttpAdapter[FeishuCredential, GroupSettings]):
    platform: ClassVar[str] = "feishu"
    says: ClassVar[str] = "Feishu"
    credential_settings: ClassVar[type[FeishuCredential]] = FeishuCredential

    def home(self) -> str:
        hook = self.settings.hook.get_secret_value()
        return hook if "/" in hook else self.settings.base

    def secrets(self) -> list[str]:
        return [*super().secrets(), self.settings.hook.get_secret_value().rpartition("/")[2]]

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        body, why = _message(content)
        if self.settings.secret is not None:
            now = machine.wall_ms() // 1000
            body = {"timestamp": str(now), "sign": sign(self.settings.secret.get_secret_value(), now)} | body
        hook = self.settings.hook.get_secret_value()
        url = hook if "/" in hook else f"{self.settings.base}/open-apis/bot/v2/hook/{quote(hook, safe='')}"
        return Call.json(url, body, why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        code = (said or {}).get("code")
        if said is None or not isinstance(code, int) or isinstance(code, bool):
            return None
        words = self.said(f"code {code}:", said.get("msg"))
        if code == 0:
            return Outcome.sent() if reply.status == 200 else None
        if code in _SLOWER or _TOO_OFTEN.search(words):
            return Outcome.limited(reply.retry_after_ms(), words)
        if code == 19021:
            return Outcome.disabled(f"the signature is refused: check `secret` (code 19021){clock_words(reply)}")
        if code == 19024:
            return Outcome.rejected("the text lacks the keyword that the bot asks for (code 19024)")
        if code in _GONE:
            return Outcome.disabled(f"{_GONE[code]} (code {code})")
        return Outcome.rejected(words)


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    mentions = mentions_of(content)
    called = '<at user_id="all">所有人</at> ' if mentions.everybody else ""
    called += "".join(f'<at user_id="{escape(name)}">{escape(name)}</at> ' for name in mentions.people)
    why = "pictures went as addresses: a custom bot cannot upload them" if content.images or content.video else None
    # What is plain text on a card is not made a link: each address has its button.
    buttons = [("领券", content.coupon), ("打开链接", content.link), ("看视频", content.video)]
    buttons += [(f"看图 {n}", address) for n, address in enumerate(content.images, 1)]
    there = [(words, address) for words, address in buttons if address]
    text = content.text
    for _, address in there:
        text = without(text, address)
    if called or "://" in text or not (content.coupon or content.as_ == "announcement"):
        addresses = addresses_of(content)
        mark = "📢 公告\n" if content.as_ == "announcement" else ""
        room = BODY_BYTES - FRAME_BYTES - in_bytes(called)
        fitted = fit(mark + content.text, addresses, room, lambda part: _size(without_markup(part, addresses)))
        text = called + without_markup(fitted.text, addresses)
        return {"msg_type": "text", "content": {"text": text}}, reasons(why, fitted.why)
    needed = sum(_size(address) + 120 for _, address in there)
    fitted = fit(text, (), BODY_BYTES - FRAME_BYTES - needed, _size)
    elements: list[dict[str, Any]] = [{"tag": "div", "text": {"tag": "plain_text", "content": fitted.text}}]
    if there:
        actions = [
            {"tag": "button", "text": {"tag": "plain_text", "content": words}, "type": "primary", "url": address}
            for words, address in there
        ]
        elements.append({"tag": "action", "actions": actions})
    card: dict[str, Any] = {"config": {"wide_screen_mode": True}, "elements": elements}
    if content.as_ == "announcement":
        card["header"] = {"title": {"tag": "plain_text", "content": "📢 公告"}, "template": "orange"}
    return {"msg_type": "interactive", "card": card}, reasons(why, fitted.why)


def _size(text: str) -> int:
    return len(msgspec.json.encode(text))
