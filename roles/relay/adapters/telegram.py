"""Telegram bots: `POST {base}/bot<TOKEN>/sendMessage`, `sendPhoto`, `sendMediaGroup`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import structlog
from pydantic import Field, SecretStr, field_validator, model_validator

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared, Said
from roles.relay.adapters.http import Call, HttpAdapter, HttpCredential, Reply, checked_address, milliseconds
from roles.relay.adapters.rendering import BREAK, DoesNotFit, addresses_of, fit, in_utf16, mentions_of, outside, reasons
from roles.relay.adapters.telegram_rights import Rights
from roles.relay.sending.windows import Limit

log = structlog.get_logger("relay")

TEXT_UNITS = 4096  # of UTF-16
CAPTION_UNITS = 1024
A_SECOND, A_SECOND_IN_A_GROUP, A_MINUTE_IN_A_GROUP = 30, 1, 20

_MENTION = re.compile(r"@(?=\w)")
_PERSON = re.compile(r"[A-Za-z]\w{3,31}", re.ASCII)
_GONE = re.compile(
    r"kicked|blocked|deactivated|not a member|chat not found|chat was deleted|rights to send|write_forbidden"
    r"|need administrator rights|bot was removed|topic_closed",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"http url|file identifier|web ?page|image|photo|media", re.IGNORECASE)
_NO_PICTURES_HERE = re.compile(r"rights to send (?:photos|media)|chat_send_(?:photos|media)_forbidden", re.IGNORECASE)
NO_PICTURE = "Telegram did not take the pictures: they went as addresses"
NOT_CALLED = "Telegram calls people by their user name only"


class TelegramCredential(HttpCredential):
    """`receive`: how what groups say is heard; `poll` asks Telegram, `webhook` is called by it at `webhook`, by way of the inlet."""

    base: str = "https://api.telegram.org"
    bot_token: SecretStr = Field(min_length=1)
    per_second: int = Field(default=A_SECOND, ge=1)
    per_minute_a_group: int = Field(default=A_MINUTE_IN_A_GROUP, ge=1)
    receive: Literal["poll", "webhook"] | None = None
    webhook: str | None = None
    webhook_secret: SecretStr | None = None

    @field_validator("webhook")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)

    @field_validator("webhook_secret")
    @classmethod
    def _plain_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9_-]{8,256}", value.get_secret_value()):
            raise ValueError("write 8 to 256 letters, digits, - and _: Telegram takes no others")
        return value

    @model_validator(mode="after")
    def _secret(self) -> TelegramCredential:
        if self.receive == "webhook" and self.webhook_secret is None:
            raise ValueError("`receive: webhook` needs a `webhook_secret` of 8 or more letters and digits")
        return self

    def limits(self) -> tuple[Limit, ...]:
        return (*super().limits(), Limit(self.per_second, 1.0))

    def group_limits(self) -> tuple[Limit, ...]:
        return Limit(A_SECOND_IN_A_GROUP, 1.0), Limit(self.per_minute_a_group, 60.0)


class TelegramGroup(GroupSettings):
    """`chat_id` is a number, or `@name` of a public group. One that comes from the environment is a text: it counts alike."""

    chat_id: int | str

    @field_validator("chat_id", mode="before")
    @classmethod
    def _number_or_name(cls, value: object) -> object:
        said = value.strip() if isinstance(value, str) else value
        if isinstance(said, str) and re.fullmatch(r"-?[0-9]{1,18}", said):
            return int(said)
        if type(said) is int or (isinstance(said, str) and re.fullmatch(r"@\w{4,64}", said, re.ASCII)):
            return said
        raise ValueError("write the chat's number, such as -1001234567890, or @name of a public group")


class TelegramAdapter(HttpAdapter[TelegramCredential, TelegramGroup]):
    platform: ClassVar[str] = "telegram"
    says: ClassVar[str] = "Telegram"
    credential_settings: ClassVar[type[TelegramCredential]] = TelegramCredential
    group_settings: ClassVar[type[TelegramGroup]] = TelegramGroup

    def __init__(self, name: str, settings: TelegramCredential, data: Path | None) -> None:
        super().__init__(name, settings, data)
        self._file = None if data is None else data / "telegram" / f"{name}.json"
        self._moved = _read(self._file)
        self.gone: dict[int | str, str] = {}  # chats that this bot was put out of, and why nothing goes there

    def chat(self, group: TelegramGroup) -> int | str:
        """Where the group is now."""
        chat = group.chat_id
        for _ in range(len(self._moved)):
            chat = self._moved.get(str(chat), chat)
        return chat

    def moved(self, old: int | str, new: int) -> None:
        """A group has become a supergroup: what goes there goes to its new id, after a restart too."""
        if self._moved.get(str(old)) == new or str(old) == str(new):
            return
        self._moved[str(old)] = new
        log.warning(
            "a Telegram group has a new id: put it into the configuration", credential=self.name, old=old, new=new
        )
        if self._file is not None:
            try:
                _write(self._file, self._moved)
            except OSError as error:  # it is known until the next start, and Telegram tells it again after that
                log.error("a group's new id cannot be kept", credential=self.name, why=error.strerror)

    async def send(self, group: TelegramGroup, content: Content, prepared: Prepared = None) -> Outcome:
        chat = self.chat(group)
        if (why := self.gone.get(chat)) is not None:
            return Outcome.disabled(why)
        outcome = await super().send(group, content, prepared)
        if outcome.word == "retry" and outcome.platform_id is not None:
            self.moved(chat, int(outcome.platform_id))
        if outcome.word == "rejected" and outcome.why == NO_PICTURE:
            outcome = await super().send(group, content, NO_PICTURE)  # it was certainly not taken
        return outcome

    def places(self, group: TelegramGroup, content: Content) -> int:
        """Telegram counts each picture of an album as a message."""
        if len(content.images) < 2:
            return 1
        method, body, _ = _message(content, pictures=True)
        return len(body["media"]) if method == "sendMediaGroup" else 1

    async def check_key(self, groups: Sequence[TelegramGroup]) -> list[Said]:
        return await Rights(self).look(groups)

    def method(self, name: str, body: object, why: str | None = None) -> Call:
        return Call.json(f"{self.settings.base}/bot{self.settings.bot_token.get_secret_value()}/{name}", body, why)

    def call(self, group: TelegramGroup, content: Content, prepared: Prepared) -> Call:
        method, body, why = _message(content, pictures=prepared != NO_PICTURE)
        return self.method(method, {"chat_id": self.chat(group)} | body, NO_PICTURE if prepared == NO_PICTURE else why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        if said is None or not isinstance(said.get("ok"), bool):
            return None
        if said["ok"]:
            result = said.get("result")
            first = result[0] if isinstance(result, list) and result else result
            number = first.get("message_id") if isinstance(first, dict) else None
            return Outcome.sent(str(number)) if reply.status == 200 and isinstance(number, int) else None
        code, words = said.get("error_code"), str(said.get("description", ""))
        found = said.get("parameters")
        more: dict[str, Any] = found if isinstance(found, dict) else {}
        shown = self.said(f"{code}:", words)
        to = more.get("migrate_to_chat_id")
        if isinstance(to, int) and not isinstance(to, bool):
            return Outcome("retry", after_ms=0, why=f"the group has moved to {to}", platform_id=str(to))
        if code == 429:
            return Outcome.retry(milliseconds(more.get("retry_after")) or reply.retry_after_ms(), shown)
        if code in (401, 404):
            return Outcome.disabled(f"Telegram does not know this bot: its token was revoked or is wrong ({shown})")
        if code == 400 and _NO_PICTURES_HERE.search(words):
            return Outcome.rejected(NO_PICTURE)
        if code == 403 or (code == 400 and _GONE.search(words)):
            return Outcome.disabled(f"the bot may not write there: {shown}")
        if code == 400:
            return Outcome.rejected(NO_PICTURE if _PICTURE.search(words) else shown)
        return None


def _message(content: Content, *, pictures: bool) -> tuple[str, dict[str, Any], str | None]:
    mentions = mentions_of(content)
    called = "".join(f"@{n} " for n in mentions.people if _PERSON.fullmatch(n))
    named = "".join(f"@{n} " for n in mentions.people if not _PERSON.fullmatch(n))
    lost = reasons("Telegram cannot call everybody" if mentions.everybody else None, NOT_CALLED if named else None)
    text = named + ("📢 " if content.as_ == "announcement" else "") + content.text
    if pictures and content.images and not content.video:
        addresses = addresses_of(content, pictures=False)
        try:
            fitted = fit(text, addresses, CAPTION_UNITS - in_utf16(called), lambda t: in_utf16(_plain(t, addresses)))
        except DoesNotFit:
            fitted = None
        if fitted is not None and fitted.why is None:
            caption = called + _plain(fitted.text, addresses)
            if len(content.images) == 1:
                return "sendPhoto", {"photo": content.images[0], "caption": caption}, lost
            media: list[dict[str, str]] = [{"type": "photo", "media": image} for image in content.images]
            media[0]["caption"] = caption
            return "sendMediaGroup", {"media": media}, lost
    addresses = addresses_of(content)
    fitted = fit(text, addresses, TEXT_UNITS - in_utf16(called), lambda t: in_utf16(_plain(t, addresses)))
    went = "pictures went as addresses" if content.images or content.video else None
    return "sendMessage", {"text": called + _plain(fitted.text, addresses)}, reasons(lost, went, fitted.why)


def _plain(text: str, addresses: tuple[str, ...]) -> str:
    return outside(text, addresses, lambda part: _MENTION.sub("@" + BREAK, part))


def _write(file: Path, moved: dict[str, int]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as into:
        json.dump(moved, into)
        into.flush()
        os.fsync(into.fileno())
    fresh.replace(file)


def _read(file: Path | None) -> dict[str, int]:
    try:
        found = json.loads(file.read_text("utf-8")) if file is not None else {}
    except (OSError, ValueError):
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}
