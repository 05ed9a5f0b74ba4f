"""Sheets over HTTP: what was understood of one, the sale's own as a file, another in its place."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import zipfile
from typing import Any

import pytest

from coordinator import registry
from coordinator.gateway.sheets import FORMATS, XLSX
from coordinator.runsheet import load_plan
from coordinator.runsheet.reading import read_sheet
from coordinator.runsheet.xlsx import to_xlsx
from coordinator.runsheet.xlsx.archive import MAX_BYTES
from tests.client import token
from tests.server import InProcess
from tests.sheet import sheet

DROP = {"id": "drop", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "tier:vip"}


async def check(
    room: InProcess, data: bytes | dict[str, Any], kind: str = "application/json", by: str = "owner"
) -> Any:
    more: dict[str, Any] = (
        {"json": data} if isinstance(data, dict) else {"data": data, "headers": {"Content-Type": kind}}
    )
    sale = None if by == "owner" else "kitchen"
    return await room.http("POST", "/api/sheets/check", token(by, None, sale), **more)


@pytest.mark.parametrize("form", FORMATS)
async def test_what_was_understood_is_the_same_from_each_format(room: InProcess, form: str) -> None:
    plan = sheet(cues=[DROP])
    data = to_xlsx(plan) if form == "xlsx" else json.dumps(plan, ensure_ascii=False).encode()
    answer = await check(room, data, FORMATS[form])
    assert answer.status == 200, answer.text
    assert answer.json["usable"] is True
    (cue,) = answer.json["sheet"]["segments"][0]["cues"]
    assert (cue["id"], cue["local"], cue["reach"]) == ("drop", "2030-11-11 20:01:00", {"groups": 1, "members": 100})
    assert (await room.http("GET", "/api/sales", token("owner"))).json == {"sales": []}


async def test_findings_of_a_workbook_name_its_cells(room: InProcess) -> None:
    wrong = sheet(cues=[{**DROP, "text": "国家级 {link}"}])
    answer = await check(room, to_xlsx(wrong), XLSX)
    assert (answer.status, answer.json["usable"]) == (200, False)
    assert answer.json["findings"][0]["where"].startswith("节点 cues!")
    assert answer.json["sheet"]["title"] == wrong["title"]  # it can be read, though not sent so
    wrong["products"][0]["price"] = "129元"
    answer = await check(room, to_xlsx(wrong), XLSX)
    assert (answer.json["usable"], answer.json["sheet"]) == (False, None)
    assert answer.json["findings"][0]["where"].startswith("商品 products!")


async def test_what_is_no_sheet_is_said_and_not_more(room: InProcess) -> None:
    for data in (b"", b"PK\x03\x04rubbish", b"title: [", b"\xff\xfe\x00", b"- a"):
        answer = await check(room, data, "application/octet-stream")
        assert (answer.status, answer.json["usable"], answer.json["sheet"]) == (200, False, None)
        assert answer.json["findings"][0]["severity"] == "error"


async def test_who_may_not_replace_a_sheet_is_not_read_one(room: InProcess) -> None:
    sale = await room.sale(sheet())
    for role in ("host", "cheer", "support", "audience"):
        assert (await check(room, sheet(), by=role)).status == 403
        answer = await room.http("GET", f"/api/sales/{sale}/sheet", token(role, None, sale))
        assert answer.status == 403, role
    assert (await check(room, sheet(), by="controller")).status == 200
    assert (await room.http("POST", "/api/sheets/check", json=sheet())).status == 401


@pytest.mark.parametrize("form", FORMATS)
async def test_the_sheet_comes_back_as_a_file_that_says_the_same(room: InProcess, form: str) -> None:
    sale = await room.sale(sheet(cues=[DROP]))
    owner = token("owner", None, sale)
    plain = (await room.http("GET", f"/api/sales/{sale}", owner)).json["sheet"]
    by_name = await room.http("GET", f"/api/sales/{sale}/sheet?format={form}", owner)
    by_type = await room.http("GET", f"/api/sales/{sale}/sheet", owner, headers={"Accept": FORMATS[form]})
    for answer in (by_name, by_type):
        assert answer.status == 200
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Content-Type"].startswith(FORMATS[form])
        assert f"{sale}-v1.{form}" in answer.headers["Content-Disposition"]
        read = read_sheet(answer.body, f"sheet.{form}")
        assert read.findings == []
        back = await room.http("POST", "/api/sheets/check", owner, data=answer.body)
        assert back.json["sheet"] == (await check(room, plain)).json["sheet"]
    assert (await room.http("GET", f"/api/sales/{sale}/sheet?format=pdf", owner)).status == 422


async def test_the_description_for_programs_names_what_goes_in_and_what_comes_back(room: InProcess) -> None:
    paths = (await room.http("GET", "/openapi.json")).json["paths"]
    asked = paths["/api/sheets/check"]["post"]
    assert set(asked["requestBody"]["content"]) == set(FORMATS.values())
    assert "findings" in asked["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    assert set(paths["/api/sales/{sale}/sheet"]["get"]["responses"]["200"]["content"]) == set(FORMATS.values())


async def put(room: InProcess, sale: str, plan: dict[str, Any], *, by: str = "controller", dry: bool = False) -> Any:
    path = f"/api/sales/{sale}/sheet" + ("?dry=1" if dry else "")
    return await room.http("PUT", path, token(by, None, sale), json=plan, headers={} if dry else {"If-Match": "1"})


async def test_what_a_dry_run_says_is_what_the_replacement_does(room: InProcess) -> None:
    sale = await room.sale(
        sheet(cues=[{**DROP, "at": "+1h"}, {"id": "word", "at": "+2h", "prompt": "host", "text": "x"}]), live=True
    )
    new = sheet(cues=[{**DROP, "at": "+2h"}], quantity=400)
    before = (await room.state(sale))["state"]
    dry = await put(room, sale, new, dry=True)
    assert dry.status == 200, dry.text
    assert (await room.state(sale))["state"] == before
    said = dry.json["difference"]
    assert {c["cue"]: c["change"] for c in said["cues"]} == {"drop": "moved", "word": "dropped"}
    moved = next(c for c in said["cues"] if c["cue"] == "drop")["changes"]["at"]
    assert (moved["from"], moved["to"]) == (before["cues"]["drop"]["at"], before["cues"]["drop"]["at"] + 3_600_000)
    assert [t["changes"] for t in said["things"]] == [{"quantity": {"from": 500, "to": 400}}]
    assert (said["approved"], said["segment"], dry.json["version"]) == (False, "main", 1)
    assert (await put(room, sale, new)).json["version"] == 2
    after = (await room.state(sale))["state"]
    assert (after["cues"]["drop"]["at"], "word" in after["cues"]) == (moved["to"], False)
    assert after["show"]["show"].get("approved", False) is False  # the controller's: the owner has not seen it


async def test_what_would_be_refused_is_told_by_the_dry_run_with_its_field(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    other = sheet(segments=[{"id": "other", "kind": "qa", "lasts": "1h", "cues": []}])
    for dry in (True, False):
        answer = await put(room, sale, other, dry=dry)
        assert (answer.status, answer.json["code"], answer.json["details"]["field"]) == (
            422,
            "invalid",
            "sheet.segments",
        )


async def test_a_sheet_of_a_rehearsal_that_is_replaced_still_has_its_groups_served(room: InProcess) -> None:
    """The built-in relay serves the groups of a rehearsal; an edit once gave them back to the relays of the sheet."""
    sale = await room.sale(sheet(lead="0s"), query="?rehearsal=1")
    new = sheet(lead="0s", groups=3)
    said = (await put(room, sale, new, dry=True)).json["difference"]
    assert [(t["id"], t["change"]) for t in said["things"]] == [("g3", "new")]
    assert (await put(room, sale, new, by="owner")).status == 200
    groups = (await room.state(sale))["state"]["groups"]
    assert {g["id"]: g["relay"] for g in groups.values()} == {f"g{n}": ["console"] for n in (1, 2, 3)}


def overrule(*rules: str, reason: str = "注册商标") -> dict[str, str]:
    return {"Override": json.dumps({"rules": rules, "reason": reason})}


async def test_a_rule_that_may_be_overruled_is_with_a_reason_that_stands_in_the_record(room: InProcess) -> None:
    """A sheet with a blocked word could be replaced by hand-written JSON alone: over HTTP there was no way to say why."""
    sale = await room.sale(sheet())
    owner, path = token("owner", None, sale), f"/api/sales/{sale}/sheet"
    book = to_xlsx(sheet(cues=[{**DROP, "text": "国家级 {link}"}]))
    refused = await room.http("PUT", path, owner, data=book, headers={"If-Match": "1"})
    assert (refused.status, refused.json["code"], refused.json["details"]["rules"]) == (422, "blocked", ["AD-ABS"])
    dry = await room.http("PUT", path + "?dry=1", owner, data=book, headers=overrule("AD-ABS"))
    assert dry.status == 200, dry.text
    found = next(f for f in dry.json["findings"] if f["rule"] == "AD-ABS")
    assert (found["severity"], found["where"].partition("!")[0]) == ("warn", "节点 cues")
    assert "注册商标" in found["message"]
    done = await room.http("PUT", path, owner, data=book, headers={"If-Match": "1", **overrule("AD-ABS")})
    assert (done.status, done.json["version"]) == (200, 2), done.text
    replaced = next(e for e in await room.events(sale) if e["kind"] == "sheet.replaced")
    stands = (await room.http("GET", path + "?format=json", owner)).json["checks"]["overruled"]
    assert stands == [{"rule": "AD-ABS", "by": replaced["by"], "reason": "注册商标"}]


async def test_another_rule_still_blocks_and_an_override_that_is_none_is_told(room: InProcess) -> None:
    sale = await room.sale(sheet())
    for header, code, field in (
        (overrule("PII"), "blocked", None),
        ({"Override": "because"}, "invalid", "override"),
        ({"Override": "[" * 4_000}, "invalid", "override"),
        (overrule("AD-ABS", reason=""), "invalid", "override.reason"),
        (overrule(), "invalid", "override.rules"),
    ):
        wrong = sheet(cues=[{**DROP, "text": "国家级 {link}"}])
        answer = await room.http(
            "PUT", f"/api/sales/{sale}/sheet?dry=1", token("owner", None, sale), json=wrong, headers=header
        )
        assert (answer.status, answer.json["code"]) == (422, code), answer.text
        assert field in {None, answer.json["details"]["field"]}


async def test_a_workbook_as_large_as_it_may_be_comes_through_and_a_larger_one_is_told_why(room: InProcess) -> None:
    """The door let through 4 MB while a workbook may have 5: what lay between was `too large` without a word of why."""
    padded = io.BytesIO(to_xlsx(sheet()))
    with zipfile.ZipFile(padded, "a", zipfile.ZIP_STORED) as book:
        book.writestr("docProps/picture.bin", b"\0" * 4_900_000)
    assert 4 << 20 < len(padded.getvalue()) <= MAX_BYTES
    assert (await check(room, padded.getvalue(), XLSX)).json["usable"] is True
    with zipfile.ZipFile(padded, "a", zipfile.ZIP_STORED) as book:
        book.writestr("docProps/more.bin", b"\0" * 200_000)
    said = await check(room, padded.getvalue(), XLSX)
    assert (said.status, said.json["usable"]) == (200, False)
    assert "larger than 5 MB" in said.json["findings"][0]["message"]


async def test_nobody_waits_while_a_large_sheet_is_read(room: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet that came as a command was read on the conductor's loop: for most of a second no cue went out."""
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    reading, read = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        reading.set()
        assert read.wait(20)
        return load_plan(*given)

    monkeypatch.setattr(registry, "load_plan", slow)
    command = {"kind": "sheet.replace", "version": 1, "sheet": sheet(quantity=400)}
    async with asyncio.TaskGroup() as tasks:
        replacing = tasks.create_task(
            room.http("POST", f"/api/sales/{sale}/do", token("controller", None, sale), json={"id": "a", **command})
        )
        await asyncio.to_thread(reading.wait, 20)
        await controller.done("note.add", text="meanwhile")
        assert not replacing.done()
        read.set()
    assert replacing.result().status == 200, replacing.result().text
    kinds = [e["kind"] for e in await room.events(sale)]
    assert kinds.index("note.added") < kinds.index("sheet.replaced")


async def test_a_sheet_in_place_of_another_is_checked_against_what_the_relays_here_have_told(room: InProcess) -> None:
    many = [{**DROP, "id": f"m{n}", "at": f"+{n}s", "do": "message.send", "text": f"第 {n} 条"} for n in range(1, 5)]
    for cue in many:
        cue.pop("product")
    sale = await room.sale(sheet())
    path, owner = f"/api/sales/{sale}/sheet?dry=1", token("owner", None, sale)

    async def rate() -> list[str]:
        answer = await room.http("PUT", path, owner, json=sheet(cues=many))
        assert answer.status == 200, answer.text
        return [each["message"] for each in answer.json["findings"] if each["rule"] == "RATE"]

    assert await rate() == []
    relay = await room.join(sale, "relay", "r1")
    entry = {"credential": "shop-bot", "platform": "wecom", "limits": [{"count": 2, "per_ms": 60_000}]}
    await relay.done("relay.limits", credentials=[entry], groups={"g1": "shop-bot"})
    told = await rate()
    assert len(told) == 2
    assert all("as r1, which is here, has told" in message for message in told)
