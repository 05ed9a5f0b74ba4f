"""`POST /api/sales/{sale}/check`: what the checks would say of a text, asked while somebody writes it. Nothing is sent by it."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator import rules
from coordinator.core import Refusal
from coordinator.core.checks import Context, look
from coordinator.core.cue_kinds import first_fault
from coordinator.core.kernel import Id, Text
from coordinator.core.reaching import check_groups
from coordinator.gateway.api import read_json, reply
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem
from roles.streams import TEAM_ROLES


class Asked(BaseModel):
    """A text, and what it is for."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: Text
    do: Id = "message.send"  # the kind of command that would send it
    product: Id | None = None
    groups: Annotated[str | list[Id], Field()] = []


async def post_check(request: web.Request) -> web.Response:
    """What the checks say of a text before it is sent: findings with their place, in both languages."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    if identity.actor.role not in TEAM_ROLES:
        raise Problem(403, "forbidden", "only the team asks what the checks say", {"role": identity.actor.role})
    try:
        asked = Asked.model_validate(await read_json(request))
    except ValidationError as e:
        where, message = first_fault(e)
        raise Problem(422, "invalid", f"{where}: {message}", {"field": where}) from None
    state = await sale.conductor.settled()
    try:
        groups = tuple(check_groups(state, asked.groups)) if asked.groups else ()
    except Refusal as refusal:
        raise Problem(422, refusal.code, refusal.message, dict(refusal.details or {})) from None
    context = Context(do=asked.do, product=asked.product, groups=groups)
    now = sale.conductor.clock.now()
    return reply(look(state, rules.judge_for(state.p.checks.rules), asked.text, context, now))


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sales/{sale}/check", post_check)
