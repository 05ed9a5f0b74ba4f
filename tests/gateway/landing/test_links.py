"""Links: at once to the sheet's address, counted once; or a page that says why not, and what is on now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Answer, Client
from tests.gateway.landing.dropping import HTML, cookie, dropped
from tests.server import InProcess
from tests.sheet import sheet

PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) MicroMessenger/8.0.49"}


async def clicks(controller: Client) -> list[dict[str, Any]]:
    """All clicks that were recorded by now."""
    await controller.done("note.add", text="by now")
    await controller.event("note.added", text="by now")
    controller.events.remove(await controller.event("note.added", text="by now"))
    return [e for e in controller.events if e["kind"] == "link.clicked"]


async def opened(room: InProcess, path: str, **headers: str) -> Answer:
    return await room.http("GET", path, headers={**PHONE, **HTML, **headers})


async def test_a_link_leads_to_the_sheets_address_and_a_reload_counts_no_more(room: InProcess) -> None:
    _, path, controller, relay = await dropped(room, "link")
    first = await opened(room, path)
    assert (first.status, first.headers["Location"]) == (302, "https://shop.example/pan")
    assert first.headers["Cache-Control"] == "no-store"
    assert "HttpOnly" in first.headers["Set-Cookie"]
    for _ in range(4):
        again = await opened(room, path, **cookie(first))
        assert again.status == 302
        assert "Set-Cookie" not in again.headers
    found = await clicks(controller)
    assert len(found) == 1
    key = path.rpartition("/")[2]
    assert (found[0]["key"], found[0]["product"], found[0]["group"], found[0]["drop"]) == (key, "pan", "g1", "drop1")
    assert found[0]["cue"] == "hand-1"
    other = next(e for e in relay.events if e["kind"] == "delivery.requested" and e["group"] == "g2")["content"]["link"]
    assert other.removeprefix(room.url) != path
    await opened(room, other.removeprefix(room.url), **cookie(first))
    await opened(room, path)  # another browser
    assert len(await clicks(controller)) == 3
    assert controller.state["drops"]["drop1"]["clicks"] == 3


async def test_a_robots_look_is_counted_apart_and_is_given_no_cookie(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "link")
    for headers in ({"User-Agent": "TelegramBot (like TwitterBot)"}, {"User-Agent": "Slackbot-LinkExpanding 1.0"}):
        answer = await room.http("GET", path, headers=headers)
        assert (answer.status, answer.headers["Location"]) == (302, "https://shop.example/pan")
        assert "Set-Cookie" not in answer.headers
    head = await room.http("HEAD", path, headers=PHONE)
    assert (head.status, "Set-Cookie" in head.headers) == (302, False)
    ahead = await opened(room, path, **{"Sec-Purpose": "prefetch;prerender"})
    assert (ahead.status, ahead.headers["Cache-Control"]) == (503, "no-store")
    assert await clicks(controller) == []
    robots = [e["robot"] for e in controller.events if e["kind"] == "link.previewed"]
    assert robots == ["telegram", "slack", "head", "prefetch"]
    drop = controller.state["drops"]["drop1"]
    assert (drop.get("clicks", 0), drop["previews"]) == (0, 4)


async def test_a_link_that_is_not_out_says_when_and_opens_by_itself(room: InProcess) -> None:
    sale, path, controller, _ = await dropped(room, "link", lead="1h")
    early = await opened(room, path)
    assert early.status == 425
    assert "还没到时间" in early.text
    assert '<meta http-equiv="refresh" content="3' in early.text  # 3,5xx or 3,600 s
    assert "Location" not in early.headers
    for key in ("nothing", "../l", "%00", "x" * 5000, "<script>alert"):
        answer = await room.http("GET", f"/l/{key}")
        assert answer.status == 404
        assert b"<script>alert" not in answer.body
    assert await clicks(controller) == []
    assert "link.clicked" not in [e["kind"] for e in await room.events(sale)]


async def on_air_and_dropped(room: InProcess) -> tuple[Client, str, str, str]:
    """A room's link that is out, and after it the product's on air in g1: controller, the paths in g1, the room's in g2."""
    given = sheet(lead="0s")
    sale = await room.sale(given, live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("link.drop", link="room", groups="all")
    await controller.done("product.show", product="pan")
    await controller.done("link.drop", product="pan", groups="group:g1")
    await controller.event("link.dropped", product="pan")
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 3)
    to_g1 = [e["content"]["link"] for e in relay.events if e["kind"] == "delivery.requested" and e["group"] == "g1"]
    in_g2 = next(e["content"]["link"] for e in relay.events if e["kind"] == "delivery.requested" and e["group"] == "g2")
    return controller, *(address.removeprefix(room.url) for address in (*to_g1, in_g2))


