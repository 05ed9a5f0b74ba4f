"""Running the show: GO, hold, skip, and what the host is shown of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened, press_twice, shown_in
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUES: list[dict[str, Any]] = [
    {"id": "say", "at": "+30m", "prompt": "host", "text": "讲燃气灶也能用"},
    {"id": "link", "at": "+40m", "do": "link.drop", "groups": "all"},
    {"id": "vip", "at": "+50m", "do": "coupon.drop", "coupon": "c20", "groups": "tier:vip"},
    {"id": "last", "at": "+60m", "do": "link.drop", "link": "room", "groups": "all"},
]


async def test_go_fires_the_next_cue_a_prompt_by_one_press_and_a_drop_by_two(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", cues=CUES))
    page = await people.come(links["controller"])
    run = shown_in(page, "Run of show")
    go = button(run, "GO")
    await expect(go).to_contain_text("讲燃气灶也能用")
    await page.keyboard.press("Enter")
    await expect(go).to_contain_text("Link 不粘锅")
    await press_twice(page, go)
    await expect(go).to_contain_text("Coupon 满100减20")
    fired = [e["cue"] for e in await house.events(sale) if e["kind"] == "cue.fired"]
    assert fired == ["say", "link"]
    await expect(run.get_by_role("button", name="Link 不粘锅 2 groups fired")).to_be_visible()


async def test_a_cue_is_held_and_released_and_another_is_selected_and_skipped(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", cues=CUES))
    page = await people.come(links["controller"])
    run = shown_in(page, "Run of show")
    await run.get_by_role("button", name="Link 不粘锅").click()
    await button(run, "Hold").click()
    held = page.locator(".attention:visible")
    await expect(held).to_contain_text("held: it does not fire by itself")
    await expect(held).to_contain_text("2 groups")
    await button(held, "Release").click()
    await expect(held).to_be_hidden()
    await run.get_by_role("button", name="Coupon 满100减20").click()
    await press_twice(page, button(run, "Skip"))
    await expect(run.get_by_role("button", name="1 group skipped")).to_be_visible()
    record = [(e["kind"], e["cue"]) for e in await house.events(sale) if e["kind"].startswith("cue.")]
    assert record == [("cue.held", "link"), ("cue.released", "link"), ("cue.skipped", "vip")]


async def test_the_host_reads_product_and_price_and_acknowledges_a_prompt_with_space(
    house: ServerProcess, people: People
) -> None:
    plan = sheet()
    plan["products"][0]["points"] = ["无涂层", "免烟", "七年保"]
    sale, links = await opened(house, plan)
    controller = await people.come(links["controller"])
    host = await people.come(links["host"])
    await button(controller, "Show").click()
    await expect(host.get_by_role("heading", name="不粘锅")).to_be_visible()
    for words in ("¥129", "¥199", "300 left", "无涂层 · 免烟 · 七年保"):
        await expect(host.get_by_text(words, exact=True)).to_be_visible()
    await expect(controller.get_by_text("On air").first).to_be_visible()

    await controller.get_by_placeholder("Words for the host").fill("讲燃气灶也能用")
    await button(controller, "Urgent").click()
    await button(controller, "Send").click()
    await expect(controller.get_by_text("not seen")).to_be_visible()
    prompt = host.get_by_role("button", name="讲燃气灶也能用")
    await expect(prompt).to_be_in_viewport(ratio=1)
    await host.keyboard.press("Space")
    await expect(prompt).to_be_hidden()
    await expect(controller.get_by_text("● seen")).to_be_visible()
    acked = [e for e in await house.events(sale) if e["kind"] == "prompt.acked"]
    assert [(e["person"], e["by"]) for e in acked] == [("lin", "host:lin")]
    # Read from two metres: nothing is beyond the edge of the screen.
    assert await host.evaluate("document.documentElement.scrollHeight <= innerHeight")
