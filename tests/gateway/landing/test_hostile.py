"""Games' pages and what strangers send to them: a refusal that says why, nothing counted, the sale goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coordinator.answers import Answer as Told
from tests.client import token
from tests.gateway.landing.dropping import HTML, JSON, cookie
from tests.gateway.landing.test_personal import own
from tests.gateway.landing.test_rounds import POLL, QUIZ, SURVEY, facts, opened
from tests.server import InProcess
from tests.sheet import sheet

FORM = {**HTML, "Content-Type": "application/x-www-form-urlencoded"}
FILE = {**HTML, "Content-Type": "multipart/form-data; boundary=x"}
BODY = {**JSON, "Content-Type": "application/json"}
PART = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
BODIES: dict[str, tuple[str, dict[str, str], bytes, int]] = {
    "a number of 5,000 digits": ("survey", FORM, b"q.happy=" + b"9" * 5000, 200),
    "a number that is none": ("survey", FORM, "q.happy=²".encode(), 200),
    "a point beyond the scale": ("survey", FORM, b"q.happy=6", 200),
    "answers that are a list": ("survey", BODY, b'{"answers":["x"]}', 422),
    "answers to what is not asked": ("survey", BODY, b'{"answers":{"nope":1}}', 404),
    "an option that is true": ("poll", BODY, b'{"option":true}', 422),
    "a file as an option": ("poll", FILE, PART % b"option", 200),
    "a file as an answer": ("quiz", FILE, PART % b"answer", 200),
    "a file as who": ("quiz", FILE, PART % b"who", 200),
    "a lone surrogate": ("quiz", BODY, b'{"answer":"\\ud800"}', 422),
    "a surrogate in the id": ("quiz", BODY, b'{"answer":"7","id":"\\ud800"}', 422),
    "an id of 5,000": ("quiz", FORM, b"answer=7&id=" + b"i" * 5000, 200),
    "half JSON": ("quiz", BODY, b'{"answer":"7', 422),
    "a hundred thousand brackets": ("quiz", BODY, b"[" * 100_000, 422),
    "an unknown charset": ("quiz", {**FORM, "Content-Type": FORM["Content-Type"] + "; charset=nope"}, b"answer=7", 422),
    "a NUL": ("quiz", FORM, b"answer=a%00b", 200),
    "half a part": ("quiz", FILE, b"--x\r\nContent-Disp", 422),
    "parts without a boundary": ("quiz", {**HTML, "Content-Type": "multipart/form-data"}, b"--x", 422),
    "half a megabyte": ("quiz", FORM, b"answer=" + b"7" * 600_000, 413),
    "five megabytes": ("quiz", BODY, b'{"answer":"' + b"7" * 5_000_000 + b'"}', 413),
    "more than the door lets in": ("quiz", FORM, b"answer=" + b"7" * 7_000_000, 413),
}  # fmt: skip
OPENS: dict[str, dict[str, Any]] = {"poll": POLL, "quiz": QUIZ, "survey": SURVEY, "checkin": {}}


@pytest.mark.parametrize("what", BODIES)
async def test_what_cannot_be_meant_is_told_so_and_counts_for_nothing(room: InProcess, what: str) -> None:
    kind, headers, body, status = BODIES[what]
    path, controller, _ = await opened(room, kind, **OPENS[kind])
    await controller.event(f"{kind}.opened")
    answer = await room.http("POST", path, headers=headers, data=body)
    assert answer.status == status
    if status == 200:
        assert "请再试一次" in answer.text
        assert "<form" in answer.text
    else:
        assert answer.json["code"] in {"invalid", "unknown"}
    assert (await facts(room, path, {}))["count"] == 0


async def test_what_people_write_is_shown_as_words_whatever_it_looks_like(room: InProcess) -> None:
    evil = "<img src=x onerror=alert(1)>\u202egnp.exe\u202c{{7*7}}"
    path, _, _ = await opened(room, "poll", question=evil, options=[evil + "1", evil + "2"])
    page = await room.http("GET", path, headers=HTML)
    voted = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"option": "1", "id": "t1"})
    for html in (page.text, voted.text):
        assert "<img" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
        assert "{{7*7}}" in html
    assert "请检查链接是否完整" in (await room.http("GET", "/g/" + "%3Cimg%3E" * 20, headers=HTML)).text


async def test_what_is_sent_to_a_round_that_is_not_open_is_not_for_another_that_is(room: InProcess) -> None:
    _, controller, relay = await opened(room, "poll", **POLL)
    await controller.event("poll.opened")
    (sale,) = (each.id for each in room.service.gateway.registry.here())
    slower = await room.http(
        "PUT", f"/api/sales/{sale}/sheet", token("owner"), json=sheet(lead="1h"), headers={"If-Match": "1"}
    )
    assert slower.status == 200, slower.text
    await controller.done("poll.open", groups="all", **{**POLL, "question": "第二问"})
    asked = await relay.until(
        lambda: next((e for e in relay.events if "第二问" in e.get("content", {}).get("text", "")), None)
    )
    second = asked["content"]["link"].removeprefix(room.url)
    for standing, code in (("early", "too_early"), ("withdrawn", "too_late")):
        told = await room.http("POST", second, headers=JSON, json={"option": 1})
        assert (told.status, told.json["code"]) == (409, code)
        page = await room.http("POST", second, headers=HTML, data={"option": "1"})
        assert f'data-standing="{standing}"' in page.text
        if standing == "early":
            await controller.done("show.halt", reason="断流")
    assert controller.state["polls"]["poll1"]["count"] == 0


async def test_an_old_installations_cookie_another_sales_address_and_a_forged_one_are_nobodys(room: InProcess) -> None:
    path, controller, _ = await opened(room, "poll", **POLL)
    await controller.event("poll.opened")
    other, _, other_relay = await opened(room, "poll", **POLL)
    foreign = path + "?" + own(other_relay, other, "ann").partition("?")[2]
    for address in (
        foreign,
        path + "?m=ann." + "0" * 20,
        path + "?m=.",
        path + "?m=" + "%F0%9F%92%A9" * 50,
        path + "?m=ann&m=bob",
    ):
        answer = await room.http("GET", address, headers={**HTML, "Cookie": "dropcue_member=ann.forged"})
        assert answer.status == 200
        assert "Set-Cookie" in answer.headers
    await room.http("POST", foreign, headers=JSON, json={"option": 1})
    voted = await controller.event("poll.voted")
    assert voted["member"] != "ann"
    assert not [e for e in controller.events if e["kind"] == "member.linked"]


async def test_looking_how_it_stands_makes_nobody_one_person(room: InProcess) -> None:
    path, controller, relay = await opened(room, "poll", **POLL)
    await controller.event("poll.opened")
    page, _, query = own(relay, path, "ann").partition("?")
    for _ in range(2):
        assert (await room.http("GET", f"{page}/live?{query}", headers=JSON)).status == 200
    opening = await room.http("GET", f"{page}?{query}", headers=HTML)
    await controller.event("member.linked", a="ann")
    await room.http("POST", f"{page}?{query}", headers={**JSON, **cookie(opening)}, json={"option": 1})
    assert (await controller.event("poll.voted"))["member"] == "ann"


@pytest.mark.parametrize("kind", OPENS)
async def test_two_taps_at_once_are_one_turn_and_one_code(room: InProcess, kind: str) -> None:
    path, controller, _ = await opened(room, kind, **OPENS[kind], coupon="c20")
    await controller.event(f"{kind}.opened")
    page = await room.http("GET", path, headers=HTML)
    turn = {"poll": {"option": 1}, "quiz": {"answer": "7"}, "survey": {"answers": {"happy": 1}}, "checkin": {}}[kind]
    jar = {**JSON, **cookie(page)}
    ids: list[dict[str, str]] = [{"id": "a"}, {"id": "a"}, {"id": "b"}, {}, {"id": "c"}]
    told = await asyncio.gather(*[room.http("POST", path, headers=jar, json={**turn, **more}) for more in ids])
    assert {t.status for t in told} == {200}
    assert len({t.json["code"] for t in told}) == 1
    assert told[0].json["count"] == 1


async def test_when_many_come_at_once_the_page_says_press_again_and_is_sent_again_by_itself(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, controller, _ = await opened(room, "poll", **POLL)
    await controller.event("poll.opened")
    page = await room.http("GET", path, headers=HTML)
    (sale,) = room.service.gateway.registry.here()

    async def busy(*_: Any) -> Told:
        return Told(id="x", ok=False, code="busy", message="many wait", details={"retry_ms": 500})

    with monkeypatch.context() as many:
        many.setattr(sale.conductor, "do", busy)
        told = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"option": "1", "id": "t1"})
    assert (told.status, told.headers["Retry-After"]) == (503, "1")  # from 500 on the page's script asks again
    assert "人太多了" in told.text
    assert "<form" in told.text
    again = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"option": "1", "id": "t1"})
    assert "已投票" in again.text


@pytest.mark.parametrize("kind", [*OPENS, "chain"])
async def test_when_the_sale_is_closed_its_games_are_over_for_whoever_still_has_the_page(
    room: InProcess, kind: str
) -> None:
    fields = OPENS.get(kind, {"product": "pan", "target": 3, "until": 3_600_000})
    path, controller, _ = await opened(room, kind, **fields)
    await controller.event(f"{kind}.opened")
    page = await room.http("GET", path, headers=HTML)
    await controller.done("show.end")
    await controller.done("show.close")
    assert (await facts(room, path, cookie(page)))["standing"] == ("failed" if kind == "chain" else "ended")
    late = await room.http(
        "POST", path, headers={**HTML, **cookie(page)}, data={"option": "1", "answer": "7", "q.happy": "1"}
    )
    assert late.status == 200
    assert "<form" not in late.text
