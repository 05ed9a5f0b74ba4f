"""`GET /api/sales/{sale}/list/{topic}`: a topic page by page, with what screens are not sent any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from coordinator.core import TOPICS, State, interest
from coordinator.gateway.api import LIST_LIMIT, number, reply
from coordinator.gateway.context import GATEWAY
from coordinator.problem import Problem
from roles import streams as role_streams
from roles import views as role_views

ORDERED: dict[str, Callable[[State, str | None, int], list[str]]] = {"followups": interest.in_order}
"""Topics whose order is another one than that in which their entities were made."""


async def get_list(request: web.Request) -> web.Response:
    """A topic page by page, as the caller's view shows it; what is over and not sent to screens any more is there too."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    topic = request.match_info["topic"]
    if topic not in TOPICS:
        raise Problem(404, "unknown", f"there is no topic {topic[:40]}; there are {', '.join(TOPICS)}")
    limit, after = max(1, number(request, "limit", 100, LIST_LIMIT)), request.query.get("after")
    state = await sale.conductor.settled()
    streams = role_streams.listens_to(identity.actor, state, ahead=True)
    page: list[Any] = []
    last: str | None = None
    for id_ in _ids(state, topic, after, limit):
        form = next((f for who, f in role_views.listed(state, topic, id_) if not streams.isdisjoint(who)), None)
        if form is not None:
            if len(page) == limit:
                return reply({topic: page, "next": last})
            page.append(form)
            last = id_
    return reply({topic: page, "next": None})


def _ids(state: State, topic: str, after: str | None, limit: int) -> list[str]:
    """Those that come after an id: at least one more than a page holds, where there are so many."""
    if topic in ORDERED:
        return ORDERED[topic](state, after, limit + 1)
    ids = list(getattr(state, topic)) if state.plan is not None else []
    if after is None:
        return ids
    return ids[ids.index(after) + 1 :] if after in ids else []


def add_routes(app: web.Application) -> None:
    app.router.add_get("/api/sales/{sale}/list/{topic}", get_list)
