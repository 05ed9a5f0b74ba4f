"""Reading over HTTP: events and lists by page and role, the state at a number, export, documents, health."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from coordinator.core.orders import NEWEST_KEPT
from coordinator.gateway import readiness
from coordinator.runsheet import load_plan
from roles.permissions import MAY
from tests.client import Closed, token
from tests.server import InProcess
from tests.sheet import sheet


async def busy_sale(room: InProcess) -> str:
    sale = await room.sale(sheet(lead="0s", groups=3), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.event("coupon.dropped")
    await relay.many(
        [
            {
                "id": f"m{n}",
                "kind": "group.observe",
                "group": "g1",
                "what": "message",
                "member": f"m{n}",
                "text": f"话 {n}",
            }
            for n in range(40)
        ]
    )
    await relay.many([{"id": f"c{n}", "kind": "coupon.claim", "coupon": "c20", "member": f"m{n}"} for n in range(40)])
    await controller.done("prompt.send", to="host", text="快一点")
    await controller.done("note.add", text="记下")
    return sale


async def pages(room: InProcess, path: str, key: str, limit: int) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    after = 0
    while True:
        answer = await room.http("GET", f"{path}?after={after}&limit={limit}", key)
        assert answer.status == 200
        assert len(answer.json["events"]) <= limit
        out += answer.json["events"]
        if answer.json["next"] == after:
            return out
        after = answer.json["next"]


@pytest.mark.parametrize("role", ["owner", "controller", "host", "support", "cheer", "relay", "audience", "shop"])
async def test_events_come_in_pages_and_are_those_the_role_is_shown(room: InProcess, role: str) -> None:
    sale = await busy_sale(room)
    key = token(role, {"relay": "r1", "cheer": "mei"}.get(role, role), sale)
    path = f"/api/sales/{sale}/events"
    whole = await pages(room, path, key, 1000)
    for limit in (1, 7, 1000):
        assert await pages(room, path, key, limit) == whole
    kinds = {e["kind"] for e in whole}
    assert ("coupon.claimed" in kinds) == (role in {"owner", "controller"})
    assert ("group.message" in kinds) == (role in {"owner", "controller", "cheer"})
    assert ("prompt.sent" in kinds) == (role in {"owner", "controller", "host"})
    assert ("delivery.requested" in kinds) == (role in {"owner", "controller", "relay"})
    if role in {"owner", "controller"}:
        assert [e["seq"] for e in whole] == list(range(1, len(whole) + 1)) or role == "controller"
        assert any("cmd" in e for e in whole)
    else:
        assert not any("cmd" in e for e in whole if e["by"] != f"{role}:r1")
    if role in {"audience", "shop"}:
        assert not whole


async def test_lists_come_in_pages_in_the_callers_view(room: InProcess) -> None:
    sale = await busy_sale(room)
    for role, person in (("owner", "boss"), ("host", "lin"), ("relay", "r1")):
        key = token(role, person, sale)
        state = (await room.state(sale, role, person))["state"]
        for topic, entities in state.items():
            found: list[Any] = []
            after = ""
            while True:
                answer = await room.http("GET", f"/api/sales/{sale}/list/{topic}?limit=2{after}", key)
                assert answer.status == 200
                found += answer.json[topic]
                if answer.json["next"] is None:
                    break
                after = f"&after={answer.json['next']}"
            assert found == list(entities.values()), (role, topic)


async def test_the_state_at_a_number_is_the_one_a_console_had_there(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s"), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    had: dict[int, Any] = {}
    for n in range(25):
        await (
            controller.done("coupon.drop", coupon="c20", groups="all")
            if n % 8 == 1
            else controller.done("note.add", text=str(n))
        )
        await relay.do("coupon.claim", coupon="c20", member=f"m{n}")
        await controller.until(lambda: controller.seq() == room.conductor(sale).state.seq)
        had[controller.seq()] = json.loads(json.dumps(controller.state))
    for number, state in had.items():
        assert (await room.state(sale, "controller", "li", f"?at={number}"))["state"] == state, number
    empty = await room.state(sale, "owner", query="?at=0")
    assert empty["seq"] == 0
    assert not any(empty["state"].values())


async def test_the_export_holds_every_event_once(room: InProcess) -> None:
    sale = await busy_sale(room)
    answer = await room.http("GET", f"/api/sales/{sale}/export", token("owner"))
    assert answer.status == 200
    for role in ("controller", "host", "relay"):
        assert (await room.http("GET", f"/api/sales/{sale}/export", token(role, "x", sale))).status == 403


async def test_the_review_is_for_owner_and_controller(room: InProcess) -> None:
    sale = await busy_sale(room)
    for role in ("owner", "controller"):
        answer = await room.http("GET", f"/api/sales/{sale}/review", token(role, role, sale))
        assert answer.status == 200, answer.text[:500]
        assert {"sale", "from", "to", "figures", "findings", "missing"} <= answer.json.keys()
        assert answer.json["sale"] == sale
    assert (await room.http("GET", f"/api/sales/{sale}/review", token("host", "lin", sale))).status == 403


async def test_both_doors_are_described_and_name_every_command(room: InProcess) -> None:
    openapi = (await room.http("GET", "/openapi.json")).json
    asyncapi = (await room.http("GET", "/asyncapi.json")).json
    assert openapi["openapi"].startswith("3.1")
    assert asyncapi["asyncapi"].startswith("3.")
    for path in (
        "/api/sales",
        "/api/sales/{sale}/do",
        "/hooks/{sale}/{source}",
        "/l/{key}",
        "/c/{key}",
        "/api/tokens/{jti}/revoke",
        "/readyz",
        "/metrics",
    ):
        assert path in openapi["paths"], path
    named = {schema["title"] for schema in openapi["components"]["schemas"].values() if "x-roles" in schema}
    assert named == set(MAY)
    assert set(asyncapi["channels"]["ws"]["messages"]) == {
        "hello", "do", "many", "ping", "welcome", "done", "refused", "events", "snapshot", "pong", "bye", "leave",
    }  # fmt: skip
    text = json.dumps(openapi) + json.dumps(asyncapi)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        for document in (openapi, asyncapi):
            at: Any = document
            for step in reference.split("/"):
                at = at.get(step) if isinstance(at, dict) else None
            if at is not None:
                break
        assert at is not None, reference


async def test_health_readiness_and_metrics_are_told(room: InProcess) -> None:
    sale = await busy_sale(room)
    assert (await room.http("GET", "/healthz")).json == {"ok": True}
    assert (await room.http("GET", "/readyz")).json == {"ok": True, "reasons": []}
    text = (await room.http("GET", "/metrics")).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(values["dropcue_connections"]) == 2
    assert float(values["dropcue_sales"]) == 1
    assert float(values['dropcue_cue_late_ms_bucket{le="+Inf"}']) == 1
    answer = await room.http("GET", f"/api/sales/{sale}/ready", token("controller", "li", sale))
    assert answer.status == 200
    assert answer.json["go"] is False
    assert "people" in {c["what"] for c in answer.json["checks"] if not c["ok"]}


async def test_no_cue_waits_while_go_or_no_go_reads_a_large_sheet(
    room: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sheet was checked on the loop: each look at go or no-go held up every sale for most of a second."""
    sale = await room.sale(sheet())
    read_by: list[threading.Thread] = []

    def load(*given: Any) -> Any:
        read_by.append(threading.current_thread())
        return load_plan(*given)

    monkeypatch.setattr(readiness, "load_plan", load)
    answer = await room.http("GET", f"/api/sales/{sale}/ready", token("owner"))
    assert next(c for c in answer.json["checks"] if c["what"] == "sheet") == {
        "what": "sheet",
        "ok": True,
        "why": "approved",
        "zh": "脚本已批准",
    }
    assert threading.current_thread() not in read_by
    assert read_by


