"""What a relay tells the coordinator of its rate windows, so that it can forecast. Names and numbers: never a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from roles.relay.adapters.base import AnyAdapter, Content, Route, Routes
from roles.relay.sending.lanes import Lane, places_of
from roles.relay.sending.windows import Limit

_PICTURES = tuple(f"https://pictures.example/{n}.jpg" for n in range(3))  # as many as a message may have


def told(
    routes: Routes, lanes: Mapping[str, Lane], groups: Iterable[str], now: float, sale_ms: Callable[[float], int]
) -> dict[str, Any]:
    """The fields of `relay.limits`: the credentials that reach these groups of the sale, and which reaches which."""
    ways = {group: route.adapter.name for group in groups if (route := routes.to(group)) is not None}
    first: dict[
        str, Route | None
    ] = {}  # of each credential a group, as how many messages one is may hang on where it goes
    for group, name in ways.items():
        first.setdefault(name, routes.to(group))
    credentials = []
    for name in sorted(set(ways.values())):
        entry: dict[str, Any] = {"credential": name, "platform": routes.adapters[name].platform}
        lane = lanes[name]
        if lane.window.limits:
            entry["limits"] = _limits(lane.window.limits)
            if used := [sale_ms(at) for at in lane.window.used(now)]:
                entry["used"] = used
        if lane.group_limits:
            entry["group_limits"] = _limits(lane.group_limits)
        if (lane.window.limits or lane.group_limits) and (route := first[name]) is not None:
            entry |= _places(route)
        credentials.append(entry)
    fields: dict[str, Any] = {"credentials": credentials, "groups": ways}
    in_groups = {}
    for group, name in ways.items():
        own = lanes[name].groups.get(group)
        if own is not None and (left := own.used(now)):
            in_groups[group] = [sale_ms(at) for at in left]
    if in_groups:
        fields["used"] = in_groups
    return fields


def _limits(limits: Iterable[Limit]) -> list[dict[str, int]]:
    return [{"count": limit.count, "per_ms": round(limit.per_s * 1000)} for limit in limits]


_known: WeakKeyDictionary[AnyAdapter, dict[str, list[int]]] = (
    WeakKeyDictionary()
)  # each is counted once: there may be hundreds


def _places(route: Route) -> dict[str, list[int]]:
    """How many of its messages one with 0, 1, 2, 3 pictures is, without and with a link; nothing where each is one."""
    if route.adapter in _known:
        return _known[route.adapter]
    told = _known[route.adapter] = {}
    for name, link in (("places", None), ("places_linked", "https://sale.example/l/Kq3x9aBz")):
        contents = [Content(text="3, 2, 1", link=link, images=_PICTURES[:n]) for n in range(len(_PICTURES) + 1)]
        places = [places_of(route, content) for content in contents]
        if max(places) > 1:
            told[name] = places
    return told


def without_use(fields: dict[str, Any]) -> dict[str, Any]:
    """What has to have changed before it is told again over the same line."""
    credentials = [{k: v for k, v in entry.items() if k != "used"} for entry in fields["credentials"]]
    return {"credentials": credentials, "groups": fields["groups"]}
