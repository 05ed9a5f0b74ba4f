"""Slack incoming webhooks: `POST https://hooks.slack.com/services/…`, answered with the plain text `ok`."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import Field

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.http import Call, HookCredential, HttpAdapter, Reply
from roles.relay.adapters.rendering import addresses_of, fit, in_signs, mentions_of, outside, reasons
from roles.relay.sending.windows import Limit

TEXT_SIGNS = 4_000  # what Slack asks to stay within; beyond 40,000 it cuts by itself, and the link may be what is cut
SECTION_SIGNS = 3_000  # one block of text
PER_SECOND = 1

_PERSON = re.compile(r"[UW][A-Z0-9]{5,20}")
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
    mark = "📢 " if content.as_ == "announcement" else ""
    beside = in_signs(called)
    pictured = addresses_of(content, pictures=False)
    if content.images and not content.video:
        text = mark + content.text
        shown = fit(text, pictured, TEXT_SIGNS - beside, lambda part: in_signs(_escaped(part, pictured)))
        section = called + _escaped(shown.text, pictured)
        if shown.why is None and len(section) <= SECTION_SIGNS:
            blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": section}}]
            blocks += [{"type": "image", "image_url": address, "alt_text": "图"} for address in content.images]
            return {"text": section, "blocks": blocks}, None
    addresses = addresses_of(content)
    fitted = fit(mark + content.text, addresses, TEXT_SIGNS - beside, lambda part: in_signs(_escaped(part, addresses)))
    why = "pictures went as addresses" if content.images or content.video else None
    return {"text": called + _escaped(fitted.text, addresses)}, reasons(why, fitted.why)


def _escaped(text: str, addresses: tuple[str, ...] = ()) -> str:
    """Slack's three signs; an address is marked as one, so that none of its own signs ends it early."""
    return outside(text, addresses, _entities, lambda address: f"<{_entities(address.replace('|', '%7C'))}>")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
