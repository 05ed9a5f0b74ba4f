"""A coupon's page: what it says, and that a press gives each member their code and nobody a second one."""

from __future__ import annotations

import json

from tests.gateway.landing.dropping import HTML, JSON, cookie, dropped
from tests.server import InProcess
from tests.sheet import sheet


async def test_a_coupon_page_gives_a_member_their_code_and_only_theirs(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "coupon")
    page = await room.http("GET", path, headers=JSON)
    assert page.status == 200
    assert (page.json["left"], page.json["open"], page.json["code"]) == (500, True, None)
    mine = cookie(page)
    claimed = await room.http("POST", path, headers={**JSON, **mine}, json={"id": "c1"})
    assert claimed.status == 200
    code = claimed.json["code"]
    assert claimed.json["left"] == 499
    for body in ({"id": "c1"}, {"id": "c2"}, {}):
        again = await room.http("POST", path, headers={**JSON, **mine}, json=body)
        assert (again.json["code"], again.json["left"]) == (code, 499)
    assert (await room.http("GET", path, headers={**JSON, **mine})).json["code"] == code
    assert code in (await room.http("GET", path, headers={**HTML, **mine})).text
    stranger = await room.http("GET", path, headers=JSON)
    assert stranger.json["code"] is None
    assert code not in (await room.http("GET", path, headers=HTML)).text
    forged = {"Cookie": mine["Cookie"][:-4] + "0000"}
    for headers in (
        forged,
        {"Cookie": "dropcue_member=" + mine["Cookie"].partition("=")[2].partition(".")[0]},
        {"Cookie": "dropcue_member=."},
    ):
        assert (await room.http("GET", path, headers={**JSON, **headers})).json["code"] is None
    left = (await room.http("GET", path + "/left")).json
    assert (left["left"], left["open"], left["standing"]) == (499, True, "open")
    claims = [e for e in controller.events if e["kind"] == "coupon.claimed"]
    assert [(e["code"], e["group"], e["drop"]) for e in claims] == [(code, "g1", "drop1")]


async def test_a_form_claims_as_well_and_answers_with_a_page(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "coupon")
    page = await room.http("GET", path, headers={**HTML, "Accept-Language": "en-GB"})
    assert 'method="post"' in page.text
    assert '<html lang="en">' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"id": "form-1"})
    assert done.status == 200
    await controller.event("coupon.claimed")
    code = next(e for e in controller.events if e["kind"] == "coupon.claimed")["code"]
    assert code in done.text
    assert 'method="post"' not in done.text


async def test_before_the_drop_fires_a_claim_is_too_early(room: InProcess) -> None:
    sale, path, _, _ = await dropped(room, "coupon", lead="1h")
    answer = await room.http("POST", path, headers=JSON, json={"id": "c"})
    assert (answer.status, answer.json["code"]) == (409, "too_early")
    page = await room.http("POST", path, headers=HTML, data={"id": "c"})
    assert page.status == 200
    assert "还没开始" in page.text
    assert (await room.http("GET", path + "/left")).json["open"] is False
    assert "coupon.claimed" not in [e["kind"] for e in await room.events(sale)]


async def test_a_coupon_that_ran_out_or_was_stopped_says_so_and_old_codes_stay(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "coupon", quantity=1)
    first = await room.http("POST", path, headers=JSON, json={"id": "c"})
    assert first.json["left"] == 0
    late = await room.http("POST", path, headers=JSON, json={"id": "c"})
    assert (late.status, late.json["code"]) == (409, "exhausted")
    assert "已领完" in (await room.http("GET", path, headers=HTML)).text
    await controller.done("coupon.stop", coupon="c20")
    again = await room.http("POST", path, headers={**JSON, **cookie(first)}, json={"id": "c"})
    assert again.json["code"] == first.json["code"]


async def test_hostile_words_of_a_sheet_are_words_on_the_page(room: InProcess) -> None:
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    given = sheet(lead="0s")
    given["title"] = hostile
    given["coupons"][0]["title"] = hostile
    sale = await room.sale(given, live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    await relay.event("delivery.requested")
    path = relay.events[-1]["content"]["coupon"] if "content" in relay.events[-1] else next(
        e["content"]["coupon"] for e in relay.events if e["kind"] == "delivery.requested"
    )  # fmt: skip
    page = await room.http("GET", path.removeprefix(room.url), headers=HTML)
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_wrong_bodies_of_a_claim_are_refused_or_taken_without_an_id(room: InProcess) -> None:
    sale, path, controller, _ = await dropped(room, "coupon")
    json_type = {**JSON, "Content-Type": "application/json"}
    for body in (b"{", b"\xff", b"[" * 100_000):
        assert (await room.http("POST", path, headers=json_type, data=body)).status == 422
    answer = await room.http("POST", path, headers=json_type, data=json.dumps({"id": "x" * 200}))
    assert answer.status == 422
    assert (await room.http("POST", "/c/nothing", headers=JSON, json={})).status == 404
    assert (await room.http("GET", "/c/nothing/left")).status == 404
    assert (await room.http("GET", "/c/nothing", headers=HTML)).status == 404
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"--x\r\nrubbish", b"", b"--x--"):
        assert (await room.http("POST", path, headers={**HTML, **multipart}, data=body)).status < 500
    assert (
        await room.http(
            "POST",
            path,
            headers={**HTML, "Content-Type": "application/x-www-form-urlencoded; charset=nonsense"},
            data=b"id=%ff",
        )
    ).status < 500
    await controller.done("note.add", text="x")
    assert all(isinstance(e["code"], str) for e in await room.events(sale) if e["kind"] == "coupon.claimed")
