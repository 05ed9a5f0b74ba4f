"""Contacts over HTTP: relays and shops hand them in, support is told one at a time, by `member.reveal` alone (`revealing`)."""

from __future__ import annotations

from typing import Annotated

import pydantic
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from coordinator.core.kernel import Member
from coordinator.errors import JournalError
from coordinator.gateway.api import owner, read_json, reply
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem

MOST = 1_000  # contacts handed in at once
HAND_IN = frozenset({"relay", "poster", "shop"})
Reach = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ContactIn(BaseModel):
    """How one member can be reached: a telephone number, an account, whatever the team can use."""

    model_config = ConfigDict(extra="forbid", strict=True)
    member: Member
    contact: Reach


class ContactsIn(BaseModel):
    """The body of `PUT /api/sales/{sale}/contacts`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    contacts: Annotated[list[ContactIn], Field(max_length=MOST)]


async def put_contacts(request: web.Request) -> web.Response:
    """Hands in how members can be reached, at most 1,000 at once: by relays, posters and shops."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    actor = identity.actor
    if actor.role not in HAND_IN:
        raise Problem(403, "forbidden", "contacts are handed in by relays, posters and shops", {"role": actor.role})
    sale = await gateway.sale(request, identity)
    body = await read_json(request)
    try:
        given = ContactsIn.model_validate(body).contacts
    except pydantic.ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "contacts"
        raise Problem(422, "invalid", f"{field}: {first['msg']}", {"field": field}) from None
    try:
        await gateway.contacts.put(sale.id, {each.member: each.contact for each in given})
    except JournalError as e:
        raise Problem(503, "busy", str(e), {"retry_ms": 1000}) from None
    return reply({"kept": len(given)})


async def delete_contact(request: web.Request) -> web.Response:
    """Erases one member's contact: by relays, posters and shops, and the owner."""
    return await _erased(request, request.match_info["member"])


async def delete_contacts(request: web.Request) -> web.Response:
    """Erases all contacts of a sale: by the owner."""
    return await _erased(request, None)


async def _erased(request: web.Request, member: str | None) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    if member is None or identity.actor.role not in HAND_IN:
        owner(identity)
    sale = await gateway.sale(request, identity)
    try:
        return reply({"erased": await gateway.contacts.erase(sale.id, member)})
    except JournalError as e:
        raise Problem(503, "busy", str(e), {"retry_ms": 1000}) from None


def add_routes(app: web.Application) -> None:
    app.router.add_put("/api/sales/{sale}/contacts", put_contacts)
    app.router.add_delete("/api/sales/{sale}/contacts", delete_contacts)
    app.router.add_delete("/api/sales/{sale}/contacts/{member}", delete_contact)
