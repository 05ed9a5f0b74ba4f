"""Drops from the controller's screen: armed, fired, recalled in time, delivered."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, drop, finger_is_off, opened, post, press_twice, shown_in
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_link_that_is_recalled_in_time_never_leaves_and_the_next_one_arrives(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(groups=3, lead="4s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])

    await button(page, "LINK").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_contain_text("3 groups · 300 members")
    await button(armed, "vip").click()
    await expect(armed).to_contain_text("2 groups · 200 members")
    await button(armed, "vip").click()
    await expect(armed).to_contain_text("No group chosen")
    await expect(button(armed, "Fire")).to_be_disabled()
    await button(armed, "vip").click()
    await expect(armed).to_contain_text("2 groups · 200 members")
    assert "cue.announced" not in [e["kind"] for e in await house.events(sale)]
    await finger_is_off(page)
    await button(armed, "Fire").click()

    ring = page.locator(".lead:visible", has_text="不粘锅")
    await expect(ring).to_contain_text("leaves in 4 s")
    await expect(ring).to_contain_text("leaves in 3 s")
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    await button(ring, "Recall").click()
    await expect(ring).to_be_hidden()
    await relay.until(lambda: relay.kinds().count("delivery.withdrawn") == 2)
    assert {e["group"] for e in relay.events if e["kind"] == "delivery.requested"} == {"g1", "g3"}
    await expect(page.locator(".waiting:visible")).to_contain_text("held")
    await press_twice(page, button(page.locator(".waiting:visible"), "Skip"))
    await expect(page.locator(".waiting:visible")).to_be_hidden()

    await drop(page, "LINK", "new")
    await relay.event("delivery.requested", group="g2")
    await relay.event("cue.fired")
    board = shown_in(page, "Deliveries")
    await expect(board.get_by_role("button", name="2 群: on the way")).to_be_visible()
    await post(relay, "g2")
    await expect(board.get_by_role("button", name="2 群: arrived")).to_be_visible()
    await expect(board).to_contain_text("all 1 arrived")
    record = [e["kind"] for e in await house.events(sale)]
    assert record.count("link.dropped") == 1
