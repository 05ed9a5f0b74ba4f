"""What the doubles of all chat platforms have in common: a real HTTP server on this machine that behaves as they do.

A double checks keys, signatures and sizes, counts its rate window strictly (any stretch of it, both ends included), and
remembers what its groups would have seen. A test can give it what to answer next instead.
"""

from __future__ import annotations

import asyncio
import email.utils
import html
import json
import os
import re
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as its group sees it."""

    text: str
    group: str = ""
    links: tuple[str, ...] = ()  # where a press leads
    pings: tuple[str, ...] = ()  # who is called; "all" is everybody
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that counts: `at` is the instant it came, in s of the machine's monotonic clock, `at_ms` in real ms."""

    at: float
    at_ms: int
    seen: Seen
    body: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a double answers out of turn. `take`: the message reaches its group all the same."""

    body: object = None  # a text as it is, anything else as JSON
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    take: bool = False
    cut: bool = False  # the line is cut instead of an answer
    wait: asyncio.Event | None = None  # it answers when this is set


PAGE = Answer("<!DOCTYPE html><html><body><h1>请登录网络</h1></body></html>", headers={"Content-Type": "text/html"})
CUT_BEFORE = Answer(cut=True)
CUT_AFTER = Answer(cut=True, take=True)


_LINK = re.compile(r"https?://[^\s\]\[<>)）】，。\u200b]+")


def links_in(text: str) -> tuple[str, ...]:
    """The addresses that a chat makes links of by itself."""
    return tuple(_LINK.findall(text))


class Wrong(Exception):
    """The platform refuses a message: what it answers."""

    def __init__(self, body: object, status: int = 200, **headers: str) -> None:
        super().__init__(str(body))
        self.answer = Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


_PRESSED = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_HREF = re.compile(r"""<a\s+href=["']([^"']*)""")
_FORMAT = re.compile(r"(\*{1,3}|(?<![A-Za-z0-9])_{1,2}|~~|`)(?=\S)([^\n]*?\S)\1")
_LINE = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|> ?|[-+*][ \t]+|\d+[.)][ \t]+|[-=*_]{2,}[ \t]*$)", re.MULTILINE)


def markdown_shown(text: str) -> tuple[str, tuple[str, ...]]:
    """What is read of markdown, and where its links lead. An address that just stands there is not sure to be one.

    It takes everything for its own that any reader of markdown does: which of it a platform's does is written nowhere.
    """
    links = (*(target for _, target in _PRESSED.findall(text)), *_HREF.findall(text))
    parts = re.split(_PRESSED, text)
    shown = "".join(_formed(parts[n]) + (parts[n + 1] if n + 1 < len(parts) else "") for n in range(0, len(parts), 3))
    return shown, links


def _formed(text: str) -> str:
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _FORMAT.sub(r"\2", _LINE.sub("", text)))
    return html.unescape(unescaped)


