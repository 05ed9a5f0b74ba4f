"""What a relay tells the coordinator of its rate windows, so that it can forecast. Names and numbers: never a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from roles.relay.adapters.base import Routes
from roles.relay.sending.lanes import Lane
from roles.relay.sending.windows import Limit


def told(
    routes: Routes, lanes: Mapping[str, Lane], groups: Iterable[str], now: float, sale_ms: Callable[[float], int]
) -> dict[str, Any]:
    """The fields of `relay.limits`: the credentials that reach these groups of the sale, and which reaches which."""
    ways = {group: route.adapter.name for group in groups if (route := routes.to(group)) is not None}
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


def without_use(fields: dict[str, Any]) -> dict[str, Any]:
    """What has to have changed before it is told again over the same line."""
    credentials = [{k: v for k, v in entry.items() if k != "used"} for entry in fields["credentials"]]
    return {"credentials": credentials, "groups": fields["groups"]}
