"""The websocket's description holds: its examples, and every frame of a relay's real session, fit its schemas."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import jsonschema
import pytest
import websockets

from coordinator.core.deliveries import DeliveryReport, Outcome
from coordinator.gateway import wire
from coordinator.gateway.websocket_document import CLOSES, OUTCOMES
from roles.relay.wire.line import NO_RETURN
from tests.client import token
from tests.server import ROOT, InProcess
from tests.sheet import sheet

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "asyncapi.json").read_text("utf-8"))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


def faults(frame: dict[str, Any]) -> list[str]:
    """What of a frame does not fit the message that its `op` names."""
    schema = {"components": DOCUMENT["components"], **MESSAGES[frame["op"]]["payload"]}
    return [
        f"{list(e.absolute_path)}: {e.message[:300]}" for e in jsonschema.Draft7Validator(schema).iter_errors(frame)
    ]


def test_every_reference_leads_somewhere_and_every_message_is_of_an_operation() -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT))):
        at: Any = DOCUMENT
        for step in reference.split("/"):
            at = at[step]
    used = json.dumps(DOCUMENT["operations"])
    assert all(f"#/channels/ws/messages/{op}" in used for op in MESSAGES)


@pytest.mark.parametrize("op", sorted(MESSAGES))
def test_the_schemas_are_schemas_and_their_examples_fit(op: str) -> None:
    jsonschema.Draft7Validator.check_schema(MESSAGES[op]["payload"])
    assert MESSAGES[op]["examples"]
    for example in MESSAGES[op]["examples"]:
        assert not faults(example["payload"]), example["name"]


def test_close_codes_are_the_wires_and_say_whether_to_come_back() -> None:
    codes = {
        code for name, code in vars(wire).items() if name.isupper() and isinstance(code, int) and 4000 <= code < 4200
    }
    assert set(CLOSES) == codes
    for code, why in CLOSES.items():
        assert why.endswith("Do not come back." if code in NO_RETURN else " Come back."), code


def test_outcomes_are_those_that_a_relay_may_report_with_fields_that_exist() -> None:
    assert set(OUTCOMES) == set(get_args(Outcome))
    told = {field for beside, _ in OUTCOMES.values() for field in beside}
    assert told | {"id", "kind", "delivery", "attempt", "outcome"} >= set(DeliveryReport.model_fields) - {
        "from_",
        "override",
    }
    assert told <= set(DeliveryReport.model_fields)
    report = {"op": "do", "id": "1", "kind": "delivery.report", "delivery": "d1", "attempt": 1}
    assert not faults(report | {"outcome": "waiting", "until": 5})
    assert faults(report | {"outcome": "posted"})
    assert faults({k: v for k, v in report.items() if k != "delivery"} | {"outcome": "sent"})


async def test_every_frame_of_a_relays_session_is_as_it_is_described(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    said: list[dict[str, Any]] = []

    async with websockets.connect(room.url.replace("http", "ws") + "/ws", max_size=None) as line:

        async def say(**frame: Any) -> None:
            if frame["op"] != "nonsense":
                assert not faults(frame)
            await line.send(json.dumps(frame))

        async def hear(op: str) -> dict[str, Any]:
            while True:
                said.append(json.loads(await line.recv()))
                assert not faults(said[-1]), said[-1]["op"]
                if said[-1]["op"] == op:
                    return said[-1]

        await say(op="hello", token=token("relay", "r1", sale, jti="j7"))
        await hear("welcome")
        await say(op="ping", sent=1.5)
        await hear("pong")
        await controller.done("link.drop", link="room", groups="all")
        while not (found := (await hear("events"))["changes"].get("deliveries")):
            pass
        reports = [
            {"id": f"{i}:1", "kind": "delivery.report", "delivery": i, "attempt": 1, "outcome": "sent"} for i in found
        ]
        await say(op="do", **reports[0])
        await hear("done")
        await say(
            op="many",
            id="m",
            commands=[*reports, {"id": "o", "kind": "group.observe", "group": "g1", "what": "joined"}],
        )
        await hear("done")
        await say(op="nonsense")
        await hear("refused")
        assert (await room.http("POST", "/api/tokens/j7/revoke", token("owner"))).status < 300
        await hear("bye")
    assert {frame["op"] for frame in said} == {"welcome", "pong", "events", "done", "refused", "bye"}
