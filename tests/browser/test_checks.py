"""A controller sees what a check has to say while a drop is armed, and sends it all the same under their name."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, finger_is_off, opened
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_term_is_marked_while_it_is_written_and_goes_with_a_reason(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    page = await people.come(links["controller"])
    await button(page, "LINK").click()
    armed = page.get_by_role("dialog", name="Armed")
    words = armed.get_by_label("Words")
    await words.fill("😀 最佳锅, 只要 99 元 {link}")
    await expect(armed.locator("mark.block")).to_have_text("最佳")
    await expect(armed.locator("mark.warn")).to_have_text("只要 99 元")
    await expect(armed).to_contain_text("Blocked AD-ABS")
    await finger_is_off(page)
    await button(armed, "Fire").click()  # without a reason the server says no, and what was written stays
    await expect(page.get_by_role("alert")).to_contain_text("AD-ABS")
    await expect(words).to_have_value("😀 最佳锅, 只要 99 元 {link}")
    await armed.get_by_placeholder("Reason").fill("注册商标")
    await button(armed, "Fire").click()
    await expect(armed).to_be_hidden()
    events = await house.events(sale)
    sent = next(e for e in events if e["kind"] == "cue.announced")
    assert sent["override"] == {"rules": ["AD-ABS"], "reason": "注册商标"}
    assert {f["rule"] for f in sent["check"]["found"]} == {"AD-ABS", "PRICE"}
