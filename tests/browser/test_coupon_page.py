"""What a member of a group opens on a phone: the coupon page, and a link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.people import PHONE, People, opened
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def dropped(house: ServerProcess, kind: str, url: str = "https://shop.example/pan") -> tuple[str, str]:
    """A drop in a group: the sale, and the address that its members were given."""
    plan = sheet(lead="0s", quantity=10)
    plan["products"][0]["url"] = url
    sale, _ = await opened(house, plan)
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done(
        f"{kind}.drop", groups="all", **({"coupon": "c20"} if kind == "coupon" else {"product": "pan"})
    )
    await controller.event(f"{kind}.dropped")
    return sale, (await relay.event("delivery.requested", group="g1"))["content"][kind]


async def claims(house: ServerProcess, sale: str) -> int:
    return [e["kind"] for e in await house.events(sale)].count("coupon.claimed")


async def code_on(page: Page) -> str:
    await expect(page.locator(".code")).to_be_visible()
    return await page.locator(".code").inner_text()


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_claim_gives_a_code_and_coming_again_shows_the_same(
    house: ServerProcess, people: People, javascript: bool
) -> None:
    sale, address = await dropped(house, "coupon")
    page = await people.come(address, locale="zh-CN", phone=True, javascript=javascript)
    await expect(page.get_by_role("heading", name="满100减20")).to_be_visible()
    await expect(page.get_by_text("还剩 10 张")).to_be_visible()
    claim = page.get_by_role("button", name="立即领取")
    box = await claim.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["x"] + box["width"] <= PHONE["width"]
    await claim.tap()
    code = await code_on(page)
    assert len(code) >= 6
    await page.goto(address)
    assert await code_on(page) == code
    await page.reload()
    assert await code_on(page) == code
    assert await claims(house, sale) == 1

    someone = await people.come(address, phone=True, javascript=javascript)
    await expect(someone.get_by_text("9 left")).to_be_visible()
    await someone.get_by_role("button", name="Claim it").tap()
    assert await code_on(someone) != code


async def test_a_claimed_code_comes_with_what_to_do_with_it(house: ServerProcess, people: People) -> None:
    _, address = await dropped(house, "coupon")
    for locale, claim, words in (
        ("zh-CN", "立即领取", "结算时粘贴券码"),
        ("en-GB", "Claim it", "Paste the code at the checkout"),
    ):
        page = await people.come(address, locale=locale, phone=True)
        await page.get_by_role("button", name=claim).tap()
        await code_on(page)
        await expect(page.get_by_role("main")).to_contain_text(words, timeout=1000)


async def test_a_double_tap_and_two_tabs_of_one_phone_give_one_code(house: ServerProcess, people: People) -> None:
    sale, address = await dropped(house, "coupon")
    page = await people.come(address, phone=True)
    tab = await page.context.new_page()
    await tab.goto(address)
    claim = page.get_by_role("button", name="Claim it")
    await claim.dblclick()
    code = await code_on(page)
    await tab.get_by_role("button", name="Claim it").tap()
    assert await code_on(tab) == code
    assert await claims(house, sale) == 1


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[str]:
    """A shop to which a link leads: a page of its own on a port of its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            b"<!doctype html><link rel=icon href='data:,'><h1>The shop</h1>"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_link_leads_to_the_shop_and_the_click_is_counted(
    house: ServerProcess, people: People, shop: str
) -> None:
    sale, address = await dropped(house, "link", f"http://{shop}/pan")
    page = await people.come(address, phone=True, then=shop)
    await expect(page.get_by_role("heading", name="The shop")).to_be_visible()
    assert page.url == f"http://{shop}/pan"
    controller = next(c for c in house.clients if c.welcome["sale"] == sale and c.welcome["role"] == "controller")
    assert (await controller.event("link.clicked"))["group"] == "g1"
