"""WeCom group robots 企业微信 群机器人: `POST {base}/cgi-bin/webhook/send?key=KEY`."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HttpAdapter, HttpCredential, Reply
from roles.relay.adapters.rendering import addresses_of, fit, in_bytes, mentions_of, reasons, without_markup

TEXT_BYTES = 2048
MARKDOWN_BYTES = 4096
PER_MINUTE = 20
WINDOW_MS = 60_000  # what is said to be too often is let through again when a whole window is over

_SLOWER, _BUSY = frozenset({45009, 45033}), frozenset({-1})
_GONE = {
    93000: "the robot's key is not valid, or the robot was removed from its group: add it again and mend `key`",
    93004: "the robot was taken out of use in WeCom",
    93008: "the robot is not in its group any more",
}


class WecomCredential(HttpCredential):
    base: str = "https://qyapi.weixin.qq.com"
    key: SecretStr = Field(min_length=1)
    per_minute: int | None = Field(default=PER_MINUTE, ge=1)


class WecomAdapter(HttpAdapter[WecomCredential, GroupSettings]):
    platform: ClassVar[str] = "wecom"
    says: ClassVar[str] = "WeCom"
    credential_settings: ClassVar[type[WecomCredential]] = WecomCredential

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        body, why = _message(content)
        key = quote(self.settings.key.get_secret_value(), safe="")
        return Call.json(f"{self.settings.base}/cgi-bin/webhook/send?key={key}", body, why)

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


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    addresses, mentions = addresses_of(content), mentions_of(content)
    why = "pictures went as addresses" if content.images or content.video else None
    if content.as_ == "announcement" and not (mentions.everybody or mentions.people):
        fitted = fit(
            "📢 " + content.text, addresses, MARKDOWN_BYTES, lambda text: in_bytes(without_markup(text, addresses))
        )
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": {"content": without_markup(fitted.text, addresses)}}
    else:
        fitted = fit(content.text, addresses, TEXT_BYTES, lambda text: in_bytes(without_markup(text, addresses)))
        text: dict[str, Any] = {"content": without_markup(fitted.text, addresses)}
        people = [*(["@all"] if mentions.everybody else []), *mentions.people]
        phones = [name for name in people if name.isascii() and name.isdigit() and len(name) == 11]
        if names := [name for name in people if name not in phones]:
            text["mentioned_list"] = names
        if phones:
            text["mentioned_mobile_list"] = phones
        body = {"msgtype": "text", "text": text}
    return body, reasons(why, fitted.why)
