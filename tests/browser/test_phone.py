"""The controller on a phone: the columns are tabs, and HALT is always there."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import PHONE, People, button, drop, opened
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_on_a_phone_the_columns_are_tabs_and_halt_stays_in_reach(house: ServerProcess, people: People) -> None:
    _, links = await opened(house, sheet(lead="10m"))
    page = await people.come(links["controller"], phone=True)
    tabs = page.get_by_role("navigation")
    halt = button(page, "HALT")
    seen = {
        "Run": page.get_by_role("heading", name="Run of show"),
        "Shelf": button(page, "Show"),
        "Drops": button(page, "COUPON"),
        "Groups": page.get_by_role("heading", name="Deliveries"),
    }
    for name, sight in seen.items():
        await tabs.get_by_role("button", name=name).tap()
        await expect(sight).to_be_visible()
        for other, hidden in seen.items():
            if other != name:
                await expect(hidden).to_be_hidden()
        await expect(halt).to_be_in_viewport(ratio=1)
        box = await halt.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        # Nothing is wider than the phone: no sideways scroll.
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    await tabs.get_by_role("button", name="Drops").tap()
    await drop(page, "LINK")
    # The ring with the way back is there whatever tab is turned to.
    for name in seen:
        await tabs.get_by_role("button", name=name).tap()
        await expect(button(page.locator(".lead:visible"), "Recall")).to_be_in_viewport(ratio=1)
    await halt.tap()
    await expect(page.get_by_role("banner")).to_contain_text("HALTED")
    await expect(page.get_by_role("alert").filter(has_text="HALTED: nothing goes out")).to_contain_text(
        "Stopped on set"
    )
    await expect(halt).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
