"""How members can be reached is handed in once the coordinator itself takes it, and kept until then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from roles.relay.agent import Agent
from roles.relay.receiving import carrying
from roles.relay.receiving.inbox import Inbox
from tests.roles.relay.conftest import PATIENCE_S


class Here:
    """An agent that is connected."""

    sale = "s1"

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.connected.set()

    def pseudonym(self, namespace: str, person: str) -> str:
        return f"{namespace}-{person}"


@pytest.mark.parametrize("between", [
    [web.HTTPFound("https://login.example/")], [web.HTTPTemporaryRedirect("/elsewhere"), web.HTTPBadGateway()],
    [web.HTTPTooManyRequests(), web.HTTPMovedPermanently("/elsewhere")],
], ids=["a page to log in", "a proxy", "busy"])  # fmt: skip
async def test_contacts_that_something_else_answered_for_are_kept_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: list[web.HTTPException]
) -> None:
    """A 302 of a page to log in counted as a refusal: the contacts were dropped with a warning."""
    monkeypatch.setattr(carrying, "HAND_IN_AGAIN_S", 0.01)
    taken: list[dict[str, str]] = []

    async def contacts(request: web.Request) -> web.StreamResponse:
        if between:
            raise between.pop(0)
        taken.extend((await request.json())["contacts"])
        return web.json_response({"kept": 1})

    app = web.Application()
    app.router.add_put("/api/sales/s1/contacts", contacts)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    inbox = Inbox(tmp_path)
    await inbox.open()
    await inbox.take("s1", [], contacts=[("wecom:wmABC", "wx: xiaowang-1988")])
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    work = asyncio.create_task(carrying.hand_in(cast(Agent, Here()), url, "t", inbox))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await inbox.contacts("s1", 1):
                await asyncio.sleep(0.01)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await inbox.close()
        await runner.cleanup()
    assert taken == [{"member": "wecom-wmABC", "contact": "wx: xiaowang-1988"}]


def test_a_refusal_of_the_coordinator_itself_is_not_tried_for_ever() -> None:
    assert [status for status in (0, 200, 302, 308, 401, 403, 404, 408, 422, 429, 500, 503) if carrying._comes_again(status)] == [
        0, 302, 308, 408, 429, 500, 503,
    ]  # fmt: skip
