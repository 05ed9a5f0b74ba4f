"""What a platform has to be able to do, and what it may answer.

A platform is one file beside this one with one `Adapter`: its two settings models and `send`. It knows nothing of
sales, deliveries, leases or disks; time, limits, repeats and records are the agent's.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from roles.relay.sending.windows import Limit

MOST_MS = 2**53  # of any length or instant
REPORT_SIGNS = 200  # what a field of a report holds

# What an adapter made ready ahead of the instant; each platform has its own.
Prepared = Any

Word = Literal["sent", "waiting", "retry", "awaiting", "disabled", "rejected", "unknown", "expired"]


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a group is to see, rendered for it. `link` and `coupon` are full addresses."""

    text: str = ""
    images: tuple[str, ...] = ()
    video: str | None = None
    link: str | None = None
    coupon: str | None = None
    mention: Any = None  # each platform has its own manner of naming people
    as_: str = msgspec.field(default="message", name="as")

    def as_text(self) -> str:
        """All of it for a platform that shows text alone: below the text, each address that the text does not have."""
        addresses = (self.link, self.coupon, self.video, *self.images)
        return "\n".join([self.text, *dict.fromkeys(a for a in addresses if a and a not in self.text)]).strip()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One drop on its way into one group, as its relay sees it. Times are the sale's, ms.

    It leaves at `fire_at`, never after `expires_at`. `sale`, `id` and `attempt` together name one sending; the lower
    `priority` leaves first where some have to wait.
    """

    id: str
    attempt: int
    group: str
    content: Content
    fire_at: int
    expires_at: int
    priority: int = 0
    status: str = "requested"
    relay: str | None = None
    sale: str = ""
    until: int | None = None  # `held`: what was told of it before


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call of a platform. Only a plain yes of the platform is `sent`; when in doubt, `unknown`."""

    word: Word
    platform_id: str | None = None
    after_ms: int | None = None
    why: str | None = None
    reached: bool = True  # False: the platform has not heard of it, so that its window has not lost a place
    everyone: bool = False  # what is asked to wait is the whole credential, not this message alone
    until: int | None = None
    sent_at: int | None = None

    def __post_init__(self) -> None:
        """What somebody's adapter made of a platform's answer becomes what a report can hold: a number is a good name."""
        for name in ("platform_id", "why"):
            if (text := getattr(self, name)) is not None:
                text = str(text).encode("utf-8", "replace").decode().replace("\x00", " ")
                object.__setattr__(self, name, text)
        for name in ("after_ms", "until", "sent_at"):
            if (ms := getattr(self, name)) is not None:
                object.__setattr__(self, name, min(max(0, math.ceil(ms)), MOST_MS))

    @classmethod
    def sent(cls, platform_id: str | None = None, why: str | None = None) -> Outcome:
        """There. `why` says what the platform could not carry, and how it went instead."""
        return cls("sent", platform_id=platform_id, why=why)

    @classmethod
    def waiting(cls, until: int, why: str | None = None) -> Outcome:
        """Nothing was called: a window of the platform is full. The agent comes again at `until`, the sale's ms."""
        return cls("waiting", until=until, why=why)

    @classmethod
    def expired(cls) -> Outcome:
        """Nothing was called: it was too late."""
        return cls("expired")

    @classmethod
    def retry(cls, after_ms: int | None, why: str) -> Outcome:
        """Certainly not there; to come again after `after_ms`. None: the platform names no time, the outbox chooses."""
        return cls("retry", after_ms=after_ms, why=why)

    @classmethod
    def limited(cls, after_ms: int | None, why: str) -> Outcome:
        """Certainly not there, and nothing else of this credential will be taken before `after_ms` are over."""
        return cls("retry", after_ms=after_ms, why=why, everyone=True)

    @classmethod
    def unreached(cls, why: str) -> Outcome:
        """Certainly not there: the platform has not been reached. To be tried again."""
        return cls("retry", why=why, reached=False)

    @classmethod
    def awaiting(cls, why: str, platform_id: str | None = None) -> Outcome:
        """Handed to a person who has to act. With the platform's id of it, it is asked after and can be taken back."""
        return cls("awaiting", platform_id=platform_id, why=why)

    @classmethod
    def disabled(cls, why: str) -> Outcome:
        """Certainly not there, and nothing will be until somebody mends the channel (robot removed, key invalid)."""
        return cls("disabled", why=why)

    @classmethod
    def rejected(cls, why: str) -> Outcome:
        """Certainly not there; this content will never be taken (too long, keyword missing)."""
        return cls("rejected", why=why)

    @classmethod
    def unknown(cls, why: str) -> Outcome:
        """May or may not be there."""
        return cls("unknown", why=why)

    def fields(self) -> dict[str, Any]:
        """The fields of a `delivery.report`, without those that are null."""
        every = {
            "platform_id": self.platform_id and self.platform_id[:REPORT_SIGNS],
            "sent_at": self.sent_at,
            "until": self.until,
            "after_ms": self.after_ms,
            "why": self.why and self.why[:REPORT_SIGNS],
        }
        return {"outcome": self.word} | {name: value for name, value in every.items() if value is not None}


class Held(ABC):
    """A call that is made ready and stands before its last step: nothing of it has left. See `Adapter.hold`."""

    @abstractmethod
    def cancel(self) -> None:
        """It does not leave any more; where it has ended, nothing happens."""


