"""Games on the screens: a chain from the controller, a draw from the cohost, red packets that somebody sends."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, finger_is_off, fire, opened, press_twice
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_chain_is_opened_with_its_price_fills_before_everybodys_eyes_and_sets_it(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    cheer = await people.come(links["cheer"])
    await button(page, "Chain").click()
    armed = page.get_by_role("dialog", name="Armed")
    await expect(armed).to_contain_text("2 groups · 200 members")
    await armed.get_by_label("Members needed").fill("2")
    await expect(button(armed, "Open the chain")).to_be_disabled()
    await armed.get_by_label("price when full").fill("99")
    await fire(page, "Open the chain")
    for screen in (page, cheer):
        card = screen.locator("article.game")
        await expect(card).to_contain_text("不粘锅")
        await expect(card).to_contain_text("0 / 2")
    await relay.done("chain.join", member="abcdef1234", group="g1")
    await expect(page.locator("article.game")).to_contain_text("1 / 2")
    await expect(page.locator("article.game")).to_contain_text("abcdef")
    await relay.done("chain.join", member="fedcba4321", group="g2")
    await expect(page.locator("article.game")).to_contain_text("complete")
    record = await house.events(sale)
    assert next(e for e in record if e["kind"] == "product.repriced")["price"] == 9900


async def test_a_draw_is_opened_by_the_cohost_and_run_when_its_time_is_over(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["cohost"])
    await button(page, "Draw").click()
    armed = page.get_by_role("dialog", name="Armed")
    await armed.get_by_label("Prize").fill("保温杯")
    await armed.get_by_label("How many").fill("2")
    await fire(page, "Open the draw")
    card = page.locator("article.game")
    await expect(card).to_contain_text("保温杯 ×2")
    for n in range(3):
        await relay.done("draw.enter", member=f"member{n}", group="g1")
    await expect(card).to_contain_text("3 in it")
    await expect(button(card, "can be drawn in")).to_be_disabled()


async def test_a_draw_that_has_closed_is_run_with_two_presses_and_shows_who_won(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay, controller = await house.join(sale, "relay"), await house.join(sale, "controller")
    await controller.done("draw.open", prizes="保温杯", quantity=2, until=5_000)
    for n in range(3):
        await relay.done("draw.enter", member=f"{n}member", group="g1")
    page = await people.come(links["cohost"], locale="zh-CN")
    card = page.locator("article.game")
    await expect(card).to_contain_text("待开奖")
    run = card.get_by_role("button", name="开奖")
    await run.click()
    await finger_is_off(page)
    await run.click()
    await expect(card).to_contain_text("已开奖")
    await expect(card.locator(".winners li")).to_have_count(2)
    drawn = next(e for e in await house.events(sale) if e["kind"] == "draw.drawn")
    assert (drawn["entries"], len(drawn["winners"]), drawn["by"]) == (3, 2, "cohost:wu")
    assert all("seed" not in e for e in await house.events(sale) if e["kind"] == "draw.sealed")


async def test_red_packets_are_cheers_task_and_are_done_with_proof(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    page = await people.come(links["controller"])
    cheer = await people.come(links["cheer"])
    await button(page, "Red packets").click()
    armed = page.get_by_role("dialog", name="Armed")
    await armed.get_by_label("Amount in all").fill("88")
    await fire(page, "Announce")
    task = cheer.locator(".packets")
    await expect(task).to_contain_text("20, ¥88 in all")
    await expect(button(task, "Sent")).to_be_disabled()
    await task.get_by_label("Address of the picture").fill("https://img.example/1.png")
    await button(task, "Sent").click()
    await expect(task).to_be_hidden()
    done = next(e for e in await house.events(sale) if e["kind"] == "task.done")
    assert done["proof"] == "https://img.example/1.png"
    await expect(page.locator(".packets")).to_be_hidden()


async def test_a_coupon_is_drawn_and_its_code_stands_on_the_winners_phone(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay, controller = await house.join(sale, "relay"), await house.join(sale, "controller")
    page = await people.come(links["cohost"])
    await button(page, "Draw").click()
    armed = page.get_by_role("dialog", name="Armed")
    await armed.get_by_label("Coupon for the winners").select_option("c20")
    await expect(armed.get_by_label("Prize", exact=True)).to_have_count(0)
    await people.look(page, "draw-coupon")
    await button(armed, "Cancel").click()
    await controller.done("draw.open", prizes=[{"coupon": "c20"}], until=4_000)
    asked = await relay.event("delivery.requested", group="g1")
    phone = await people.come(asked["content"]["link"], locale="zh-CN", phone=True)
    await phone.get_by_role("button", name="参加抽奖").click()
    await expect(phone.locator("body")).to_contain_text("你已参加")
    card = page.locator("article.game")
    await expect(card).to_contain_text("ready to draw")
    await button(card, "Draw the winners").click()
    await finger_is_off(page)
    await button(card, "Draw the winners").click()
    await expect(phone.locator("#code")).to_be_visible()
    await people.look(phone, "draw-coupon-phone")
    await people.look(page, "draw-coupon-desk")


async def test_a_sale_that_owes_its_groups_a_draw_is_closed_for_a_reason(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    controller = await house.join(sale, "controller")
    await controller.done("draw.open", prizes="保温杯", until=600_000)
    await controller.event("draw.opened")
    await controller.done("show.end")
    page, phone = await people.come(links["controller"]), await people.come(links["controller"], phone=True)
    for screen in (page, phone):  # a controller's own prompts were shown on no screen
        await expect(screen.locator(".prompt:visible")).to_contain_text(
            "Before the close: the draw of 保温杯 is not drawn"
        )
    await people.look(phone, "close-told-phone")
    await page.locator(".prompt:visible").click()
    await expect(phone.locator(".prompt")).to_have_count(0)
    await press_twice(page, button(page, "Close sale"))
    owed = page.get_by_role("alert").filter(has_text="Still owed")
    await expect(owed).to_contain_text("the draw of 保温杯 is not drawn")
    await people.look(page, "close-owed")
    await expect(button(owed, "Close anyway")).to_be_disabled()
    await owed.get_by_label("Why close now").fill("drawn tomorrow in the groups")
    await press_twice(page, button(owed, "Close anyway"))
    await controller.event("show.closed")
    closed = next(e for e in await house.events(sale) if e["kind"] == "show.closed")
    assert closed["override"] == {"rules": ["OWED"], "reason": "drawn tomorrow in the groups"}
    card = page.locator("article.game")
    await press_twice(page, button(card, "Draw the winners"))
    await expect(card).to_contain_text("drawn")
    await people.look(page, "drawn-after-close")
