"""What OpenAPI says of sheets: what goes in as a file, and what is answered of it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from coordinator.core.difference import Difference
from coordinator.gateway.sheets import FORMATS
from coordinator.registry import Start
from coordinator.runsheet.findings import FindingObject
from coordinator.runsheet.understood import Understood

_ANSWERS = (Understood, FindingObject, Difference)
_REF = "#/components/schemas/{name}"


def schemas() -> dict[str, Any]:
    """Name → schema of what is answered of sheets."""
    _, components = msgspec.json.schema_components(_ANSWERS, ref_template=_REF)
    return components


def described() -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) → what to add to the operation's description."""
    file = {"schema": {"type": "string", "format": "binary"}}
    sheet = {
        "required": True,
        "description": "A sheet as YAML, JSON or XLSX, told apart by its content.",
        "content": {kind: {"schema": {"type": "object"}} if kind == "application/json" else file for kind in FORMATS.values()},
    }  # fmt: skip
    text = {"type": "string"}
    found = {"type": "array", "items": _ref("FindingObject")}
    return {
        ("post", "/api/sales"): {
            "parameters": [
                {"name": "rehearsal", "in": "query", "schema": {"type": "string"},
                 "description": "A rehearsal at this speed, 0.01 to 1000000; `jump` goes from due moment to due moment."},
                {"name": "start", "in": "query", "schema": {"enum": list(get_args(Start))},
                 "description": "`now` moves the planned start to now, arms and starts; `planned`, for a rehearsal, sets its clock to "
                                "the planned start instead."},
            ],
            "requestBody": sheet,
            "responses": {"201": {
                "description": "Made.",
                "content": {"application/json": {"schema": {"type": "object", "properties": {
                    "sale": text, "findings": found,
                    "joins": {"type": "array", "items": {"type": "object", "properties": dict.fromkeys(("person", "role", "url"), text)}},
                }}}},
            }, "default": _problem()},
        },
        ("post", "/api/sheets/check"): {
            "requestBody": sheet,
            "responses": _answers(
                usable={"type": "boolean"},
                findings=found,
                sheet={"oneOf": [_ref("Understood"), {"type": "null"}]},
            ),
        },
        ("get", "/api/sales/{sale}/sheet"): {
            "parameters": [
                _in_path("sale"),
                {"name": "format", "in": "query", "schema": {"enum": list(FORMATS)}},
            ],
            "responses": {
                "200": {"description": "The sheet; ETag is its version.", "content": dict.fromkeys(FORMATS.values(), file)},
                "default": _problem(),
            },
        },
        ("put", "/api/sales/{sale}/sheet"): {
            "parameters": [
                _in_path("sale"),
                {"name": "dry", "in": "query", "schema": {"enum": ["1"]}, "description": "Only say what it would change."},
                {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": "The version that it replaces."},
                {"name": "Override", "in": "header", "schema": {"type": "string"}, "description": "Checks to overrule: `{rules, reason}` as JSON in ASCII."},
            ],
            "requestBody": sheet,
            "responses": _answers(version={"type": "integer"}, findings=found, difference=_ref("Difference")),
        },
    }  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}


def _problem() -> dict[str, Any]:
    return {
        "description": "A refusal or an error.",
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _answers(**properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties}
    return {
        "200": {"description": "Done.", "content": {"application/json": {"schema": schema}}},
        "default": _problem(),
    }