class CredentialSettings(BaseModel):
    """One entry of `credentials`; a platform adds its own keys. Secrets are `SecretStr`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: str
    per_minute: int | None = Field(default=None, ge=1)

    def limits(self) -> tuple[Limit, ...]:
        """The platform's rate windows for this credential; none by default."""
        return (Limit(self.per_minute, 60.0),) if self.per_minute else ()

    def group_limits(self) -> tuple[Limit, ...]:
        """Rate windows that hold for each group alone, beside those of the credential."""
        return ()


class GroupSettings(BaseModel):
    """One entry of `groups`; a platform adds its own keys. `id` is the group's id in the sheet, the entry's key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    credential: str


C = TypeVar("C", bound=CredentialSettings)
G = TypeVar("G", bound=GroupSettings)


class Adapter(ABC, Generic[C, G]):
    """One credential of one platform, for as long as the agent runs."""

    platform: ClassVar[str]
    connects: ClassVar[bool] = False  # each call takes a connection of this process, of which there are only so many
    credential_settings: ClassVar[type[CredentialSettings]] = CredentialSettings
    group_settings: ClassVar[type[GroupSettings]] = GroupSettings

    def __init__(self, name: str, settings: C, data: Path | None) -> None:
        """`name` is the credential's key in the configuration; `data` the relay's folder, None where it keeps nothing."""
        self.name, self.settings, self.data = name, settings, data

    @abstractmethod
    async def send(self, group: G, content: Content, prepared: Prepared = None) -> Outcome:
        """Sends once, never repeats by itself. What it raises, and what takes too long, is recorded as `unknown`.

        It is called at the instant at which the message is to leave: nothing slow comes before the call itself.
        `prepared` is what `prepare` made, None where it made nothing in time. Reasons carry no secret and no address.
        """

    async def prepare(self, group: G, content: Content) -> Prepared:
        """Makes ready what is slow (pictures, warm connections), when the message is announced. It may be called for
        messages that never leave, and again for the same one."""
        return None

    def hold(self, group: G, delivery: Delivery, prepared: Prepared) -> Held | None:
        """Makes the call ready, a blink ahead of the instant, so that then only the writing is left; it waits for nothing.

        What it gives back is handed to `deliver` as `prepared`, or cancelled. None: there is nothing to make ready.
        """
        return None

    async def deliver(self, group: G, delivery: Delivery, prepared: Prepared = None) -> Outcome:
        """As `send`, which it calls; for a platform that is told `delivery.sale`, `id` and `attempt`, so that it counts once."""
        return await self.send(group, delivery.content, prepared)

    async def follow(self, group: G, platform_id: str) -> Outcome | None:
        """What became of a message that ended as `awaiting` with this id: it is asked now and then, after a restart too.

        None: nothing yet, or it cannot be told now.
        """
        return None

    async def take_back(self, platform_id: str) -> Outcome | None:
        """Takes a message that ended as `awaiting` with this id from the person who has it: another has it now, or nobody
        is to send it. Only of a platform with a `follow`.

        `rejected`: nobody can send it there any more. `sent`: they had sent it. `awaiting`: it stays open, and why; it is
        tried again now and then. None: it cannot be told now.
        """
        return Outcome.awaiting("the platform takes nothing back: whoever has it there must be told")

    async def check(self, groups: Sequence[G]) -> list[Said]:
        """What can be found out of the credential, and of these groups of it, without posting. The adapter is open.

        What it raises is told as not reached. Nothing it says holds a secret or an address with one.
        """
        return [Said("untested", NOT_WITHOUT_POSTING)]

    def places(self, group: G, content: Content) -> int:
        """How many messages it becomes: so many places of the rate window it takes."""
        return 1

    async def open(self) -> None:
        """Prepares what sending needs (connections); called once before the first `send`."""

    async def close(self) -> None:
        """Gives back what `open` took; called once after the last `send`."""


AnyAdapter = Adapter[Any, Any]


NOT_WITHOUT_POSTING = "its key cannot be tested without posting; post a test message with --send"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that `Adapter.check` found; `group` is the group's id where it is about one."""

    state: Literal["ok", "warn", "wrong", "unreached", "untested"]
    message: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one group."""

    group: GroupSettings
    adapter: AnyAdapter


class Routes:
    """The way to each group this relay serves; `fallback` serves every other one (rehearsals and the demo)."""

    def __init__(self, routes: dict[str, Route], fallback: AnyAdapter | None = None) -> None:
        self._routes, self._fallback = dict(routes), fallback
        found = [route.adapter for route in routes.values()] + ([fallback] if fallback else [])
        self.adapters: dict[str, AnyAdapter] = {adapter.name: adapter for adapter in found}

    @property
    def groups(self) -> frozenset[str]:
        """The groups that are named in the configuration."""
        return frozenset(self._routes)

    def served_by(self, adapter: AnyAdapter) -> list[Any]:
        """The settings of the groups that a credential serves."""
        return [route.group for route in self._routes.values() if route.adapter is adapter]

    def all(self) -> list[Route]:
        """The routes of the groups that are named in the configuration, in its order."""
        return list(self._routes.values())

    def to(self, group: str) -> Route | None:
        route = self._routes.get(group)
        if route is None and self._fallback is not None:
            settings = self._fallback.group_settings(id=group, credential=self._fallback.name)
            route = self._routes[group] = Route(settings, self._fallback)
        return route
