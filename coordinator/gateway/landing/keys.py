"""What stands behind the key of an address, and the service's own word that it was looked at."""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from coordinator.core import CLOCK
from coordinator.core.links import AddressKey
from coordinator.gateway.context import Gateway
from coordinator.gateway.landing import robots
from coordinator.registry import Sale
from coordinator.waiting import AUDIENCE

SHED_ABOVE = 5_000  # commands of the audience that wait: beyond it a click is not recorded


def find(
    gateway: Gateway, key: str, kind: Literal["link", "coupon", "chain", "draw"]
) -> tuple[Sale, AddressKey] | None:
    """The sale and drop behind a key."""
    for sale in gateway.registry.here():
        found = sale.conductor.state.keys.get(key)
        if found is not None and found.kind == kind:
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
