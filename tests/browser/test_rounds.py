"""Polls, quizzes, surveys and sign-ins from the screens: opened by hand, counted before everybody's eyes, ended."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, finger_is_off, fire, opened, press_twice
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_cohost_opens_a_poll_sees_it_fill_and_ends_it(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["cohost"])
    await button(page, "Poll").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_contain_text("2 groups · 200 members")
    await armed.get_by_label("Question").fill("下一场想买什么")
    await armed.get_by_label("Options").fill("炒锅\n")
    await expect(button(armed, "Open the poll")).to_be_disabled()
    await armed.get_by_label("Options").fill("炒锅\n餐具\n")
    await fire(page, "Open the poll")
    sent = next(e for e in await house.events(sale) if e["kind"] == "delivery.requested")
    assert sent["content"]["text"].startswith("投票: 下一场想买什么\n1. 炒锅\n2. 餐具\n")
    card = page.locator("article.round")
    await expect(card).to_contain_text("下一场想买什么")
    await expect(card).to_contain_text("4:")
    for member, option in (("m1", 1), ("m2", 2), ("m3", 2)):
        await relay.done("poll.vote", member=member, group="g1", option=option)
    await expect(card.locator("li", has_text="餐具")).to_contain_text("2")
    await expect(card.locator(".count strong")).to_have_text("3")
    await press_twice(page, button(card, "End it"))
    await expect(card).to_contain_text("over")
    assert [(e["by"], e["votes"]) for e in await house.events(sale) if e["kind"] == "poll.closed"] == [
        ("cohost:wu", [1, 2])
    ]


async def test_the_controller_opens_a_sign_in_for_one_tier_and_members_sign_in(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    await button(page, "Sign-in").click()
    armed = page.get_by_role("dialog", name="Armed")
    await button(armed, "VIP").click()
    await expect(armed).to_contain_text("1 group · 100 members")
    await armed.get_by_label("Series").fill("day")
    await fire(page, "Open the sign-in")
    card = page.locator("article.round")
    await expect(card).to_contain_text("day")
    for member in ("m1", "m2"):
        assert await relay.done("checkin.join", member=member, group="g1") == {"streak": 1}
    await expect(card.locator(".count strong")).to_have_text("2")
    await press_twice(page, button(card, "End it"))
    await expect(card).to_contain_text("over")
    kinds = [e["kind"] for e in await house.events(sale)]
    assert kinds.count("checkin.closed") == 1
    asked = [e["group"] for e in await house.events(sale) if e["kind"] == "delivery.requested"]
    assert asked == ["g1"]


async def test_a_quiz_from_a_phone_names_who_was_first(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["cohost"], phone=True)
    await button(page, "Quiz").click()
    armed = page.get_by_role("dialog", name="Armed")
    await armed.get_by_label("Question").fill("这口锅是几层")
    await armed.get_by_label("Right answers").fill("三层\n3层")
    await armed.get_by_label("Prize", exact=True).fill("保温杯")
    await fire(page, "Open the quiz")
    card = page.locator("article.round")
    await expect(card).to_contain_text("这口锅是几层")
    assert await relay.done("quiz.answer", member="m1", group="g1", answer="两层") == {"right": False}
    assert await relay.done("quiz.answer", member="m2", group="g1", answer=" 3层 ") == {"right": True, "place": 1}
    await expect(card).to_contain_text("over")
    await expect(card).to_contain_text("1 right")
    closed = next(e for e in await house.events(sale) if e["kind"] == "quiz.closed")
    assert (closed["why"], closed["won"]) == ("won", ["m2"])


async def test_a_survey_is_put_together_question_by_question(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    page = await people.come(links["cohost"], locale="zh-CN")
    await page.get_by_role("button", name="问卷").click()
    armed = page.get_by_role("dialog", name="准备发出")
    await armed.get_by_label("标题").fill("今晚怎么样")
    first, second = armed.locator("fieldset").nth(0), armed.locator("fieldset").nth(1)
    await first.get_by_label("问题").fill("最喜欢哪件")
    await first.get_by_label("选项").fill("锅\n刀")
    await armed.get_by_role("button", name="加一题").click()
    await second.get_by_label("问题").fill("打几分")
    await second.get_by_role("radio", name="1 到 5 分").click()
    await finger_is_off(page)
    await armed.get_by_role("button", name="发问卷").click()
    await expect(armed).to_be_hidden()
    await expect(page.locator("article.round")).to_contain_text("今晚怎么样")
    survey = next(e for e in await house.events(sale) if e["kind"] == "survey.opened")
    assert [(q["id"], q["kind"], q.get("options", [])) for q in survey["questions"]] == [
        ("q1", "choice", ["锅", "刀"]),
        ("q2", "scale", []),
    ]


async def test_what_the_checks_block_is_said_in_the_form_and_goes_with_a_reason(
    house: ServerProcess, people: People
) -> None:
    """A question goes out in the ready text: what is wrong with it was told in a corner, and could not be overruled."""
    sale, links = await opened(house, sheet(lead="0s"))
    page = await people.come(links["cohost"])
    await button(page, "Poll").click()
    armed = page.get_by_role("dialog", name="Armed")
    await armed.get_by_label("Question").fill("哪个是最佳锅")
    await armed.get_by_label("Options").fill("炒锅\n平底锅")
    await expect(armed.get_by_text("AD-ABS").first).to_be_visible()
    await finger_is_off(page)
    await button(armed, "Open the poll").click()
    await expect(armed.get_by_role("alert")).to_contain_text("The words did not pass the checks")
    await expect(page.locator(".notices .refused")).to_have_count(0)
    await armed.get_by_label("To send it all the same").fill("引用顾客的话")
    await fire(page, "Open the poll")
    went = next(e for e in await house.events(sale) if e["kind"] == "cue.announced")
    assert went["override"] == {"rules": ["AD-ABS"], "reason": "引用顾客的话"}


async def test_what_the_sheet_has_planned_is_taken_as_the_form_that_is_filled_in(
    house: ServerProcess, people: People
) -> None:
    vote = {
        "id": "vote", "at": "+30m", "do": "poll.open", "question": "下一场想买什么", "options": ["炒锅", "餐具"],
        "until": "90s", "groups": "tier:vip",
    }  # fmt: skip
    sale, links = await opened(house, sheet(lead="0s", cues=[vote]))
    page = await people.come(links["cohost"])
    await button(page, "Poll").click()
    armed = page.get_by_role("dialog", name="Armed")
    await button(armed, "下一场想买什么").click()
    await expect(armed.get_by_label("Options")).to_have_value("炒锅\n餐具")
    await expect(armed.get_by_label("Minutes open")).to_have_value("1:30")
    await expect(armed).to_contain_text("1 group · 100 members")
    await expect(armed).to_contain_text("still opens one of its own")
    await armed.get_by_label("Options").fill("炒锅\n餐具\n刀具")
    await fire(page, "Open the poll")
    poll = next(e for e in await house.events(sale) if e["kind"] == "poll.opened")
    assert (poll["options"], poll["until"] - poll["at"]) == (["炒锅", "餐具", "刀具"], 90_000)
    assert (await house.state(sale))["state"]["cues"]["vote"].get("status", "planned") == "planned"


async def test_a_quizs_prize_is_a_coupon_of_the_sheet_also_where_the_sheet_planned_it(
    house: ServerProcess, people: People
) -> None:
    ask = {
        "id": "ask",
        "at": "+30m",
        "do": "quiz.open",
        "question": "几层",
        "answer": "三层",
        "options": ["两层", "三层"],
        "coupon": "c20",
    }
    sale, links = await opened(house, sheet(lead="0s", cues=[ask]))
    relay = await house.join(sale, "relay")
    page = await people.come(links["cohost"])
    await button(page, "Quiz").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed.get_by_label("Prize", exact=True)).to_be_visible()
    await button(armed, "几层").click()
    await expect(armed.get_by_label("Coupon as prize")).to_have_value("c20")
    await expect(armed.get_by_label("Prize", exact=True)).to_have_count(0)
    await fire(page, "Open the quiz")
    await expect(page.locator("article.round")).to_contain_text("几层")
    assert (await relay.done("quiz.answer", member="m1", group="g1", answer="2"))["place"] == 1
    events = await house.events(sale)
    assert next(e for e in events if e["kind"] == "coupon.claimed")["coupon"] == "c20"
    assert next(e for e in events if e["kind"] == "quiz.opened")["options"] == ["两层", "三层"]
