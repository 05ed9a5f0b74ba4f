"""Slack incoming webhooks: `POST https://hooks.slack.com/services/…`, answered with the plain text `ok`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HookCredential, HttpAdapter, Reply
from roles.relay.adapters.rendering import Mentions, addresses_of, fit, in_signs, mentions_of, outside, parted, reasons
from roles.relay.sending.windows import Limit

TEXT_SIGNS = 4_000  # what Slack asks to stay within; beyond 40,000 it cuts by itself, and the link may be what is cut
PER_SECOND = 1

_PERSON = re.compile(r"[UW][A-Z0-9]{5,20}")
# What Slack formats in a text or makes a picture of, `>` at a line's beginning too; there is no way to escape it there.
_FORMAT = re.compile(r"[*_~`]|^[ \t]*>|:[\w+'-]+:", re.MULTILINE)
_WORD = re.compile(r"[a-z_]{1,60}")
_GONE = frozenset(
    {"action_prohibited", "channel_not_found", "channel_is_archived", "invalid_token", "no_active_hooks", "no_service",
     "no_service_id", "no_team", "team_disabled", "posting_to_general_channel_denied", "user_not_found"}
)  # fmt: skip


class SlackCredential(HookCredential):
    per_second: int = Field(default=PER_SECOND, ge=1)

    def limits(self) -> tuple[Limit, ...]:
        return (*super().limits(), Limit(self.per_second, 1.0))


class SlackAdapter(HttpAdapter[SlackCredential, GroupSettings]):
    platform: ClassVar[str] = "slack"
    says: ClassVar[str] = "Slack"
    credential_settings: ClassVar[type[SlackCredential]] = SlackCredential

    def home(self) -> str:
        return self.settings.webhook.get_secret_value()

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        body, why = _message(content)
        return Call.json(self.settings.webhook.get_secret_value(), body, why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        word = reply.body.strip().decode("ascii", "replace")
        if reply.status == 200:
            return Outcome.sent() if word == "ok" else None
        if word in _GONE:
            return Outcome.disabled(f"Slack says {word} (HTTP {reply.status}): mend the webhook or its channel")
        if reply.status == 400 and _WORD.fullmatch(word):
            return Outcome.rejected(f"Slack says {word} (HTTP 400)")
        return None


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    mentions = mentions_of(content)
    called = "<!channel> " if mentions.everybody else ""
    called += "".join(f"<@{n}> " if _PERSON.fullmatch(n) else f"@{_escaped(n)} " for n in mentions.people)
    text = ("📢 " if content.as_ == "announcement" else "") + content.text
    room = TEXT_SIGNS - in_signs(called)
    pictures = content.images if not content.video else ()
    addresses = addresses_of(content, pictures=not pictures)
    fitted = fit(text, addresses, room, lambda part: in_signs(_escaped(part, addresses)))
    if pictures and fitted.why is not None:
        pictures, addresses = (), addresses_of(content)
        fitted = fit(text, addresses, room, lambda part: in_signs(_escaped(part, addresses)))
    body: dict[str, Any] = {"text": called + _escaped(fitted.text, addresses)}
    if pictures or _FORMAT.search(fitted.text):
        body["blocks"] = [*_blocks(mentions, fitted.text, addresses)]
        body["blocks"] += [{"type": "image", "image_url": address, "alt_text": "图"} for address in pictures]
    went = "pictures went as addresses" if (content.images and not pictures) or content.video else None
    return body, reasons(went, fitted.why)


def _blocks(mentions: Mentions, text: str, addresses: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The text as it was written: in Slack's rich text each sign stands for itself. The body's `text` is what a notice shows."""
    elements: list[dict[str, Any]] = [{"type": "broadcast", "range": "channel"}] if mentions.everybody else []
    for name in mentions.people:
        called = {"type": "user", "user_id": name} if _PERSON.fullmatch(name) else {"type": "text", "text": f"@{name}"}
        elements += [{"type": "text", "text": " "}, called] if elements else [called]
    parts = parted((" " if elements else "") + text, addresses, typed=True)
    elements += [
        {"type": "link", "url": part} if n % 2 else {"type": "text", "text": part}
        for n, part in enumerate(parts)
        if part
    ]
    if elements:
        yield {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _escaped(text: str, addresses: tuple[str, ...] = ()) -> str:
    """Slack's three signs; an address is marked as one, so that none of its own signs ends it early."""
    return outside(text, addresses, _entities, lambda address: f"<{_entities(address.replace('|', '%7C'))}>")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
