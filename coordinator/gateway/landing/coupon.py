"""A coupon's page: what it is, how many are left, and one press for a code.

The page works with a slow line and without scripts. A claim carries an id that stays the same until it is answered, so
that a second tap, a retry or a reload never claims twice; a browser that keeps no cookies says who it is in the form.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from coordinator.core import CODES, Actor, State
from coordinator.core.links import AddressKey
from coordinator.gateway.api import reply
from coordinator.gateway.context import GATEWAY
from coordinator.gateway.landing.codes import qr_of, shop_of
from coordinator.gateway.landing.keys import looked, need
from coordinator.gateway.landing.members import give_cookie
from coordinator.gateway.landing.onnow import on_now
from coordinator.gateway.landing.pages import language, page, wants_json
from coordinator.gateway.landing.personal import opener
from coordinator.gateway.landing.standing import left_of, shown, standing
from coordinator.gateway.problem import of_answer
from coordinator.problem import Problem
from coordinator.registry import Sale

REFUSALS = {"too_early": "early", "exhausted": "out", "forbidden": "forbidden", "busy": "crowd", "capped": "crowd"}
"""A refusal's code → what the page says where it does not say how the coupon stands."""


async def _need(request: web.Request) -> tuple[Sale, AddressKey]:
    return await need(request, "coupon page", "coupon")


def facts(state: State, key: AddressKey, now: int) -> dict[str, Any]:
    """The page for machines."""
    coupon = state.coupons[key.what]
    how = standing(state, key, now)
    return {
        "sale": state.sale, "title": state.the.title, "coupon": coupon.id, "name": coupon.title, "kind": coupon.kind,
        "over": coupon.over, "off": coupon.off, "currency": state.the.currency, "left": left_of(coupon, state.drops[key.drop]),
        "valid_ms": coupon.valid_ms, "open": how in {"open", "out"}, "standing": how, "now": now,
    }  # fmt: skip


async def coupon_page(request: web.Request) -> web.StreamResponse:
    """A coupon's page for a phone, or what it says as JSON."""
    gateway = request.app[GATEWAY]
    sale, key = await _need(request)
    robot = looked(sale, request, request.match_info["key"])
    state = await sale.conductor.settled()
    member, fresh = (None, None) if robot else opener(gateway, sale, state, request, key)
    response = _answer(request, sale, state, key, member, who=fresh)
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    return response


async def coupon_left(request: web.Request) -> web.Response:
    """How many are left, how the coupon stands, and when to ask again."""
    sale, key = await _need(request)
    state = await sale.conductor.settled()
    now = sale.conductor.clock.now()
    how = standing(state, key, now)
    return reply(
        {
            "left": left_of(state.coupons[key.what], state.drops[key.drop]), "open": how in {"open", "out"}, "standing": how,
            "now": now, "again_ms": request.app[GATEWAY].pace.again_ms(),
        }
    )  # fmt: skip


async def claim_coupon(request: web.Request) -> web.StreamResponse:
    """Claims a code for who the cookie names; the same id again is told the same code."""
    gateway = request.app[GATEWAY]
    sale, key = await _need(request)
    body = await body_of(request)
    member, fresh = opener(gateway, sale, await sale.conductor.settled(), request, key, body.get("who"))
    command: dict[str, Any] = {"kind": "coupon.claim", "coupon": key.what, "group": key.group}
    id_ = body.get("id")
    if isinstance(id_, str) and id_:
        command["id"] = id_
    given = await sale.conductor.do(Actor("audience", member, (key.group,)), command)
    state = await sale.conductor.settled()
    response: web.StreamResponse
    if not wants_json(request):
        response = _answer(request, sale, state, key, member, refusal=None if given.ok else given.code)
    elif given.ok:
        response = reply({**facts(state, key, sale.conductor.clock.now()), **(given.result or {})})
    else:
        response = of_answer(given).response()
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    return response


MAX_FORM_BYTES = 512 * 1024  # a survey of 20 answers in as many words as there may be


async def body_of(request: web.Request) -> dict[str, Any]:
    """The fields of a claim, from JSON or a form; a file is none. Raises Problem."""
    request = request.clone(client_max_size=MAX_FORM_BYTES)
    if request.content_type == "application/json":
        try:
            body = msgspec.json.decode(await request.read() or b"{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Problem(422, "invalid", "the body is no JSON") from None
        return body if isinstance(body, dict) else {}
    try:
        fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if request.content_type == "application/x-www-form-urlencoded":
            # aiohttp puts a sign of its own for what is not in the form's encoding: no member has said that.
            charset = request.charset or "utf-8"
            parse_qsl((await request.read()).decode(charset), True, encoding=charset, errors="strict")
    except UnicodeError:
        raise Problem(422, "invalid", "the form is not UTF-8; send it as UTF-8, or name its charset") from None
    except (ValueError, LookupError, HttpProcessingError) as e:  # no form, or in an encoding that there is not
        raise Problem(422, "invalid", f"the form cannot be read: {type(e).__name__}") from None
    return fields


def _answer(
    request: web.Request, sale: Sale, state: State, key: AddressKey, member: str | None,
    *, who: str | None = None, refusal: str | None = None,
) -> web.Response:  # fmt: skip
    """`who` is a member that the browser does not know of yet."""
    clock = sale.conductor.clock
    it = shown(state, request.match_info["key"], key, member, clock.now(), clock.speed or 1.0, language(request))
    if wants_json(request):
        return reply({**facts(state, key, it.now), "code": it.code})
    why = None
    if refusal is not None:
        told = REFUSALS.get(refusal, "refused")
        why = it.why if it.why != "open" and told != "forbidden" else told
    tokens = request.app[GATEWAY].tokens
    response = page(
        request, "coupon.html", CODES[refusal or ""] if why == "crowd" else 200, it=it, why=why or it.why,
        who=tokens.sign(who) if who else None, qr=qr_of(it.code) if it.code_is == "good" else None, shop=_shop(state, key, it.now), now=on_now(state, key.group, it.now),
        left_path=f"/c/{request.match_info['key']}/left",
    )  # fmt: skip
    if why == "crowd":
        response.headers["Retry-After"] = "1"
    return response


def _shop(state: State, key: AddressKey, now: int) -> str | None:
    return shop_of(state, state.coupons[key.what].products, key.group, now)
