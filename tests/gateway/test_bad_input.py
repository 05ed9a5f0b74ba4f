"""Wrong input gets the contract's refusal: no line ends that is well, nothing enters the journal, nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from aiohttp.http_parser import DeflateBuffer

from tests.client import Client, Closed, token
from tests.server import InProcess
from tests.sheet import sheet

KIB = 1024


@contextlib.asynccontextmanager
async def undisturbed(room: InProcess, sale: str) -> AsyncIterator[None]:
    """The journal ends where it did, and another console goes on getting its events."""
    other = await room.join(sale, "owner", "watcher")
    end = room.conductor(sale).state.seq
    yield
    await other.done("note.add", text="still here")
    await other.event("note.added", text="still here")
    await other.until(lambda: [s for s in [other.seq()] if s > end])
    record = [e for e in await room.events(sale) if e["seq"] > end]
    assert [e["kind"] for e in record if not e["kind"].startswith(("person.", "relay."))] == ["note.added"]
    assert not other.closed


FRAMES: dict[str, Any] = {
    "half JSON": '{"op":"do","id":"x","kind":"note.add","te',
    "no JSON": "hello?",
    "nothing": "",
    "a list": "[]",
    "a number": "42",
    "null": "null",
    "a hundred thousand brackets": "[" * 100_000,
    "deep and whole": '{"op":"do","id":"x","kind":"note.add","text":' + "[" * 50_000 + "]" * 50_000 + "}",
    "a lone surrogate": '{"op":"do","id":"x","kind":"note.add","text":"\\ud800"}',
    "a lone low surrogate": '{"op":"do","id":"x","kind":"note.add","text":"a\\udc00b"}',
    "a surrogate in the id": '{"op":"do","id":"\\ud800","kind":"note.add","text":"x"}',
    "too large a number": '{"op":"do","id":"x","kind":"show.shift","by_ms":1e999}',
    "NaN": '{"op":"do","id":"x","kind":"show.shift","by_ms":NaN}',
    "a binary frame": b'{"op":"ping","sent":1}',
    "binary rubbish": bytes(range(256)),
    "no op": "{}",
    "another op": '{"op":"dance","id":"x"}',
    "an op that is a list": '{"op":["do"]}',
    "hello again": '{"op":"hello","token":"x"}',
    "no id": '{"op":"do","kind":"note.add","text":"x"}',
    "an id that is a number": '{"op":"do","id":7,"kind":"note.add","text":"x"}',
    "an id that is null": '{"op":"do","id":null,"kind":"note.add","text":"x"}',
    "an empty id": '{"op":"do","id":"","kind":"note.add","text":"x"}',
    "an id of 129": json.dumps({"op": "do", "id": "i" * 129, "kind": "note.add", "text": "x"}),
    "no kind": '{"op":"do","id":"x"}',
    "a kind that is a list": '{"op":"do","id":"x","kind":["note.add"]}',
    "an unknown kind": '{"op":"do","id":"x","kind":"note.sing"}',
    "a text that is a number": '{"op":"do","id":"x","kind":"note.add","text":7}',
    "a text that is missing": '{"op":"do","id":"x","kind":"note.add"}',
    "an empty text": '{"op":"do","id":"x","kind":"note.add","text":""}',
    "a NUL": '{"op":"do","id":"x","kind":"note.add","text":"a\\u0000b"}',
    "a field too many": '{"op":"do","id":"x","kind":"note.add","text":"x","colour":"red"}',
    "a text of 200,000": json.dumps({"op": "do", "id": "x", "kind": "note.add", "text": "x" * 200_000}),
    "a number as text": '{"op":"do","id":"x","kind":"show.shift","by_ms":"5"}',
    "a number that is true": '{"op":"do","id":"x","kind":"show.shift","by_ms":true}',
    "half a millisecond": '{"op":"do","id":"x","kind":"show.shift","by_ms":0.5}',
    "a thousand years": '{"op":"do","id":"x","kind":"show.shift","by_ms":99999999999999999999999}',
    "a from that is a number": '{"op":"do","id":"x","kind":"show.end","from":5}',
    "a from where none belongs": '{"op":"do","id":"x","kind":"note.add","text":"x","from":null}',
    "a coupon that is an object": '{"op":"do","id":"x","kind":"coupon.drop","coupon":{"a":1},"groups":"all"}',
    "an unknown coupon": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c99","groups":"all"}',
    "a selector that cannot be read": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c20","groups":"tier: & ("}',
    "a selector of brackets": json.dumps({"op": "do", "id": "x", "kind": "coupon.drop", "coupon": "c20", "groups": "(" * 100_000}),
    "a selector of nots": json.dumps({"op": "do", "id": "x", "kind": "coupon.drop", "coupon": "c20", "groups": "!" * 100_000 + "all"}),
    "groups that are not there": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c20","groups":["g99"]}',
    "no groups at all": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c20","groups":[]}',
    "nothing to give out": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c20","groups":"all","quantity":0}',
    "more than there is": '{"op":"do","id":"x","kind":"coupon.drop","coupon":"c20","groups":"all","quantity":501}',
    "a cue with a strange field": '{"op":"do","id":"x","kind":"cue.add","do":"coupon.drop","at":1,"groups":"all","fields":{"coupon":["c20"]}}',
    "a cue with a deep field": '{"op":"do","id":"x","kind":"cue.add","do":"coupon.drop","at":1,"fields":{"coupon":' + "[" * 500 + "]" * 500 + "}}",
    "a condition that cannot be read": '{"op":"do","id":"x","kind":"cue.add","do":"prompt.send","when":"coupon c20 ((","fields":{"to":"host"},"text":"x"}',
    "a sheet that is a text": '{"op":"do","id":"x","kind":"sheet.replace","version":1,"sheet":"title: x"}',
    "an empty sheet": '{"op":"do","id":"x","kind":"sheet.replace","version":1,"sheet":{}}',
    "a plan of one's own": '{"op":"do","id":"x","kind":"sheet.replace","version":1,"sheet":{},"plan":{}}',
    "a deep sheet": '{"op":"do","id":"x","kind":"sheet.replace","version":1,"sheet":{"title":' + "[" * 500 + "]" * 500 + "}}",
    "many that is no list": '{"op":"many","id":"x","commands":{"id":"a"}}',
    "many of 1,001": json.dumps({"op": "many", "id": "x", "commands": [{"id": str(n), "kind": "note.add", "text": "x"} for n in range(1001)]}),
    "many with a number in it": '{"op":"many","id":"x","commands":[{"id":"a","kind":"note.add","text":"x"},5]}',
    "many without an id inside": '{"op":"many","id":"x","commands":[{"kind":"note.add","text":"x"}]}',
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
async def test_a_wrong_frame_is_refused_and_the_line_goes_on(room: InProcess, name: str) -> None:
    sale = await room.sale(sheet(), live=True)
    client = await room.join(sale)
    async with undisturbed(room, sale):
        await client.send(FRAMES[name])
        refused = await client.until(lambda: client.loose and client.loose[-1])
        assert refused["op"] == "refused"
        assert refused["code"] in {"invalid", "unknown"}
        assert refused["message"]
        assert "inside the service" not in refused["message"]
        pong = await _ping(client)
        assert pong["op"] == "pong"
    assert not client.closed


async def _ping(client: Client) -> dict[str, Any]:
    await client.send({"op": "ping", "sent": "still here"})
    return dict(await client.until(lambda: next((f for f in client.loose if f.get("sent") == "still here"), None)))


async def test_many_that_cannot_be_read_is_refused_by_its_outer_id(room: InProcess) -> None:
    client = await room.join(await room.sale(sheet()))
    answer = await client.ask({"op": "many", "id": "outer", "commands": "none"})
    assert (answer["op"], answer["code"], answer["details"]) == ("refused", "invalid", {"field": "commands"})


async def test_a_refusal_names_the_field(room: InProcess) -> None:
    client = await room.join(await room.sale(sheet()))
    for command, field in (
        ({"kind": "note.add", "text": 5}, "text"),
        ({"kind": "note.add"}, "text"),
        ({"kind": "note.add", "text": "x", "mood": 1}, "mood"),
        ({"kind": "show.shift", "by_ms": "soon"}, "by_ms"),
        ({"kind": "coupon.drop", "coupon": "c20", "groups": "all", "quantity": -1}, "quantity"),
        ({"kind": "prompt.send", "to": "host", "text": "x", "urgency": "extreme"}, "urgency"),
        ({"kind": "no.such"}, "kind"),
    ):
        answer = await client.do(**command)
        assert answer["op"] == "refused"
        assert answer["details"]["field"] == field, answer


async def test_a_frame_above_256_kib_closes_with_4103(room: InProcess) -> None:
    sale = await room.sale(sheet())
    async with undisturbed(room, sale):
        exact = await room.join(sale)
        frame = {"op": "do", "id": "x", "kind": "note.add", "text": ""}
        room_left = 256 * KIB - len(json.dumps(frame))
        await exact.send({**frame, "text": "x" * room_left})
        assert (await exact.until(lambda: exact.loose and exact.loose[-1]))["code"] == "invalid"
        for text in ("x" * (room_left + 1), "x" * 1_000_000, "锅" * (90 * KIB)):
            client = await room.join(sale, "host")
            await client.send(json.dumps({**frame, "text": text}, ensure_ascii=False))
            assert await client.end() == 4103
            assert client.bye is not None
            assert (client.bye["code"], client.bye["retry"]) == (4103, False)


async def first_frame(room: InProcess, frame: str | bytes) -> int | None:
    async with websockets.connect(
        room.url.replace("http", "ws") + "/ws", max_size=None, compression=None, proxy=None
    ) as socket:
        await socket.send(frame)
        with contextlib.suppress(websockets.ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    word = json.loads(await socket.recv())
                    assert word["op"] == "bye"
                    assert word["message"]
        return socket.close_code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"op":"ping","sent":1}', 4102), ('{"op":"do","id":"x","kind":"note.add","text":"x"}', 4102), ("{}", 4102), ("[1]", 4102),
        ("no JSON", 4102), ('{"op":"hel', 4102), ("[" * 100_000, 4102), (b'{"op":"hello"}', 4102), ("x" * (256 * KIB + 1), 4103),
        ('{"op":"hello"}', 4100), ('{"op":"hello","token":null}', 4100), ('{"op":"hello","token":7}', 4100),
        ('{"op":"hello","token":""}', 4100), ('{"op":"hello","token":"a.b.c"}', 4100), ('{"op":"hello","token":{"a":[]}}', 4100),
        (json.dumps({"op": "hello", "token": "x" * 200_000}), 4100), ('{"op":"hello","token":"\\u0000.é.\U0001f600"}', 4100),
    ],
)  # fmt: skip
async def test_a_first_frame_that_is_no_good_hello_closes(room: InProcess, frame: str | bytes, code: int) -> None:
    assert await first_frame(room, frame) == code


async def test_a_token_that_opens_nothing_closes_with_4100_and_is_401_over_http(room: InProcess) -> None:
    sale, other = await room.sale(sheet()), await room.sale(sheet())
    good: dict[str, Any] = {"role": "controller", "person": "li", "sale": sale}
    wrong = {
        "another key": token(**good, key="another-key-" + "x" * 40),
        "no signature": token(**good, alg="none"),
        "another algorithm": token(**good, alg="HS512", key="tests-" + "k" * 80),
        "over": token(**good, expires_in=-3600),
        "another issuer": token(**good, iss="somebody"),
        "no issuer": token(**good, iss=None),
        "an unknown role": token("king", "li", sale),
        "a role that is a list": token("controller", "li", sale).replace(".", ".x", 1),
        "no sale": token("controller", "li"),
        "a sub with a blank": token("controller", "li li", sale),
        "a long sub": token("controller", "l" * 129, sale),
        "groups that are no list": token(**good, groups="g1"),  # type: ignore[arg-type]
        "groups that are numbers": token(**good, groups=[1, 2]),  # type: ignore[list-item]
        "cut short": token(**good)[:-4],
    }
    async with undisturbed(room, sale):
        for name, bad in wrong.items():
            with pytest.raises(Closed) as closed:
                await Client.join(room.url, bad)
            assert closed.value.code == 4100, name
            assert closed.value.bye is not None
            assert closed.value.bye["retry"] is False
            answer = await room.http("GET", f"/api/sales/{sale}/state", bad)
            assert answer.status == 401, name
            assert answer.json["code"] == "forbidden"
        with pytest.raises(Closed) as closed:
            await Client.join(room.url, token(**good), sale=other)
        assert closed.value.code == 4100
        assert (await room.http("GET", f"/api/sales/{other}/state", token(**good))).status == 403
        with pytest.raises(Closed) as closed:
            await Client.join(room.url, token("owner"), sale="no-such-sale")
        assert closed.value.code == 4100
        assert (await room.http("GET", "/api/sales/no-such-sale", token("owner"))).status == 404
        for header in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer é"}):
            assert (await room.http("GET", f"/api/sales/{sale}/state", headers=header)).status == 401


async def test_who_says_nothing_for_five_seconds_is_closed_and_may_come_back(room: InProcess) -> None:
    # On a machine that was slow to read their hello, two relays were told not to come back, and stopped for good.
    async with websockets.connect(room.url.replace("http", "ws") + "/ws", proxy=None) as socket:
        word = json.loads(await asyncio.wait_for(socket.recv(), 15))
        assert (word["op"], word["code"]) == ("bye", 4002)
        await asyncio.wait_for(socket.wait_closed(), 10)
    assert socket.close_code == 4002


async def test_the_same_id_with_another_body_is_invalid(room: InProcess) -> None:
    client = await room.join(await room.sale(sheet()))
    first = await client.do("note.add", id="one", text="a")
    assert first["op"] == "done"
    other = await client.do("note.add", id="one", text="b")
    assert (other["op"], other["code"], other["details"]) == ("refused", "invalid", {"field": "id"})
    assert (await client.do("person.ready", id="one"))["code"] == "invalid"
    again = await client.do("note.add", id="one", text="a")
    assert again.get("result") == first.get("result")
    both = await client.many(
        [{"id": "two", "kind": "note.add", "text": "a"}, {"id": "two", "kind": "note.add", "text": "b"}]
    )
    assert [x["ok"] for x in both] == [True, False]
    assert both[1]["code"] == "invalid"
    assert len(client.state["notes"]) == 2


async def test_an_id_counts_for_its_sender_alone(room: InProcess) -> None:
    sale = await room.sale(sheet())
    li, zhao = await room.join(sale), await room.join(sale, "controller", "zhao")
    assert (await li.done("note.add", id="one", text="a")) != (await zhao.done("note.add", id="one", text="b"))
    other_tab = await room.join(sale)
    await other_tab.done("note.add", id="one", text="a")
    assert len((await room.state(sale))["state"]["notes"]) == 2


async def test_a_refused_command_leaves_no_trace_and_is_decided_afresh(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    assert (await relay.do("coupon.claim", id="c", coupon="c20", member="m"))["code"] == "too_early"
    await controller.done("coupon.drop", coupon="c20", groups="all")
    assert (await relay.done("coupon.claim", id="c", coupon="c20", member="m"))["left"] == 499


TEXTS = [
    "抢到了!🎉👨‍👩‍👧‍👦🇨🇳", "مرحبا بكم في البيع", "שלום \u200f(עולם)\u200e", "e\u0301 ≠ é", "\u202eabc\u202c", "a\tb\nc\r\n", '"\\/<>&\'', "\U0010ffff\ufffe",
    "ｆｕｌｌ　ｗｉｄｔｈ", "\x01\x1f\x7f", "\ufeffbom", " leading and trailing ",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
async def test_emoji_and_text_from_right_to_left_are_kept_as_they_came(room: InProcess, text: str) -> None:
    sale = await room.sale(sheet(), live=True)
    client, host, relay = await room.join(sale), await room.join(sale, "host"), await room.join(sale, "relay")
    await client.done("note.add", text=text)
    assert (await host.event("note.added"))["text"] == text
    await relay.done("group.observe", group="g1", what="message", member="m", text=text, name="名字")
    assert (await client.event("group.message"))["text"] == text
    assert client.state["groups"]["g1"]["last"][-1]["text"] == text
    assert text in [e.get("text") for e in await room.events(sale)]
    assert next(iter((await room.state(sale))["state"]["notes"].values()))["text"] == text


# ---------------------------------------------------------------- HTTP
async def test_a_wrong_command_over_http_is_a_problem_object(room: InProcess) -> None:
    sale = await room.sale(sheet())
    path, owner = f"/api/sales/{sale}/do", token("owner", "boss", sale)
    json_type = {"Content-Type": "application/json"}
    async with undisturbed(room, sale):
        for body in (
            b"",
            b"{",
            b"[]",
            b"5",
            b'"x"',
            b"null",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"a":' * 2000,
            b'{"kind":"note.add","text":"\\ud800","id":"x"}',
        ):
            answer = await room.http("POST", path, owner, data=body, headers=json_type)
            assert (answer.status, answer.json["code"]) == (422, "invalid"), body[:40]
            assert answer.headers["Content-Type"].startswith("application/problem+json")
        for command, status, code in (
            ({"kind": "note.add", "text": "x"}, 422, "invalid"),
            ({"id": 7, "kind": "note.add", "text": "x"}, 422, "invalid"),
            ({"id": "", "kind": "note.add", "text": "x"}, 422, "invalid"),
            ({"id": "a", "kind": "no.such"}, 404, "unknown"),
            ({"id": "a", "kind": "coupon.drop", "coupon": "c20", "groups": "all"}, 403, "forbidden"),
            ({"id": "a", "kind": "note.add", "text": "x\0"}, 422, "invalid"),
        ):
            answer = await room.http("POST", path, owner, json=command)
            assert (answer.status, answer.json["code"]) == (status, code)
            assert answer.json["status"] == status
            if isinstance(command.get("id"), str):
                assert answer.json["id"] == command["id"]
                assert answer.json["details"]
        big = b'{"id":"a","kind":"note.add","text":"' + b"x" * (6 << 20) + b'"}'
        answer = await room.http("POST", path, owner, data=big, headers=json_type)
        assert (answer.status, answer.json["code"]) == (413, "invalid")
        many = {
            "op": "many",
            "id": "x",
            "commands": [{"id": str(n), "kind": "note.add", "text": "x"} for n in range(1001)],
        }
        assert (await room.http("POST", path, owner, json=many)).status == 422
        without_id = {"op": "many", "id": "x", "commands": [{"kind": "note.add", "text": "x"}]}
        answer = await room.http("POST", path, owner, json=without_id)
        assert answer.status == 422 or not answer.json["results"][0]["ok"]


@pytest.mark.parametrize("body", [gzip.compress(bytes(50_000_000)), b"junk"], ids=["a bomb", "junk"])
@pytest.mark.parametrize("path", ["/hooks/{}/mall", "/api/sales", "/api/sales/{}/do", "/c/nobodys", "/nowhere"])
async def test_a_packed_body_is_refused_and_unfolded_by_nobody(
    room: InProcess, path: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte from anybody unfolded into a gigabyte and held up all for three seconds; junk was a fault inside."""
    sale = await room.sale(sheet())
    unfolded: list[bytes] = []
    monkeypatch.setattr(DeflateBuffer, "feed_data", lambda _, chunk, *__: unfolded.append(chunk))
    answer = await room.http("POST", path.format(sale), token("owner"), data=body, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["code"]) == (415, "invalid")
    assert answer.json["details"] == {"field": "Content-Encoding"}
    assert not unfolded


