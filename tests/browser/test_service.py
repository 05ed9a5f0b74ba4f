"""Support and cheer at their screens: questions on the clock, phrases by `/`, follow-ups with their contact, tasks in time."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened, press_twice
from tests.client import Client, token
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHRASES = [
    {"id": "price", "title": "价格", "text": "{product} 现在 {price}, 还剩 {stock} 件", "product": "pan"},
    {"id": "post", "title": "运费", "text": "全场包邮, 48 小时内发货"},
]
SERVICE: dict[str, Any] = {
    "phrases": PHRASES,
    "service": {"acknowledge": "300ms", "warn": "2s", "breach": "8s", "lease": "60s"},
    "followup": {"after": "0s", "quiet": "none"},
}


async def ask(relay: Client, text: str, group: str = "g1", member: str = "m1") -> None:
    await relay.done("question.raise", group=group, member=member, text=text)


async def test_a_question_is_answered_with_a_phrase_that_has_the_price_of_the_moment(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", **SERVICE))
    relay = await house.join(sale, "relay", "r1")
    for n, text in enumerate(("这口锅多少钱?", "包邮吗?", "燃气灶能用吗?")):
        await ask(relay, text, member=f"m{n}")
    await ask(relay, "这口锅多少钱", group="g2", member="m9")
    page = await people.come(links["support"])
    first = page.get_by_role("button", name="这口锅多少钱")
    await expect(first).to_contain_text("asked 2×")
    await expect(first).to_contain_text("nearly too late")
    await first.click()
    words = page.get_by_placeholder("Answer, / for phrases")
    await words.press_sequentially("/价")
    await expect(page.get_by_role("listbox").get_by_role("option")).to_contain_text("价格")
    await words.press("Enter")
    await expect(words).to_have_value("不粘锅 现在 ¥129, 还剩 300 件")
    await expect(page.get_by_text("kept for")).to_be_visible()
    controller = await house.join(sale)
    await controller.done("product.reprice", product="pan", price=9900)
    await expect(words).to_have_value("不粘锅 现在 ¥99, 还剩 300 件")
    await people.look(page, "support-questions")
    await button(page, "Send answer").click()
    answered = await controller.event("question.answered")
    assert (answered["phrase"], answered["groups"]) == ("price", ["g1", "g2"])
    await expect(first).to_be_hidden()


async def test_a_colleague_sees_who_has_it_and_gets_all_of_it_at_the_end_of_a_shift(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", **SERVICE))
    relay = await house.join(sale, "relay", "r1")
    await ask(relay, "包邮吗?")
    page = await people.come(links["support"])
    colleague = await people.come(f"{house.url}/console/#{token('support', 'dan', sale)}")
    await button(page, "Take").click()
    await expect(colleague.get_by_role("button", name="包邮吗")).to_contain_text("chen is on it")
    await page.locator("summary", has_text="Hand over 1").click()
    await page.get_by_label("To whom").select_option("dan")
    await press_twice(page, page.get_by_role("button", name="Hand over 1"))
    await expect(colleague.get_by_role("button", name="包邮吗")).to_contain_text("mine")
    await expect(page.get_by_role("button", name="包邮吗")).to_contain_text("dan is on it")


async def test_a_follow_up_is_taken_looked_up_written_and_closed(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s", **SERVICE))
    shop = token("shop", "shop", sale)
    order = {"order": "o-2071", "status": "placed", "member": "wx-9f31c2aa", "group": "g1", "amount": 12900}
    await house.do(sale, "shop", "order.report", **order, lines=[{"product": "pan", "quantity": 1, "price": 12900}])
    for n in range(3):
        await house.do(sale, "audience", "link.click", f"member-{n}", link="room")
    contact = {"contacts": [{"member": "wx-9f31c2aa", "contact": "微信 xiaowang-1988"}]}
    assert (await house.http("PUT", f"/api/sales/{sale}/contacts", shop, json=contact)).status == 200
    page = await people.come(links["support"])
    await button(page, "Follow-ups").click()
    entry = page.get_by_role("button", name="Order not paid")
    await expect(entry).to_contain_text("wx-9f3…")
    await entry.click()
    await expect(page.get_by_text("不粘锅").first).to_be_visible()
    await button(page, "Take it").click()
    await button(page, "payment reminder").click()
    await button(page, "Show").click()
    await expect(page.get_by_text("微信 xiaowang-1988")).to_be_visible()
    await people.look(page, "support-followups")
    await button(page, "I have written").click()
    await expect(entry).to_contain_text("written to")
    await button(page, "Will buy").click()
    await expect(entry).to_be_hidden()
    record = [
        (e["kind"], e.get("why") or e.get("outcome"))
        for e in await house.events(sale)
        if e["kind"].startswith(("followup.", "member."))
    ]
    assert record == [
        ("followup.taken", None), ("member.revealed", "payment reminder"), ("followup.messaged", None), ("followup.closed", "will_buy"),
    ]  # fmt: skip


async def test_a_refusal_says_when_a_member_may_be_written_to(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s", **{**SERVICE, "followup": {"after": "1h", "quiet": "none"}}))
    await house.do(sale, "shop", "order.report", order="o1", status="placed", member="m1", amount=100)
    page = await people.come(links["support"])
    await button(page, "Follow-ups").click()
    entry = page.get_by_role("button", name="Order not paid")
    await expect(entry).to_contain_text("on")
    await entry.click()
    await expect(page.get_by_text("they may still do it alone")).to_be_visible()
    await expect(button(page, "Take it")).to_be_disabled()


async def test_who_asked_for_no_messages_is_seen_and_written_to_again_with_a_reason(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", **SERVICE))
    await house.do(sale, "shop", "order.report", order="o1", status="placed", member="m1", amount=100)
    page = await people.come(links["support"])
    await button(page, "Follow-ups").click()
    entry = page.get_by_role("button", name="Order not paid")
    await entry.click()
    await press_twice(page, button(page, "Wants none"))
    await expect(entry).to_contain_text("asked not to be written to")
    await expect(button(page, "Take it")).to_have_count(0)
    lift = button(page, "Wants them again")
    await expect(lift).to_be_disabled()
    await page.get_by_placeholder("How you know").fill("said so in the group")
    await people.look(page, "support-optout")
    await press_twice(page, lift)
    await expect(entry).not_to_contain_text("asked not to be written to")
    await expect(button(page, "Take it")).to_be_enabled()
    [lifted] = [e for e in await house.events(sale) if e["kind"] == "member.opted_in"]
    assert lifted["reason"] == "said so in the group"


async def test_a_cheer_member_sees_what_is_to_be_posted_by_when_and_their_golden_minutes(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s", cheer={"within": "5m"}))
    controller = await house.join(sale)
    page = await people.come(links["cheer"], phone=True, locale="zh-CN")
    await expect(page.get_by_text("我的黄金时段分钟")).to_be_visible()
    await controller.done("task.assign", who="mei", text="这口锅煎蛋真的不粘吗?", within=1_000)
    await controller.done("task.assign", who="mei", what="thank", group="g1")
    late = page.locator(".task", has_text="煎蛋")
    await expect(late).to_contain_text("超时")
    await expect(page.locator(".task", has_text="群主")).to_contain_text("谢群主")
    relay = await house.join(sale, "relay", "r1")
    for name, text in (("小王", "这锅重不重?"), ("小李", "等开抢")):
        await relay.done("group.observe", group="g1", what="message", member=name, name=name, text=text)
    await expect(page.get_by_text("等开抢")).to_be_visible()
    await people.look(page, "cheer")
    await button(late, "复制").click()
    await button(late, "做完了").click()
    await expect(late).to_be_hidden()
    await expect(page.locator(".golden .mine")).to_have_text("1/20")
