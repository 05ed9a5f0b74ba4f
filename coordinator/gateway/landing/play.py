"""A game's page: what it is, how it stands, one press to take part, and what came of it.

As on a coupon's page nothing is needed but the page itself, and a second tap counts no more.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from coordinator.core import CODES, Actor, State
from coordinator.core.links import AddressKey
from coordinator.gateway.api import reply
from coordinator.gateway.context import GATEWAY
from coordinator.gateway.landing import chains, draws, rounds
from coordinator.gateway.landing.codes import qr_of, shop_of
from coordinator.gateway.landing.coupon import body_of
from coordinator.gateway.landing.instants import Instants
from coordinator.gateway.landing.keys import looked, need
from coordinator.gateway.landing.members import give_cookie, member_of
from coordinator.gateway.landing.onnow import on_now
from coordinator.gateway.landing.pages import language, page, wants_json
from coordinator.gateway.landing.personal import opener
from coordinator.gateway.landing.playing import GAMES, Playing
from coordinator.gateway.landing.standing import holds
from coordinator.gateway.problem import of_answer
from coordinator.problem import Problem
from coordinator.registry import Sale

__all__ = ["chains", "draws", "rounds"]  # each registers the games that it has the pages of

SAID = ("id", "name", "standing", "count", "until", "taking_part")


async def _need(request: web.Request) -> tuple[Sale, AddressKey]:
    return await need(request, "game", *GAMES)


async def game_page(request: web.Request) -> web.StreamResponse:
    """A game's page for a phone, or what it says as JSON: of a draw that has closed with all its entries."""
    gateway = request.app[GATEWAY]
    sale, key = await _need(request)
    robot = looked(sale, request, request.match_info["key"])
    state = await sale.conductor.settled()
    member, fresh = (None, None) if robot else opener(gateway, sale, state, request, key)
    response = _answer(request, sale, state, key, member, who=fresh)
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    return response


async def game_live(request: web.Request) -> web.Response:
    """What of a game's page changes while it is looked at, and when to ask again."""
    gateway = request.app[GATEWAY]
    sale, key = await _need(request)
    state = await sale.conductor.settled()
    it = GAMES[key.kind].seen(state, key, member_of(gateway, request))
    now, again_ms = sale.conductor.clock.now(), gateway.pace.again_ms()
    return reply({"standing": it.standing, "count": it.count, **it.live, "now": now, "again_ms": again_ms})


async def join_game(request: web.Request) -> web.StreamResponse:
    """Takes part, for who the cookie names; who has done so already is told what came of it."""
    gateway = request.app[GATEWAY]
    sale, key = await _need(request)
    body = await body_of(request)
    state = await sale.conductor.settled()
    member, fresh = opener(gateway, sale, state, request, key, body.get("who"))
    game = GAMES[key.kind]
    playing = game.seen(state, key, member)
    refused: Problem | None = None
    if playing.id is None:  # another of its kind may be open: what is sent here is not for that one
        code = "too_late" if playing.standing == "withdrawn" else "too_early"
        refused = Problem(CODES[code], code, f"this {key.kind} is not open", {"field": key.kind})
    else:
        command: dict[str, Any] = {
            "kind": game.command, "group": key.group, key.kind: playing.id, **game.given(playing, body),
        }  # fmt: skip
        id_ = body.get("id")
        if isinstance(id_, str) and id_:
            command["id"] = id_
        given = await sale.conductor.do(Actor("audience", member, (key.group,)), command)
        state = await sale.conductor.settled()
        refused = None if given.ok or given.code == "already" else of_answer(given)
    response: web.StreamResponse
    if wants_json(request) and refused is not None:
        response = refused.response()
    else:
        response = _answer(request, sale, state, key, member, refusal=refused.code if refused else None)
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    return response


def _answer(
    request: web.Request, sale: Sale, state: State, key: AddressKey, member: str | None, *, who: str | None = None, refusal: str | None = None,
) -> web.Response:  # fmt: skip
    """`who` is a member that the browser does not know of yet."""
    it = GAMES[key.kind].seen(state, key, member)
    clock = sale.conductor.clock
    at = Instants(clock.now(), clock.speed or 1.0, state.p.timezone)
    if wants_json(request):
        said = {name: getattr(it, name) for name in SAID}
        if it.gift is not None:
            said |= {"gift": it.gift.coupon, "code": it.gift.code, "not_given": it.gift.not_given}
        return reply(
            {"sale": state.sale, "title": state.the.title, "kind": key.kind, **said, **it.facts, "now": at.now}
        )
    held = holds(state, it.gift.code, at.now, language(request)) if it.gift and it.gift.code else None
    crowd = refusal in {"busy", "capped"} and not it.taking_part
    response = page(
        request, f"games/{key.kind}.html", CODES[refusal or ""] if crowd else 200, kind=key.kind, it=it, at=at, now=on_now(state, key.group, at.now), claim_id=secrets.token_hex(8),
        refusal=_refused(it, refusal), who=request.app[GATEWAY].tokens.sign(who) if who else None, listed=draws.listed,
        held=held, qr=qr_of(held.code) if held and held.code_is == "good" else None,
        shop=shop_of(state, state.coupons[it.gift.coupon].products, key.group, at.now) if it.gift else None, live_path=f"/g/{request.match_info['key']}/live",
    )  # fmt: skip
    if crowd:  # the page's script sends the same again; without one the reader is told to press again
        response.headers["Retry-After"] = "1"
    return response


def _refused(it: Playing, refusal: str | None) -> str | None:
    """What there is to say of a refusal that the page does not show by itself."""
    if refusal is None or it.taking_part:
        return None
    return {"invalid": "play.invalid", "busy": "play.crowd", "capped": "play.crowd"}.get(refusal, "play.refused")
