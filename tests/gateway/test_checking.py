"""What the checks say of a text, asked over HTTP while somebody writes it; refusals and overrides over the wire; masking."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import token
from tests.server import InProcess
from tests.sheet import sheet


async def asked(room: InProcess, sale: str, role: str = "controller", **body: Any) -> Any:
    return await room.http("POST", f"/api/sales/{sale}/check", token(role, role, sale), json=body)


async def test_the_terms_of_a_text_are_told_with_their_places_and_nothing_is_sent(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    answer = await asked(room, sale, text="亲测最佳, 只要 99 元 {link}", do="link.drop", product="pan", groups="all")
    assert answer.status == 200
    found = {f["rule"]: (f["severity"], f["term"]) for f in answer.json["findings"]}
    assert found == {"AD-ABS": ("block", "最佳"), "AD-LABEL": ("block", "亲测"), "PRICE": ("warn", "只要 99 元")}
    assert answer.json["set"] == "cn"
    state = await room.http("GET", f"/api/sales/{sale}/state", token("controller", "li", sale))
    assert state.json["state"]["drops"] == {}


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        ("audience", {"text": "x"}, 403),
        ("relay", {"text": "x"}, 403),
        ("controller", {}, 422),
        ("controller", {"text": ""}, 422),
        ("controller", {"text": "x", "colour": "red"}, 422),
        ("controller", {"text": "x", "groups": "tier:"}, 422),
        ("support", {"text": "x"}, 200),
    ],
)
async def test_only_the_team_asks_and_only_what_can_be_read(
    room: InProcess, role: str, body: dict[str, Any], status: int
) -> None:
    sale = await room.sale(sheet(), live=True)
    assert (await asked(room, sale, role, **body)).status == status


async def test_a_block_is_refused_and_an_override_with_a_reason_lets_it_through(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller = await room.join(sale)
    refused = await controller.do("message.send", content="最佳", groups="all")
    assert refused["code"] == "blocked"
    assert refused["details"]["findings"][0]["zh"]
    await controller.done(
        "message.send", content="最佳", groups="all", override={"rules": ["AD-ABS"], "reason": "商标, 见授权书"}
    )
    event = await controller.event("cue.announced")
    assert event["override"] == {"rules": ["AD-ABS"], "reason": "商标, 见授权书"}
    assert event["check"]["found"] == [{"rule": "AD-ABS", "severity": "block", "term": "最佳", "where": "content"}]


async def test_members_numbers_are_masked_for_whom_they_are_none_of(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s"), live=True)
    relay, controller = await room.join(sale, "relay"), await room.join(sale)
    cheer, support = await room.join(sale, "cheer"), await room.join(sale, "support")
    text, name = "我电话 13800138000", "陈13912345678"
    await relay.done("group.observe", group="g1", what="message", member="m1", text=text, name=name)
    await relay.done("question.raise", group="g1", member="m1", text="打 13800138000 行吗?")
    assert (await controller.event("group.message"))["text"] == text
    told = await cheer.event("group.message")
    assert (told["text"], told["name"]) == ("我电话 138****8000", "陈139****5678")
    assert cheer.state["groups"]["g1"]["last"][0]["text"] == "我电话 138****8000"
    assert (await support.event("question.raised"))["text"] == "打 13800138000 行吗?"
    events = await room.http("GET", f"/api/sales/{sale}/events", token("cheer", "mei", sale))
    assert "13800138000" not in events.text
    export = await room.http("GET", f"/api/sales/{sale}/export", token("owner", "o", sale))
    assert "13800138000" not in export.text
    assert "138****8000" in export.text


async def test_an_edit_that_blocks_goes_with_an_override_that_then_stands_in_the_sheet(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    edited = sheet(cues=[{"id": "late", "at": "+3h", "do": "message.send", "text": "最佳拍档"}])
    refused = await controller.do("sheet.replace", version=1, sheet=edited)
    assert (refused["code"], refused["details"]["rules"]) == ("blocked", ["AD-ABS"])
    override = {"rules": ["AD-ABS"], "reason": "注册商标"}
    assert (await controller.done("sheet.replace", version=1, sheet=edited, override=override))["version"] == 2
    event = await controller.event("sheet.replaced")
    assert event["override"] == override
    assert event["sheet"]["checks"]["overruled"] == [{"rule": "AD-ABS", "by": "controller:li", "reason": "注册商标"}]
    again = await controller.do("sheet.replace", version=2, sheet=event["sheet"])  # it is not asked for twice
    assert again["op"] == "done"
