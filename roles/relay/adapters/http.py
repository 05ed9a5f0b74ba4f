"""Platforms that are spoken to over HTTP: warm connections, and what is certain about a call that went wrong.

Before a request can have been taken (no such name, no connection, no valid certificate) it is certainly not there.
Once it may have been, only the platform's own word counts: a cut, a silence or a page instead of an answer is `unknown`.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import math
import os
import re
import ssl
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Generic
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from pydantic import SecretStr, field_validator, model_validator
from yarl import URL

from roles.relay import machine
from roles.relay.adapters.base import (
    NOT_WITHOUT_POSTING,
    Adapter,
    C,
    Content,
    CredentialSettings,
    Delivery,
    G,
    Held,
    Outcome,
    Prepared,
    Said,
)
from roles.relay.adapters.holding import HeldCall, HeldRequest
from roles.relay.adapters.rendering import DoesNotFit, clean, reasons
from roles.relay.adapters.warming import MOST_OF_ONE, opening
from roles.relay.adapters.ways import LOOPBACK, proxy_for

# Below what platforms and the proxies before them keep an idle connection for: a connection is not found dead at the instant.
KEEP_ALIVE_S = 30.0
# The way to the platform. It is warmed ahead, so a send is not expected to need it.
CONNECT_WITHIN_S = 5.0
FOLLOWED_WITHIN_S = 4.0
FOLLOWED_UNTIL_S = 12.0  # from the message's own call on; before the outbox stops waiting for what is there already
ASKED_WITHIN_S = 5.0  # a question about a key; the check as a whole has longer
ASKED_TOGETHER = 8  # so many groups are asked about at a time: fewer than any platform minds
REPLY_BYTES = 256 * 1024
SAID_SIGNS = 120  # of what a platform says in a reason
SECRET_PART_SIGNS = 12
_PARTS = re.compile(r"whsec_|[^A-Za-z0-9_\-+=.]+")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://\S*", re.IGNORECASE)  # bounded: each word may begin one
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")


class HttpCredential(CredentialSettings):
    """`base` is the platform's address; a test or a gateway of one's own has another."""

    base: str

    @field_validator("base")
    @classmethod
    def _https(cls, value: str) -> str:
        if any(sign in value for sign in "?#@"):
            raise ValueError("write the address alone: no key, name or password belongs into it")
        return checked_address(value).rstrip("/")

    @model_validator(mode="after")
    def _whole_keys(self) -> HttpCredential:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and _BLANK.search(value.get_secret_value()):
                raise ValueError(f"`{name}` holds a blank or a new line; copy it again")
        return self


class HookCredential(CredentialSettings):
    """`webhook` is the whole address, which is the key."""

    webhook: SecretStr

    @field_validator("webhook")
    @classmethod
    def _https(cls, value: SecretStr) -> SecretStr:
        checked_address(value.get_secret_value())
        return value


@cache
def _tls(file: str | None, folder: str | None) -> ssl.SSLContext:
    """One for all credentials, by where its certificates are looked for: to read the system's certificates takes tens of milliseconds and as much memory, each time."""
    return ssl.create_default_context()


def checked_address(value: str) -> str:
    """An address that a key may be sent to. Raises ValueError, which never quotes it."""
    if _BLANK.search(value):
        raise ValueError("the address holds a blank or a new line; copy it again")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("the address cannot be read: its host or its port is none") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("write a whole address, such as https://platform.example")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("write https: over http the key could be read on the way")
    return value


