"""Links: from the key to the sheet's address at once, or to a page that says why not and what is on now.

A redirect waits for no disk: the click is recorded beside it, and under overload clicks are shed first, counted and
said in /metrics.
"""

from __future__ import annotations

from aiohttp import web

from coordinator.answers import Answer
from coordinator.core import Actor, State
from coordinator.core.links import LASTING, AddressKey, is_over, target
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.landing.keys import crowded, looked, need
from coordinator.gateway.landing.members import give_cookie
from coordinator.gateway.landing.onnow import on_now
from coordinator.gateway.landing.pages import page
from coordinator.gateway.landing.personal import opener
from coordinator.gateway.landing.robots import ahead
from coordinator.registry import Sale

NOT_YET, GONE = 425, 410


def why_not(state: State, key: AddressKey, now: int) -> str | None:
    """Why a link leads nowhere now, as a word of words.py; None where it is open."""
    drop = state.drops[key.drop]
    if drop.status == "withdrawn":
        return "link.withdrawn"
    if drop.stopped:
        return "link.stopped"
    if drop.status != "fired":
        return "link.early"
    if target(state, key.what) is None:
        return "link.withdrawn"  # a later sheet has left it out
    if is_over(state, key.what, now):
        return "link.over"
    link = state.links.get(key.what)
    if state.the.status == "closed" and (link is None or link.kind not in LASTING):
        return "link.closed"
    return None


async def open_link(request: web.Request) -> web.StreamResponse:
    """Leads to the sheet's address and counts a click; a link that is not open shows what is on now."""
    gateway = request.app[GATEWAY]
    key = request.match_info["key"]
    sale, what = await need(request, "link", "link")
    robot = looked(sale, request, key)
    state = sale.conductor.state
    why = why_not(state, what, sale.conductor.clock.now())
    if why is not None:
        return _closed(request, sale, what, why)
    if ahead(request.headers):
        # What is fetched ahead would be shown without asking again, and the press would not count.
        return web.Response(status=503, headers={"Cache-Control": "no-store"})
    response = web.Response(
        status=302, headers={"Location": target(state, what.what) or "", "Cache-Control": "no-store"}
    )
    if robot:
        return response
    member, fresh = opener(gateway, sale, state, request, what)
    if fresh is not None:
        give_cookie(gateway, response, fresh)
    click(gateway, sale, key, member)
    return response


def _closed(request: web.Request, sale: Sale, key: AddressKey, why: str) -> web.Response:
    state, now = sale.conductor.state, sale.conductor.clock.now()
    opens_in = None
    if why == "link.early":
        left = (state.drops[key.drop].fire_at - now) / (sale.conductor.clock.speed or 1.0)
        opens_in = max(1, round(left / 1000 + 0.5))
    status = NOT_YET if why == "link.early" else GONE
    return page(request, "closed.html", status, why=why, now=on_now(state, key.group, now), opens_in=opens_in)


def click(gateway: Gateway, sale: Sale, key: str, member: str) -> None:
    if crowded(sale):
        gateway.shed_clicks += 1
        return

    def recorded(answers: list[Answer]) -> None:
        gateway.shed_clicks += any(a.code in {"busy", "capped"} for a in answers)

    sale.conductor.submit(Actor("audience", member), [{"kind": "link.click", "link": key}], recorded)
