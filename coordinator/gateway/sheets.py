"""Sheets over HTTP: what was understood of one, the sale's own as a file, and another in its place."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from coordinator import clock
from coordinator.core import State
from coordinator.gateway.api import reply
from coordinator.gateway.auth import Identity
from coordinator.gateway.context import GATEWAY
from coordinator.gateway.problem import Problem, of_answer, of_findings
from coordinator.runsheet import load_plan
from coordinator.runsheet.understood import understood
from coordinator.runsheet.writing import written
from roles.permissions import may

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {"json": "application/json", "yaml": "application/yaml", "xlsx": XLSX}


def _writer(identity: Identity) -> None:
    if not may(identity.actor.role, "sheet.replace"):
        raise Problem(403, "forbidden", f"{identity.actor.role} may not sheet.replace")


async def check_sheet(request: web.Request) -> web.Response:
    """What is understood of a sheet, and what the checks find; nothing is kept of it."""
    _writer(request.app[GATEWAY].identify(request))
    data = await request.read()
    # A large sheet takes seconds to read: no sale's cues must wait for it.
    plan, _, findings = await asyncio.to_thread(load_plan, data, "sheet", request.content_type, clock.wall_ms())
    usable = plan is not None and not any(f.severity in {"error", "block"} for f in findings)
    return reply(
        {
            "usable": usable,
            "findings": [f.as_object() for f in findings],
            "sheet": None if plan is None else understood(plan),
        }
    )


async def get_sheet(request: web.Request) -> web.Response:
    """The sale's sheet as it stands: JSON, YAML or XLSX, by `format` or by what is accepted."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    _writer(identity)
    state = await sale.conductor.settled()
    form = request.query.get("format") or _accepted(request.headers.get("Accept", ""))
    if form not in FORMATS:
        raise Problem(422, "invalid", f"format is one of {', '.join(FORMATS)}", {"field": "format"})
    sheet, version = state.sheet, state.the.version
    content = await asyncio.to_thread(written, sheet, f".{form}")
    return web.Response(
        body=content if isinstance(content, bytes) else content.encode(),
        content_type=FORMATS[form],
        headers={
            "ETag": f'"{version}"',
            "Content-Disposition": f'attachment; filename="{sale.id}-v{version}.{form}"',
            "Cache-Control": "no-store",
        },
    )


def _accepted(accept: str) -> str:
    """The format that a program asks for which names one; JSON for any other."""
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return next((form for form, kind in FORMATS.items() if kind in wanted), "json")


async def put_sheet(request: web.Request) -> web.Response:
    """Another sheet in place of the version that If-Match names; `dry=1` only says what it would change."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    _writer(identity)
    data = await request.read()
    plan, sheet, findings = await asyncio.to_thread(
        load_plan, data, "sheet", request.content_type, sale.conductor.clock.now()
    )
    found: list[dict[str, Any]] = [dict(f.as_object()) for f in findings]
    if plan is None or sheet is None or any(f["severity"] in {"error", "block"} for f in found):
        raise of_findings(found)
    version = request.headers.get("If-Match", "").strip('" W/')
    if request.query.get("dry") == "1":
        state = await sale.conductor.settled()
        return reply({"difference": difference(state, plan), "findings": found, "version": state.the.version})
    if not (version.isascii() and version.isdigit()):
        raise Problem(
            428, "invalid", "say with If-Match which version of the sheet this replaces", {"field": "If-Match"}
        )
    given = await sale.conductor.do(identity.actor, {"kind": "sheet.replace", "version": int(version), "sheet": sheet})
    if not given.ok:
        raise of_answer(given)
    return reply({**(given.result or {}), "findings": found})


def difference(state: State, plan: Any) -> dict[str, dict[str, list[str]]]:
    """What another plan would add, remove and change, by kind of thing."""
    out: dict[str, dict[str, list[str]]] = {}
    old = state.p
    pairs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (name, {x.id: x for x in getattr(old, name)}, {x.id: x for x in getattr(plan, name)})
        for name in ("groups", "products", "coupons", "links", "segments")
    ]
    pairs.append(
        ("cues", {c.id: c for s in old.segments for c in s.cues}, {c.id: c for s in plan.segments for c in s.cues})
    )
    for name, before, after in pairs:
        changes = {
            "added": [i for i in after if i not in before],
            "removed": [i for i in before if i not in after],
            "changed": [i for i in after if i in before and after[i] != before[i]],
        }
        if any(changes.values()):
            out[name] = changes
    return out


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sheets/check", check_sheet)
    app.router.add_get("/api/sales/{sale}/sheet", get_sheet)
    app.router.add_put("/api/sales/{sale}/sheet", put_sheet)
