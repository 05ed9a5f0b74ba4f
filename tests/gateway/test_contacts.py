"""The way back to a member: handed in by relays and shops, told to support one at a time, and kept nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.contacts import FILE_NAME, Contacts, FileContacts, RedisContacts
from coordinator.journal.redis_link import RedisLink
from tests.client import token
from tests.redis_server import standalone
from tests.server import InProcess
from tests.sheet import sheet

PHONE = "wx: xiaowang-1988"


async def handed_in(room: InProcess, sale: str, role: str = "shop", **more: Any) -> Any:
    body = {"contacts": [{"member": "m1", "contact": PHONE}], **more}
    return await room.http("PUT", f"/api/sales/{sale}/contacts", token(role, sale=sale), json=body)


async def test_support_is_told_how_to_reach_one_member_and_the_record_says_who_asked_and_why(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    owner = await room.join(sale, "owner", "boss")
    assert (await handed_in(room, sale)).json == {"kept": 1}
    order = await room.do(sale, "shop", "order.report", order="o1", status="placed", member="m1", amount=100)
    assert order.status == 200
    told = await room.do(sale, "support", "member.reveal", order="o1", why="催付")
    assert told.json["result"] == {"member": "m1", "contact": PHONE}
    support = await room.join(sale, "support", "chen")
    assert (await support.done("member.reveal", member="m2", why="回电")) == {"member": "m2", "contact": None}
    assert (await support.done("member.reveal", member="m1", why="回电"))["contact"] == PHONE
    seen = [e for e in await room.events(sale) if e["kind"] == "member.revealed"]
    assert [(e["member"], e["why"]) for e in seen] == [("m1", "催付"), ("m2", "回电"), ("m1", "回电")]
    await owner.until(lambda: sum(e["kind"] == "member.revealed" for e in owner.events) == 3)
    assert PHONE not in json.dumps([owner.state, owner.events, support.state, support.events], ensure_ascii=False)


async def test_it_is_in_no_record_no_export_and_no_journal(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    await handed_in(room, sale)
    await room.do(sale, "support", "member.reveal", member="m1", why="回电")
    export = await room.http("GET", f"/api/sales/{sale}/export", token("owner"))
    assert "member.revealed" in export.text
    assert PHONE not in export.text
    data = room.service.settings.data
    kept = {path.name for path in data.iterdir() if path.is_file() and PHONE.encode() in path.read_bytes()}
    assert kept == {FILE_NAME}
    assert stat.S_IMODE((data / FILE_NAME).stat().st_mode) == 0o600


async def test_linked_pseudonyms_are_one_person_to_reach(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    await handed_in(room, sale)
    relay = await room.join(sale, "relay", "r1")
    await relay.done("member.link", a="phone-7", b="m1")
    told = await room.do(sale, "support", "member.reveal", member="phone-7", why="回电")
    assert told.json["result"]["contact"] == PHONE


async def test_it_can_be_erased(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    for path, role, erased in (("/m1", "relay", 1), ("", "owner", 1), ("/m1", "owner", 0)):
        if erased:
            await handed_in(room, sale)
        gone = await room.http("DELETE", f"/api/sales/{sale}/contacts{path}", token(role, sale=sale))
        assert gone.json == {"erased": erased}
        told = await room.do(sale, "support", "member.reveal", member="m1", why="回电")
        assert told.json["result"]["contact"] is None
    assert PHONE.encode() not in (room.service.settings.data / FILE_NAME).read_bytes()
    assert (await room.http("DELETE", f"/api/sales/{sale}/contacts", token("shop", sale=sale))).status == 403


@pytest.mark.parametrize("role", ["owner", "controller", "support", "cheer", "audience"])
async def test_only_relays_posters_and_shops_hand_contacts_in(room: InProcess, role: str) -> None:
    sale = await room.sale(sheet(), live=True)
    assert (await handed_in(room, sale, role)).status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contacts": [{"member": "m 1", "contact": "x"}]}, "contacts.0.member"),
        ({"contacts": [{"member": "m1", "contact": "a\nb"}]}, "contacts.0.contact"),
        ({"contacts": [{"member": "m1"}]}, "contacts.0.contact"),
        ({"contacts": [{"member": "m1", "contact": "x"}] * 1001}, "contacts"),
        ([], "contacts"),
    ],
)
async def test_what_is_not_well_formed_is_named(room: InProcess, body: Any, field: str) -> None:
    sale = await room.sale(sheet(), live=True)
    answer = await room.http("PUT", f"/api/sales/{sale}/contacts", token("relay", sale=sale), json=body)
    assert (answer.status, answer.json["details"]["field"]) == (422, field)


async def test_support_pages_over_all_follow_ups_in_their_order(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    for n in range(7):
        status = {"order": f"o{n}", "status": "placed", "member": f"member-{n}", "amount": 100}
        await room.do(sale, "shop", "order.report", **status)
        await room.do(sale, "audience", "link.click", f"clicked-{n}", link="room")
    found: list[Any] = []
    after = ""
    while True:
        page = await room.http(
            "GET", f"/api/sales/{sale}/list/followups?limit=4{after}", token("support", "chen", sale=sale)
        )
        found += page.json["followups"]
        if page.json["next"] is None:
            break
        after = f"&after={page.json['next']}"
    assert [f["reason"] for f in found] == ["unpaid"] * 7 + ["clicked"] * 7
    assert {f["member"] for f in found} == {"member…", "clicke…"}
    page = await room.http("GET", f"/api/sales/{sale}/list/followups", token("host", "lin", sale=sale))
    assert page.json == {"followups": [], "next": None}


@pytest.fixture(params=["file", "redis"])
async def table(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Contacts, Contacts]]:
    """The table as two nodes have it (of a data folder there is one alone)."""
    if request.param == "file":
        alone = FileContacts(tmp_path)
        yield alone, alone
        await alone.close()
        return
    with standalone() as server:
        links = [await RedisLink.open(server.url) for _ in range(2)]
        yield RedisContacts(links[0]), RedisContacts(links[1])
        for link in links:
            await link.close()


async def test_wherever_it_stands_the_table_is_the_same(table: tuple[Contacts, Contacts]) -> None:
    one, other = table
    await one.put("s1", {"m1": "a", "m2": "b"})
    await one.put("s2", {"m1": "c"})
    await other.put("s1", {"m1": "d"})
    assert await one.find("s1", ("m9", "m1", "m2")) == "d"
    assert await other.find("s1", ("m2",)) == "b"
    assert await other.find("s1", ("m3",)) is None
    assert (await one.erase("s1", "m1"), await one.erase("s1", "m1")) == (1, 0)
    assert await other.erase("s1") == 1
    assert await other.find("s2", ("m1",)) == "c"
