"""What stands behind the key of an address, and the service's own word that it was looked at."""

from __future__ import annotations

from aiohttp import web

from coordinator.core import CLOCK
from coordinator.core.links import AddressKey
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.landing import robots
from coordinator.problem import Problem
from coordinator.registry import Sale
from coordinator.waiting import AUDIENCE

MAX_KEY = 64  # of what a key can be: what is longer is not looked for
SHED_ABOVE = 5_000  # commands of the audience that wait: beyond it a click is not recorded


async def find(gateway: Gateway, key: str, *kinds: str) -> tuple[Sale, AddressKey] | None:
    """The sale and drop behind a key. A phone may come to a node that does not serve the sale yet: then it does from now on.

    Raises JournalError where it cannot be told which sales there are, Problem while they are still being read.
    """
    found = _here(gateway, key, kinds)
    if found is None and len(key) <= MAX_KEY:
        await gateway.elsewhere.look()
        found = _here(gateway, key, kinds)
    if found is None and not gateway.ready:
        raise Problem(503, "busy", "the service is starting: try again in a moment", {"retry_ms": 1000})
    return found


async def need(request: web.Request, page: str, *kinds: str) -> tuple[Sale, AddressKey]:
    """What stands behind the address of a request. Raises Problem, beside what `find` does."""
    found = await find(request.app[GATEWAY], request.match_info["key"], *kinds)
    if found is None:
        raise Problem(404, "unknown", f"there is no such {page}")
    return found


def _here(gateway: Gateway, key: str, kinds: tuple[str, ...]) -> tuple[Sale, AddressKey] | None:
    for sale in gateway.registry.here():
        found = sale.conductor.state.keys.get(key)
        if found is not None and found.kind in kinds:
            return sale, found
    return None


def crowded(sale: Sale) -> bool:
    """Whether so much of the audience waits that what only counts is left out."""
    return sale.conductor.waiting_by_class[AUDIENCE] > SHED_ABOVE


def looked(sale: Sale, request: web.Request, key: str) -> bool:
    """Whether it is a robot that asks; then that is recorded."""
    robot = robots.robot(request.method, request.headers)
    if robot is None:
        return False
    if not crowded(sale):
        sale.conductor.submit(CLOCK, [{"kind": "link.preview", "link": key, "robot": robot}], lambda _: None)
    return True
