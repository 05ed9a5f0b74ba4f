"""Discord webhooks: `POST https://discord.com/api/webhooks/{id}/{token}?wait=true`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

from roles.relay import machine
from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared, Said
from roles.relay.adapters.http import Call, HookCredential, HttpAdapter, Reply, milliseconds, not_said
from roles.relay.adapters.rendering import (
    addresses_of,
    fit,
    in_utf16,
    mentions_of,
    outside,
    reasons,
    without_markup,
)
from roles.relay.sending.windows import Limit

CONTENT_SIGNS = 2_000
A_WINDOW = Limit(5, 2.0)  # what a webhook is given at first; what its answers say holds beside it
# Discord bans an address after 10,000 requests in 10 minutes that it refused as not allowed. Far below that nothing is called.
REFUSED_MOST, REFUSED_WITHIN_S = 500, 600.0
REFUSED = frozenset({401, 403, 404, 429})
_FORMAT = re.compile(r"[\\*_~`|]|^[ \t]*(?:#|>|-#|[-+](?=\s|$)|\d+\.(?=\s|$))", re.MULTILINE)
NOT_CALLED = "Discord calls people by their number only"


class DiscordCredential(HookCredential):
    def limits(self) -> tuple[Limit, ...]:
        return (*super().limits(), A_WINDOW)


class DiscordAdapter(HttpAdapter[DiscordCredential, GroupSettings]):
    platform: ClassVar[str] = "discord"
    says: ClassVar[str] = "Discord"
    credential_settings: ClassVar[type[DiscordCredential]] = DiscordCredential

    refused: ClassVar[deque[float]] = deque()  # of the whole machine: a ban is for its address
    _free_at = float("-inf")
    _gone: str | None = None
    _gone_at = 0.0

    def home(self) -> str:
        return self.settings.webhook.get_secret_value()

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        now = machine.monotonic()
        if self._gone is not None and now - self._gone_at < REFUSED_WITHIN_S:
            return Outcome("disabled", why=self._gone, reached=False)
        while self.refused and now - self.refused[0] > REFUSED_WITHIN_S:
            self.refused.popleft()
        if len(self.refused) >= REFUSED_MOST:
            after = self.refused[0] + REFUSED_WITHIN_S - now
            why = f"Discord refused {len(self.refused)} requests within 10 minutes: more of them would be a ban"
            return Outcome("retry", after_ms=milliseconds(after), why=why, reached=False, everyone=True)
        if now < self._free_at:
            why = "Discord's own window for this webhook is full"
            return Outcome("retry", after_ms=milliseconds(self._free_at - now), why=why, reached=False, everyone=True)
        return await super().send(group, content, prepared)

    async def check_key(self, groups: Sequence[GroupSettings]) -> list[Said]:
        """Whoever has a webhook's address may ask what it is."""
        address, _, more = self.settings.webhook.get_secret_value().partition("?")
        reply, said = await self.ask(Call(address, method="GET"))
        if reply.status == 200 and isinstance(said.get("id"), str) and "channel_id" in said:
            thread = "; its thread cannot be looked at" if "thread_id" in more else ""
            name = self.said(said["name"]) if isinstance(said.get("name"), str) else ""
            return [Said("ok", f"Discord knows the webhook{f' {name}' if name else ''}, and it may write{thread}")]
        return [not_said(self._outcome(reply))]

    def call(self, group: GroupSettings, content: Content, prepared: Prepared) -> Call:
        address = self.settings.webhook.get_secret_value()
        body, why = _message(content)
        return Call.json(address + ("&" if "?" in address else "?") + "wait=true", body, why)

    async def post(self, call: Call) -> Reply:
        reply = await super().post(call)
        now = machine.monotonic()
        if reply.status in REFUSED:
            self.refused.append(now)
        after = milliseconds(reply.headers.get("X-RateLimit-Reset-After"))
        if reply.headers.get("X-RateLimit-Remaining") == "0" and after is not None:
            self._free_at = now + after / 1000
        return reply

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        if said is None:
            return None
        number, code = said.get("id"), said.get("code")
        if reply.status == 200:
            return Outcome.sent(number) if isinstance(number, str) and number.isdigit() else None
        words = self.said(f"HTTP {reply.status}", said.get("message"))
        if reply.status == 429:
            return Outcome.limited(milliseconds(said.get("retry_after")) or reply.retry_after_ms(), words)
        if reply.status in (401, 403, 404) and isinstance(code, int):
            self._gone = (
                f"the webhook was removed, or its address is wrong: make a new one and mend `webhook` ({words})"
            )
            self._gone_at = machine.monotonic()
            return Outcome.disabled(self._gone)
        return Outcome.rejected(words) if reply.status == 400 else None


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    mentions = mentions_of(content)
    people = [name for name in mentions.people if name.isascii() and name.isdigit()]
    called = ("@everyone " if mentions.everybody else "") + "".join(f"<@{name}> " for name in people)
    named = [name for name in mentions.people if name not in people]
    allowed: dict[str, Any] = {"parse": ["everyone"] if mentions.everybody else []} | (
        {"users": people} if people else {}
    )
    if mentions.everybody:  # only the call itself, not what somebody wrote
        content_text = content.text.replace("@everyone", "@\u200beveryone").replace("@here", "@\u200bhere")
    else:
        content_text = content.text
    addresses = addresses_of(content, pictures=False)
    addresses = (*addresses, content.video) if content.video and content.video not in addresses else addresses
    text = "".join(f"@{name} " for name in named) + ("📢 " if content.as_ == "announcement" else "") + content_text
    fitted = fit(text, addresses, CONTENT_SIGNS - in_utf16(called), lambda t: in_utf16(_plain(t, addresses)))
    body: dict[str, Any] = {"content": called + _plain(fitted.text, addresses), "allowed_mentions": allowed}
    if content.images:
        body["embeds"] = [{"image": {"url": image}} for image in content.images]
    went = "the video went as an address" if content.video else None
    return body, reasons(NOT_CALLED if named else None, went, fitted.why)


def _plain(text: str, addresses: Sequence[str]) -> str:
    """As it was written: Discord takes a sign after a backslash as it is."""

    def escaped(part: str) -> str:
        return _FORMAT.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], without_markup(part, ()))

    return outside(text, addresses, escaped, typed=True)
