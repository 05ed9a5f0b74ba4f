"""A wrong link is stopped from the controller's screen: who opens it is told, and the right one goes out again."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, drop, opened, press_twice
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_link_that_is_out_is_stopped_with_two_presses_and_can_go_out_again(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    await button(page, "LINK").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(button(armed, "Stop link")).to_have_count(0)
    await page.keyboard.press("Escape")
    await drop(page, "LINK")
    address = (await relay.event("delivery.requested", group="g1"))["content"]["link"]
    await button(page, "LINK").click()
    await press_twice(page, button(armed, "Stop link"))
    await expect(button(armed, "Stop link")).to_have_count(0)
    await page.keyboard.press("Escape")
    assert "link.stopped" in [e["kind"] for e in await house.events(sale)]

    people.line_may_break = True  # 410 is reported, too
    phone = await people.come(address, locale="zh-CN", phone=True)
    await expect(phone.get_by_role("heading", name="这个链接已停用")).to_be_visible()
    await drop(page, "LINK")
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 4)
