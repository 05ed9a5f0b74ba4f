"""What disturbs a group stands on the controller's screen; one press reminds the group, or corrects it in the controller's words."""

from __future__ import annotations

import os

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_advertising_in_a_group_is_answered_with_its_rules_by_one_press(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", floor={"rules": "不发广告, 售后找客服"}))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    attention = page.locator(".attention:visible")
    for member in ("m1", "m2"):
        await relay.done(
            "group.observe", group="g1", what="message", member=member, text="加我微信有便宜的", name="小王"
        )
    await expect(attention).to_contain_text("advertising ×2")
    await expect(attention).to_contain_text("小王: 加我微信有便宜的")
    await expect(attention).to_contain_text("不发广告, 售后找客服")
    if shots := os.environ.get("DROPCUE_SHOTS"):
        await page.screenshot(path=f"{shots}/floor.png")
    await button(attention, "Send reminder").click()
    await expect(attention).to_be_hidden()
    await relay.until(lambda: "delivery.requested" in relay.kinds())
    sent = [e for e in relay.events if e["kind"] == "delivery.requested"]
    assert [(e["group"], e["content"]["text"].splitlines()[-1]) for e in sent] == [("g1", "不发广告, 售后找客服")]


async def test_a_correction_is_written_and_a_card_is_put_away_on_a_phone(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"], phone=True)
    attention = page.locator(".attention:visible")
    await relay.done("group.observe", group="g1", what="message", member="m1", text="这锅太差了")
    await expect(attention).to_contain_text("negative words")
    await button(attention, "Own words").click()
    await attention.get_by_label("Own words").fill("划痕七天包换, 找客服")
    if shots := os.environ.get("DROPCUE_SHOTS"):
        await page.screenshot(path=f"{shots}/floor-phone.png")
    await button(attention, "Send correction").click()
    await expect(attention).to_be_hidden()
    await relay.until(lambda: relay.events[-1].get("content", {}).get("text") == "划痕七天包换, 找客服")
    await relay.done("group.observe", group="g1", what="message", member="m1", text="骗子")
    await button(attention, "Leave it").click()
    await expect(attention).to_be_hidden()
    assert [e["kind"] for e in await house.events(sale)].count("floor.dismissed") == 1
