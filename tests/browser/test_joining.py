"""From a join link to a screen: who, in which language, and what stays behind in the browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(("role", "sight"), [("controller", "Run of show"), ("host", "不粘锅")])
async def test_a_join_link_opens_the_roles_screen_and_the_token_leaves_the_address_bar(
    house: ServerProcess, people: People, role: str, sight: str
) -> None:
    _, links = await opened(house, sheet())
    token = links[role].partition("#")[2]
    page = await people.come(links[role])
    await expect(page.get_by_role("heading", name=sight)).to_be_visible()
    assert token not in page.url
    assert page.url == f"{house.url}/console/"
    assert token not in await page.content()
    await page.reload()
    await expect(page.get_by_role("heading", name=sight)).to_be_visible()
    await page.goto("about:blank")
    await page.go_back()
    await expect(page.get_by_role("heading", name=sight)).to_be_visible()
    assert token not in page.url
    # What is only for the controller is not there for the host.
    assert await button(page, "HALT").count() == (1 if role == "controller" else 0)


async def test_a_link_that_was_cut_says_so_and_what_to_do(house: ServerProcess, people: People) -> None:
    _, links = await opened(house, sheet())
    page = await people.come(links["host"][: links["host"].index("#") + 20])
    await expect(page.get_by_role("heading", name="The join link is incomplete")).to_be_visible()
    await page.goto(links["host"])
    await expect(page.get_by_role("heading", name="不粘锅")).to_be_visible()
    other = await people.come(f"{house.url}/console/")
    await expect(other.get_by_role("heading", name="A join link is needed")).to_be_visible()


async def test_the_screen_speaks_the_browsers_language_until_another_is_chosen(
    house: ServerProcess, people: People
) -> None:
    _, links = await opened(house, sheet())
    page = await people.come(links["controller"], locale="zh-CN")
    await expect(page.get_by_role("heading", name="流程")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    for words in ("直播中", "全停"):
        await expect(page.get_by_role("banner")).to_contain_text(words)
    await expect(button(page, "上链接")).to_be_visible()
    await page.get_by_text("更多").click()
    await button(page, "English").click()
    await expect(page.get_by_role("heading", name="Run of show")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Run of show")).to_be_visible()
    await expect(page.get_by_role("banner")).to_contain_text("HALT")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