async def test_a_stopped_link_says_so_and_shows_what_is_on_now(room: InProcess) -> None:
    controller, to_room, to_pan, _ = await on_air_and_dropped(room)
    await controller.done("link.stop", link="room")
    stopped = await opened(room, to_room)
    assert (stopped.status, "Location" in stopped.headers) == (410, False)
    assert "已停用" in stopped.text
    assert "厨房专场" in stopped.text
    assert "不粘锅" in stopped.text
    assert "¥129" in stopped.text
    assert f'href="{to_pan}"' in stopped.text
    assert "live.example" not in stopped.text, "the room's link was stopped"
    english = await opened(room, to_room, **{"Accept-Language": "en-GB,en;q=0.9"})
    assert "This link has been stopped" in english.text
    await controller.done("link.stop", product="pan")
    both = await opened(room, to_room)
    assert to_pan not in both.text
    assert (await opened(room, to_pan)).status == 410
    assert await clicks(controller) == []


async def test_what_was_sent_to_another_group_is_not_on_now_for_this_one(room: InProcess) -> None:
    controller, _, to_pan, in_g2 = await on_air_and_dropped(room)
    await controller.done("link.stop", link="room")
    there = await opened(room, in_g2)
    assert there.status == 410
    assert "不粘锅" in there.text
    assert to_pan not in there.text
    assert "https://shop.example/pan" not in there.text, "not before its link was sent there"


async def test_a_link_that_was_taken_back_says_so(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "link", lead="1h")
    await controller.done("cue.hold", cue="hand-1")
    taken_back = await opened(room, path)
    assert taken_back.status == 410
    assert "已撤回" in taken_back.text
    assert "https://live.example/room" in taken_back.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [("room", 410), ("reserve", 410), ("replay", 302), ("survey", 302), ("card", 302), ("join", 302)],
)
async def test_when_the_sale_is_closed_only_what_is_for_afterwards_leads_on(
    room: InProcess, kind: str, status: int
) -> None:
    links = [{"id": "x", "kind": kind, "url": "https://live.example/x"}]
    sale = await room.sale(sheet(lead="0s", links=links), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("link.drop", link="x", groups="group:g1")
    path = (await relay.event("delivery.requested"))["content"]["link"].removeprefix(room.url)
    assert (await opened(room, path)).status == 302
    await controller.done("show.end")
    await controller.done("show.close")
    after = await opened(room, path)
    assert after.status == status
    if status == 410:
        assert "活动已结束" in after.text
    else:
        assert after.headers["Location"] == "https://live.example/x"


async def test_after_its_end_a_link_shows_that_it_is_over_and_what_is_on_now(room: InProcess) -> None:
    links = [
        {"id": "early", "kind": "room", "url": "https://live.example/early", "until": "-1s"},
        {"id": "card", "kind": "card", "url": "https://card.example/li"},
    ]
    sale = await room.sale(sheet(lead="0s", links=links))
    controller = await room.join(sale)
    relay = await room.join(sale, "relay", "r1")
    await controller.done("show.arm")
    await controller.done("product.show", product="pan")
    await controller.done("link.drop", link="early", groups="all")
    path = (await relay.event("delivery.requested", group="g1"))["content"]["link"].removeprefix(room.url)
    assert (await opened(room, path)).headers["Location"] == "https://live.example/early"
    await controller.done("show.start")  # its end hangs on the start: a second before it
    over = await opened(room, path, **{"Accept-Language": "zh-CN"})
    assert over.status == 410
    assert "这个链接已到期" in over.text
    assert "不粘锅" in over.text
    assert "live.example" not in over.text
    assert (await controller.do("link.drop", link="early", groups="all"))["code"] == "too_late"
    await controller.done("link.drop", link="card", groups="all")