@dataclass(frozen=True, slots=True)
class Call:
    """One request, a POST unless it says otherwise. `url` and `headers` hold secrets and are not shown."""

    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    why: str | None = None  # what the platform could not carry
    method: str = "POST"

    @classmethod
    def json(cls, url: str, body: object, why: str | None = None, headers: Mapping[str, str] | None = None) -> Call:
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return cls(url, msgspec.json.encode(body), kind | dict(headers or {}), why)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def object(self) -> dict[str, Any] | None:
        """The JSON object that it is, else None."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def retry_after_ms(self) -> int | None:
        """`Retry-After`, in whole or parts of seconds or as a date."""
        said = self.headers.get("Retry-After", "").strip()
        after, date_ms = milliseconds(said), _date_ms(said)
        if after is None and date_ms is not None:
            after = milliseconds((date_ms - machine.wall_ms()) / 1000)
        return after

    def clock_off_s(self) -> int | None:
        """How far this machine's clock is ahead of the platform's; None where it does not tell the time."""
        date_ms = _date_ms(self.headers.get("Date", ""))
        return None if date_ms is None else round((machine.wall_ms() - date_ms) / 1000)


def _date_ms(said: str) -> int | None:
    """A header's date; None for what is none."""
    try:
        return int(email.utils.parsedate_to_datetime(said).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None


def milliseconds(seconds: object) -> int | None:
    """Whole or parts of seconds, as a number or a text, a day at most; None for what is neither."""
    try:
        value = float(seconds) if isinstance(seconds, int | float | str) and not isinstance(seconds, bool) else math.nan
    except ValueError:
        return None
    return math.ceil(min(max(value, 0.0), 86_400.0) * 1000) if math.isfinite(value) else None


def clock_words(reply: Reply) -> str:
    """How far off this machine's clock is, where that can be why a platform refuses a signature."""
    off = reply.clock_off_s()
    if off is None or abs(off) < 60:
        return ""
    return f"; this machine's clock is {abs(off)} s {'ahead of' if off > 0 else 'behind'} the platform's: set it right"


class Ended(Exception):
    """A call ended without a reply."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.word)
        self.outcome = outcome


def not_said(outcome: Outcome, group: str | None = None) -> Said:
    """A question that a platform did not answer with what was asked for: a refusal, or nothing that is its own."""
    no = outcome.word in ("disabled", "rejected")
    return Said("wrong" if no and outcome.reached else "unreached", outcome.why or "its answer cannot be read", group)


def _clean(content: Content) -> Content:
    return msgspec.structs.replace(content, text=clean(content.text))


class HttpAdapter(Adapter[C, G], Generic[C, G]):
    """An adapter that makes one POST for a message. A platform adds `call` and `read`."""

    says: ClassVar[str]  # the platform's name in reasons
    connects: ClassVar[bool] = True

    _session: aiohttp.ClientSession | None = None
    _wanted = 0
    _warming: asyncio.Task[None] | None = None

    @abstractmethod
    def call(self, group: G, content: Content, prepared: Prepared) -> Call:
        """The request for a message. Quick: it is made at the instant. Raises `DoesNotFit` for what can never go."""

    @abstractmethod
    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        """What a reply means; `said` is its JSON object. None: not an answer of this platform."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEP_ALIVE_S,
                ttl_dns_cache=300,
                ssl=_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            ),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN_S, sock_connect=CONNECT_WITHIN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=HeldRequest,
            proxy=proxy_for(self.home()),
        )
        self._warm_soon()

    async def close(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def home(self) -> str:
        """The address whose connections are kept warm."""
        return str(getattr(self.settings, "base", ""))

    async def prepare(self, group: G, content: Content) -> Prepared:
        self._warm_soon()
        return None

    def hold(self, group: G, delivery: Delivery, prepared: Prepared) -> Held | None:
        if self._session is None:
            return None
        try:
            return HeldCall(self.call(group, _clean(delivery.content), prepared), prepared, self.post)
        except DoesNotFit:
            return None  # it is said when it is sent

    async def send(self, group: G, content: Content, prepared: Prepared = None) -> Outcome:
        held = prepared if isinstance(prepared, HeldCall) else None
        try:
            if held is not None:
                call, prepared = held.call, held.prepared
            else:
                call = self.call(group, _clean(content), prepared)
        except DoesNotFit as error:
            return Outcome.rejected(str(error))
        until = asyncio.get_running_loop().time() + FOLLOWED_UNTIL_S
        try:
            reply = await (held.reply() if held is not None else self.post(call))
        except Ended as ended:
            return ended.outcome
        outcome = self._outcome(reply)
        if outcome.word != "sent":
            return outcome
        why = reasons(call.why, await self._follow(self.following(group, _clean(content), prepared), until))
        return Outcome.sent(outcome.platform_id, why) if why else outcome

    def following(self, group: G, content: Content, prepared: Prepared) -> Sequence[Call]:
        """What comes after the message itself, such as its pictures. `places` counts it."""
        return ()

    async def _follow(self, calls: Sequence[Call], until: float) -> str | None:
        """The message is there; what does not follow it is said, and the message is not sent again for it."""
        for call in calls:
            try:
                async with asyncio.timeout_at(min(until, asyncio.get_running_loop().time() + FOLLOWED_WITHIN_S)):
                    outcome = self._outcome(await self.post(call))
            except Ended as ended:
                outcome = ended.outcome
            except TimeoutError:
                outcome = Outcome.unknown("no answer")
            if outcome.word != "sent":
                return f"a picture did not follow: {outcome.why}"
        return None

    def _outcome(self, reply: Reply) -> Outcome:
        outcome = self.read(reply, reply.object())
        if outcome is None or (outcome.word == "rejected" and (reply.status == 429 or reply.status >= 500)):
            return self.by_status(reply)  # a code that is not known does not say more than the status does
        return outcome

    async def check(self, groups: Sequence[G]) -> list[Said]:
        """Whether the platform is reached from here, its certificate is good and the clocks agree."""
        parts = urlsplit(self.home())
        try:
            reply = await self.post(Call(f"{parts.scheme}://{parts.netloc}/", method="HEAD"))
        except Ended as ended:
            return [Said("unreached", str(ended.outcome.why))]
        clock = clock_words(reply)
        try:
            found = await self.check_key(groups)
        except Ended as ended:
            found = [not_said(ended.outcome)]
        return [*([Said("warn", clock.removeprefix("; "))] if clock else []), *found]

    async def check_key(self, groups: Sequence[G]) -> list[Said]:
        """What the platform says of the key itself. By default it cannot be asked. `Ended` is told as it stands."""
        return [Said("untested", f"{self.says} is reached; {NOT_WITHOUT_POSTING}")]

    async def ask(self, call: Call) -> tuple[Reply, dict[str, Any]]:
        """A question by which nothing is posted: the platform's answer. Raises `Ended` where there is none."""
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                reply = await self.post(call)
        except TimeoutError:
            raise Ended(Outcome.unreached(f"{self.says} does not answer within {ASKED_WITHIN_S:g} s")) from None
        said = reply.object()
        if said is None:
            raise Ended(self.by_status(reply))
        return reply, said

    async def each_group(self, groups: Sequence[G], ask: Callable[[G], Awaitable[Said | None]]) -> list[Said]:
        """What is to be said of these groups, in their order, a few asked about at a time; None: nothing is wrong."""
        few = asyncio.Semaphore(ASKED_TOGETHER)

        async def one(group: G) -> Said | None:
            async with few:
                try:
                    return await ask(group)
                except Ended as ended:
                    return not_said(ended.outcome, group.id)

        return [said for said in await asyncio.gather(*(one(group) for group in groups)) if said is not None]

    async def post(self, call: Call) -> Reply:
        """Makes one request, once. Raises `Ended` with what is certain."""
        if self._session is None:
            raise RuntimeError("the adapter is not open")
        try:
            async with self._session.request(
                call.method,
                URL(call.url, encoded=True),
                data=call.body or None,
                headers=call.headers,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(REPLY_BYTES)
                while len(body) < REPLY_BYTES and not response.content.at_eof():
                    body += await response.content.read(REPLY_BYTES - len(body))
                return Reply(response.status, response.headers, body)
        # No error's own text is quoted: an HTTP client's can hold an address with its key.
        except aiohttp.ClientConnectorCertificateError as error:
            what = getattr(error.certificate_error, "verify_message", None) or "not valid"
            why = f"the certificate of {self.says} is not good ({what}); check this machine's clock and who stands between"
            raise Ended(Outcome("disabled", why=why, reached=False)) from None
        except aiohttp.ClientConnectorDNSError:
            raise Ended(
                Outcome.unreached(f"the name of {self.says} cannot be found; check `base` and the network")
            ) from None
        except aiohttp.ClientConnectorSSLError:
            raise Ended(Outcome.unreached(f"{self.says} and this machine cannot agree on TLS")) from None
        except aiohttp.ClientHttpProxyError as error:
            why = f"the proxy to {self.says} answered HTTP {error.status}; check the environment's HTTPS_PROXY"
            raise Ended(Outcome.unreached(why)) from None
        except aiohttp.ClientProxyConnectionError:
            why = f"the proxy to {self.says} cannot be reached; check the environment's HTTPS_PROXY"
            raise Ended(Outcome.unreached(why)) from None
        except aiohttp.ClientConnectorError as error:
            what = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no connection"
            raise Ended(Outcome.unreached(f"{self.says} cannot be reached ({what})")) from None
        except aiohttp.ConnectionTimeoutError:
            raise Ended(Outcome.unreached(f"{self.says} took no connection within {CONNECT_WITHIN_S:g} s")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Ended(Outcome.unknown(f"the line to {self.says} broke ({type(error).__name__})")) from None

    def by_status(self, reply: Reply) -> Outcome:
        """What is certain of a reply that the platform itself would not give. Never `sent`."""
        status, after = reply.status, reply.retry_after_ms()
        if status == 429 or (status == 503 and after is not None):
            return Outcome.limited(after or 1000, f"{self.says} asks to go slower (HTTP {status})")
        if status >= 500:
            return Outcome.unknown(f"{self.says} answered HTTP {status}")
        if status in (408, 425):
            return Outcome.retry(None, f"{self.says} answered HTTP {status}")
        if 300 <= status < 400 or status in (401, 403, 404, 405, 407, 410):
            return Outcome.disabled(f"{self.says} answered HTTP {status}; check the address and the key")
        if status >= 400:
            return Outcome.rejected(f"{self.says} answered HTTP {status}")
        return Outcome.unknown(f"{self.says} did not say yes: its answer cannot be read")

    def said(self, *parts: object) -> str:
        """What a platform says, fit for a reason: no secret of this credential, no address, not long."""
        text = " ".join(str(part) for part in parts if part not in (None, ""))
        for secret in sorted(filter(None, self.secrets()), key=len, reverse=True):
            for form in {secret, quote(secret, safe="")}:
                text = text.replace(form, "***")
        return _CONTROL.sub(" ", _ADDRESS.sub("(address)", text)).strip()[:SAID_SIGNS]

    def secrets(self) -> list[str]:
        """Every secret of the credential."""
        values = [getattr(self.settings, name) for name in type(self.settings).model_fields]
        found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        # An address that is a key, or a key with an id before it, can be quoted in part.
        parts = {part for secret in found for part in _PARTS.split(secret) if len(part) >= SECRET_PART_SIGNS}
        return sorted(filter(None, found | parts), key=len, reverse=True)

    # -- warm connections

    def _warm_soon(self) -> None:
        """One connection for each message that is announced, all together, ahead of their instant."""
        self._wanted = min(MOST_OF_ONE, self._wanted + 1)
        if self._warming is None or self._warming.done():
            self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def _warm(self) -> None:
        await asyncio.sleep(0)  # those that are announced in the same breath
        while self._wanted and self._session is not None:
            async with opening(self._wanted):
                wanted, self._wanted = self._wanted, 0
                await asyncio.gather(*(self._touch() for _ in range(wanted)))

    async def _touch(self) -> None:
        """Opens a connection, or keeps one: asks for the front page and leaves the answer unread."""
        session = self._session
        if session is None:
            return
        parts = urlsplit(self.home())
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_WITHIN_S):
                async with session.head(f"{parts.scheme}://{parts.netloc}/", allow_redirects=False):
                    pass
