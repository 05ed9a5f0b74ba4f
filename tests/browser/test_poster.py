"""The poster's page on a phone: one card, copy, posted; what waits is counted, and nothing is lost with the line."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.people import PHONE, People, button, finger_is_off, opened
from tests.client import Client, token
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUPS = [
    {"id": "g1", "name": "邻居群", "tier": "fan", "relay": ["qun", "hui"], "members": 120},
    {"id": "g2", "name": "朋友圈", "tier": "moments", "relay": "qun"},
]


def by_hand(**more: Any) -> dict[str, Any]:
    return sheet(groups=GROUPS, team=[*sheet()["team"], {"person": "qun", "role": "poster"}], lead="0s", **more)


async def desk(house: ServerProcess, sale: str) -> Client:
    return await Client.join(house.url, token("controller", "li", sale))


async def nothing_is_wider_than_the_phone(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for each in await page.locator("main button:visible, .poster button:visible").all():
        box = await each.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, await each.inner_text()


async def test_a_poster_copies_posts_and_says_so_on_the_phone(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, by_hand())
    page = await people.come(links["poster"], phone=True, locale="zh-CN")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await expect(page.get_by_role("heading", name="现在没有要发的")).to_be_visible()
    controller = await desk(house, sale)
    await controller.done("link.drop", link="room", groups="all", text="直播间开了 {link}")
    await expect(page.get_by_role("heading", name="还有 2 条要发")).to_be_visible()
    await expect(page).to_have_title("(2) " + (await page.title()).removeprefix("(2) "))
    card = page.locator("article")
    await expect(card.get_by_role("heading", name="邻居群")).to_be_visible()
    await nothing_is_wider_than_the_phone(page)
    await people.look(page, "poster")
    await button(card, "复制文案").tap()
    await expect(button(card, "已复制")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    address = controller.state["deliveries"]["d1"]
    assert copied.startswith("直播间开了 http")
    assert address["status"] == "awaiting"
    await card.get_by_label("凭证").fill("截图在群相册")
    await button(card, "发好了").tap()
    sent = await controller.event("delivery.sent", delivery="d1")
    assert (sent["relay"], sent["proof"]) == ("qun", "截图在群相册")
    # The next card is there; what was not copied here is asked for twice.
    await expect(card.get_by_role("heading", name="朋友圈")).to_be_visible()
    await button(card, "发不了").tap()
    await people.look(page, "poster-cannot")
    await button(card, "平台不让发").tap()
    failed = await controller.event("delivery.failed", delivery="d2")
    assert failed["why"] == "平台不让发"
    await expect(page.get_by_role("heading", name="现在没有要发的")).to_be_visible()
    await nothing_is_wider_than_the_phone(page)
    await people.look(page, "poster-done")
    await controller.socket.close()


async def test_what_is_taken_back_is_struck_out_and_a_press_outlives_the_line(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, by_hand())
    page = await people.come(links["poster"], phone=True)
    await expect(page.get_by_role("heading", name="Nothing to post now")).to_be_visible()
    controller = await desk(house, sale)
    await controller.done("message.send", content="先别发", groups="group:g2")
    card = page.locator("article")
    await expect(card).to_contain_text("先别发")
    await controller.done("delivery.withdraw", delivery="d1")
    taken_back = page.get_by_role("alert").filter(has_text="do not post it")
    await expect(taken_back).to_contain_text("先别发")
    await people.look(page, "poster-withdrawn")
    await button(taken_back, "Seen").tap()
    await expect(taken_back).to_be_hidden()

    await controller.done("message.send", content="可以发了", groups="group:g2")
    await expect(card).to_contain_text("可以发了")
    people.line_may_break = True
    await page.context.set_offline(True)
    await button(card, "Posted").tap()
    await finger_is_off(page)
    await button(card, "Posted").tap()
    await expect(card).to_be_hidden()
    await expect(page.get_by_text("noted, waits for the line")).to_be_visible()
    await page.context.set_offline(False)
    await controller.event("delivery.sent", delivery="d2")
    await controller.socket.close()


async def test_a_second_press_is_about_the_card_that_the_first_was_about(house: ServerProcess, people: People) -> None:
    """Asked for twice, the button stayed armed while its card was taken back: the press then said the next was posted."""
    sale, links = await opened(house, by_hand())
    page = await people.come(links["poster"], phone=True)
    controller = await desk(house, sale)
    await controller.done("message.send", content="第一条", groups="group:g2")
    await controller.done("message.send", content="第二条", groups="group:g2")
    card = page.locator("article")
    await expect(card).to_contain_text("第一条")
    await button(card, "Posted").tap()
    await expect(card.get_by_text("Press again")).to_be_visible()
    await controller.done("delivery.withdraw", delivery="d1")
    await expect(card).to_contain_text("第二条")
    await finger_is_off(page)
    await button(card, "Posted").tap()
    await expect(card.get_by_text("Press again")).to_be_visible()
    await controller.done("note.add", text="then")
    assert controller.state["deliveries"]["d2"]["status"] == "awaiting"
    await controller.socket.close()


async def test_a_phone_that_slept_over_the_drop_and_a_restart_shows_what_stands_and_loses_no_press(
    mortal: ServerProcess, people: People
) -> None:
    sale, links = await opened(mortal, by_hand())
    page = await people.come(links["poster"], phone=True)
    await expect(page.get_by_role("heading", name="Nothing to post now")).to_be_visible()
    people.line_may_break = True
    await page.context.set_offline(True)
    controller = await desk(mortal, sale)
    await controller.done("message.send", content="睡着时来的", groups=["g1", "g2"])
    await controller.done("delivery.withdraw", delivery="d2")
    await mortal.restart()
    await page.context.set_offline(False)
    card = page.locator("article")
    await expect(card).to_contain_text("睡着时来的")
    await expect(page.get_by_role("alert").filter(has_text="do not post it")).to_be_visible()
    await page.context.set_offline(True)
    await button(card, "Posted").tap()
    await finger_is_off(page)
    await button(card, "Posted").tap()
    await expect(page.get_by_text("noted, waits for the line")).to_be_visible()
    await mortal.restart()
    await page.context.set_offline(False)
    controller = await desk(mortal, sale)
    await controller.until(lambda: controller.state["deliveries"]["d1"]["status"] == "sent")
    await expect(page.get_by_text("noted, waits for the line")).to_be_hidden()
    assert [e["kind"] for e in await mortal.events(sale)].count("delivery.sent") == 1
    await controller.socket.close()


async def test_another_poster_of_the_group_takes_it_over(house: ServerProcess, people: People) -> None:
    team = [*sheet()["team"], {"person": "qun", "role": "poster"}, {"person": "hui", "role": "poster"}]
    sale, links = await opened(house, {**by_hand(), "team": team})
    controller = await desk(house, sale)
    await controller.done("message.send", content="谁有空谁发", groups="group:g1")
    page = await people.come(links["poster"], phone=True)  # the last poster of the team: hui
    others = page.get_by_text("with qun")
    await expect(others).to_be_visible()
    await button(page, "I will post it").tap()
    await finger_is_off(page)
    await button(page, "I will post it").tap()
    card = page.locator("article")
    await expect(card).to_contain_text("谁有空谁发")
    assert controller.state["deliveries"]["d1"]["relay"] == "hui"
    await nothing_is_wider_than_the_phone(page)
    await button(card, "Give to qun").tap()
    await finger_is_off(page)
    await button(card, "Give to qun").tap()
    await expect(card).to_be_hidden()
    await controller.until(lambda: controller.state["deliveries"]["d1"]["relay"] == "qun")
    await controller.socket.close()


async def test_a_proof_given_later_on_the_second_phone_is_kept_and_stands_on_the_board(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, by_hand())
    one = await people.come(links["poster"], phone=True)
    two = await people.come(links["poster"], phone=True, locale="zh-CN")
    controller = await desk(house, sale)
    await controller.done("message.send", content="早上好", groups=["g2"])
    await expect(two.locator("article")).to_contain_text("早上好")
    await button(one.locator("article"), "Posted").tap()
    await finger_is_off(one)
    await button(one.locator("article"), "Posted").tap()
    await controller.event("delivery.sent", delivery="d1")
    await button(two, "补凭证").tap()
    await two.get_by_label("备注或截图链接").fill("截图在群相册")
    await nothing_is_wider_than_the_phone(two)
    await people.look(two, "poster-proof-later")
    await button(two, "补上").tap()
    await controller.event("delivery.proved", delivery="d1", relay="qun", proof="截图在群相册")
    for phone in (one, two):
        await expect(phone.get_by_text("截图在群相册")).to_be_visible()
    page = await people.come(links["controller"], locale="zh-CN")
    await page.get_by_role("button", name="朋友圈: 已到").click()
    await expect(page.locator(".detail")).to_contain_text("截图在群相册")
    await controller.socket.close()


async def test_two_who_posted_the_same_are_both_told_and_the_board_says_so(
    house: ServerProcess, people: People
) -> None:
    team = [*sheet()["team"], {"person": "hui", "role": "poster"}, {"person": "qun", "role": "poster"}]
    sale, links = await opened(house, {**by_hand(), "team": team})
    page = await people.come(links["poster"], phone=True)  # the last poster of the team: qun
    controller = await desk(house, sale)
    await controller.done("message.send", content="谁有空谁发", groups="group:g1")
    card = page.locator("article")
    await expect(card).to_contain_text("谁有空谁发")
    people.line_may_break = True
    await page.context.set_offline(True)
    await button(card, "Posted").tap()
    await finger_is_off(page)
    await button(card, "Posted").tap()
    hui = await Client.join(house.url, token("poster", "hui", sale))
    await hui.done("delivery.hand", delivery="d1")
    await hui.done("delivery.report", delivery="d1", attempt=2, outcome="sent", proof="惠的截图")
    await page.context.set_offline(False)
    await expect(page.get_by_text("hui posted it too at")).to_be_visible()
    await nothing_is_wider_than_the_phone(page)
    await people.look(page, "poster-twice")
    screen = await people.come(links["controller"])
    await expect(screen.locator(".board .sums")).to_contain_text("1 may have it twice")
    await screen.get_by_role("button", name="邻居群: arrived").click()
    await expect(screen.locator(".detail")).to_contain_text("qun sent it too at")
    await people.look(screen, "poster-twice-board")
    await hui.socket.close()
    await controller.socket.close()


async def test_the_board_says_who_has_to_post_and_since_when(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, by_hand(posters={"remind": "1s"}))
    page = await people.come(links["controller"])
    await expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()
    controller = await desk(house, sale)
    await controller.done("message.send", content="早上好", groups=["g2"])
    await expect(page.locator(".board .sums")).to_contain_text("1 with qun")
    await page.get_by_role("button", name="朋友圈: a person posts it").click()
    detail = page.locator(".detail")
    await expect(detail).to_contain_text("qun")
    await expect(detail).to_contain_text("due ")
    await expect(detail).to_contain_text("late: not posted")
    await people.look(page, "poster-board")
    await controller.socket.close()


async def test_a_red_packet_is_a_posters_task_with_amount_count_groups_and_proof(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, by_hand())
    page = await people.come(links["poster"], phone=True)
    controller = await desk(house, sale)
    await controller.done("redpacket.announce", amount=20_000, count=100, groups=["g1", "g2"])
    packet = page.locator(".packets li")
    await expect(packet).to_contain_text("¥200")
    await expect(packet).to_contain_text("100")
    await expect(packet).to_contain_text("邻居群, 朋友圈")
    await expect(button(packet, "Sent")).to_be_disabled()
    await packet.get_by_role("textbox").fill("https://img.example/proof.jpg")
    await button(packet, "Sent").tap()
    done = await controller.event("task.done")
    assert done["proof"] == "https://img.example/proof.jpg"
    await expect(packet).to_be_hidden()
    await nothing_is_wider_than_the_phone(page)
    await controller.socket.close()
