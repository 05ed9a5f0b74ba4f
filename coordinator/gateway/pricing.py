"""What a basket costs with a member's coupons: a read for shops and for members, by the core's own rule."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from coordinator.core import CODES, Refusal
from coordinator.core.coupon_orders import basket
from coordinator.core.kernel import Id, Member
from coordinator.core.money import Minor
from coordinator.gateway.api import read_json, reply
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem
from coordinator.reading import shaped

MAX_LINES = 500
MAX_CODES = 100
MAY_ASK = frozenset({"shop", "audience", "controller", "owner"})


class BasketLine(BaseModel):
    """So many pieces of a product. `price` is that of one, in minor units; left out, it is the sale's."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product: Id
    quantity: Annotated[int, Field(ge=1, le=10**6)] = 1
    price: Minor | None = None


class Basket(BaseModel):
    """A basket, and the codes to price it with; with `member` all that this member holds."""

    model_config = ConfigDict(extra="forbid", strict=True)
    lines: Annotated[list[BasketLine], Field(min_length=1, max_length=MAX_LINES)]
    codes: Annotated[list[Id], Field(max_length=MAX_CODES)] = []
    member: Member | None = None


async def price_basket(request: web.Request) -> web.Response:
    """What a basket costs with coupons: `before`, `off`, `total`, what each code takes off each line, and why others do not."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    actor = identity.actor
    if actor.role not in MAY_ASK:
        raise Problem(403, "forbidden", f"{actor.role} may not price a basket", {"role": actor.role})
    try:
        asked = shaped(Basket, await read_json(request))
        member = asked.member
        if actor.role == "audience":
            if member not in {None, actor.name}:
                raise Refusal("forbidden", "a member prices with their own coupons", {"field": "member"})
            member = actor.name
        state = await sale.conductor.settled()
        lines = [(x.product, x.quantity, x.price) for x in asked.lines]
        priced = basket(state, lines, asked.codes, member, sale.conductor.clock.now())
    except Refusal as no:
        raise Problem(CODES[no.code], no.code, no.message, dict(no.details or {})) from None
    return reply({**_object(priced), "currency": state.the.currency})


def _object(priced: Any) -> dict[str, Any]:  # Any: what msgspec takes
    found: dict[str, Any] = msgspec.to_builtins(priced)
    return found


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sales/{sale}/price", price_basket)
