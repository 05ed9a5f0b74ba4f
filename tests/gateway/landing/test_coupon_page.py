"""A coupon's page: what it says, and that a press gives each member their code and nobody a second one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from coordinator.answers import Answer as Told
from tests.client import Answer
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


def field(page: Answer, name: str) -> str:
    """What the page's form holds under this name."""
    found = re.search(f'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, f"the form has no {name}"
    return found[1]


async def test_a_browser_that_keeps_no_cookies_claims_once_for_a_form_however_often_it_is_sent(room: InProcess) -> None:
    sale, path, _, _ = await dropped(room, "coupon")
    page = await room.http("GET", path, headers=HTML)
    form = {"id": field(page, "id"), "who": field(page, "who")}
    for _ in range(3):
        done = await room.http("POST", path, headers=HTML, data=form)
        assert done.status == 200
    claims = [e for e in await room.events(sale) if e["kind"] == "coupon.claimed"]
    assert len(claims) == 1
    assert claims[0]["code"] in done.text
    forged = {**form, "who": form["who"][:-4] + "0000"}
    other = await room.http("POST", path, headers=HTML, data=forged)
    assert claims[0]["code"] not in other.text
    with_cookie = await room.http("GET", path, headers={**HTML, **cookie(other)})
    assert 'name="who"' not in with_cookie.text


async def test_the_forms_id_stays_the_same_until_its_claim_is_in(room: InProcess) -> None:
    _, path, _, _ = await dropped(room, "coupon", per_member=2)
    first = await room.http("GET", path, headers=HTML)
    mine = {**HTML, **cookie(first)}
    assert field(await room.http("GET", path, headers=mine), "id") == field(first, "id")
    done = await room.http("POST", path, headers=mine, data={"id": field(first, "id")})
    assert "再领一张" in done.text
    second = field(done, "id")
    assert second != field(first, "id")
    both = await room.http("POST", path, headers=mine, data={"id": second})
    assert 'name="id"' not in both.text
    codes = set(re.findall(r"\b[023456789abcdefghjkmnpqrstuvwxyz]{10}\b", both.text))
    assert len(codes & set(await given(room, path))) == 2


async def given(room: InProcess, path: str) -> list[str]:
    """All codes that are out."""
    sale = room.clients[0].welcome["sale"]
    return [e["code"] for e in await room.events(sale) if e["kind"] == "coupon.claimed"]


async def test_a_robot_sees_the_page_and_is_nobody(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "coupon")
    seen = await room.http("GET", path, headers={**HTML, "User-Agent": "Slackbot-LinkExpanding 1.0"})
    assert seen.status == 200
    assert "Set-Cookie" not in seen.headers
    assert 'name="who"' not in seen.text
    assert (await controller.event("link.previewed"))["robot"] == "slack"


async def test_when_many_come_at_once_the_page_says_press_again_and_keeps_the_id(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale, path, _, _ = await dropped(room, "coupon")
    page = await room.http("GET", path, headers=HTML)

    async def busy(*_: Any) -> Told:
        return Told(id="x", ok=False, code="busy", message="many wait", details={"retry_ms": 500})

    with monkeypatch.context() as many:
        many.setattr(room.conductor(sale), "do", busy)
        told = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"id": field(page, "id")})
    assert (told.status, told.headers["Retry-After"]) == (503, "1")
    assert "人太多了" in told.text
    assert field(told, "id") == field(page, "id")


async def test_after_the_close_and_a_recall_it_says_so_in_both_languages(room: InProcess) -> None:
    _, path, controller, _ = await dropped(room, "coupon", lead="1h")
    await controller.done("cue.hold", cue="hand-1")
    assert "这张券已撤回" in (await room.http("GET", path, headers=HTML)).text
    assert (await room.http("GET", path + "/left")).json["standing"] == "withdrawn"
    await controller.done("show.end")
    await controller.done("show.close")
    over = await room.http("GET", path, headers={**HTML, "Accept-Language": "en"})
    assert "The sale is over" in over.text
    assert 'method="post"' not in over.text
    claim = await room.http("POST", path, headers=HTML, data={"id": "x"})
    assert "活动已结束" in claim.text


async def test_nothing_on_the_page_is_asked_of_others_and_only_its_own_script_runs(room: InProcess) -> None:
    _, path, _, _ = await dropped(room, "coupon")
    page = await room.http("GET", path, headers=HTML)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", page.text, re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not re.findall(r'(?:src|href|action)="(?!/)', page.text)
    assert "style=" not in page.text
    assert len(page.body) < 24_000, "one answer on a slow line"


async def test_a_deposit_is_claimed_and_says_what_is_to_be_paid_and_who_looks_on_is_told(room: InProcess) -> None:
    given = sheet(lead="0s")
    given["coupons"] = [
        {"id": "d", "kind": "deposit", "title": "付10抵30", "pay": "10.00", "worth": "30.00", "products": ["pan"], "quantity": 5}
    ]  # fmt: skip
    sale = await room.sale(given, live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("coupon.drop", coupon="d", groups="all")
    path = (await relay.event("delivery.requested"))["content"]["coupon"].removeprefix(room.url)
    await controller.event("coupon.dropped")
    page = await room.http("GET", path, headers=HTML)
    done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"id": field(page, "id")})
    assert "待付款" in done.text
    assert "付款 ¥10 后生效" in done.text
    code = (await controller.event("coupon.claimed"))["code"]
    assert code in done.text
    lines = [{"product": "d", "price": 1_000}]
    paid = await room.do(
        sale, "shop", "order.report", order="p1", status="paid", coupon=code, lines=lines, amount=1_000
    )
    assert paid.status == 200, paid.text
    await controller.event("coupon.paid")
    assert "待付款" not in (await room.http("GET", path, headers={**HTML, **cookie(page)})).text
