"""Webhooks of shops and platforms (design.md, section 8): signed by the Standard Webhooks rules, each counts once.

A body is one command without id, or a list of them. `webhook-id` is the command's id, `webhook-id:n` that of item n of
a list: who sends a webhook again with its id, after whatever went wrong, is told the same answer.
"""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from coordinator.core import Actor
from coordinator.gateway import wire
from coordinator.gateway.api import many, read_json
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem
from coordinator.reading import MAX_ID
from coordinator.settings import hook_secrets, hook_setting
from coordinator.signatures import need_signed

log = structlog.get_logger(__name__)

MAX_HOOK_ID = MAX_ID - len(f":{wire.MAX_MANY - 1}")


def _signers(source: str) -> list[Webhook]:
    """Who may sign for a source: one for each of its secrets. Raises Problem where there is none."""
    known = source.isascii() and source.replace("-", "").isalnum()
    secrets = hook_secrets(source) if known else []
    if not secrets:
        raise Problem(404, "unknown", f"no secret is set for the source {source[:40]}: set DROPCUE_HOOK_<SOURCE>")
    signers = []
    for secret in secrets:
        try:
            signers.append(Webhook(secret))
        except Exception:  # the library raises several kinds, one of its own among them
            log.error("a secret of webhooks cannot be read", setting=hook_setting(source))
    if not signers:
        raise Problem(
            500, "invalid", f"{hook_setting(source)} holds no secret that can be read: it is whsec_ and base64"
        )
    return signers


async def post_hook(request: web.Request) -> web.Response:
    """One command without id, or a list of at most 1,000, signed by the Standard Webhooks rules."""
    source = request.match_info["source"]
    need_signed(request, await request.read(), _signers(source), secrets=hook_setting(source))
    sale = await request.app[GATEWAY].registry.get(request.match_info["sale"])
    if sale is None:
        raise Problem(404, "unknown", "there is no such sale", {"field": "sale"})
    id_ = request.headers["webhook-id"]
    if len(id_) > MAX_HOOK_ID:
        raise Problem(422, "invalid", f"webhook-id has at most {MAX_HOOK_ID} characters", {"field": "webhook-id"})
    body: Any = await read_json(request)
    listed = isinstance(body, list)
    commands = body if listed else [body]
    wrong = next((n for n, c in enumerate(commands) if not isinstance(c, dict)), None)
    if wrong is not None:
        where = f"item {wrong}" if listed else "the body"
        raise Problem(422, "invalid", f"{where} is no command: send an object, or a list of objects", {"field": where})
    for n, command in enumerate(commands):
        command["id"] = f"{id_}:{n}" if listed else id_
    return await many(sale, Actor("shop", source), commands, request.content_length or 0)


def add_routes(app: web.Application) -> None:
    app.router.add_post("/hooks/{sale}/{source}", post_hook)
