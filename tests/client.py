"""A client that speaks only the contract: one websocket, and HTTP beside it.

It holds no rule of its own: its state is the welcome's, with each change set or deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import websockets

KEY = "tests-" + "k" * 40
PATIENCE_S = 20.0

Json = dict[str, Any]


def token(
    role: str, person: str | None = None, sale: str | None = None, groups: list[str] | None = None, **claims: Any
) -> str:
    """A token as a company's own system would issue it. `key`, `alg` and `expires_in` (s) may be given for wrong ones."""
    key, alg = claims.pop("key", KEY), claims.pop("alg", "HS256")
    body: Json = {"iss": "dropcue", "sub": person or role, "role": role, "jti": secrets.token_hex(8)}
    body["exp"] = int(time.time()) + claims.pop("expires_in", 7200)
    if sale is not None:
        body["sale"] = sale
    if groups is not None:
        body["groups"] = groups
    body |= claims
    return jwt.encode({k: v for k, v in body.items() if v is not None}, None if alg == "none" else key, alg)


class Closed(Exception):
    """The server closed the line; `code` says why, `bye` is its last word where it had one."""

    def __init__(self, code: int | None, bye: Json | None) -> None:
        super().__init__(f"closed with {code}: {bye}")
        self.code, self.bye = code, bye


class Client:
    """One websocket. Made with `Client.join`."""

    def __init__(self, socket: websockets.ClientConnection, welcome: Json) -> None:
        self.socket, self.welcome = socket, welcome
        self.position: str = welcome["position"]
        self.state: dict[str, dict[str, Any]] = welcome.get("state", {})
        self.events: list[Json] = []
        self.loose: list[Json] = []  # answers to nothing that was asked by id
        self.snapshots = 0
        self.bye: Json | None = None
        self.closed = False
        self._ids = itertools.count(1)
        self._prefix = secrets.token_hex(4)
        self._waits: dict[str, asyncio.Future[Json]] = {}
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def join(
        cls,
        url: str,
        token: str,
        *,
        position: str | None = None,
        ahead: bool = True,
        state: Json | None = None,
        **more: Any,
    ) -> Client:
        """Says hello and waits for the welcome. With `position`, `state` is what the client had there. Raises Closed."""
        socket = await websockets.connect(
            url.replace("http", "ws", 1) + "/ws",
            max_size=None,
            compression=None,
            open_timeout=PATIENCE_S,
            ping_interval=None,
            proxy=None,
        )
        hello: Json = {"op": "hello", "token": token, "ahead": ahead, **more}
        if position is not None:
            hello["position"] = position
        await socket.send(json.dumps(hello))
        try:
            async with asyncio.timeout(PATIENCE_S):
                first = json.loads(await socket.recv())
                if first["op"] != "welcome":
                    with contextlib.suppress(websockets.ConnectionClosed):
                        await socket.recv()
                    raise Closed(socket.close_code, first)
        except websockets.ConnectionClosed:
            raise Closed(socket.close_code, None) from None
        client = cls(socket, first)
        if first["recovered"]:
            client.state = copy.deepcopy(state or {})
        return client

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in self.socket:
                frame: Json = json.loads(raw)
                frame["got"] = time.time() * 1000
                self._take(frame)
                self._changed.set()
        self.closed = True
        for wait in self._waits.values():
            if not wait.done():
                wait.set_exception(Closed(self.socket.close_code, self.bye))
                wait.exception()
        self._changed.set()

    def _take(self, frame: Json) -> None:
        match frame["op"]:
            case "events":
                self.position = frame["position"]
                for event in frame["events"]:
                    event["got"] = frame["got"]
                    self.events.append(event)
                for topic, entities in frame["changes"].items():
                    for id_, entity in entities.items():
                        if entity is None:
                            self.state.setdefault(topic, {}).pop(id_, None)
                        else:
                            self.state.setdefault(topic, {})[id_] = entity
            case "snapshot":
                self.position, self.state = frame["position"], frame["state"]
                self.snapshots += 1
            case "bye":
                self.bye = frame
            case _:
                wait = self._waits.pop(frame["id"], None) if isinstance(frame.get("id"), str) else None
                if wait is None:
                    self.loose.append(frame)
                elif not wait.done():
                    wait.set_result(frame)

    async def ask(self, frame: Json) -> Json:
        """Sends a frame with an id; its answer."""
        wait = self._waits[frame["id"]] = asyncio.get_running_loop().create_future()
        await self.send(frame)
        async with asyncio.timeout(PATIENCE_S):
            return await wait

    async def do(self, kind: str, id: str | None = None, **fields: Any) -> Json:  # noqa: A002 - the wire's own name
        """One command; its `done` or `refused`."""
        return await self.ask({"op": "do", "id": id or f"{self._prefix}-{next(self._ids)}", "kind": kind, **fields})

    async def done(self, kind: str, id: str | None = None, **fields: Any) -> Json:  # noqa: A002 - the wire's own name
        """One command that must be done; its result."""
        answer = await self.do(kind, id, **fields)
        assert answer["op"] == "done", answer
        return answer.get("result") or {}

    async def many(self, commands: list[Json]) -> list[Json]:
        """Several commands; their results."""
        answer = await self.ask({"op": "many", "id": f"{self._prefix}-{next(self._ids)}", "commands": commands})
        assert answer["op"] == "done", answer
        return list(answer["results"])

    async def send(self, frame: Json | str | bytes) -> None:
        """Sends a frame as it is; a dict as JSON."""
        await self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE_S) -> Any:
        """Waits until the condition holds, looking after each frame."""
        try:
            async with asyncio.timeout(patience):
                while not (found := condition()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(
                f"it did not come; the last events: {[e['kind'] for e in self.events[-10:]]}"
                + (f"; the line was closed: {self.bye}" if self.closed else "")
            ) from None
        return found

    async def event(self, kind: str, patience: float = PATIENCE_S, **fields: Any) -> Json:
        """The first event of this kind with these fields."""

        def look() -> Json | None:
            return next(
                (e for e in self.events if e["kind"] == kind and all(e.get(k) == v for k, v in fields.items())), None
            )

        found: Json = await self.until(look, patience)
        return found

    async def end(self, patience: float = PATIENCE_S) -> int | None:
        """Waits for the server to close; its code."""
        async with asyncio.timeout(patience):
            await asyncio.shield(self._reader)
        return self.socket.close_code

    def kinds(self) -> list[str]:
        return [e["kind"] for e in self.events]

    def seq(self) -> int:
        """The number its position names (for tests alone: it is opaque to others)."""
        return int(self.position.split(".")[1])

    def cut(self) -> None:
        """Breaks the line, as a network does."""
        self.socket.transport.abort()

    async def close(self) -> None:
        await self.socket.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader


class Answer:
    """An HTTP answer that was read whole."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


async def http(url: str, method: str, path: str, token: str | None = None, **more: Any) -> Answer:
    """One HTTP request; redirects are not followed."""
    headers = dict(more.pop("headers", {}))
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(method, url + path, headers=headers, allow_redirects=False, **more) as response,
    ):
        return Answer(response.status, response.headers, await response.read())