class Double:
    """One platform with all its groups. `async with` runs it on a port of its own; `base` is its address then."""

    platform: ClassVar[str]
    secrets: ClassVar[tuple[str, ...]]  # what it knows and must never be seen
    group: ClassVar[dict[str, Any]] = {}  # a group's entry in a relay's file, without its credential
    count: ClassVar[int]  # messages in a window
    per_s: ClassVar[float] = 60.0

    def __init__(
        self,
        *,
        limit: int | None = None,
        per_s: float | None = None,
        latency_s: float = 0.0,
        log: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limit = self.count if limit is None else limit
        self.window_s = self.per_s if per_s is None else per_s
        self.latency_s, self._log_path, self._tls = latency_s, log, tls
        self.taken: list[Taken] = []
        self.next: deque[Answer | None] = deque()  # out of turn; None is the platform's own answer
        self.always: Answer | None = None
        self.calls = 0
        self.touched = 0  # requests that only kept a connection warm
        self.over = 0  # messages beyond the window, which a relay must never send
        self.revoked = False
        self.clock_off_s = 0.0  # how far this platform's clock is ahead of the machine's
        self.base = ""
        self._windows: dict[str, deque[float]] = {}
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._file: int | None = None
        self._port = 0

    # -- what a platform adds

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        """Its credential's entry in a relay's file, for a platform at `base`."""
        raise NotImplementedError

    def routes(self, app: web.Application) -> None:
        """Adds the platform's addresses, with `self.post` behind them."""
        raise NotImplementedError

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        """What the group would see, and the body; raises `Wrong`."""
        raise NotImplementedError

    def seen(self, body: dict[str, Any]) -> Seen:
        """What the group would see of a body; raises `Wrong` for one that is too large."""
        raise NotImplementedError

    def yes(self, taken: Taken) -> object:
        raise NotImplementedError

    def too_often(self) -> Answer:
        raise NotImplementedError

    def add_key(self, key: str) -> None:
        """A further robot, without a secret."""
        raise NotImplementedError

    def credential(self) -> str:
        """What the window is counted for, once `judge` has let it in."""
        return ""

    def counts(self, seen: Seen) -> int:
        """How many messages of its window it is."""
        return 1

    # -- running

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Answers at `base`; after a `close` at the same address."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self.routes(app)
        app.router.add_route("HEAD", "/", self._touch)
        if self._log_path is not None:
            self._file = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        # A test is not held up by an answer that is slow for its sake.
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=75, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.base = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(condition)

    def now_ms(self) -> int:
        return int((time.time() + self.clock_off_s) * 1000)

    @property
    def texts(self) -> list[str]:
        return [taken.seen.text for taken in self.taken]

    def most_in_a_window(self) -> int:
        """How many came within any one window: a relay keeps it at the limit or below."""
        at = [taken.at for taken in self.taken]
        return max((sum(first <= one <= first + self.window_s for one in at) for first in at), default=0)

    # -- answering

    async def post(self, request: web.Request) -> web.StreamResponse:
        at, at_ms = time.monotonic(), time.time_ns() // 1_000_000
        self.calls += 1
        raw = await request.read()
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        out_of_turn = self.next.popleft() if self.next else self.always
        try:
            answer = await self._answer(request, raw, at, at_ms, out_of_turn)
        finally:
            async with self._changed:
                self._changed.notify_all()
        return answer

    async def _answer(
        self, request: web.Request, raw: bytes, at: float, at_ms: int, given: Answer | None
    ) -> web.StreamResponse:
        if given is not None:
            if given.take:
                self._take(at, at_ms, *self.judge(request, raw))
            if given.wait is not None:
                async with self._changed:
                    self._changed.notify_all()
                await given.wait.wait()
            if given.cut:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            return self._response(given)
        try:
            seen, body = self.judge(request, raw)
        except Wrong as wrong:
            return self._response(wrong.answer)
        window = self._windows.setdefault(self.credential(), deque())
        while window and window[0] < at - self.window_s:
            window.popleft()
        counts = self.counts(seen)
        if len(window) + counts > self.limit:
            self.over += 1
            return self._response(self.too_often())
        window += [at] * counts
        return self._response(Answer(self.yes(self._take(at, at_ms, seen, body))))

    def _take(self, at: float, at_ms: int, seen: Seen, body: dict[str, Any]) -> Taken:
        taken = Taken(at, at_ms, seen, body)
        self.taken.append(taken)
        if self._file is not None:
            line = {"at": at, "at_ms": at_ms, "group": seen.group, "text": seen.text, "credential": self.credential()}
            os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")  # whole, and there after a kill
        return taken

    def _response(self, answer: Answer) -> web.Response:
        headers = {"Date": email.utils.formatdate(time.time() + self.clock_off_s, usegmt=True)} | answer.headers
        if isinstance(answer.body, str):
            headers.setdefault("Content-Type", "text/plain; charset=utf-8")
            return web.Response(status=answer.status, text=None, body=answer.body.encode(), headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    async def _touch(self, _: web.Request) -> web.Response:
        self.touched += 1
        return web.Response()


class HookDouble(Double):
    """A platform whose webhook's address is the key: what stands at its end is `hook`."""

    hook: ClassVar[str]
    path: ClassVar[str]  # of all its webhooks

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "webhook": base + cls.path + cls.hook}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.hooks: set[str] = {self.hook}
        self._hook = ""

    def routes(self, app: web.Application) -> None:
        app.router.add_post(self.path + "{hook:.+}", self.post)

    def add_key(self, key: str) -> None:
        self.hooks.add(key)

    def credential(self) -> str:
        return self._hook

    def known(self, request: web.Request) -> bool:
        """Whether there is a webhook at this address, and nobody has removed it."""
        self._hook = request.match_info["hook"]
        return not self.revoked and self._hook in self.hooks
