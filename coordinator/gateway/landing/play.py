"""A chain's or a draw's page: its terms, how it stands, one press to take part, and what shows that a draw is fair.

As on a coupon's page nothing is needed but the page itself, and a second tap counts no more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from coordinator.core import Actor, State, drawing, members
from coordinator.core.chains import Chain
from coordinator.core.draws import Draw
from coordinator.core.links import AddressKey
from coordinator.core.render import money
from coordinator.gateway.api import reply
from coordinator.gateway.context import GATEWAY
from coordinator.gateway.landing.coupon import body_of
from coordinator.gateway.landing.keys import find, looked
from coordinator.gateway.landing.members import give_cookie, member_of, new_member
from coordinator.gateway.landing.onnow import on_now
from coordinator.gateway.landing.pages import page, wants_json
from coordinator.gateway.problem import Problem, of_answer
from coordinator.registry import Sale


@dataclass(frozen=True, slots=True)
class Playing:
    """What the page says. `standing` is early, open, closed (a draw that waits), completed, failed, drawn or withdrawn."""

    kind: str
    id: str | None
    name: str
    standing: str
    count: int
    until: int | None
    taking_part: bool
    facts: dict[str, Any]


def of_key(state: State, key: AddressKey, member: str | None) -> Playing:
    """The game that a drop opened, as this member sees it."""
    drop = state.drops[key.drop]
    if key.kind == "chain":
        return _chain(
            state, next((c for c in state.chains.values() if c.drop == drop.id), None), drop.status, key, member
        )
    return _draw(state, next((d for d in state.draws.values() if d.drop == drop.id), None), drop.status, member)


def _early(status: str) -> str:
    return "withdrawn" if status == "withdrawn" else "early"


def _chain(state: State, chain: Chain | None, status: str, key: AddressKey, member: str | None) -> Playing:
    product = state.products.get(key.what)
    name = product.name if product else key.what
    if chain is None:
        return Playing("chain", None, name, _early(status), 0, None, False, {})
    unlocks: str | None = None
    if chain.unlocks is not None and chain.unlocks.price is not None:
        unlocks = money(chain.unlocks.price, state.the.currency)
    elif chain.unlocks is not None and chain.unlocks.coupon in state.coupons:
        unlocks = state.coupons[chain.unlocks.coupon or ""].title
    facts = {"target": chain.target, "unlocks": unlocks}
    mine = members.pseudonyms(state, member) if member else ()
    within = any(m.member in mine for m in chain.members)
    return Playing("chain", chain.id, name, chain.status, chain.count, chain.until, within, facts)


def _draw(state: State, draw: Draw | None, status: str, member: str | None) -> Playing:
    if draw is None:
        return Playing("draw", None, "", _early(status), 0, None, False, {})
    mine = members.pseudonyms(state, member) if member else ()
    facts: dict[str, Any] = {
        "prizes": [{"name": p.name, "quantity": p.quantity} for p in draw.prizes], "by": draw.eligible.by,
        "collect": draw.collect, "organiser": draw.organiser, "commit": draw.commit, "won": None,
    }  # fmt: skip
    if draw.status == "drawn":
        winners = [{"member": w.member, "prize": w.prize} for w in draw.winners]
        won = next((w.prize for w in draw.winners if w.member in mine), None)
        facts |= {"seed": draw.seed, "winners": winners, "won": won}
    if draw.status != "open":
        facts["entries"] = drawing.entries_of(state, draw.id)
    name = ", ".join(f"{p.name} ×{p.quantity}" if p.quantity > 1 else p.name for p in draw.prizes)
    within = not state.entries.get(draw.id, set()).isdisjoint(mine)
    return Playing("draw", draw.id, name, draw.status, draw.count, draw.until, within, facts)


async def _found(request: web.Request) -> tuple[Sale, AddressKey] | None:
    return await find(request.app[GATEWAY], request.match_info["key"], "chain", "draw")


async def game_page(request: web.Request) -> web.StreamResponse:
    """A chain's or draw's page for a phone, or what it says as JSON: of a draw that has closed with all its entries."""
    gateway = request.app[GATEWAY]
    found = await _found(request)
    if found is None:
        if wants_json(request):
            raise Problem(404, "unknown", "there is no such game")
        return page(request, "closed.html", 404, why="play.unknown", now=None, opens_in=None)
    sale, key = found
    robot = looked(sale, request, request.match_info["key"])
    state = await sale.conductor.settled()
    member = member_of(gateway, request)
    fresh = new_member(gateway) if member is None and not robot else None
    response = _answer(request, sale, state, key, member, who=fresh)
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    return response


async def join_game(request: web.Request) -> web.StreamResponse:
    """Takes part, for who the cookie names; who is in it already is told so."""
    gateway = request.app[GATEWAY]
    found = await _found(request)
    if found is None:
        raise Problem(404, "unknown", "there is no such game")
    sale, key = found
    body = await body_of(request)
    member = member_of(gateway, request)
    fresh = member is None
    if member is None:
        who = body.get("who")
        member = (gateway.tokens.unsign(who) if isinstance(who, str) else None) or new_member(gateway)
    playing = of_key(sale.conductor.state, key, member)
    command: dict[str, Any] = {"kind": "chain.join" if key.kind == "chain" else "draw.enter", "group": key.group}
    if playing.id is not None:
        command[key.kind] = playing.id
    id_ = body.get("id")
    if isinstance(id_, str) and id_:
        command["id"] = id_
    given = await sale.conductor.do(Actor("audience", member), command)
    state = await sale.conductor.settled()
    response: web.StreamResponse
    if wants_json(request) and not given.ok and given.code != "already":
        response = of_answer(given).response()
    else:
        refusal = None if given.ok or given.code == "already" else given.code
        response = _answer(request, sale, state, key, member, refusal=refusal)
    if fresh:
        give_cookie(gateway, response, member)
    return response


def _answer(
    request: web.Request, sale: Sale, state: State, key: AddressKey, member: str | None, *, who: str | None = None, refusal: str | None = None,
) -> web.Response:  # fmt: skip
    gateway = request.app[GATEWAY]
    it = of_key(state, key, member)
    now = sale.conductor.clock.now()
    if wants_json(request):
        said = {name: getattr(it, name) for name in ("kind", "id", "name", "standing", "count", "until", "taking_part")}
        return reply({"sale": state.sale, "title": state.the.title, **said, **it.facts, "now": now})
    entries = it.facts.get("entries")
    left = -(-max(0, it.until - now) // 60_000) if it.until is not None else 0
    return page(
        request, "play.html", it=it, now=on_now(state, key.group), left=left, refusal=refusal, claim_id=secrets.token_hex(8),
        who=gateway.tokens.sign(who) if who else None,
        listed=None if entries is None else msgspec.json.encode(entries).decode(),
    )  # fmt: skip
