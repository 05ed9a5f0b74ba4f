"""DingTalk custom robots 钉钉 自定义机器人: `POST {base}/robot/send?access_token=T&timestamp=MS&sign=S`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import Field, SecretStr

from roles.relay import machine
from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HttpAdapter, HttpCredential, Reply, clock_words, milliseconds
from roles.relay.adapters.rendering import (
    Fitted,
    addresses_of,
    fit,
    in_brackets,
    in_bytes,
    is_marked,
    markdown,
    mentions_of,
    reasons,
    title_of,
    without,
)

BODY_BYTES = 20_000
FRAME_BYTES = 1_500  # what stands around the text: titles, names, addresses of buttons and pictures are counted apart
TITLE_BYTES = 120
NO_TITLE = "消息"  # DingTalk refuses an empty one
PER_MINUTE = 20
THROTTLED_MS = 600_000  # who is too fast is not heard for ten minutes

_GONE = {
    300001: "the access token is not valid: copy it again from the robot's page",
    300005: "the access token is not valid: copy it again from the robot's page",
    400013: "the group was dissolved",
    400101: "the access token is not known: copy it again from the robot's page",
    400102: "the robot was stopped in DingTalk",
    400106: "the robot is not there any more",
}
_SLOWER = frozenset({130101, 410100})
_SIGN, _KEYWORD, _ADDRESS = (
    re.compile(words, re.IGNORECASE) for words in (r"sign|timestamp|签名|时间戳", r"keyword|关键词", r"\bip\b|白名单")
)


class DingtalkCredential(HttpCredential):
    base: str = "https://oapi.dingtalk.com"
    access_token: SecretStr = Field(min_length=1)
    secret: SecretStr | None = None  # None: the robot is made safe by a keyword or by addresses instead
    per_minute: int | None = Field(default=PER_MINUTE, ge=1)


def sign(secret: str, ms: int) -> str:
    """HMAC-SHA256 of "MS\\nSECRET" with the secret as its key, in base64, fit for an address."""
    digest = hmac.new(secret.encode(), f"{ms}\n{secret}".encode(), hashlib.sha256).digest()
    return quote(base64.b64encode(digest), safe="")


class DingtalkAdapter(HttpAdapter[DingtalkCredential, GroupSettings]):
    platform: ClassVar[str] = "dingtalk"
    says: ClassVar[str] = "DingTalk"
    credential_settings: ClassVar[type[DingtalkCredential]] = DingtalkCredential

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        body, why = _message(content)
        url = f"{self.settings.base}/robot/send?access_token={quote(self.settings.access_token.get_secret_value(), safe='')}"
        if self.settings.secret is not None:
            ms = machine.wall_ms()
            url += f"&timestamp={ms}&sign={sign(self.settings.secret.get_secret_value(), ms)}"
        return Call.json(url, body, why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        if said is None:
            return None
        code = said.get("errcode")
        if code is None and "wait" in said:
            # The guard before the robots speaks another language: {"status":1111,"wait":5,"punish":"deny"}.
            return Outcome.limited(
                milliseconds(said["wait"]) or 1000, "DingTalk holds this robot back: it was too fast"
            )
        if not isinstance(code, int) or isinstance(code, bool):
            return None
        words = self.said(f"errcode {code}:", said.get("errmsg"))
        if code == 0:
            return Outcome.sent() if reply.status == 200 else None
        if code == -1:
            return Outcome.retry(None, words)
        if code in _SLOWER:
            return Outcome.limited(THROTTLED_MS, words)
        if code in _GONE:
            return Outcome.disabled(f"{_GONE[code]} (errcode {code})")
        if code == 310000:
            return self._refused(str(said.get("errmsg")), reply)
        return Outcome.rejected(words)

    def _refused(self, why: str, reply: Reply) -> Outcome:
        """The robot's own rules; only the words tell which."""
        if _KEYWORD.search(why):
            return Outcome.rejected("the text lacks the keyword that the robot asks for (errcode 310000)")
        if _SIGN.search(why):
            return Outcome.disabled(f"the signature is refused: check `secret` (errcode 310000){clock_words(reply)}")
        if _ADDRESS.search(why):
            return Outcome.disabled("this machine's address is not on the robot's list (errcode 310000)")
        return Outcome.disabled(self.said("the robot's security settings refuse it (errcode 310000):", why))


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    mentions = mentions_of(content)
    phones = [name for name in mentions.people if name.isascii() and name.isdigit() and len(name) == 11]
    people = [name for name in mentions.people if name not in phones]
    at = {"atMobiles": phones, "atUserIds": people, "isAtAll": mentions.everybody}
    called = mentions.everybody or bool(mentions.people)
    why = "the video went as an address" if content.video else None
    if content.coupon and not called and not content.images:
        addresses = addresses_of(msgspec.structs.replace(content, coupon=None))
        fitted = _fitted(without(content.text, content.coupon), addresses, in_bytes(content.coupon))
        card = {
            "title": title_of(content.text, TITLE_BYTES) or NO_TITLE,
            "text": _shown(fitted.text, addresses),
        }
        card |= {"singleTitle": "领券", "singleURL": content.coupon}
        return {"msgtype": "actionCard", "actionCard": card}, reasons(why, fitted.why)
    text = content.text + "".join(f" @{name}" for name in mentions.people)
    plain = is_marked(text, addresses_of(content))  # what markdown would read signs of its own in goes as text
    if content.images or (content.as_ == "announcement" and not plain):
        addresses = addresses_of(msgspec.structs.replace(content, images=()))
        pictures = "".join(f"\n\n![]({in_brackets(address)})" for address in content.images)
        fitted = _fitted(text, addresses, in_bytes(pictures))
        head = "### 📢 公告\n\n" if content.as_ == "announcement" else ""
        shown = head + _shown(fitted.text, addresses) + pictures
        message = {"title": title_of(content.text, TITLE_BYTES) or NO_TITLE, "text": shown}
        return {"msgtype": "markdown", "markdown": message, "at": at}, reasons(why, fitted.why)
    addresses = addresses_of(content)
    text = f"📢 公告\n{text}" if content.as_ == "announcement" else text
    fitted = fit(text, addresses, BODY_BYTES - FRAME_BYTES, lambda part: len(msgspec.json.encode(part)))
    return {"msgtype": "text", "text": {"content": fitted.text}, "at": at}, reasons(why, fitted.why)


def _shown(text: str, addresses: tuple[str, ...]) -> str:
    return markdown(text, addresses).replace("\n", "\n\n")  # a single one is no new line in markdown


def _fitted(text: str, addresses: tuple[str, ...], beside: int) -> Fitted:
    def size(part: str) -> int:
        return len(msgspec.json.encode(_shown(part, addresses)))  # over the wire a new line and a quote are two bytes

    return fit(text, addresses, BODY_BYTES - FRAME_BYTES - beside, size)
