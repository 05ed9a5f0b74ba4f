"""A chain's and a draw's page: its terms, one press to take part, and after a draw all that checks it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from tests.client import Client
from tests.gateway.landing.dropping import HTML, cookie
from tests.server import InProcess
from tests.sheet import sheet

JSON = {"Accept": "application/json"}


async def opened(room: InProcess, kind: str, **fields: Any) -> tuple[str, Client, Client]:
    """A game that is open: its path in g1, the controller and the relay."""
    sale = await room.sale(sheet(lead="0s"))
    controller, relay = await room.join(sale, "controller"), await room.join(sale, "relay")
    await controller.done(kind, **fields)
    asked = await relay.event("delivery.requested", group="g1")
    return asked["content"]["link"].removeprefix(room.url), controller, relay


async def test_a_chain_is_joined_with_one_press_and_a_second_counts_no_more(room: InProcess) -> None:
    path, controller, relay = await opened(
        room, "chain.open", product="pan", target=2, until=600_000, unlocks={"price": 9900}
    )
    first = await room.http("GET", path, headers=HTML)
    assert first.status == 200
    for said in ("不粘锅", "¥99", "参加接龙"):
        assert said in first.text
    jar = cookie(first)
    for _ in range(2):
        joined = await room.http("POST", path, headers={**HTML, **jar})
        assert "你已参加" in joined.text
    await controller.until(lambda: controller.state["chains"]["chain1"]["count"] == 1)
    await relay.done("chain.join", member="m2", group="g1")
    after = await room.http("GET", path, headers={**JSON, **jar})
    assert (after.json["standing"], after.json["count"], after.json["taking_part"]) == ("completed", 2, True)
    late = await room.http("POST", path, headers=JSON)
    assert (late.status, late.json["code"]) == (409, "too_late")


async def test_a_full_chain_s_page_leads_to_the_coupon_that_it_has_unlocked(room: InProcess) -> None:
    path, controller, relay = await opened(
        room, "chain.open", product="pan", target=1, until=600_000, unlocks={"coupon": "c20"}
    )
    assert (await room.http("GET", path, headers=JSON)).json["claim"] is None
    done = await room.http("POST", path, headers=JSON)
    claim = done.json["claim"].removeprefix(room.url)
    assert f'href="{done.json["claim"]}"' in (await room.http("GET", path, headers=HTML)).text
    await controller.event("coupon.dropped")
    told = await relay.event("delivery.requested", group="g1", priority=0)
    assert told["content"]["coupon"] == done.json["claim"]
    assert (await room.http("POST", claim, headers={**JSON, **cookie(done)})).json["code"]


async def test_a_draw_commits_on_its_page_and_gives_all_that_checks_it_once_it_is_drawn(room: InProcess) -> None:
    path, controller, relay = await opened(
        room, "draw.open", prizes="保温杯", until=1_500, collect="找客服", organiser="某某厨具"
    )
    page = await room.http("GET", path, headers={**HTML, "Accept-Language": "en"})
    assert "SHA-256 of the seed" in page.text
    before = (await room.http("GET", path, headers=JSON)).json
    assert "seed" not in before
    assert "entries" not in before
    entered = await room.http("POST", path, headers={**JSON, **cookie(page)})
    assert entered.json["taking_part"]
    await relay.done("draw.enter", member="m2", group="g1")
    await controller.event("draw.closed")
    await controller.done("draw.run", draw="draw1")
    after = (await room.http("GET", path, headers={**JSON, **cookie(page)})).json
    assert sha256(after["seed"].encode()).hexdigest() == before["commit"]
    first = min(after["entries"], key=lambda m: sha256(f"{after['seed']}:{m}".encode()).hexdigest())
    assert [w["member"] for w in after["winners"]] == [first]
    assert (after["won"] is not None) == (first != "m2")
    assert after["seed"] in (await room.http("GET", path, headers=HTML)).text


async def test_who_wins_a_coupon_has_its_code_on_the_draw_s_page_and_nobody_else(room: InProcess) -> None:
    prizes = [{"coupon": "c20", "quantity": 2}]
    path, controller, _ = await opened(room, "draw.open", prizes=prizes, until=2_500)
    page = await room.http("GET", path, headers=HTML)
    assert "满100减20 ×2" in page.text
    entered = await room.http("POST", path, headers={**JSON, **cookie(page)})
    assert (entered.json["taking_part"], "code" in entered.json) == (True, False)
    await controller.event("draw.closed")
    await controller.done("draw.run", draw="draw1")
    mine = (await room.http("GET", path, headers={**JSON, **cookie(page)})).json
    assert (mine["won"], mine["gift"], mine["not_given"]) == ("满100减20", "c20", None)
    shown = (await room.http("GET", path, headers={**HTML, **cookie(page)})).text
    for said in (mine["code"], "恭喜中奖", "data-copy", "券码在抽奖页里"):
        assert said in shown
    other = await room.http("GET", path, headers=HTML)
    assert mine["code"] not in other.text


async def test_a_page_that_is_not_there_says_so(room: InProcess) -> None:
    for key in ("nothing", "x" * 500, "<script>alert"):
        answer = await room.http("GET", f"/g/{key}", headers=HTML)
        assert answer.status == 404
        assert b"<script>alert" not in answer.body
    assert (await room.http("POST", "/g/nothing", headers=JSON)).status == 404


async def test_the_page_of_a_game_that_found_another_open_is_that_ones(room: InProcess) -> None:
    cues: list[dict[str, Any]] = [
        {"id": "chain", "at": "+3h", "do": "chain.open", "product": "pan", "target": 5, "until": "1h", "text": "接龙 {link}"},
        {"id": "draw", "at": "+3h", "do": "draw.open", "prizes": "杯子", "until": "1h", "text": "抽奖 杯子 1 份 {link}"},
    ]  # fmt: skip
    sale = await room.sale(sheet(lead="0s", cues=cues), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("chain.open", product="pan", target=3, until=600_000)
    await controller.done("draw.open", prizes="保温杯", until=600_000, collect="找客服", organiser="某某厨具")
    for kind in ("chain", "draw"):
        await controller.done("cue.fire", cue=kind)
        asked = await relay.event("delivery.requested", group="g1", cue=kind)
        path = asked["content"]["link"].removeprefix(room.url)
        said = (await room.http("GET", path, headers=JSON)).json
        assert (said["id"], said["standing"]) == (f"{kind}1", "open")
        assert (await room.http("POST", path, headers=JSON)).json["taking_part"]
