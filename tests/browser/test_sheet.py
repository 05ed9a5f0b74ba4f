"""Another sheet in place of the one that runs: dropped in, read, replaced, approved, all on the screen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from coordinator.runsheet.reading import read_sheet
from coordinator.runsheet.xlsx import to_xlsx
from tests.browser.people import People, button, opened, press_twice
from tests.client import token
from tests.server import ServerProcess
from tests.sheet import sheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SOON = {"id": "soon", "at": "+1h", "do": "link.drop", "product": "pan", "groups": "all"}
WORD = {"id": "word", "at": "+90m", "prompt": "host", "text": "讲售后"}


def plan(*cues: dict[str, Any], price: str = "129.00", **more: Any) -> dict[str, Any]:
    made = sheet(cues=[*cues], **more)
    made["team"].append({"person": "zhao", "role": "owner"})
    made["products"][0]["price"] = price
    return made


async def give(desk: Locator, of: dict[str, Any], name: str = "friday.xlsx") -> None:
    await desk.locator("input[type=file]").set_input_files({"name": name, "mimeType": XLSX, "buffer": to_xlsx(of)})


async def from_menu(page: Page) -> Locator:
    """The controller needs it seldom: it stands in the menu."""
    await page.locator("summary").click()
    await button(page, "Sheet").click()
    return page.get_by_role("dialog", name="Run sheet")


async def test_a_workbook_shows_its_faults_by_cell_then_what_it_changes_and_then_replaces(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, plan(SOON, WORD))
    page = await people.come(links["controller"])
    desk = await from_menu(page)
    await give(desk, plan({**SOON, "text": "国家级好锅 {link}"}))
    await expect(desk).to_contain_text("1 must be mended first")
    await expect(desk.get_by_text(re.compile(r"节点 cues!\w+\d+"))).to_be_visible()
    await expect(button(desk, "Replace sheet")).to_have_count(0)

    await give(
        desk,
        plan(
            {**SOON, "at": "+2h"},
            {"id": "late", "at": "start", "prompt": "host", "text": "x", "late": "skip after 1ms"},
            price="99.00",
        ),
    )
    for words in ("Cues to come: 3 changes", "moved", "dropped", "skipped", "¥129 → ¥99", "past and unchanged: 0 cues"):
        await expect(desk).to_contain_text(words)
    await expect(desk).not_to_contain_text("once the owner approves")  # the show runs: it goes on
    await button(desk, "Replace sheet").click()
    await expect(desk).to_contain_text("Replaced: it is version 2 now")
    state = (await house.state(sale))["state"]
    assert state["products"]["pan"]["price"] == 9900
    assert "word" not in state["cues"]


async def test_what_the_checks_say_of_a_sheet_is_said_in_the_readers_language(
    house: ServerProcess, people: People
) -> None:
    _, links = await opened(house, plan(SOON))
    page = await people.come(links["controller"], locale="zh-CN")
    await page.locator("summary").click()
    await button(page, "换脚本").click()
    desk = page.get_by_role("dialog", name="脚本")
    await give(desk, plan({**SOON, "text": "看 {nobody} {link}", "groups": "tier:gold"}))
    await expect(desk).to_contain_text("脚本里没有群符合 tier:gold; 写已有的群")
    await expect(desk).to_contain_text("{nobody} 不会被填写, 将原样发出")
    await people.look(page, "findings-zh")


async def test_a_controllers_sheet_waits_for_the_owner_who_approves_it(house: ServerProcess, people: People) -> None:
    _, links = await opened(house, plan(SOON), live=False)
    page, owner = await people.come(links["controller"]), await people.come(links["owner"])
    desk = await from_menu(page)
    await give(desk, plan(SOON, WORD))
    await expect(desk).to_contain_text("once the owner approves it")
    await button(desk, "Replace sheet").click()
    await expect(desk).to_contain_text("Replaced by version 2")
    await button(desk, "Close").click()
    await expect(button(page, "Arm")).to_be_disabled()
    await press_twice(owner, button(owner, "Approve sheet"))
    await expect(button(page, "Arm")).to_be_enabled()


async def test_two_who_replace_at_once_and_the_second_is_shown_the_difference_to_the_first(
    house: ServerProcess, people: People
) -> None:
    _, links = await opened(house, plan(SOON, WORD))
    page, owner = await people.come(links["controller"]), await people.come(links["owner"])
    desk = await from_menu(page)
    await give(desk, plan(SOON))
    await expect(button(desk, "Replace sheet")).to_be_visible()
    await button(owner, "Sheet").click()
    other = owner.get_by_role("dialog", name="Run sheet")
    await give(other, plan({**SOON, "at": "+2h"}, WORD))
    await button(other, "Replace sheet").click()
    await expect(other).to_contain_text("version 2 now")
    await button(desk, "Compare again").click()
    await expect(desk).to_contain_text("Cues to come: 2 changes")  # the owner's two hours would be taken back too


async def test_while_a_sheet_is_read_halt_is_in_reach_and_no_key_fires_a_cue(
    house: ServerProcess, people: People
) -> None:
    sale, links = await opened(house, plan(SOON, WORD))
    page = await people.come(links["controller"])
    desk = await from_menu(page)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await page.keyboard.press("n")
    await button(page, "HALT").click()
    await expect(page.get_by_text("HALTED: nothing goes out")).to_be_visible()
    await expect(desk).to_be_visible()
    kinds = {e["kind"] for e in await house.events(sale)}
    assert "show.halted" in kinds
    assert not kinds & {"cue.fired", "cue.announced"}


async def test_the_sheet_comes_back_as_a_workbook(house: ServerProcess, people: People) -> None:
    made = plan(SOON, WORD)
    _, links = await opened(house, made)
    page = await people.come(links["owner"])
    await button(page, "Sheet").click()
    async with page.expect_download() as coming:
        await button(page.get_by_role("dialog", name="Run sheet"), "Download workbook").click()
    download = await coming.value
    assert re.fullmatch(r".*-v1\.xlsx", download.suggested_filename)
    read = read_sheet((await download.path()).read_bytes(), "sheet.xlsx")
    assert read.object is not None
    assert read.object["title"] == made["title"]
    assert [c["id"] for c in read.object["segments"][0]["cues"]] == ["soon", "word"]


async def test_a_file_that_is_dropped_on_the_screen_is_read(house: ServerProcess, people: People) -> None:
    _, links = await opened(house, plan(SOON, WORD))
    page = await people.come(links["owner"])
    await button(page, "Sheet").click()
    desk = page.get_by_role("dialog", name="Run sheet")
    await desk.locator("label").evaluate(
        """(element, text) => {
            const carried = new DataTransfer()
            carried.items.add(new File([text], "friday.yaml"))
            element.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}))
        }""",
        "title: [",
    )
    await expect(desk).to_contain_text("friday.yaml")
    await expect(desk).to_contain_text("1 must be mended first")


async def test_guests_stand_on_the_owners_screen_and_on_the_hosts_while_they_are_on(
    house: ServerProcess, people: People
) -> None:
    guests = [
        {"id": "song", "name": "宋老师", "theme": "冬天为什么越涂越干", "segment": "main"},
        {"id": "zhang", "name": "张师傅", "state": "confirmed"},
    ]
    sale, links = await opened(house, plan(SOON, guests=guests))
    owner, host = await people.come(links["owner"]), await people.come(links["host"])
    await expect(owner.get_by_role("listitem").filter(has_text="宋老师")).to_contain_text("only asked")
    await expect(owner.get_by_role("listitem").filter(has_text="张师傅")).to_contain_text("confirmed")
    await expect(host.get_by_text("冬天为什么越涂越干")).to_be_visible()
    await expect(host.get_by_text("张师傅")).to_have_count(0)
    confirmed = plan(SOON, guests=[{**guests[0], "state": "confirmed"}, guests[1]])
    await button(owner, "Sheet").click()
    desk = owner.get_by_role("dialog", name="Run sheet")
    await give(desk, confirmed)
    await button(desk, "Replace sheet").click()
    await expect(desk).to_contain_text("version 2 now")
    await button(desk, "Close").click()
    await expect(owner.get_by_role("listitem").filter(has_text="宋老师")).to_contain_text("confirmed")
    assert (await house.state(sale))["state"]["guests"]["song"]["state"] == "confirmed"


async def test_the_owner_overrules_a_rule_by_name_and_with_a_reason(house: ServerProcess, people: People) -> None:
    """The findings of a sheet said what blocks it, and the screen had no way to answer for it."""
    sale, links = await opened(house, plan(SOON))
    owner = await people.come(links["owner"])
    await button(owner, "Sheet").click()
    desk = owner.get_by_role("dialog", name="Run sheet")
    await give(desk, plan({**SOON, "text": "国家级好锅 {link}"}))
    await expect(button(desk, "Overrule, and read again")).to_be_disabled()
    await desk.get_by_label("To take it all the same").fill("注册商标 “国家级”")
    await people.look(owner, "owner-overrules")
    await button(desk, "Overrule, and read again").click()
    await expect(desk).to_contain_text("overruled by owner:zhao: 注册商标 “国家级”")
    await button(desk, "Replace sheet").click()
    await expect(desk).to_contain_text("Replaced: it is version 2 now")
    stands = (await house.http("GET", f"/api/sales/{sale}/sheet?format=json", token("owner", None, sale))).json
    assert stands["checks"]["overruled"] == [{"rule": "AD-ABS", "by": "owner:zhao", "reason": "注册商标 “国家级”"}]
