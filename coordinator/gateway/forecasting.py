"""`POST /api/sales/{sale}/forecast`: when the last group would have a drop that is pressed now. Nothing is sent by it."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator.core import Refusal, cue_kinds
from coordinator.core.cue_kinds import first_fault
from coordinator.core.deliveries import PAGES
from coordinator.core.firing import ASK_EXPIRES_MS
from coordinator.core.forecast import forecast
from coordinator.core.kernel import Id
from coordinator.core.reaching import check_groups
from coordinator.gateway.api import read_json, reply
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem
from roles.permissions import may


class Asked(BaseModel):
    """A drop: the command that would send it, and where it goes."""

    model_config = ConfigDict(extra="forbid", strict=True)
    do: Id
    groups: Annotated[str | list[Id], Field()]


async def post_forecast(request: web.Request) -> web.Response:
    """When the last group would have a drop that is pressed now, from the rate windows that the relays have told."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    try:
        asked = Asked.model_validate(await read_json(request))
    except ValidationError as e:
        where, message = first_fault(e)
        raise Problem(422, "invalid", f"{where}: {message}", {"field": where}) from None
    if not cue_kinds.into_groups(asked.do):
        raise Problem(422, "invalid", f"{asked.do} does not go into groups", {"field": "do"})
    if not may(identity.actor.role, asked.do) and identity.actor.role != "owner":
        raise Problem(403, "forbidden", f"{identity.actor.role} may not {asked.do}", {"role": identity.actor.role})
    state = await sale.conductor.settled()
    try:
        groups = [g for g in check_groups(state, asked.groups) if not state.groups[g].frozen]
    except Refusal as refusal:
        raise Problem(422, refusal.code, refusal.message, dict(refusal.details or {})) from None
    now = sale.conductor.clock.now()
    at = now + state.p.lead
    priority = cue_kinds.priority_of(asked.do)
    linked = asked.do in PAGES
    out, _ = forecast(state, groups, at=at, expires_at=at + ASK_EXPIRES_MS, priority=priority, now=now, linked=linked)
    return reply(out)


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sales/{sale}/forecast", post_forecast)
