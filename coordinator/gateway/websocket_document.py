"""The websocket's machine-readable description, AsyncAPI 3: made from the commands, the deliveries and the close codes."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.core import CODES
from coordinator.core.deliveries import Delivery
from coordinator.gateway import wire

Schema = dict[str, Any]

REF = "#/components/schemas/"
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
POSITION: Schema = {"type": "string", "description": "Opaque. The last one you were given goes into the next hello."}
SALE_MS: Schema = {"type": "integer", "description": "The sale's time, ms since 1970 UTC."}
COMMAND_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 128}
ANYTHING: Schema = {"description": "Comes back as it is."}

# Close code → when it is given, and whether to come back.
CLOSES = {
    wire.GOING_AWAY: "The service goes away for a moment, or too many come at once. Come back.",
    wire.LOST_LEASE: "A relay was not heard for 3 s: its lease is over. Come back.",
    wire.SILENT: "Two protocol pings were not answered, or no hello came within 5 s. Come back.",
    wire.SLOW: "Nothing was read for 15 s, or you send more than you read. Come back.",
    wire.BAD_TOKEN: "The token opens nothing. Do not come back.",
    wire.REVOKED: "The token was revoked. Do not come back.",
    wire.PROTOCOL: "The first frame was no hello. Do not come back.",
    wire.TOO_LARGE: "A frame was larger than 256 KiB. Do not come back.",
}

# What a relay may report of a delivery → what may stand beside it, and what it means.
OUTCOMES = {
    "sent": (("platform_id", "sent_at", "proof", "why"), "The platform said yes, or a person did, who may show proof, at sent_at by the sale's time. It becomes sent."),
    "waiting": (("until", "why", "back"), "A rate window is full until then; nothing was sent. It becomes held. `back`: you will not send it; another relay of the group has it at once."),
    "awaiting": (("why",), "A person has to act; report the end when they have. It becomes awaiting."),
    "retry": (("after_ms", "why"), "Certainly not there; the next attempt is yours, after this time. It becomes requested."),
    "rejected": (("why",), "The platform will never take it. It becomes failed."),
    "disabled": (("why",), "The channel is closed. It becomes failed."),
    "expired": (("why",), "Too late to send; nothing was sent. It becomes expired."),
    "unknown": (("why",), "It may or may not be there. The sale's policy decides; the relay never sends it again."),
}  # fmt: skip


def asyncapi(version: str, commands: dict[str, Schema]) -> Schema:
    """The whole document. `commands`: kind → the schema of its object on the wire."""
    schemas: dict[str, Schema] = {}
    for kind, schema in commands.items():
        one = dict(schema)
        schemas.update(one.pop("$defs", {}))
        # In `do` a command has its `op` beside it; unknown fields are refused by name all the same.
        one.pop("additionalProperties", None)
        schemas[_name(kind)] = one
    schemas["delivery_report"] = _report(schemas["delivery_report"])
    schemas.update(_entities())
    schemas["Command"] = {"oneOf": [_ref(_name(kind)) for kind in commands], "discriminator": "kind"}
    messages = _messages(commands)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dropcue websocket", "version": version,
            "description": "One JSON object a text frame, both ways. The first frame is hello, within 5 s. docs/protocol.md says in words what is meant.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": f"At most {wire.MAX_FRAME_BYTES} bytes a frame from a client. The server pings relays each second (RFC 6455), others each 20 s.",
                "messages": {op: {"$ref": f"#/components/messages/{op}"} for op in messages},
                "bindings": {"ws": {"method": "GET"}},
                "x-close-codes": {str(code): why for code, why in CLOSES.items()},
            }
        },
        "operations": {
            "hello": _receive("Says who comes, and from where on.", ("hello",), ("welcome", "bye")),
            "command": _receive("Gives commands.", ("do", "many"), ("done", "refused")),
            "clock": _receive("Asks for the sale's time; for a relay the answer is the right to send.", ("ping",), ("pong",)),
            "leave": _receive("Gives a relay's lease back.", ("leave",), ()),
            "told": {"action": "send", "channel": {"$ref": "#/channels/ws"}, "summary": "What happens, as it happens.",
                     "messages": _of(("events", "snapshot", "bye"))},
        },
        "components": {"messages": messages, "schemas": schemas},
    }  # fmt: skip


def _messages(commands: dict[str, Schema]) -> dict[str, Schema]:
    answer = {
        "type": "object", "required": ["id", "ok"],
        "properties": {"id": TEXT, "ok": FLAG, "result": {"type": "object"}, "code": {"enum": sorted(CODES)},
                       "message": TEXT, "details": {"type": "object"}},
    }  # fmt: skip
    refusal = {
        "code": {"enum": sorted(CODES)}, "message": TEXT,
        "details": {"type": "object", "description": "`field` names what is wrong; `retry_ms` says when to come again."},
    }  # fmt: skip
    op_of_do = {"properties": {"op": {"const": "do"}, "id": COMMAND_ID, "kind": {"enum": sorted(commands)}}}
    do: Schema = {"type": "object", "required": ["op", "id", "kind"], **op_of_do, "allOf": [_ref("Command")]}
    report = {"kind": "delivery.report", "delivery": "d1", "attempt": 1, "outcome": "sent", "platform_id": "m-71",
              "sent_at": 1799999999012}  # fmt: skip
    said = {
        "kind": "group.observe",
        "group": "g1",
        "what": "message",
        "member": "9f2c81d07a3be6541c20",
        "text": "多少钱",
    }
    delivery = {
        "id": "d1", "attempt": 1, "relay": "hall", "group": "g1", "drop": "drop1", "run": "r4", "cue": "pan-intro.3",
        "kind": "link.drop", "content": {"text": "上链接 https://sale.example/l/k3", "link": "https://sale.example/l/k3", "as": "message"},
        "priority": 0, "fire_at": 1799999999000, "expires_at": 1800000599000, "requested_at": 1799999997000, "status": "requested",
    }  # fmt: skip
    at = "1.42.8f"
    return {
        "hello": _message("hello", "The first frame.", ("token",), [("a relay that comes back", {"token": "eyJ…", "position": at})],
                          token=TEXT, sale={**TEXT, "description": "Where the token is for all sales."}, position=POSITION,
                          record={**TEXT, "description": "Of a relay: a name of its record of what it sent, kept with it. Who has the same is the same."},
                          ahead={**FLAG, "description": "Asks for drops before their moment. Relays always have them."}),
        "do": {
            "name": "do", "summary": "One command: `kind` and its fields beside `op` and `id`.", "payload": do,
            "examples": [_example("do", "a report", {"id": "d1:1:sent", **report}), _example("do", "what was said", {"id": "o-1", **said})],
        },
        "many": _message("many", f"At most {wire.MAX_MANY:,} commands; not atomic: each is decided for itself, in order.", ("id", "commands"),
                         [("two at once", {"id": "m1", "commands": [{"id": "d1:1:sent", **report}, {"id": "o-1", **said}]})],
                         id=TEXT, commands={"type": "array", "maxItems": wire.MAX_MANY, "items": _ref("Command")}),
        "ping": _message("ping", "For the clock, and for a relay's lease. Answered once you have been sent all that came before.", (),
                         [("by a monotonic clock", {"sent": 5012.25})], sent=ANYTHING),
        "leave": _message("leave", "A relay sends nothing from here on, and closes the line: another need not wait for the end of its lease.", (), [("a relay that stops", {})]),
        "welcome": _message("welcome", "Who you are, and the state unless `recovered`.",
                            ("sale", "role", "name", "now", "speed", "position", "recovered"),
                            [("to a relay", {"sale": "s1", "role": "relay", "name": "hall", "now": 1799999997010, "speed": 1, "position": at,
                                             "recovered": False, "member_key": "kJ2…", "state": {"deliveries": {"d1": delivery}}})],
                            sale=TEXT, role=TEXT, name={**TEXT, "description": "A relay's deliveries name it as `relay`."}, now=SALE_MS,
                            speed=NUMBER, position=POSITION,
                            recovered={**FLAG, "description": "Everything since your position follows; go on with your state."},
                            state=_ref("State"), member_key={**TEXT, "description": "Of relays and posters: makes pseudonyms."}),
        "done": _message("done", "It is durable. `result` of a `do`, `results` of a `many`, in its order.", ("id", "position"),
                         [("of a report", {"id": "d1:1:sent", "position": at}),
                          ("of many", {"id": "m1", "position": at, "results": [{"id": "d1:1:sent", "ok": True}, {"id": "o-1", "ok": False, "code": "unknown", "message": "there is no group g1"}]})],
                         id={"type": ["string", "null"]}, position=POSITION, result={"type": "object"},
                         results={"type": "array", "items": answer}),
        "refused": _message("refused", "It left no trace. `busy` and `capped`: again, with the same id; of others the repeat is refused too.",
                            ("id", "code", "message"),
                            [("come again", {"id": "d1:1:sent", "code": "busy", "message": "nothing can be written just now", "details": {"retry_ms": 500}})],
                            id={"type": ["string", "null"]}, **refusal),
        "events": _message("events", "What happened, and the entities that are different now; null: gone.", ("position", "events", "changes"),
                           [("a drop is announced", {"position": at, "events": [], "changes": {"deliveries": {"d1": delivery}}}),
                            ("it was withdrawn, or moved", {"position": at, "events": [], "changes": {"deliveries": {"d1": None}}})],
                           position=POSITION, events={"type": "array", "items": _ref("Event")}, changes=_ref("Changes")),
        "snapshot": _message("snapshot", "The whole state, in place of what was missed. At any time.", ("position", "state"),
                             [("nothing is to be sent", {"position": at, "state": {"deliveries": {}}})], position=POSITION, state=_ref("State")),
        "pong": _message("pong", "The sale's time, at half the round trip.", ("sent", "now", "speed"),
                         [("to the ping above", {"sent": 5012.25, "now": 1799999997512, "speed": 1})], sent=ANYTHING, now=SALE_MS, speed=NUMBER),
        "bye": _message("bye", "The line closes with the same code; come back if `retry`, after `retry_ms` where it is there.",
                        ("code", "message", "retry"),
                        [("a restart", {"code": wire.GOING_AWAY, "message": "the service restarts", "retry": True}),
                         ("no more", {"code": wire.REVOKED, "message": "this token was revoked", "retry": False})],
                        code={"enum": sorted(CLOSES)}, message=TEXT, retry=FLAG, retry_ms=WHOLE),
    }  # fmt: skip


def _report(schema: Schema) -> Schema:
    """`delivery.report` with what may stand beside each outcome."""
    ways = [
        {
            "title": word,
            "description": f"{meaning} Beside it: {', '.join(beside)}.",
            "properties": {"outcome": {"const": word}},
        }
        for word, (beside, meaning) in OUTCOMES.items()
    ]
    return {**schema, "oneOf": ways}


def _entities() -> dict[str, Schema]:
    """What a relay is shown of a delivery, and the maps that hold entities."""
    (delivery,), parts = msgspec.json.schema_components([Delivery], ref_template=REF + "{name}")
    entity = {"type": ["object", "null"], "description": "An entity as docs/events.md has it; null: gone."}
    topics = {"description": "Topic → id → entity.", "type": "object"}
    some = {"anyOf": [delivery, {"type": "null"}]}
    return {
        **parts,
        "Delivery": {**parts["Delivery"], "description": "One drop, one group, one relay. A field that is missing has its default."},
        "State": {**topics, "properties": {"deliveries": {"type": "object", "additionalProperties": delivery}},
                  "additionalProperties": {"type": "object", "additionalProperties": {"type": "object"}}},
        "Changes": {**topics, "properties": {"deliveries": {"type": "object", "additionalProperties": some}},
                    "additionalProperties": {"type": "object", "additionalProperties": entity}},
        "Event": {
            "type": "object", "required": ["seq", "at", "by", "kind"],
            "properties": {"seq": WHOLE, "at": SALE_MS, "by": TEXT, "kind": TEXT,
                           "cmd": {**TEXT, "description": "The command's id, for its sender, controller and owner."}},
        },
    }  # fmt: skip


def _message(
    op: str, summary: str, required: tuple[str, ...], examples: list[tuple[str, Schema]], **fields: Schema
) -> Schema:
    payload = {"type": "object", "required": ["op", *required], "properties": {"op": {"const": op}, **fields}}
    return {"name": op, "summary": summary, "payload": payload, "examples": [_example(op, name, body) for name, body in examples]}  # fmt: skip


def _example(op: str, name: str, body: Schema) -> Schema:
    return {"name": name, "payload": {"op": op, **body}}


def _receive(summary: str, said: tuple[str, ...], answers: tuple[str, ...]) -> Schema:
    channel = {"$ref": "#/channels/ws"}
    reply = {"reply": {"channel": channel, "messages": _of(answers)}} if answers else {}
    return {"action": "receive", "channel": channel, "summary": summary, "messages": _of(said), **reply}


def _of(ops: tuple[str, ...]) -> list[Schema]:
    return [{"$ref": f"#/channels/ws/messages/{op}"} for op in ops]


def _ref(name: str) -> Schema:
    return {"$ref": REF + name}


def _name(kind: str) -> str:
    return kind.replace(".", "_")
