"""Webhooks: signed by the Standard Webhooks rules, each counts once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import pytest

from tests.client import Answer
from tests.server import InProcess
from tests.sheet import sheet

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPCUE_HOOK_MALL", SECRET)
    monkeypatch.setenv("DROPCUE_HOOK_SHOP_TWO", SECRET)


def headers(body: bytes, *, id_: str | None = None, at: int | None = None, key: str = SECRET) -> dict[str, str]:
    id_, at = id_ or "msg_" + secrets.token_hex(6), at if at is not None else int(time.time())
    mac = hmac.new(
        base64.b64decode(key.removeprefix("whsec_")), f"{id_}.{at}.".encode() + body, hashlib.sha256
    ).digest()
    return {
        "webhook-id": id_, "webhook-timestamp": str(at), "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "Content-Type": "application/json",
    }  # fmt: skip


async def post(room: InProcess, sale: str, body: Any, source: str = "mall", **signed: Any) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await room.http("POST", f"/hooks/{sale}/{source}", data=data, headers=headers(data, **signed))


def order(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "order.report", "order": f"o{number}", "status": "paid", "lines": [], "amount": 100, **more}


async def test_a_signed_order_is_taken_and_its_repeat_counts_once(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    for _ in range(3):
        answer = await post(room, sale, order(1), id_="msg_1")
        assert answer.status == 200
        assert [(r["id"], r["ok"]) for r in answer.json["results"]] == [("msg_1", True)]
    paid = [e for e in await room.events(sale) if e["kind"] == "order.paid"]
    assert [(e["order"], e["by"], e["cmd"]) for e in paid] == [("o1", "shop:mall", "msg_1")]


async def test_a_list_has_ids_of_its_own_from_zero_and_refusals_inside(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    items = [
        order(1),
        {"kind": "coupon.drop", "coupon": "c20", "groups": "all"},
        {"kind": "order.report"},
        order(2),
        {"kind": "bogus"},
    ]
    for _ in range(2):
        answer = await post(room, sale, items, id_="msg_9")
        assert answer.status == 200
        results = answer.json["results"]
        assert [r["id"] for r in results] == [f"msg_9:{n}" for n in range(5)]
        assert [r.get("code") for r in results] == [None, "forbidden", "invalid", None, "unknown"]
    assert [e["order"] for e in await room.events(sale) if e["kind"] == "order.paid"] == ["o1", "o2"]
    assert (await post(room, sale, [])).json["results"] == []


async def test_a_thousand_come_in_one_and_no_more(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    answer = await post(room, sale, [order(n) for n in range(1000)])
    assert answer.status == 200
    assert all(r["ok"] for r in answer.json["results"])
    assert (await post(room, sale, [order(n) for n in range(1001)])).status == 422


async def test_what_is_not_signed_well_is_401_and_leaves_no_trace(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    end = len(await room.events(sale))
    body = json.dumps(order(1)).encode()
    now = int(time.time())
    other_key = "whsec_" + base64.b64encode(b"x" * 32).decode()
    wrong = [
        headers(body, key=other_key), headers(body, at=now - 3600), headers(body, at=now + 3600), headers(body + b" "), {},
        {**headers(body), "webhook-id": "msg_other"}, {**headers(body), "webhook-signature": "v1,xxxx"},
        {**headers(body), "webhook-signature": "v2," + "x" * 44}, {**headers(body), "webhook-timestamp": "soon"},
        {k: v for k, v in headers(body).items() if k != "webhook-id"},
    ]  # fmt: skip
    for given in wrong:
        answer = await room.http("POST", f"/hooks/{sale}/mall", data=body, headers=given)
        assert (answer.status, answer.json["code"]) == (401, "forbidden"), given
    assert len(await room.events(sale)) == end


async def test_what_is_signed_and_not_well_formed_is_refused(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    for body in (b"", b"{", b"5", b"null", b'["a"]', b"[" * 100_000, b"\xff"):
        assert (await post(room, sale, body)).status == 422, body[:20]
    assert (await post(room, "no-such-sale", order(1))).status == 404
    for source in ("nobody", "..", "m%61ll!", "é"):
        assert (await post(room, sale, order(1), source=source)).status == 404, source


async def test_an_id_of_its_own_in_the_body_does_not_count(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    await post(room, sale, order(1, id="mine"), id_="theirs", source="shop-two")
    paid = next(e for e in await room.events(sale) if e["kind"] == "order.paid")
    assert (paid["cmd"], paid["by"]) == ("theirs", "shop:shop-two")


OLD, NEW = ("whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in (1, 2))


async def test_while_one_secret_follows_another_both_sign(room: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    sale = await room.sale(sheet(), live=True)
    monkeypatch.setenv("DROPCUE_HOOK_MALL", f"{NEW} {OLD}")
    for n, key in enumerate((OLD, NEW)):
        assert (await post(room, sale, order(n), key=key)).json["results"][0]["ok"]
    monkeypatch.setenv("DROPCUE_HOOK_MALL", NEW)
    assert (await post(room, sale, order(2), key=OLD)).status == 401
    body = json.dumps(order(3)).encode()
    both = headers(body, id_="msg_3", key=OLD)
    both["webhook-signature"] += " " + headers(body, id_="msg_3", key=NEW)["webhook-signature"]
    assert (await room.http("POST", f"/hooks/{sale}/mall", data=body, headers=both)).status == 200


async def test_a_secret_that_cannot_be_read_is_the_services_fault_and_named(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await room.sale(sheet(), live=True)
    monkeypatch.setenv("DROPCUE_HOOK_MALL", "whsec_!")
    answer = await post(room, sale, order(1))
    assert (answer.status, "DROPCUE_HOOK_MALL" in answer.json["detail"]) == (500, True)
    monkeypatch.setenv("DROPCUE_HOOK_MALL", f"whsec_! {NEW}")
    assert (await post(room, sale, order(1), key=NEW)).status == 200


async def test_a_refusal_names_the_header_and_says_what_to_do(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    body, now = json.dumps(order(1)).encode(), int(time.time())
    for given, field, said in (
        (headers(body, at=now - 301), "webhook-timestamp", "sign it anew"),
        (headers(body, at=now + 310), "webhook-timestamp", "clock"),
        ({**headers(body), "webhook-timestamp": "soon"}, "webhook-timestamp", "seconds"),
        ({k: v for k, v in headers(body).items() if k != "webhook-signature"}, "webhook-signature", "missing"),
        (headers(body, key=NEW), "webhook-signature", "DROPCUE_HOOK_MALL"),
        ({**headers(body), "webhook-signature": "v1,é"}, "webhook-signature", "none of the secrets"),
    ):
        answer = await room.http("POST", f"/hooks/{sale}/mall", data=body, headers=given)
        assert (answer.status, answer.json["code"], answer.json["details"]["field"]) == (401, "forbidden", field)
        assert said in answer.json["detail"]
    assert (await post(room, sale, order(1), at=now - 290)).status == 200
    assert (await post(room, sale, order(2), id_="m" * 200)).json["details"]["field"] == "webhook-id"
    assert "item 1" in (await post(room, sale, [order(3), "order"])).json["detail"]


async def test_a_webhook_that_is_replayed_with_another_body_is_another_command(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    assert (await post(room, sale, order(1), id_="msg_1")).json["results"][0]["ok"]
    refused = (await post(room, sale, order(1, amount=5), id_="msg_1")).json["results"][0]
    assert (refused["ok"], refused["code"]) == (False, "invalid")


async def test_a_platform_tells_the_streams_figures_and_a_channels_exposures(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    told = [
        {"kind": "audience.report", "viewers": 1200, "views": 5000},
        {"kind": "channel.expose", "channel": "海报", "count": 300},
        {"kind": "cost.report", "what": "红包", "amount": 1},
    ]
    results = (await post(room, sale, told)).json["results"]
    assert [r.get("code") for r in results] == [None, None, "forbidden"]
    state = (await room.state(sale))["state"]
    assert (state["audience"]["stream"]["views"], state["channels"]["海报"]["exposures"]) == (5000, 300)
    assert (await room.state(sale, "support", "chen"))["state"]["channels"] == {}


async def test_a_body_beyond_what_is_taken_is_refused_whole(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    answer = await post(room, sale, b'"' + b"x" * (6 << 20) + b'"')
    assert (answer.status, answer.json["code"]) == (413, "invalid")
