"""What a relay tells the coordinator of its rate windows, so that it can forecast. Names and numbers: never a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from roles.relay.adapters.base import Routes
from roles.relay.windows import Window


def told(
    routes: Routes, windows: Mapping[str, Window], groups: Iterable[str], now: float, sale_ms: Callable[[float], int]
) -> dict[str, Any]:
    """The fields of `relay.limits`: the credentials that reach these groups of the sale, and which reaches which."""
    ways = {group: route.adapter.name for group in groups if (route := routes.to(group)) is not None}
    credentials = []
    for name in sorted(set(ways.values())):
        entry: dict[str, Any] = {"credential": name, "platform": routes.adapters[name].platform}
        window = windows[name]
        if window.limits:
            entry["limits"] = [{"count": x.count, "per_ms": round(x.per_s * 1000)} for x in window.limits]
            if used := [sale_ms(at) for at in window.used(now)]:
                entry["used"] = used
        credentials.append(entry)
    return {"credentials": credentials, "groups": ways}


def without_use(fields: dict[str, Any]) -> dict[str, Any]:
    """What has to have changed before it is told again over the same line."""
    credentials = [{k: v for k, v in entry.items() if k != "used"} for entry in fields["credentials"]]
    return {"credentials": credentials, "groups": fields["groups"]}
