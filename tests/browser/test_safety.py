"""What others wrote is shown as words: it runs nothing, loads nothing, and does not turn its surroundings round."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.people import People, opened, post
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPT = "<script>window.ran=1</script><img src=x onerror='window.ran=1'>"
RTL = "\u202eمقلاة 129"


async def test_hostile_names_and_questions_are_words_on_every_screen(house: ServerProcess, people: People) -> None:
    plan = sheet(lead="0s")
    plan["products"][0]["name"] = SCRIPT
    plan["products"].append({**plan["products"][0], "id": "rtl", "name": RTL})
    plan["groups"][0]["name"] = f"{SCRIPT}{RTL}"
    plan["coupons"][0]["title"] = SCRIPT
    sale, links = await opened(house, plan)
    relay, controller = await house.join(sale, "relay"), await house.join(sale)
    await controller.done("product.show", product="pan")
    await controller.done("coupon.drop", coupon="c20", groups="all")
    asked = await relay.event("delivery.requested", group="g1")
    await post(relay, "g1")
    question = (await relay.done("question.raise", group="g1", text=f"{SCRIPT}?", name=f"{SCRIPT}{RTL}"))["question"]
    await relay.done("group.observe", group="g1", what="message", text=SCRIPT, name=RTL)
    await controller.done("question.pick", question=question)
    await controller.done("prompt.send", to="host", text=SCRIPT)
    await controller.done("task.assign", who="cheer", group="g1", text=SCRIPT)

    for role in ("controller", "host", "cohost", "cheer", "support"):
        page = await people.come(links[role])
        await expect(page.get_by_text("<script>").first).to_be_visible()
        assert await page.evaluate("window.ran") is None, role
        assert await page.locator("#app script, #app img[src='x']").count() == 0, role
        # A long name pushes nothing off the screen.
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), role
        time_left = page.get_by_text(re.compile(r"^\d:\d\d:\d\d( left)?$"))
        for one in await time_left.all():
            await expect(one).to_be_in_viewport(ratio=1)
        assert await time_left.count(), role
    page = await people.come(asked["content"]["coupon"], phone=True)
    await expect(page.get_by_role("heading", name="<script>")).to_be_visible()
    assert await page.evaluate("window.ran") is None


async def test_a_nick_that_turns_the_direction_of_writing_turns_nothing_beside_it(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet())
    relay = await house.join(sale, "relay")
    await relay.done("group.observe", group="g1", what="message", text="abc 123", name=RTL)
    page = await people.come(links["cheer"])
    words = page.get_by_text("abc 123", exact=True)
    await expect(words).to_be_visible()
    first, last = await words.evaluate(
        """element => [0, 6].map(at => {
            const range = document.createRange()
            range.setStart(element.lastChild, at)
            range.setEnd(element.lastChild, at + 1)
            return range.getBoundingClientRect().left
        })"""
    )
    assert first < last
