"""A relay that listens, and somebody who signs what they saw."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from roles.relay.adapters.base import Routes
from roles.relay.agent import Agent
from roles.relay.receiving.server import Receiving, together
from roles.relay.receiving.settings import InletSettings, ReceivingSettings
from tests.roles.relay.conftest import PATIENCE_S, QUICK, Groups

SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()


@dataclass(frozen=True)
class Reply:
    status: int
    json: Any
    headers: Any


class Sender:
    """Whoever hands in what it saw, by the rules of Standard Webhooks."""

    def __init__(self, url: str, secret: str = SECRET) -> None:
        self.url, self.secret = url, secret

    def headers(self, data: bytes, id_: str | None = None, late_s: float = 0) -> dict[str, str]:
        id_ = id_ or os.urandom(6).hex()
        at = datetime.now(UTC) - timedelta(seconds=late_s)
        signed = Webhook(self.secret).sign(id_, at, data.decode("utf-8", "replace"))
        return {"webhook-id": id_, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signed}

    async def post(
        self, body: Any, id_: str | None = None, *, late_s: float = 0, path: str = "/observe", **headers: str
    ) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**self.headers(data, id_, late_s), **headers}
        async with aiohttp.ClientSession() as http, http.post(self.url + path, data=data, headers=sent) as answer:
            return Reply(answer.status, await answer.json(content_type=None), answer.headers)


@asynccontextmanager
async def listening(
    coordinator: str,
    token: str,
    data: Path,
    *,
    groups: Groups | None = None,
    known: frozenset[str] = frozenset({"g1", "g2"}),
    settings: ReceivingSettings | None = None,
    staff: dict[str, dict[str, str]] | None = None,
    prepared: Callable[[Receiving], None] | None = None,
) -> AsyncIterator[tuple[Receiving, Sender]]:
    """A relay on `data` that sends to `groups` and listens on a port of its own."""
    agent = Agent(
        coordinator, token, Routes({}, groups or Groups()), data=data, timing=replace(QUICK, report_within=0.2)
    )
    receiving = Receiving(
        agent, coordinator=coordinator, token=token, data=data, groups=known, settings=settings, staff=staff,
        inlet=InletSettings(port=0, secret=SecretStr(SECRET)),
    )  # fmt: skip
    if prepared is not None:
        prepared(receiving)
    work = asyncio.create_task(together(agent, receiving))
    try:
        async with asyncio.timeout(PATIENCE_S):
            ready = asyncio.create_task(receiving.listening.wait())
            await asyncio.wait({ready, work}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if work.done():
                work.result()
        yield receiving, Sender(receiving.url)
    finally:
        agent.stop()
        async with asyncio.timeout(PATIENCE_S):
            await work
