"""The machine-readable description of both doors, generated from the code: OpenAPI and AsyncAPI."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coordinator.core import CODES, COMMANDS
from coordinator.core.people import INTERNAL
from coordinator.gateway import sheet_documents, websocket_document, wire
from coordinator.gateway.api import reply
from coordinator.gateway.landing import described
from coordinator.gateway.pricing import Basket
from roles.permissions import MAY

VERSION = "0.1.0"


def commands() -> dict[str, dict[str, Any]]:
    """Command kind → JSON schema of its whole object on the wire."""
    out: dict[str, dict[str, Any]] = {}
    for kind, cls in sorted(COMMANDS.items()):
        if kind in INTERNAL:
            continue
        schema: dict[str, Any] = cls.model_json_schema(ref_template="#/components/schemas/{model}") if kind != "sheet.replace" else {
            "type": "object",
            "properties": {"version": {"type": "integer", "minimum": 1}, "sheet": {"type": "object"}},
            "required": ["version", "sheet"],
        }  # fmt: skip
        definitions = schema.pop("$defs", {})
        properties = {
            "id": {"type": "string", "maxLength": 128},
            "kind": {"const": kind},
            **schema.get("properties", {}),
        }
        if cls.button or kind in {"message.send", "question.answer"}:
            properties["override"] = {
                "type": "object", "required": ["rules", "reason"], "description": "Checks that the sender overrules, and why.",
                "properties": {"rules": {"type": "array", "items": {"type": "string"}}, "reason": {"type": "string"}},
            }  # fmt: skip
        if cls.button:
            properties["from"] = {
                "type": ["string", "null"],
                "description": "The id of what the sender saw; null for none.",
            }
        out[kind] = {
            "type": "object", "title": kind, "description": (cls.__doc__ or "").strip(), "properties": properties,
            "required": ["id", "kind", *schema.get("required", [])], "additionalProperties": False,
            "x-roles": sorted(MAY[kind]), **({"$defs": definitions} if definitions else {}),
        }  # fmt: skip
    return out


def problem_schema() -> dict[str, Any]:
    return {
        "type": "object", "required": ["status", "code", "detail"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
            "code": {"enum": sorted(CODES)}, "message": {"type": "string"}, "details": {"type": "object"}, "id": {"type": "string"},
        },
    }  # fmt: skip


def openapi(app: web.Application) -> dict[str, Any]:
    schemas: dict[str, Any] = {"Problem": problem_schema(), **sheet_documents.schemas()}
    of_sheets = sheet_documents.described()
    names = []
    for kind, schema in commands().items():
        schemas.update(schema.pop("$defs", {}))
        name = kind.replace(".", "_")
        schemas[name] = schema
        names.append({"$ref": f"#/components/schemas/{name}"})
    schemas["Command"] = {"oneOf": names}
    paths: dict[str, Any] = {}
    for route in app.router.routes():
        resource = route.resource
        if resource is None or route.method in {"HEAD", "*"}:
            continue
        path = resource.canonical
        if path.startswith("/console") or path in {"/", "/ws"}:
            continue
        text = (route.handler.__doc__ or "").strip().split("\n")[0]
        operation: dict[str, Any] = {
            "operationId": route.handler.__name__, "summary": text or route.handler.__name__.replace("_", " "),
            "parameters": [
                {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
                for part in path.split("/") if part.startswith("{")
            ],
            "responses": {
                "200": {"description": "Done."},
                "default": {
                    "description": "A refusal or an error.",
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                },
            },
        }  # fmt: skip
        if path.startswith("/api/") and path != "/api/permissions":
            operation["security"] = [{"token": []}]
        if path.endswith("/do"):
            schema = {"$ref": "#/components/schemas/Command"}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        if path.endswith("/price"):
            basket = Basket.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(basket.pop("$defs", {}))
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": basket}},
            }
            operation["responses"]["200"]["content"] = {"application/json": {"schema": _priced_schema()}}
        if path.startswith("/hooks/"):
            operation.update(_signed(operation["parameters"]))
        operation["parameters"] += described.parameters(path)
        operation.update(described.described(path, route.method))
        operation.update(of_sheets.get((route.method.lower(), path), {}))
        paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dropcue", "version": VERSION, "description": "The control room of a live sale."},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        },
    }  # fmt: skip


def _priced_schema() -> dict[str, Any]:
    whole, text = {"type": "integer"}, {"type": "string"}
    code = {"code": text, "coupon": text}
    used = {**code, "off": whole, "lines": {"type": "array", "items": whole}}
    return {
        "type": "object", "description": "Money in minor units; `lines` have a number for each of the basket's.",
        "properties": {
            "before": whole, "off": whole, "total": whole, "currency": text, "lines": {"type": "array", "items": whole},
            "used": {"type": "array", "items": {"type": "object", "properties": used}},
            "unused": {"type": "array", "items": {"type": "object", "properties": {**code, "why": text}}},
        },
    }  # fmt: skip


def _signed(path: list[dict[str, Any]]) -> dict[str, Any]:
    """What a webhook carries: its signature, and one command or a list, whose ids are made from its own."""
    headers = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in (
            ("webhook-id", "The command's id; of item n of a list it is webhook-id:n, from 0."),
            ("webhook-timestamp", "When it was signed, in seconds since 1970 UTC; 5 minutes are tolerated."),
            ("webhook-signature", "v1,BASE64 of the HMAC-SHA256 of id.timestamp.body; several are parted by blanks."),
        )
    ]
    # The commands of a shop, without the id that every other door asks for.
    commands = [
        {"type": "object", "required": ["kind"], "properties": {"kind": {"const": kind}}, "description": f"As {kind}, without id."}
        for kind in sorted(MAY) if "shop" in MAY[kind]
    ]  # fmt: skip
    schema = {"oneOf": [*commands, {"type": "array", "maxItems": wire.MAX_MANY, "items": {"oneOf": commands}}]}
    return {
        "parameters": [*path, *headers],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }


def asyncapi() -> dict[str, Any]:
    return websocket_document.asyncapi(VERSION, commands())


async def get_openapi(request: web.Request) -> web.Response:
    """This description."""
    return reply(openapi(request.app))


async def get_asyncapi(_: web.Request) -> web.Response:
    """The websocket's description."""
    return reply(asyncapi())


def add_routes(app: web.Application) -> None:
    app.router.add_get("/openapi.json", get_openapi)
    app.router.add_get("/asyncapi.json", get_asyncapi)
