"""The line dies and comes back: the screen says so, and then misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened, post, shown_in
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_killed_server_is_seen_as_a_dead_line_and_the_screen_comes_back_by_itself_with_nothing_missed(
    mortal: ServerProcess, people: People
) -> None:
    people.line_may_break = True
    sale, links = await opened(mortal, sheet(lead="0s"))
    page = await people.come(links["controller"])
    await button(page, "Show").click()
    board = shown_in(page, "Deliveries")
    await expect(board).to_contain_text("Nothing dropped yet")
    await expect(page.get_by_role("banner")).to_contain_text(re.compile(r"line \d+ ms"))

    await mortal.kill()
    dead = page.get_by_role("alert").filter(has_text="Line lost since")
    await expect(dead).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d"))
    await expect(page.get_by_role("banner")).to_contain_text("line lost")
    await expect(button(page, "LINK")).to_be_disabled()
    # What is most urgent may be pressed meanwhile: it goes out as soon as there is somebody to hear it.
    await button(page, "HALT").click()

    await mortal.start()
    await expect(dead).to_be_hidden()
    await expect(page.get_by_role("banner")).to_contain_text("HALTED")
    await expect(page.get_by_text("On air").first).to_be_visible()
    record = [e["kind"] for e in await mortal.events(sale)]
    assert record.count("show.halted") == 1
    assert record.count("product.shown") == 1


class Cable:
    """What lies between a screen and the server, and can be pulled."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pulled = False
        self.writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Cable:
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        self.pull()

    def pull(self) -> None:
        self.pulled = True
        for writer in self.writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.pulled:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        self.writers -= {writer, back}

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while some := await source.read(65536):
                target.write(some)
                await target.drain()
        target.close()


async def test_a_screen_that_was_away_comes_back_to_where_it_was_and_gets_what_the_others_did(
    house: ServerProcess, people: People
) -> None:
    people.line_may_break = True
    sale, links = await opened(house, sheet(lead="0s"))
    relay, other = await house.join(sale, "relay"), await house.join(sale, person="zhou")
    async with Cable(house.port) as cable:
        welcomes: list[Any] = []
        page = await people.come(
            links["controller"].replace(house.url, cable.url), hears=lambda frame: welcomes.append(json.loads(frame))
        )
        board = shown_in(page, "Deliveries")
        await expect(board).to_contain_text("Nothing dropped yet")

        cable.pull()
        dead = page.get_by_role("alert").filter(has_text="Line lost since")
        await expect(dead).to_be_visible()
        await other.done("product.show", product="pan")
        await other.done("link.drop", product="pan", groups="all")
        await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
        await post(relay, "g1")
        await relay.done("question.raise", group="g1", text="能进洗碗机吗?")
        # What is old looks old, and is not guessed at.
        await expect(board).to_contain_text("Nothing dropped yet")

        cable.pulled = False
        await expect(dead).to_be_hidden()
        await expect(board.get_by_role("button", name="1 群: arrived")).to_be_visible()
        await expect(board.get_by_role("button", name="2 群: on the way")).to_be_visible()
        await expect(page.get_by_text("能进洗碗机吗?")).to_be_visible()
        await expect(page.get_by_text("On air").first).to_be_visible()
        first, *_, last = [frame for frame in welcomes if frame["op"] == "welcome"]
        assert (first["recovered"], last["recovered"]) == (False, True)
