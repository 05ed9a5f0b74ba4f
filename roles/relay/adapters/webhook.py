"""Anything that takes a POST: each message as JSON, signed by the rules of Standard Webhooks.

`webhook-id` is the sale, the delivery and its attempt, so that a receiver can count once. Its answer says what became of it:
`{"outcome": "sent", "platform_id"?}`, or `retry` with `after_ms`, `awaiting`, `rejected` or `disabled` with `why`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from pydantic import Field, SecretStr, field_validator
from standardwebhooks.webhooks import Webhook

from roles.relay import machine
from roles.relay.adapters.base import (
    Content,
    CredentialSettings,
    Delivery,
    GroupSettings,
    Held,
    Outcome,
    Prepared,
    Said,
)
from roles.relay.adapters.http import Call, HttpAdapter, Reply, checked_address
from roles.relay.adapters.rendering import addresses_of, fit, in_signs

TEXT_SIGNS = 4_000
SECRET_BYTES = 16  # below this it can be guessed


def checked_secret(value: SecretStr) -> SecretStr:
    """A secret of Standard Webhooks that is worth its name. Raises ValueError, which never quotes it."""
    try:
        Webhook(value.get_secret_value())  # what the library cannot read either
        key = base64.b64decode(value.get_secret_value().removeprefix("whsec_") + "==")
    except Exception:  # the library raises several kinds
        key = b""
    if len(key) < SECRET_BYTES:
        raise ValueError("write whsec_ and at least 24 random bytes in base64: `openssl rand -base64 32` makes some")
    return value


class WebhookCredential(CredentialSettings):
    """`secret` is `whsec_` and base64. `text_signs` is how long a text the receiver takes."""

    url: SecretStr
    secret: SecretStr
    text_signs: int = Field(default=TEXT_SIGNS, ge=100, le=100_000)
    per_minute: int | None = Field(default=600, ge=1)

    @field_validator("url")
    @classmethod
    def _https(cls, value: SecretStr) -> SecretStr:
        checked_address(value.get_secret_value())
        return value

    @field_validator("secret")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        return checked_secret(value)


class WebhookAdapter(HttpAdapter[WebhookCredential, GroupSettings]):
    platform: ClassVar[str] = "webhook"
    says: ClassVar[str] = "the receiver"
    credential_settings: ClassVar[type[WebhookCredential]] = WebhookCredential

    def home(self) -> str:
        return self.settings.url.get_secret_value()

    async def deliver(self, group: GroupSettings, delivery: Delivery, prepared: Prepared = None) -> Outcome:
        return await self.send(group, delivery.content, prepared if isinstance(prepared, Held) else delivery)

    def hold(self, group: GroupSettings, delivery: Delivery, prepared: Prepared) -> Held | None:
        return super().hold(group, delivery, delivery)

    async def check_key(self, groups: Sequence[GroupSettings]) -> list[Said]:
        why = "whether it takes the signature shows only with a message; post one with --send"
        return [Said("untested", f"the receiver is reached; {why}")]

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        delivery = prepared if isinstance(prepared, Delivery) else None
        fitted = fit(content.text, addresses_of(content, pictures=False), self.settings.text_signs, in_signs)
        message = msgspec.to_builtins(msgspec.structs.replace(content, text=fitted.text))
        body: dict[str, Any] = {"group": group.id, "content": message}
        id_ = machine.new_name()
        if delivery is not None:
            id_ = (
                f"{delivery.sale}:{delivery.id}:{delivery.attempt}"  # the next sale counts its deliveries from 1 again
            )
            body |= {"sale": delivery.sale, "delivery": delivery.id, "attempt": delivery.attempt}
        data, now = msgspec.json.encode(body), datetime.fromtimestamp(machine.wall_ms() // 1000, UTC)
        signed = Webhook(self.settings.secret.get_secret_value()).sign(id_, now, data.decode())
        headers = {
            "Content-Type": "application/json", "webhook-id": id_, "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signed,
        }  # fmt: skip
        return Call(self.settings.url.get_secret_value(), data, headers, fitted.why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        if said is None or not 200 <= reply.status < 300:
            return None
        why = self.said(said.get("why")) if isinstance(said.get("why"), str) else "the receiver says so"
        number, after = said.get("platform_id"), said.get("after_ms")
        match said.get("outcome"):
            case "sent":
                return Outcome.sent(number if isinstance(number, str) else None)
            case "retry":
                return Outcome.retry(after if type(after) is int and 0 <= after <= 86_400_000 else None, why)
            case "awaiting":
                return Outcome.awaiting(why)
            case "rejected":
                return Outcome.rejected(why)
            case "disabled":
                return Outcome.disabled(why)
        return None
