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
    sale, links = await opened(house, sheet(groups=3, lead="6s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])

    await button(page, "LINK").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_contain_text("3 groups · 300 members")
    await button(armed, "VIP").click()
    await expect(armed).to_contain_text("2 groups · 200 members")
    await button(armed, "VIP").click()
    await expect(armed).to_contain_text("No group chosen")
    await expect(button(armed, "Fire")).to_be_disabled()
    await button(armed, "VIP").click()
    await expect(armed).to_contain_text("2 groups · 200 members")
    assert "cue.announced" not in [e["kind"] for e in await house.events(sale)]
    await finger_is_off(page)
    await button(armed, "Fire").click()

    ring = page.locator(".lead:visible", has_text="不粘锅")
    await expect(ring).to_contain_text("leaves in")
    left = await ring.locator("text").text_content()
    await expect(ring.locator("text")).not_to_have_text(left or "")
    assert int(await ring.locator("text").text_content() or "") < int(left or "") <= 6
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    await button(ring, "Recall").click()
    await expect(ring).to_be_hidden()
    await relay.until(lambda: relay.kinds().count("delivery.withdrawn") == 2)
    assert {e["group"] for e in relay.events if e["kind"] == "delivery.requested"} == {"g1", "g3"}
    await expect(page.locator(".attention:visible")).to_contain_text("held")
    await press_twice(page, button(page.locator(".attention:visible"), "Skip"))
    await expect(page.locator(".attention:visible")).to_be_hidden()

    await drop(page, "LINK", "new")
    await relay.event("delivery.requested", group="g2")
    await expect(shown_in(page, "Run of show").get_by_role("button", name="1 group fired")).to_be_visible()
    board = shown_in(page, "Deliveries")
    await expect(board.get_by_role("button", name="2 群: on the way")).to_be_visible()
    await post(relay, "g2")
    await expect(board.get_by_role("button", name="2 群: arrived")).to_be_visible()
    await expect(board).to_contain_text("all 1 arrived")
    record = [e["kind"] for e in await house.events(sale)]
    assert record.count("link.dropped") == 1


async def test_a_double_click_arms_a_drop_and_does_not_fire_it(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet())
    page = await people.come(links["controller"])
    await button(page, "LINK").dblclick()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(armed).to_be_hidden()
    assert "link.dropped" not in [e["kind"] for e in await house.events(sale)]


async def test_a_coupon_is_dropped_by_keyboard_and_its_drop_is_the_part_that_was_set(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    await expect(button(page, "COUPON")).to_be_enabled()
    await page.keyboard.press("c")
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_contain_text("满100减20 threshold · 500 of 500 left")
    await armed.get_by_label("Quantity").fill("50")
    await button(armed, "Fire").focus()
    await finger_is_off(page)
    await page.keyboard.press("Enter")
    await expect(armed).to_be_hidden()
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    for group in ("g1", "g2"):
        await post(relay, group)
    await expect(shown_in(page, "Deliveries")).to_contain_text("all 2 arrived")
    dropped = next(e for e in await house.events(sale) if e["kind"] == "coupon.dropped")
    assert (dropped["coupon"], dropped["quantity"], dropped["by"]) == ("c20", 50, "controller:li")


async def test_halt_is_one_press_withdraws_what_has_not_left_and_is_lifted_by_two(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="10m"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    await drop(page, "LINK")
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    await expect(page.locator(".lead:visible")).to_contain_text("2 groups")
    await button(page, "HALT").click()
    await expect(page.get_by_role("banner")).to_contain_text("HALTED")
    band = page.get_by_role("alert").filter(has_text="HALTED: nothing goes out")
    await expect(band).to_contain_text("Stopped on set")
    await relay.until(lambda: relay.kinds().count("delivery.withdrawn") == 2)
    await expect(button(page, "LINK")).to_be_disabled()
    await expect(page.locator(".lead:visible")).to_be_hidden()
    await press_twice(page, button(band, "Lift the halt"))
    await expect(band).to_be_hidden()
    await expect(button(page, "LINK")).to_be_enabled()
