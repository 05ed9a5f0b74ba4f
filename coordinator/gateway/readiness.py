"""Go or no-go before the show: what is there, what is missing. A no-go is a result, never a refusal."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from coordinator.core import State
from coordinator.core.guests import only_asked
from coordinator.core.reaching import in_the_sheet
from coordinator.gateway.context import Gateway
from coordinator.registry import Sale
from coordinator.runsheet import load_plan

DISK_BYTES = 200 << 20  # a long sale writes a tenth of this


def _may_send(state: State, name: str) -> bool:
    """A machine while it is here; a poster who has had the page open, though the phone sleeps now."""
    relay = state.relays.get(name)
    return relay is not None and (relay.here or relay.hands)


async def readiness(gateway: Gateway, sale: Sale) -> dict[str, Any]:
    """`{"go", "checks": [{"what", "ok", "why"}], "reasons"}`; `reasons` are the checks that say no."""
    # A large sheet takes most of a second to check: no cue waits for it.
    now = sale.conductor.clock.now()
    _, _, findings = await asyncio.to_thread(load_plan, sale.conductor.state.sheet or {}, "sheet", None, now)
    state = await sale.conductor.settled()
    groups = in_the_sheet(state)
    checks: list[dict[str, Any]] = []

    def check(what: str, ok: bool, why: str) -> None:
        checks.append({"what": what, "ok": ok, "why": why})

    relays = {name for g in groups for name in g.relay[:1]}
    away = sorted(r for r in relays if not _may_send(state, r))
    without = [g.id for g in groups if not g.relay and not any(g.id in r.groups for r in state.relays.values())]
    check("relays", not away, f"away: {', '.join(away)}" if away else f"{len(relays)} here")
    check(
        "groups",
        not without,
        f"without a relay: {', '.join(without[:10])}" if without else f"{len(groups)} served",
    )
    bare = [x.id for x in state.links.values() if not x.url.startswith("https://")]
    check("links", not bare, f"not https: {', '.join(bare)}" if bare else f"{len(state.links)} open")
    out = [c.id for c in state.coupons.values() if c.left <= 0 or c.stopped]
    check("coupons", not out, f"nothing left: {', '.join(out)}" if out else f"{len(state.coupons)} ready")
    asked = only_asked(state.guests)
    check(
        "guests",
        not asked,
        f"only asked: {', '.join(f'{g.name} ({g.segment})' for g in asked)}"
        if asked
        else f"{len(state.guests)} confirmed",
    )
    missing = sorted(p.id for p in state.people.values() if not p.ready and p.role != "relay")
    check("people", not missing, f"not ready: {', '.join(missing)}" if missing else "all ready")
    bad = [f.message for f in findings if f.severity in {"error", "block"}]
    check(
        "sheet", not bad and state.the.approved, bad[0] if bad else "approved" if state.the.approved else "not approved"
    )
    try:
        free = shutil.disk_usage(gateway.settings.data).free
        check(
            "disk",
            free > DISK_BYTES and sale.conductor.unavailable is None,
            sale.conductor.unavailable or f"{free >> 20} MiB free",
        )
    except OSError as e:
        check("disk", False, str(e.strerror))
    return {"go": all(c["ok"] for c in checks), "checks": checks, "reasons": [c["why"] for c in checks if not c["ok"]]}
