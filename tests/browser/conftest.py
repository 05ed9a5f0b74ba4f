"""A real browser before a real server process: one of each for a worker, and nothing of one test is in the next."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from coordinator.gateway import screens
from tests.browser.people import People
from tests.client import PATIENCE_S
from tests.server import ServerProcess

# What a browser does of its own, such as looking for updates, is no part of the product and takes time.
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed (`make test` installs it; Debian: apt-get install chromium)")
    if not (screens.folder() / "index.html").is_file():
        pytest.skip("the screens are not built (`make screens` builds them)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """`dropcue serve` for all tests of this worker; each has a sale of its own in it."""
    house = ServerProcess(tmp_path_factory.mktemp("house") / "data")
    await house.start()
    yield house
    await house.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def mortal(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """`dropcue serve` for one test, which may kill it."""
    mortal = ServerProcess(tmp_path / "data")
    await mortal.start()
    yield mortal
    await mortal.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[People]:
    """Who comes with a browser of their own. Whatever a test is about: a page that complains fails it.

    SCREENSHOTS=folder in the environment keeps a picture of each screen as the test left it.
    """
    people = People(browser)
    yield people
    if folder := os.environ.get("SCREENSHOTS"):
        await people.pictures(Path(folder), request.node.name)
    await people.leave()
    assert people.complaints == []