async def test_go_or_no_go_is_of_the_groups_that_the_sheet_has_now(room: InProcess) -> None:
    sale = await room.sale(sheet(groups=3))
    one = sheet(groups=1)
    put = await room.http("PUT", f"/api/sales/{sale}/sheet", token("owner"), json=one, headers={"If-Match": "1"})
    assert put.status == 200, put.text
    answer = await room.http("GET", f"/api/sales/{sale}/ready", token("owner"))
    assert next(c["why"] for c in answer.json["checks"] if c["what"] == "groups") == "1 served"


async def test_a_sale_is_listed_to_those_whose_token_is_for_it(room: InProcess) -> None:
    first, second = await room.sale(sheet()), await room.sale(sheet())
    assert {s["sale"] for s in (await room.http("GET", "/api/sales", token("owner"))).json["sales"]} == {first, second}
    assert [s["sale"] for s in (await room.http("GET", "/api/sales", token("host", "lin", first))).json["sales"]] == [
        first
    ]
    one = await room.http("GET", f"/api/sales/{first}", token("host", "lin", first))
    assert (one.json["title"], one.json["timezone"]) == ("厨房专场", "Asia/Shanghai")
    assert "sheet" not in one.json
    for who in (token("controller", "li", first), token("owner", "o", first)):
        assert (await room.http("POST", "/api/sales", who, json=sheet())).status == 403


