"""People at their screens: each has a browser context of their own, as on a machine of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.client import PATIENCE_S, Client, token
from tests.server import ServerProcess

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# What the browser of a chat program on a phone says of itself; without it a browser in a test says that it is a robot.
IN_A_CHAT = (
    "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile "
    "Safari/537.36 MicroMessenger/8.0.49"
)
# The screens take a second press only after this time: the page's DOUBLE_CLICK_MS and SETTLE_MS, and a little.
SECOND_PRESS_MS = 450


class People:
    """Opens pages as different people and writes down what their browsers complain of."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.pages: list[Page] = []
        self.complaints: list[str] = []
        self.line_may_break = False

    async def come(
        self,
        address: str,
        *,
        locale: str = "en-US",
        phone: bool = False,
        javascript: bool = True,
        then: str = "",
        hears: Callable[[str], None] | None = None,
    ) -> Page:
        """A person with a fresh browser opens the address.

        `then`: another host that the page may lead to. `hears` gets each frame that its websocket brings.
        """
        context = await self.browser.new_context(
            locale=locale, viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone,
            user_agent=IN_A_CHAT if phone else None, java_script_enabled=javascript, timezone_id="Asia/Shanghai", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_S * 1000)
        self.contexts.append(context)
        page = await context.new_page()
        self.pages.append(page)
        self._listen(page, {urlsplit(address).netloc, then})
        if hears is not None:
            page.on("websocket", lambda socket: socket.on("framereceived", hears))
        await page.goto(address)
        return page

    def _listen(self, page: Page, hosts: set[str]) -> None:
        def asked(url: str) -> None:
            if urlsplit(url).scheme not in {"data", "about"} and urlsplit(url).netloc not in hosts:
                self.complaints.append(f"asked another origin: {url}")

        def said(kind: str, text: str) -> None:
            # A browser reports each failed try of a websocket or a request; where a test breaks the line that is no fault.
            expected = self.line_may_break and any(x in text for x in ("WebSocket", "Failed to load resource"))
            if kind in {"error", "warning"} and not expected:
                self.complaints.append(f"{kind}: {text}")

        page.on("console", lambda message: said(message.type, message.text))
        page.on("pageerror", lambda error: said("error", str(error)))
        page.on("request", lambda request: asked(request.url))
        page.on("websocket", lambda socket: asked(socket.url))
        page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))

    async def pictures(self, folder: Path, name: str) -> None:
        for n, page in enumerate(self.pages):
            await page.screenshot(path=folder / f"{name}-{n}.png")

    async def look(self, page: Page, name: str) -> None:
        """A picture of the screen as it is now, where somebody asked for pictures."""
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            await page.screenshot(path=Path(folder) / f"{name}.png")

    async def leave(self) -> None:
        for context in self.contexts:
            await context.close()


async def opened(house: ServerProcess, sheet: dict[str, Any], *, live: bool = True) -> tuple[str, dict[str, str]]:
    """A sale, and its join links by role, as its owner gets them."""
    answer = await house.http("POST", "/api/sales" + ("?start=now" if live else ""), token("owner"), json=sheet)
    assert answer.status == 201, answer.text[:2000]
    return answer.json["sale"], {join["role"]: join["url"] for join in answer.json["joins"]}


async def post(relay: Client, group: str, **content: Any) -> None:
    """The relay has posted what it was asked to post last in this group."""
    asked = [e for e in relay.events if e["kind"] == "delivery.requested" and e["group"] == group][-1]
    await relay.done("delivery.report", delivery=asked["delivery"], attempt=asked["attempt"], outcome="sent")


def button(where: Page | Locator, name: str) -> Locator:
    """The button whose words begin like this, once or armed; its shortcut may follow."""
    return where.get_by_role("button", name=re.compile(rf"^(Press again ?)?{re.escape(name)}"))


async def finger_is_off(page: Page) -> None:
    """So much time has passed on the page that another press counts as a second one and not as a double click."""
    await page.wait_for_function("until => Date.now() > until", arg=await page.evaluate("Date.now()") + SECOND_PRESS_MS)


async def press_twice(page: Page, what: Locator) -> None:
    """A button that asks for a second press."""
    await what.click()
    await expect(what).to_contain_text("Press again")
    await finger_is_off(page)
    await what.click()


async def drop(page: Page, kind: str, to: str | None = None) -> None:
    """Arms a drop and fires it: LINK or COUPON, to all groups or to one choice of them."""
    await button(page, kind).click()
    armed = page.get_by_role("dialog", name="Armed")
    if to is not None:
        await button(armed, to).click()
    await fire(page, "Fire")


async def fire(page: Page, word: str) -> None:
    """The second press, on what is armed and filled in."""
    armed = page.get_by_role("dialog", name="Armed")
    await finger_is_off(page)
    await button(armed, word).click()
    await expect(armed).to_be_hidden()


def shown_in(page: Page, heading: str) -> Locator:
    """The panel with this heading."""
    return page.locator("section", has=page.get_by_role("heading", name=heading, exact=True))
