"""A group that its relay cannot write into any more: the controller is told, and sees why, in their own language."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, drop, opened, shown_in
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

WHY = "the bot was removed: add it to the group again"


async def test_the_controller_is_told_when_it_happens_why_and_thaws_it(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(groups=3, lead="0s"))
    page = await people.come(links["controller"])
    chinese = await people.come(links["controller"], locale="zh-CN")
    relay = await house.join(sale, "relay", "r1")
    await drop(page, "LINK")
    await relay.done("group.observe", group="g2", what="unreachable", why=WHY)
    told = page.get_by_role("alert").filter(has_text="2 群")
    await expect(told).to_contain_text("cannot be reached, frozen")
    await expect(told).to_contain_text("the bot was removed from the group: add it again")
    await expect(chinese.get_by_role("alert").filter(has_text="2 群")).to_contain_text("机器人被移出群, 请重新拉进群")
    row = shown_in(page, "Deliveries").get_by_role("row").filter(has_text="2 群")
    await expect(row).to_contain_text("the bot was removed from the group")
    await relay.done("group.observe", group="g3", what="unreachable", why="the robot 7 is on holiday")
    await expect(page.get_by_role("alert").filter(has_text="3 群")).to_contain_text("the robot 7 is on holiday")
    await button(told, "OK").click()
    await expect(told).to_be_hidden()
    await expect(row).to_contain_text("the bot was removed from the group")
    await button(chinese.get_by_role("alert").filter(has_text="2 群"), "解冻").first.click()
    await expect(chinese.get_by_role("alert").filter(has_text="2 群")).to_be_hidden()
    await relay.done("group.observe", group="g2", what="unreachable", why="the bot may not write there")
    await expect(told).to_contain_text("may not write in the group")