async def test_a_token_that_is_made_opens_and_one_that_is_revoked_closes(room: InProcess) -> None:
    sale = await room.sale(sheet())
    owner = token("owner")
    made = await room.http("POST", "/api/tokens", owner, json={"role": "host", "person": "lin", "sale": sale})
    assert made.status == 201
    assert made.json["url"] == f"{room.url}/console/#{made.json['token']}"
    from tests.client import Client

    client = await Client.join(room.url, made.json["token"])
    room.clients.append(client)
    assert (client.welcome["role"], client.welcome["name"]) == ("host", "lin")
    assert (
        await room.http("POST", f"/api/tokens/{made.json['jti']}/revoke", token("controller", "li", sale))
    ).status == 403
    assert (await room.http("POST", f"/api/tokens/{made.json['jti']}/revoke", owner)).status == 200
    assert await client.end() == 4101
    with pytest.raises(Closed) as closed:
        await Client.join(room.url, made.json["token"])
    assert closed.value.code == 4101
    assert (await room.http("GET", f"/api/sales/{sale}/state", made.json["token"])).status == 401
    for body in (
        {}, [], {"role": "king", "person": "x", "sale": sale}, {"role": "host", "person": "", "sale": sale},
        {"role": "host", "person": "a b", "sale": sale}, {"role": "host", "person": "x"}, {"role": "host", "person": "x", "sale": 5},
        {"role": "host", "person": "x", "sale": sale, "groups": "all"}, {"role": "host", "person": "x", "sale": sale, "days": -1},
        {"role": "host", "person": "x", "sale": sale, "days": "7"}, {"role": ["host"], "person": "x", "sale": sale},
        {"role": {"a": 1}, "person": "x", "sale": sale},
    ):  # fmt: skip
        assert (await room.http("POST", "/api/tokens", owner, json=body)).status == 422, body
    assert (await room.http("POST", "/api/tokens", token("controller", "li", sale), json={})).status == 403


async def test_the_console_is_served_with_a_strict_policy_or_says_that_it_is_not_built(room: InProcess) -> None:
    answer = await room.http("GET", "/console/")
    assert answer.status in {200, 503}
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in (
        "/console/../../etc/passwd",
        "/console/%2e%2e/%2e%2e/pyproject.toml",
        "/console/..%2f..%2fpyproject.toml",
    ):
        answer = await room.http("GET", path)
        assert b"[project]" not in answer.body
        assert b"root:" not in answer.body


async def test_orders_that_no_screen_holds_any_more_are_paged_and_masked_for_support(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    count = NEWEST_KEPT + 10
    for at in range(0, count, 500):
        commands = [
            {"id": f"{n}", "kind": "order.report", "order": f"o{n}", "status": "placed", "member": "m-123456789"}
            for n in range(at, min(count, at + 500))
        ]
        shop = token("shop", "mall", sale)
        answer = await room.http(
            "POST", f"/api/sales/{sale}/do", shop, json={"op": "many", "id": "x", "commands": commands}
        )
        assert answer.status == 200
    state = (await room.state(sale, "controller"))["state"]["orders"]
    assert (len(state), "o0" in state) == (NEWEST_KEPT, False)
    found, after = [], ""
    while after is not None:
        page = await room.http("GET", f"/api/sales/{sale}/list/orders?limit=200{after}", token("support", "chen", sale))
        found += page.json["orders"]
        after = f"&after={page.json['next']}" if page.json["next"] else None
    assert [o["id"] for o in found] == [f"o{n}" for n in range(count)]
    assert {o["member"] for o in found} == {"m-1234…"}
