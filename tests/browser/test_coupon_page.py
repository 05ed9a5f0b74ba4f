"""What a member of a group opens on a phone: the coupon page, and a link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

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


async def test_a_slow_line_and_an_impatient_thumb_give_one_code(house: ServerProcess, people: People) -> None:
    sale, address = await dropped(house, "coupon")
    page = await people.come(address, locale="zh-CN", phone=True)
    arrive = asyncio.Event()
    asked: list[str] = []

    async def slowly(route: Route) -> None:
        if route.request.method == "POST":
            asked.append(route.request.post_data or "")
            await arrive.wait()
        await route.continue_()

    await page.route("**/c/*", slowly)
    claim = page.locator("form button")
    for _ in range(4):
        await claim.tap(force=True)  # it says that it is not to be pressed; a thumb does not ask
        await expect(claim).to_have_text("领取中…")
    arrive.set()
    await code_on(page)
    assert len(asked) == 1
    assert await claims(house, sale) == 1
    await expect(page.get_by_role("heading", name="领取成功")).to_be_focused()


async def test_an_answer_that_is_lost_on_its_way_is_asked_for_again_and_is_the_same_code(
    house: ServerProcess, people: People
) -> None:
    sale, address = await dropped(house, "coupon")
    people.line_may_break = True
    page = await people.come(address, locale="zh-CN", phone=True)
    lost: list[str] = []

    async def lose_two(route: Route) -> None:
        if route.request.method == "POST" and len(lost) < 2:
            answer = await route.fetch()  # it comes to the server, and the answer does not come back
            lost.append(await answer.text())
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/c/*", lose_two)
    await page.get_by_role("button", name="立即领取").tap()
    await expect(page.get_by_role("status")).to_have_text("网络不稳, 正在重试…")
    code = await code_on(page)
    assert len(lost) == 2
    assert all(code in answer for answer in lost)
    assert await claims(house, sale) == 1


async def test_who_is_offline_is_told_so_and_claims_when_they_are_back(house: ServerProcess, people: People) -> None:
    sale, address = await dropped(house, "coupon")
    people.line_may_break = True
    page = await people.come(address, locale="zh-CN", phone=True)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="立即领取").tap()
    await expect(page.get_by_role("status")).to_have_text("没有网络, 连上后自动领取")
    assert await claims(house, sale) == 0
    await page.context.set_offline(False)
    await code_on(page)
    assert await claims(house, sale) == 1


async def test_what_is_left_is_live_and_a_stop_is_seen_without_a_reload(house: ServerProcess, people: People) -> None:
    sale, address = await dropped(house, "coupon")
    page = await people.come(address, locale="zh-CN", phone=True)
    mine = await people.come(address, locale="zh-CN", phone=True)
    await mine.get_by_role("button", name="立即领取").tap()
    code = await code_on(mine)
    await expect(page.get_by_text("还剩 9 张")).to_be_visible()
    controller = next(c for c in house.clients if c.welcome["sale"] == sale and c.welcome["role"] == "controller")
    await controller.done("product.show", product="pan")
    await controller.done("coupon.stop", coupon="c20")
    await expect(page.get_by_text("已停止领取")).to_be_visible()
    await expect(page.get_by_role("button", name="立即领取")).to_have_count(0)
    await expect(page.get_by_role("region", name="现在")).to_contain_text("不粘锅")
    await mine.reload()
    assert await code_on(mine) == code


async def test_a_coupon_that_is_early_counts_down_and_opens_by_itself(house: ServerProcess, people: People) -> None:
    sale, _ = await opened(house, sheet(lead="4s", quantity=10))
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    address = (await relay.event("delivery.requested", group="g1"))["content"]["coupon"]
    page = await people.come(address, locale="zh-CN", phone=True)
    await expect(page.get_by_role("timer")).to_be_visible()
    await page.get_by_role("button", name="立即领取").tap()
    await code_on(page)


async def test_a_link_that_is_early_opens_by_itself_at_its_moment(
    house: ServerProcess, people: People, shop: str
) -> None:
    plan = sheet(lead="4s")
    plan["products"][0]["url"] = f"http://{shop}/pan"
    sale, _ = await opened(house, plan)
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done("link.drop", product="pan", groups="all")
    address = (await relay.event("delivery.requested", group="g1"))["content"]["link"]
    people.line_may_break = True  # 425 is reported, too
    page = await people.come(address, locale="en-GB", phone=True, then=shop)
    await expect(page.get_by_role("heading", name="Not open yet")).to_be_visible()
    await expect(page.get_by_role("heading", name="The shop")).to_be_visible()
    assert (await controller.event("link.clicked"))["group"] == "g1"


async def test_the_code_can_be_copied_and_scanned_and_the_language_changed(
    house: ServerProcess, people: People
) -> None:
    sale, address = await dropped(house, "coupon")
    page = await people.come(address, locale="zh-CN", phone=True)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="立即领取").tap()
    code = await code_on(page)
    await page.get_by_role("button", name="复制券码").tap()
    await expect(page.get_by_role("status")).to_have_text("已复制")
    assert await page.evaluate("navigator.clipboard.readText()") == code
    await expect(page.get_by_role("img", name="券码的二维码")).to_be_visible()
    await page.get_by_role("link", name="English").tap()
    await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
    assert await code_on(page) == code
    await page.get_by_role("link", name="中文").tap()
    await expect(page.get_by_role("heading", name="领取成功")).to_be_visible()
    assert await claims(house, sale) == 1


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
async def test_everything_to_press_is_large_enough_and_nothing_runs_off_a_small_phone(
    house: ServerProcess, people: People, locale: str
) -> None:
    _, address = await dropped(house, "coupon")
    page = await people.come(address, locale=locale, phone=True)
    await page.set_viewport_size({"width": 320, "height": 640})
    for _ in range(2):
        for thing in await page.locator("a, button").all():
            box = await thing.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        if await page.locator("form button").count():
            await page.locator("form button").tap()
            await code_on(page)


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
