"""A poster over the websocket: what waits for a person is not lost with the phone's line."""

from __future__ import annotations

from typing import Any

from tests.client import token
from tests.server import InProcess
from tests.sheet import sheet

GROUPS = [
    {"id": "g1", "name": "邻居群", "relay": ["qun", "hui"], "members": 120},
    {"id": "g2", "name": "朋友圈", "tier": "moments", "relay": "qun"},
    {"id": "g3", "name": "会员群", "relay": "r1", "members": 50},
]


def by_hand(**more: Any) -> dict[str, Any]:
    team = [*sheet()["team"], {"person": "qun", "role": "poster"}, {"person": "hui", "role": "poster"}]
    return sheet(groups=GROUPS, team=team, lead="0s", **more)


async def given(room: InProcess, client: Any, name: str = "d1") -> dict[str, Any]:
    found: dict[str, Any] = await client.until(lambda: client.state.get("deliveries", {}).get(name))
    return found


async def test_what_a_poster_is_given_awaits_them_and_is_sent_when_they_say_so(room: InProcess) -> None:
    sale = await room.sale(by_hand(), live=True)
    controller, qun = await room.join(sale), await room.join(sale, "poster", "qun")
    await controller.done("link.drop", link="room", groups="all", text="直播间开了 {link}")
    mine = await given(room, qun)
    assert (mine["status"], mine["relay"], mine["hands"]) == ("awaiting", "qun", True)
    assert "/l/" in mine["content"]["text"]
    await qun.done("delivery.report", delivery="d1", attempt=1, outcome="sent", proof="截图")
    await qun.done("delivery.report", delivery="d2", attempt=1, outcome="rejected", why="发不出去")
    await controller.event("delivery.failed", delivery="d2", why="发不出去")
    await qun.until(lambda: qun.state["deliveries"]["d1"]["status"] == "sent")
    assert qun.state["deliveries"]["d2"]["status"] == "failed", "a person sees what became of it"
    assert "d3" not in qun.state["deliveries"], "another's group"


async def test_both_phones_of_a_poster_show_the_same_and_what_is_posted_counts_once(room: InProcess) -> None:
    sale = await room.sale(by_hand(), live=True)
    controller = await room.join(sale)
    one, two = await room.join(sale, "poster", "qun"), await room.join(sale, "poster", "qun")
    await controller.done("message.send", content="早上好", groups=["g2"])
    assert (await given(room, one))["status"] == (await given(room, two))["status"] == "awaiting"
    await one.done("delivery.report", delivery="d1", attempt=1, outcome="sent")
    assert (await two.done("delivery.report", delivery="d1", attempt=1, outcome="sent")) == {"again": True}
    await controller.done("note.add", text="then")
    assert controller.kinds().count("delivery.sent") == 1


async def test_a_phone_that_sleeps_a_minute_of_the_sale_loses_nothing(room: InProcess) -> None:
    """Rehearsed at a hundred times the speed: the line is gone for more than a minute of the sale's time."""
    sale = await room.sale(by_hand(), query="?rehearsal=100&start=now")
    controller, qun = await room.join(sale), await room.join(sale, "poster", "qun")
    await controller.until(lambda: controller.state["people"].get("poster:qun", {}).get("here"))
    await controller.done("message.send", content="早上好", groups=["g2"])
    await given(room, qun)
    await qun.socket.close()
    told = await controller.event("delivery.reminded", delivery="d1")
    assert told["at"] - controller.state["deliveries"]["d1"]["fire_at"] >= 60_000
    await controller.event("relay.left", relay="qun")
    assert controller.state["deliveries"]["d1"]["status"] == "awaiting"
    back = await room.join(sale, "poster", "qun")
    assert (await given(room, back))["attempt"] == 1
    await back.done("delivery.report", delivery="d1", attempt=1, outcome="sent")
    kinds = controller.kinds()
    assert "delivery.unknown" not in kinds
    assert kinds.count("delivery.requested") == 1


async def test_what_was_withdrawn_while_the_phone_slept_is_shown_so(room: InProcess) -> None:
    sale = await room.sale(by_hand(), live=True)
    controller, qun = await room.join(sale), await room.join(sale, "poster", "qun")
    await controller.done("message.send", content="早上好", groups=["g2"])
    await given(room, qun)
    await qun.socket.close()
    await controller.done("delivery.withdraw", delivery="d1")
    back = await room.join(sale, "poster", "qun")
    assert (await given(room, back))["status"] == "withdrawn"


async def test_what_nobody_posts_expires_and_may_be_said_to_be_posted_after_all(room: InProcess) -> None:
    sale = await room.sale(by_hand(), query="?rehearsal=400&start=now")
    controller, qun = await room.join(sale), await room.join(sale, "poster", "qun")
    await controller.until(lambda: controller.state["people"].get("poster:qun", {}).get("here"))
    await controller.done("message.send", content="早上好", groups=["g2"])
    await controller.event("delivery.expired", delivery="d1")
    await qun.until(lambda: qun.state["deliveries"]["d1"]["status"] == "expired")
    await qun.done("delivery.report", delivery="d1", attempt=1, outcome="sent")
    await controller.event("delivery.sent", delivery="d1")


async def test_another_poster_sees_what_waits_in_their_group_and_takes_it_over(room: InProcess) -> None:
    sale = await room.sale(by_hand(), live=True)
    controller, hui = await room.join(sale), await room.join(sale, "poster", "hui")
    qun = await room.join(sale, "poster", "qun")
    await controller.until(lambda: controller.state["people"].get("poster:qun", {}).get("here"))
    await controller.done("link.drop", link="room", groups="all", text="直播间开了 {link}")
    assert (await given(room, hui))["relay"] == "qun"
    await hui.done("delivery.hand", delivery="d1")
    await hui.until(lambda: hui.state["deliveries"]["d1"]["relay"] == "hui")
    await hui.done("delivery.report", delivery="d1", attempt=2, outcome="sent")
    assert "d2" not in hui.state["deliveries"], "hui does not post there"
    await qun.until(lambda: "d1" not in qun.state["deliveries"])


async def test_a_poster_who_had_the_page_open_is_no_reason_against_going(room: InProcess) -> None:
    sale = await room.sale(by_hand())

    async def check(what: str) -> dict[str, Any]:
        answer = await room.http("GET", f"/api/sales/{sale}/ready", token("owner"))
        return next(c for c in answer.json["checks"] if c["what"] == what)

    assert "qun" in (await check("relays"))["why"]
    assert "poster qun" in (await check("people"))["why"]
    controller, qun = await room.join(sale), await room.join(sale, "poster", "qun")
    await controller.event("relay.joined", relay="qun")
    await qun.socket.close()
    await controller.event("relay.left", relay="qun")
    assert "qun" not in (await check("relays"))["why"]
    assert "poster qun" not in (await check("people"))["why"]
