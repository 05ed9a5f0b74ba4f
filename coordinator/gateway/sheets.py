"""Sheets over HTTP: what was understood of one, the sale's own as a file, and another in its place."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from aiohttp import web

from coordinator import clock as clocks
from coordinator import rules
from coordinator.core import CODES, Moment, Refusal
from coordinator.core.difference import Difference, copy_of, difference
from coordinator.core.kernel import Override
from coordinator.core.plan import Plan
from coordinator.core.windows import accounts
from coordinator.gateway.api import reply
from coordinator.gateway.auth import Identity
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.problem import of_answer, of_findings
from coordinator.problem import Problem
from coordinator.reading import override_of
from coordinator.registry import Sale, plan_for
from coordinator.runsheet import load_plan, overruling
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
    plan, _, findings = await asyncio.to_thread(load_plan, data, "sheet", request.content_type, clocks.wall_ms())
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
    """Another sheet in place of the version that If-Match names; `dry=1` only says what it would change.

    Checks that may be overruled are, by the header Override: `{"rules", "reason"}` as JSON in ASCII.
    """
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    _writer(identity)
    data = await request.read()
    override = _override(request)
    amended = None if override is None else partial(overruling, by=identity.actor.by, override=override)
    told = accounts(await sale.conductor.settled())
    plan, sheet, findings = await asyncio.to_thread(
        load_plan, data, "sheet", request.content_type, sale.conductor.clock.now(), amended, told
    )
    found: list[dict[str, Any]] = [dict(f.as_object()) for f in findings]
    if plan is None or sheet is None or any(f["severity"] in {"error", "block"} for f in found):
        raise of_findings(found)
    version = request.headers.get("If-Match", "").strip('" W/')
    if request.query.get("dry") == "1":
        change = await _difference(gateway, sale, identity, plan)
        return reply({"difference": change, "findings": found, "version": change.version})
    if not (version.isascii() and version.isdigit()):
        raise Problem(
            428, "invalid", "say with If-Match which version of the sheet this replaces", {"field": "If-Match"}
        )
    command: dict[str, Any] = {"kind": "sheet.replace", "version": int(version), "sheet": sheet}
    if override is not None:
        command["override"] = {"rules": list(override.rules), "reason": override.reason}
    given = await sale.conductor.do(identity.actor, command)
    if not given.ok:
        raise of_answer(given)
    return reply({**(given.result or {}), "findings": found})


def _override(request: web.Request) -> Override | None:
    """What the request's sender overrules. Raises Problem where that cannot be read."""
    said = request.headers.get("Override")
    if said is None:
        return None
    try:
        return override_of(json.loads(said))
    except (ValueError, RecursionError):
        raise Problem(422, "invalid", "Override is JSON: rules and reason", {"field": "override"}) from None
    except Refusal as e:
        raise Problem(CODES[e.code], e.code, e.message, dict(e.details or {})) from None


async def _difference(gateway: Gateway, sale: Sale, identity: Identity, plan: Plan) -> Difference:
    state = await sale.conductor.settled()
    clock = sale.conductor.clock
    moment = Moment(
        at=clock.now(),
        bits=bytes(32),  # nothing of it goes out
        public=gateway.registry.public,
        speed=clock.speed or 1.0,
        rules=rules.judge_for(plan.checks.rules),
    )
    of = plan_for(plan, rehearsal=state.rehearsal is not None)
    try:
        return await asyncio.to_thread(difference, copy_of(state, of), identity.actor, of, moment)
    except Refusal as e:
        raise Problem(CODES[e.code], e.code, e.message, dict(e.details or {})) from None


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sheets/check", check_sheet)
    app.router.add_get("/api/sales/{sale}/sheet", get_sheet)
    app.router.add_put("/api/sales/{sale}/sheet", put_sheet)
