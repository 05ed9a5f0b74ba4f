"""`python -m docs.pictures [NAME…]`: takes the pictures of docs/images that show a moment which a demo does not wait at.

It needs Chromium, the built screens and the tests' libraries (`make test` sets them up). Each picture is a function here;
without names all of them are taken.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

from roles.relay.adapters.base import GroupSettings, Route, Routes
from roles.relay.adapters.wecom import WecomAdapter, WecomCredential
from roles.relay.agent import Agent
from tests.browser.people import People, opened
from tests.client import Client, token
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.server import InProcess
from tests.sheet import sheet

IMAGES = Path(__file__).parent / "images"
ADDRESS = "https://sale.example"
ROBOTS, GROUPS_EACH = 3, 26  # of a WeCom robot, which takes 20 a minute


async def poster(house: InProcess, people: People) -> None:
    """The next one to post, and what became of the last ones."""
    groups = [
        {"id": "g1", "name": "邻居 3 群", "relay": ["qun", "hui"], "members": 132},
        {"id": "g2", "name": "朋友圈", "tier": "moments", "relay": "qun"},
    ]
    team = [
        *sheet()["team"],
        {"person": "hui", "role": "poster"},
        {"person": "qun", "role": "poster"},
    ]
    plan = sheet(groups=groups, team=team, lead="0s", pacing={"caps": {"moments": {"per": "24h", "most": 5}}})
    sale, links = await opened(house, plan)
    page = await people.come(_here(house, links["poster"]), phone=True, locale="zh-CN")
    li, qun = await _desk(house, sale), await Client.join(house.url, token("poster", "qun", sale))
    hui = await Client.join(house.url, token("poster", "hui", sale))
    await li.done("message.send", content="开播啦, 今晚厨房专场, 直播间见", groups="all")
    await qun.until(lambda: len(qun.state["deliveries"]) == 2)
    await qun.done("delivery.report", delivery="d1", attempt=1, outcome="sent", proof="截图在群相册")
    await qun.done("delivery.report", delivery="d2", attempt=1, outcome="rejected", why="平台不让发")
    await li.done("link.drop", product="pan", groups="all", text="3, 2, 1, 上链接! 不粘锅 {price}: {link}")
    await expect(page.locator("article")).to_contain_text("邻居 3 群")
    await expect(page.get_by_text("接下来")).to_be_visible()
    await _kept(page, "poster")
    for each in (li, qun, hui):
        await each.close()


async def coupon(house: InProcess, people: People) -> None:
    """Four phones: a coupon to claim, the code in Chinese and English, a link that was stopped."""
    plan = sheet(lead="0s", quantity=60)
    plan["coupons"][0] |= {"valid": "2h", "products": ["pan"]}
    sale, _ = await opened(house, plan)
    li, relay = await _desk(house, sale), await house.join(sale, "relay")
    await li.done("coupon.drop", coupon="c20", groups="all")
    asked = await relay.event("delivery.requested", group="g1")
    for n in range(23):
        await relay.done("coupon.claim", coupon="c20", member=f"m{n}", group="g1")
    await li.done("link.drop", product="pan", groups="all")
    link = await relay.until(lambda: next((e for e in relay.events if (e.get("content") or {}).get("link")), None))
    await li.done("product.show", product="pan")
    address = _here(house, asked["content"]["coupon"])
    phones = []
    for locale, claims, scheme in (("zh-CN", False, "light"), ("zh-CN", True, "light"), ("en-US", True, "dark")):
        page = await people.come(address, phone=True, locale=locale)
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its two words
        if claims:
            await page.locator("form button").tap()
            await expect(page.locator(".code")).to_be_visible()
        phones.append(await page.screenshot())
    await li.done("link.stop", product="pan")
    stopped = await people.come(_here(house, link["content"]["link"]), phone=True)
    phones.append(await stopped.screenshot())
    desk = await people.browser.new_page(viewport={"width": 1344, "height": 720})
    shown = "".join(f'<img src="data:image/png;base64,{base64.b64encode(each).decode()}">' for each in phones)
    await desk.set_content(
        "<style>body{margin:0;display:flex;gap:24px;justify-content:center;padding:24px;background:#d6d1cc}"
        f"img{{width:300px;border-radius:24px;box-shadow:0 2px 12px #0003}}</style>{shown}"
    )
    await _kept(desk, "coupon")
    await li.close()


async def deliveries(house: InProcess, people: People) -> None:
    """A drop on its way to groups whose robots have windows: what is there, what waits, when the last will have it."""
    groups = [
        {"id": f"g{n}", "name": f"厨房 {n} 群", "tier": "fan", "relay": "wecom-main", "members": 180}
        for n in range(1, ROBOTS * GROUPS_EACH + 1)
    ]
    sale, links = await opened(house, sheet(groups=groups, lead="0s"))
    async with AsyncExitStack() as stack:
        routes = {}
        for robot in range(ROBOTS):
            double = await stack.enter_async_context(WecomDouble(latency_s=0.15))
            settings = WecomCredential.model_validate({"platform": "wecom", "base": double.base, "key": _KEY})
            adapter = WecomAdapter(f"bot-{robot + 1}", settings, None)
            for group in groups[robot::ROBOTS]:
                routes[group["id"]] = Route(GroupSettings(id=group["id"], credential=adapter.name), adapter)
        agent = Agent(house.url, token("relay", "wecom-main", sale), Routes(routes))
        work = asyncio.create_task(agent.run())
        li = await _desk(house, sale)
        await li.event("relay.told")
        page = await people.come(_here(house, links["controller"]), locale="en-US")

        def are(status: str) -> int:
            return sum(d["status"] == status for d in li.state["deliveries"].values())

        first = [f"g{n}" for n in range(1, ROBOTS * 4 + 1)]
        await li.done("message.send", content="三分钟后上链接", groups=first)
        await li.until(lambda: are("sent") == len(first))
        await li.done("link.drop", product="pan", groups="all", text="3, 2, 1, 上链接 {link}")
        await li.until(lambda: (are("sent"), are("held")) == (ROBOTS * 20, ROBOTS * (GROUPS_EACH - 16)))
        board = page.locator(".board")
        await expect(board.locator(".sums")).to_contain_text(f"{ROBOTS * (GROUPS_EACH - 16)} waiting")
        await board.get_by_role("button", name="rate limit").first.click()
        await _kept(page, "deliveries", board)
        agent.stop()
        await work
        await li.close()


_KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
PICTURES: dict[str, Callable[[InProcess, People], Awaitable[None]]] = {
    "poster": poster, "coupon": coupon, "deliveries": deliveries,
}  # fmt: skip


def _here(house: InProcess, address: str) -> str:
    """An address that groups are given, at the service that runs for the pictures."""
    return address.replace(ADDRESS, house.url)


async def _desk(house: InProcess, sale: str) -> Client:
    return await Client.join(house.url, token("controller", "li", sale))


async def _kept(page: Page, name: str, part: Any = None) -> None:
    await page.evaluate("document.fonts.ready")
    await page.mouse.move(0, 0)
    await (part or page).screenshot(path=IMAGES / f"{name}.png")


async def main(names: list[str]) -> None:
    executable = shutil.which("chromium")
    if executable is None or (unknown := [name for name in names if name not in PICTURES]):
        sys.exit("Chromium is not installed" if executable is None else f"no such picture: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as folder:
        house = InProcess(Path(folder), public=ADDRESS)
        await house.start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
                for name in names or PICTURES:
                    people = People(browser)
                    await PICTURES[name](house, people)
                    await people.leave()
                await browser.close()
        finally:
            await house.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
