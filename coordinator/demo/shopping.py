"""The audience's own ways in: link and coupon pages as a phone opens them, orders as the shop reports them."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol  # JSON from the service

import aiohttp
from standardwebhooks import Webhook

from coordinator.demo.observing import Pause
from coordinator.demo.wire import Answer, Command
from coordinator.errors import UsageError

COOKIE = "dropcue_member"
MAX_AT_ONCE = 32  # the service runs beside on the same two cores; more only queue there
MAX_COOKIES = 20_000  # members who came to a page; the oldest is forgotten, as a phone's private window does
MAX_TRIES = 8
REQUEST_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Opened:
    """What a page answered. `code` is a refusal's code, empty where it went well."""

    ok: bool
    code: str = ""
    message: str = ""
    address: str | None = None  # where a link led
    coupon: str | None = None  # which coupon a page shows, where it tells
    claimed: str | None = None  # the member's code
    off: int | None = None  # what it is worth, where codes differ: a part of a pool
    pay: int | None = None  # what is to be paid for it before it is good


class Shopfront(Protocol):
    """What the audience can do outside its groups."""

    async def click(self, member: str, key: str) -> Opened: ...

    async def open(self, member: str, key: str) -> Opened: ...

    async def claim(self, member: str, key: str, claim: str) -> Opened:
        """`claim` is the id: sent twice it counts once."""
        ...

    async def report(self, hook: str, commands: Sequence[Command]) -> Sequence[Answer]:
        """Sends commands as the shop's webhook; `hook` is its `webhook-id`. No answer at all: an empty list."""
        ...


class HttpShopfront:
    """Shopfront over HTTP, with a cookie of its own for each member. Use as `async with`."""

    def __init__(
        self,
        base: str,
        sale: str,
        *,
        secret: str,
        source: str = "demo",
        cookie_for: Callable[[str], str | None] | None = None,
        at_once: int = MAX_AT_ONCE,
        pause: Pause = asyncio.sleep,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`base` is the service's address, `secret` the one of `DROPCUE_HOOK_<SOURCE>` (`whsec_…`).

        `cookie_for(member)` may give the signed cookie that a member's phone already has, so that clicks and claims
        carry the same pseudonym as the group's messages; without it the landing page gives each member one.
        Webhooks are signed with the real time (`wall`), as their tolerance is real time too.
        """
        self._base = base.rstrip("/")
        self._hooks = f"{self._base}/hooks/{sale}/{source}"
        try:
            self._webhook = Webhook(secret)
        except Exception as error:  # the package raises several kinds, binascii's among them
            raise UsageError(
                f"the demo's webhook secret is no whsec_ secret ({error}); set DROPCUE_HOOK_{source.upper()}"
            ) from None
        self._cookie_for = cookie_for
        self._cookies: OrderedDict[str, str] = OrderedDict()
        self._places = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._pause = pause
        self._wall = wall
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpShopfront:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),  # one jar would make all members one phone
            connector=aiohttp.TCPConnector(limit=self._at_once),
            timeout=aiohttp.ClientTimeout(total=REQUEST_WITHIN_S),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def click(self, member: str, key: str) -> Opened:
        status, body, address = await self._visit("GET", f"/l/{key}", member)
        if 300 <= status < 400:
            return Opened(True, address=address)
        return _refusal(status, body)

    async def open(self, member: str, key: str) -> Opened:
        status, body, _ = await self._visit("GET", f"/c/{key}", member)
        if status == 200:
            shown = body.get("coupon") or body.get("title")
            if isinstance(shown, dict):
                shown = shown.get("id") or shown.get("title")
            return Opened(True, coupon=shown if isinstance(shown, str) else None)
        return _refusal(status, body)

    async def claim(self, member: str, key: str, claim: str) -> Opened:
        status, body, _ = await self._visit("POST", f"/c/{key}", member, {"id": claim})
        if status in (200, 201) and isinstance(body.get("result", body), dict):
            given = body.get("result", body)
            code, off, pay = (given.get(name) for name in ("code", "off", "pay"))
            if isinstance(code, str):
                own = off if isinstance(off, int) and given.get("kind") == "pool" else None
                return Opened(True, claimed=code, off=own, pay=pay if isinstance(pay, int) else None)
        return _refusal(status, body)

    async def report(self, hook: str, commands: Sequence[Command]) -> Sequence[Answer]:
        body = json.dumps(list(commands), ensure_ascii=False)
        for tries in range(MAX_TRIES):
            now = self._wall()
            headers = {
                "Content-Type": "application/json",
                "webhook-id": hook,  # the same at each try, so that nothing counts twice
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": self._webhook.sign(hook, now, body),
            }
            status, answer, _ = await self._send("POST", self._hooks, headers, body.encode())
            results = answer.get("results")
            if status == 200 and isinstance(results, list):
                if not any(isinstance(r, dict) and r.get("code") == "busy" for r in results) or tries == MAX_TRIES - 1:
                    return [r for r in results if isinstance(r, dict)]
            elif status not in (0, 503):
                refused = _refusal(status, answer)
                return [{"ok": False, "code": refused.code, "message": refused.message} for _ in commands]
            await self._pause(min(0.05 * 2**tries, 2.0))
        return []

    async def _visit(
        self, method: str, path: str, member: str, body: dict[str, object] | None = None
    ) -> tuple[int, dict[str, Any], str | None]:
        data = None if body is None else json.dumps(body).encode()
        for tries in range(MAX_TRIES):
            headers = {"Accept": "application/json"}
            if data is not None:
                headers["Content-Type"] = "application/json"
            cookie = self._cookies.get(member) or (self._cookie_for(member) if self._cookie_for else None)
            if cookie:
                headers["Cookie"] = f"{COOKIE}={cookie}"
            status, answer, address = await self._send(method, self._base + path, headers, data, member)
            if status not in (0, 503):
                break
            await self._pause(min(0.05 * 2**tries, 2.0))
        return status, answer, address

    async def _send(
        self, method: str, url: str, headers: dict[str, str], data: bytes | None, member: str | None = None
    ) -> tuple[int, dict[str, Any], str | None]:
        """(status, JSON object, Location); status 0 where nobody answered."""
        if self._session is None:
            raise RuntimeError("HttpShopfront is used with `async with`")
        try:
            async with (
                self._places,
                # Links lead out of the demo into shops that may be real: they are counted here, never followed.
                self._session.request(method, url, headers=headers, data=data, allow_redirects=False) as answer,
            ):
                raw = await answer.read()
                if member is not None and COOKIE in answer.cookies:
                    self._remember(member, answer.cookies[COOKIE].value)
                return answer.status, _object(raw), answer.headers.get("Location")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, {"code": "away", "message": f"no answer ({type(error).__name__})"}, None

    def _remember(self, member: str, cookie: str) -> None:
        self._cookies[member] = cookie
        self._cookies.move_to_end(member)
        while len(self._cookies) > MAX_COOKIES:
            self._cookies.popitem(last=False)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _refusal(status: int, body: dict[str, Any]) -> Opened:
    code = body.get("code")
    message = body.get("detail") or body.get("message") or body.get("title") or f"HTTP {status}"
    return Opened(False, code=code if isinstance(code, str) else f"http_{status}", message=str(message)[:200])