async def test_who_asks_in_a_way_that_there_is_not_is_told_which_there_is(room: InProcess) -> None:
    answer = await room.http("DELETE", "/api/tokens", token("owner"))
    assert (answer.status, answer.json["message"]) == (405, "use POST")
    answer = await room.http("GET", "/api/nothing", token("owner"))
    assert (answer.status, answer.json["message"]) == (404, "there is nothing at /api/nothing")


async def test_a_sheet_with_faults_is_422_with_its_findings(room: InProcess) -> None:
    owner = token("owner")
    wrong: dict[str, tuple[bytes, str]] = {
        "no YAML": (b"title: [", "application/yaml"),
        "no JSON": (b"{", "application/json"),
        "no workbook": (b"PK\x03\x04rubbish", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        "nothing": (b"", "application/yaml"),
        "a list": (b"- a", "application/yaml"),
        "no text": (b"\xff\xfe\x00", "application/yaml"),
        "deep": (b"title: " + b"[" * 5000, "application/yaml"),
        "deep JSON": (b'{"title":' + b"[" * 100_000, "application/json"),
        "aliases": (b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\ntitle: *c\n", "application/yaml"),
        "a wrong field": (json.dumps({**sheet(), "colour": "red"}).encode(), "application/json"),
        "an unknown coupon": (
            json.dumps(sheet(cues=[{"at": "start", "do": "coupon.drop", "coupon": "c99", "groups": "all"}])).encode(), "application/json"
        ),
    }  # fmt: skip
    for name, (data, kind) in wrong.items():
        answer = await room.http("POST", "/api/sales", owner, data=data, headers={"Content-Type": kind})
        assert answer.status == 422, (name, answer.status, answer.text[:300])
        assert answer.json["code"] in {"invalid", "blocked"}
        findings = answer.json["details"]["findings"]
        assert findings
        assert {"severity", "rule", "where", "message"} <= findings[0].keys(), name
    assert (await room.http("GET", "/api/sales", owner)).json == {"sales": []}
    assert (await room.http("POST", "/api/sales", owner, data=b"x" * (6 << 20))).status == 413
    for speed in ("fast", "-1", "nan", "inf", "0"):
        assert (await room.http("POST", f"/api/sales?rehearsal={speed}", owner, json=sheet())).status == 422


async def test_if_match_must_name_the_version_that_is_replaced(room: InProcess) -> None:
    sale = await room.sale(sheet())
    path, owner = f"/api/sales/{sale}/sheet", token("owner", "boss", sale)
    new = {**sheet(), "title": "另一场"}
    async with undisturbed(room, sale):
        for version, status, code in (
            ("7", 409, "stale"),
            ('"0"', 409, "stale"),
            ("abc", 428, "invalid"),
            ("-1", 428, "invalid"),
            ("9" * 40, 409, "stale"),
        ):
            answer = await room.http("PUT", path, owner, json=new, headers={"If-Match": version})
            assert (answer.status, answer.json["code"]) in {(status, code), (422, "invalid")}, version
        assert (await room.http("PUT", path, owner, json=new)).status == 428
        dry = await room.http("PUT", path + "?dry=1", owner, json={**new, "coupons": []})
        assert dry.status == 200
        (left_out,) = dry.json["difference"]["things"]
        assert (left_out["topic"], left_out["id"], left_out["change"]) == ("coupons", "c20", "left_out")
        assert (
            await room.http("PUT", path, token("host", "lin", sale), json=new, headers={"If-Match": "1"})
        ).status == 403
        answer = await room.http("PUT", path, owner, json={"title": 5}, headers={"If-Match": "1"})
        assert answer.status == 422
        assert answer.json["details"]["findings"]
    answer = await room.http("PUT", path, owner, json=new, headers={"If-Match": '"1"'})
    assert answer.status == 200, answer.text
    assert (await room.http("GET", f"/api/sales/{sale}", owner)).json["version"] == 2


async def test_a_query_that_is_no_number_is_refused(room: InProcess) -> None:
    sale = await room.sale(sheet())
    owner = token("owner")
    for path in (
        "events?after=x",
        "events?after=-1",
        "events?limit=1.5",
        "events?after=²",
        "state?at=x",
        "list/cues?limit=many",
        "state?at=" + "9" * 30,
    ):
        answer = await room.http("GET", f"/api/sales/{sale}/{path}", owner)
        assert (answer.status, answer.json["code"]) == (422, "invalid"), path
    answer = await room.http("GET", f"/api/sales/{sale}/state?at=99999", owner)
    assert (answer.status, answer.json["code"]) == (409, "too_early")
    assert (await room.http("GET", f"/api/sales/{sale}/list/secrets", owner)).status == 404
    assert (await room.http("GET", "/api/nothing", owner)).json["code"] == "unknown"
    assert (await room.http("DELETE", f"/api/sales/{sale}", owner)).status == 405
