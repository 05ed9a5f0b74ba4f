"""A price that changes on the controller's screen: groups that hold the old one are corrected by one press."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.people import People, button, opened, post, shown_in
from tests.client import token
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_price_is_corrected_where_the_old_one_stands(house: ServerProcess, people: People) -> None:
    sale, links = await opened(house, sheet(lead="0s"))
    relay = await house.join(sale, "relay")
    page = await people.come(links["controller"])
    told = {"kind": "link.drop", "product": "pan", "groups": "all", "text": "{price} {link}", "id": "drop"}
    await house.http("POST", f"/api/sales/{sale}/do", token("controller", "li", sale), json=told)
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    await post(relay, "g1")

    await button(page, "Show").click()
    await button(page.locator(".air"), "Price").click()
    await page.get_by_label("New price").fill("99")
    await page.keyboard.press("Enter")
    attention = page.locator(".attention:visible")
    await expect(attention).to_contain_text("更正: 不粘锅 现价 ¥99")
    await expect(attention).to_contain_text("1 group · the old price is still there")
    await button(attention, "Send correction").click()
    await expect(attention).to_be_hidden()
    await relay.until(lambda: relay.events[-1].get("content", {}).get("text") == "更正: 不粘锅 现价 ¥99")
    assert relay.events[-1]["group"] == "g1"
    kinds = [e["kind"] for e in await house.events(sale)]
    assert kinds.count("correction.proposed") == kinds.count("correction.sent") == 1


async def test_viewers_are_typed_in_by_the_controller_and_costs_by_the_owner(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, sheet())
    page = await people.come(links["controller"])
    figures = shown_in(page, "Figures")
    await button(figures, "Type in").click()
    await figures.get_by_label("Watching").fill("1200")
    await page.keyboard.press("Enter")
    await expect(figures).to_contain_text("Watching1,200")
    owner = await people.come(f"{house.url}/console/#{token('owner', 'boss', sale)}")
    theirs = shown_in(owner, "Figures")
    await button(theirs, "Type in cost").click()
    await theirs.get_by_label("What it was for").fill("红包")
    await theirs.get_by_label("Amount").fill("88.50")
    await owner.keyboard.press("Enter")
    await expect(theirs).to_contain_text("¥88.50")
    review = (await house.http("GET", f"/api/sales/{sale}/review", token("owner"))).json["figures"]
    found = {f["name"]: f["value"] for f in review if not f.get("scope")}
    assert (found["stream_peak"], found["cost"]) == (1200, 8850)
