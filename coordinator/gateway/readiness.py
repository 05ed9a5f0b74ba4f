"""Go or no-go before the show: what is there, what is missing. A no-go is a result, never a refusal."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from coordinator.core import State
from coordinator.core.bilingual import ROLES
from coordinator.core.guests import only_asked
from coordinator.core.reaching import in_the_sheet
from coordinator.core.rules import Words
from coordinator.gateway.context import Gateway
from coordinator.registry import Sale
from coordinator.runsheet import load_plan
from coordinator.runsheet.findings import Finding

NAMED_AT_MOST = 20
DISK_BYTES = 200 << 20  # a long sale writes a tenth of this


def _may_send(state: State, name: str) -> bool:
    """A machine while it is here; a poster who has had the page open, though the phone sleeps now."""
    relay = state.relays.get(name)
    return relay is not None and (relay.here or relay.hands)


def _named(names: Iterable[str], zh: bool = False) -> str:
    found = list(names)
    return ("、" if zh else ", ").join(found[:NAMED_AT_MOST]) + (" …" if len(found) > NAMED_AT_MOST else "")


async def readiness(gateway: Gateway, sale: Sale) -> dict[str, Any]:
    """`{"go", "checks": [{"what", "ok", "why", "zh"}], "reasons"}`; `reasons` are the checks that say no, `zh` is `why` in Chinese."""
    # A large sheet takes most of a second to check: no cue waits for it.
    now = sale.conductor.clock.now()
    _, _, findings = await asyncio.to_thread(load_plan, sale.conductor.state.sheet or {}, "sheet", None, now)
    state = await sale.conductor.settled()
    checks = list(_checks(state, findings))
    try:
        free = shutil.disk_usage(gateway.settings.data).free
        down = sale.conductor.unavailable
        what = f"{free >> 20} MiB free", f"磁盘剩 {free >> 20} MiB"
        checks.append(
            _check("disk", free > DISK_BYTES and down is None, *((down, f"记录写不进去: {down}") if down else what))
        )
    except OSError as e:
        checks.append(_check("disk", False, str(e.strerror), f"磁盘: {e.strerror}"))
    return {"go": all(c["ok"] for c in checks), "checks": checks, "reasons": [c["why"] for c in checks if not c["ok"]]}


def _check(what: str, ok: bool, why: str, zh: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "why": why, "zh": zh}


def _checks(state: State, findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    groups = in_the_sheet(state)
    relays = {name for g in groups for name in g.relay[:1]}
    if away := sorted(r for r in relays if not _may_send(state, r)):
        yield _check("relays", False, f"away: {_named(away)}", f"群助手不在: {_named(away, True)}")
    else:
        yield _check("relays", True, f"{len(relays)} here", f"{len(relays)} 个群助手在线")
    if without := [
        g.name or g.id for g in groups if not g.relay and not any(g.id in r.groups for r in state.relays.values())
    ]:
        yield _check("groups", False, f"without a relay: {_named(without)}", f"没有群助手的群: {_named(without, True)}")
    else:
        yield _check("groups", True, f"{len(groups)} served", f"{len(groups)} 个群有人发")
    if bare := [x.title or x.id for x in state.links.values() if not x.url.startswith("https://")]:
        yield _check("links", False, f"not https: {_named(bare)}", f"不是 https 的链接: {_named(bare, True)}")
    else:
        yield _check("links", True, f"{len(state.links)} open", f"{len(state.links)} 条链接可用")
    if out := [c.title for c in state.coupons.values() if c.left <= 0 or c.stopped]:
        yield _check("coupons", False, f"nothing left: {_named(out)}", f"已发完或停发的券: {_named(out, True)}")
    else:
        yield _check("coupons", True, f"{len(state.coupons)} ready", f"{len(state.coupons)} 种券就绪")
    if asked := [f"{g.name} ({_segment(state, g.segment)})" for g in only_asked(state.guests)]:
        yield _check("guests", False, f"only asked: {_named(asked)}", f"还没答应的嘉宾: {_named(asked, True)}")
    else:
        yield _check("guests", True, f"{len(state.guests)} confirmed", f"{len(state.guests)} 位嘉宾已确认")
    if missing := sorted((p for p in state.people.values() if not p.ready and p.role != "relay"), key=lambda p: p.id):
        who = [(ROLES.get(p.role, Words(p.role, p.role)), p.person) for p in missing]
        en, zh = (
            _named(f"{role.en} {name}" for role, name in who),
            _named((f"{role.zh} {name}" for role, name in who), True),
        )
        yield _check("people", False, f"not ready: {en}", f"还没就位: {zh}")
    else:
        yield _check("people", True, "all ready", "全员就位")
    bad = next((f for f in findings if f.severity in {"error", "block"}), None)
    if bad is not None:
        yield _check("sheet", False, bad.message, bad.zh or bad.message)
    elif state.the.approved:
        yield _check("sheet", True, "approved", "脚本已批准")
    else:
        yield _check("sheet", False, "not approved", "脚本还没批准")


def _segment(state: State, name: str | None) -> str:
    found = state.segments.get(name or "")
    return (found.name if found is not None else "") or name or ""
