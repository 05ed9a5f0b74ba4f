"""What a member of a group opens on a phone to vote, to answer, to sign in: big buttons, one turn, live counts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.people import PHONE, People, opened
from tests.client import Client
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLL: dict[str, Any] = {"question": "下一场想买什么", "options": ["炒锅", "刀具", "餐具"], "until": 600_000}
QUIZ: dict[str, Any] = {
    "question": "这口锅保修几年",
    "answer": ["七年", "7"],
    "winners": 10,
    "prize": "小铲子",
    "until": 600_000,
}
SURVEY: dict[str, Any] = {
    "title": "今晚满意吗",
    "questions": [
        {"id": "happy", "text": "总体满意度", "kind": "scale"},
        {"id": "next", "text": "下次想要", "options": ["锅具", "餐具", "收纳"]},
        {"id": "words", "text": "想说的话", "kind": "text"},
    ],
}


async def game(house: ServerProcess, kind: str, **fields: Any) -> tuple[str, str, Client, Client]:
    """A round that is open: the sale, the address that its members were given, the controller, the relay."""
    sale, _ = await opened(house, sheet(lead="0s", quantity=10))
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done(f"{kind}.open", groups="all", **fields)
    await controller.event(f"{kind}.opened")
    return sale, (await relay.event("delivery.requested", group="g1"))["content"]["link"], controller, relay


async def turns(house: ServerProcess, sale: str, kind: str) -> int:
    return [e["kind"] for e in await house.events(sale)].count(kind)


async def fits(page: Page) -> None:
    """Nothing lies beyond the edge of the phone, and what is pressed is as big as a thumb."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for control in await page.locator(
        "button, fieldset label, input:not([type=hidden]):not([type=radio]), textarea"
    ).all():
        box = await control.bounding_box()
        assert box is not None
        assert box["height"] >= 44


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_vote_is_one_tap_and_its_shares_move_while_they_are_looked_at(
    house: ServerProcess, people: People, javascript: bool
) -> None:
    sale, address, _, relay = await game(house, "poll", **POLL)
    page = await people.come(address, locale="zh-CN", phone=True, javascript=javascript)
    await expect(page.get_by_role("heading", name="下一场想买什么")).to_be_visible()
    await fits(page)
    await people.look(page, f"poll-{javascript}")
    await page.get_by_role("button", name="刀具").dblclick()
    await expect(page.get_by_text("已投票, 谢谢")).to_be_visible()
    await expect(page.locator(".yours")).to_contain_text("刀具")
    await expect(page.locator(".yours")).to_contain_text("100%")
    await people.look(page, f"poll-voted-{javascript}")
    assert await turns(house, sale, "poll.voted") == 1
    if javascript:
        await relay.done("poll.vote", member="m1", option=1, group="g1")
        await expect(page.locator(".yours")).to_contain_text("50%", timeout=15_000)
        await expect(page.locator("rect").nth(1)).to_have_attribute("width", "50")
    await page.reload()
    await expect(page.locator(".yours")).to_contain_text("刀具")


async def test_a_right_answer_gets_its_place_and_the_end_shows_by_itself(house: ServerProcess, people: People) -> None:
    sale, address, controller, _ = await game(house, "quiz", **QUIZ)
    page = await people.come(address, locale="zh-CN", phone=True)
    await fits(page)
    await people.look(page, "quiz")
    await page.get_by_label("你的答案").fill("7 年")
    await page.get_by_label("你的答案").fill("七年")
    await page.get_by_role("button", name="提交").dblclick()
    await expect(page.get_by_text("你是第 1 名")).to_be_visible()
    await people.look(page, "quiz-won")
    other = await people.come(address, phone=True)
    await other.get_by_label("Your answer").fill("nine")
    await other.get_by_label("Your answer").press("Enter")
    await expect(other.get_by_text("Not right this time")).to_be_visible()
    assert await turns(house, sale, "quiz.answered") == 2
    await controller.done("quiz.close")
    await expect(page.get_by_text("正确答案: 七年")).to_be_visible(timeout=15_000)
    await people.look(other, "quiz-wrong")


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_survey_is_one_page_and_is_sent_once(house: ServerProcess, people: People, javascript: bool) -> None:
    sale, address, controller, _ = await game(house, "survey", **SURVEY)
    page = await people.come(address, locale="zh-CN", phone=True, javascript=javascript)
    await fits(page)
    await page.get_by_role("group", name="总体满意度").get_by_text("4", exact=True).tap()
    await page.get_by_text("餐具").tap()
    await page.get_by_label("想说的话").fill("节奏很好")
    await people.look(page, f"survey-{javascript}")
    await page.get_by_role("button", name="提交").dblclick()
    await expect(page.get_by_text("已收到, 谢谢")).to_be_visible()
    await people.look(page, f"survey-done-{javascript}")
    assert await turns(house, sale, "survey.answered") == 1
    happy, following, words = (
        await controller.until(lambda: next((s for s in controller.state["surveys"].values() if s["count"]), None))
    )["questions"]
    assert (happy["counts"][3], following["counts"][1], words["words"]) == (1, 1, 1)


async def test_a_sign_in_is_one_button(house: ServerProcess, people: People) -> None:
    sale, address, controller, relay = await game(house, "checkin", series="daily", until=600_000)
    page = await people.come(address, locale="zh-CN", phone=True)
    await fits(page)
    await people.look(page, "checkin")
    await relay.done("checkin.join", member="m1", group="g1")
    await expect(page.get_by_text("1 人参加")).to_be_visible(timeout=15_000)
    await page.get_by_role("button", name="签到").dblclick()
    await expect(page.get_by_text("签到成功")).to_be_visible()
    await expect(page.get_by_text("2 人参加")).to_be_visible()
    await people.look(page, "checkin-done")
    assert await turns(house, sale, "checkin.joined") == 2
    await controller.done("checkin.close")
    await expect(page.get_by_text("已结束")).to_be_visible(timeout=15_000)


async def test_a_prize_is_a_code_to_copy(house: ServerProcess, people: People) -> None:
    sale, address, _, _ = await game(
        house, "quiz", **{**QUIZ, "prize": "满100减20", "options": ["五年", "七年"]}, coupon="c20"
    )
    page = await people.come(address, locale="zh-CN", phone=True)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await fits(page)
    await people.look(page, "quiz-options")
    await page.get_by_role("button", name="七年").dblclick()
    await expect(page.get_by_text("你是第 1 名")).to_be_visible()
    code = await page.locator(".code").inner_text()
    await page.get_by_role("button", name="复制券码").tap()
    await expect(page.get_by_role("status")).to_have_text("已复制")
    assert await page.evaluate("navigator.clipboard.readText()") == code
    await expect(page.get_by_role("img", name="券码的二维码")).to_be_visible()
    await people.look(page, "quiz-prize")
    assert await turns(house, sale, "coupon.claimed") == 1


async def test_who_comes_before_it_opens_waits_on_the_page(house: ServerProcess, people: People) -> None:
    sale, _ = await opened(house, sheet(lead="6s"))
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done("poll.open", groups="all", **POLL)
    address = (await relay.event("delivery.requested", group="g1"))["content"]["link"]
    page = await people.come(address, phone=True)
    await expect(page.get_by_text("Not yet: one moment")).to_be_visible()
    await expect(page.get_by_role("button", name="炒锅")).to_be_visible(timeout=20_000)
