"""A full flash sale with its audience, on the real service: every kind of drop, and none of the trade's rules broken."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from coordinator import clock as clocks
from coordinator.core import cue_kinds
from coordinator.runsheet.ready import ready_sheet
from coordinator.runsheet.source import from_yaml
from tests.client import token
from tests.demo.trade_rules import broken, of
from tests.server import ServerProcess, dropcue

LONG_S = 900


async def the_sale(demo: ServerProcess) -> str:
    """The one that the demo makes once it serves."""
    async with asyncio.timeout(LONG_S):
        while True:
            answer = await demo.http("GET", "/api/sales", token("owner"))
            if answer.json["sales"]:
                return str(answer.json["sales"][0]["sale"])
            await asyncio.sleep(0.05)


async def until_it_is_over(demo: ServerProcess) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Plays the controller: confirms what waits, goes on, ends and closes. The record, the sheet, and what `verify` says."""
    try:
        await demo.start()
        sale = await the_sale(demo)
        sheet = from_yaml(ready_sheet("flash", now_ms=clocks.wall_ms())).value
        controller = await demo.join(sale)
        state = controller.state

        def looks_for_a_hand() -> str | None:
            if state["show"]["show"]["status"] == "live":
                for cue in state["cues"].values():
                    if cue["status"] == "waiting":
                        return f"confirm {cue['id']}"
                running = [s for s in state["segments"].values() if s["status"] == "running"]
                if running and running[0].get("advance") == "manual":
                    rest = [
                        c for c in state["cues"].values() if c.get("segment") == running[0]["id"] and not c.get("when")
                    ]
                    if all(c["status"] not in {"planned", "announced"} for c in rest):
                        return "end"
            if state["show"]["show"]["status"] == "ended":
                after = {s["id"] for s in state["segments"].values() if s["kind"] == "aftercare"}
                rest = [c for c in state["cues"].values() if c.get("segment") in after and not c.get("when")]
                if all(c["status"] not in {"planned", "announced"} for c in rest):
                    return "close"
            return None

        while (hand := await controller.until(looks_for_a_hand, LONG_S)) != "close":
            if hand == "end":
                await controller.done("show.end")
            else:
                cue = str(hand).removeprefix("confirm ")
                await controller.do("cue.confirm", cue=cue)
                await controller.until(lambda cue=cue: state["cues"][cue]["status"] != "waiting")
        await controller.done("show.close")
        events = await demo.events(sale)
        code = await demo.stop()
    finally:
        await demo.gone()
    assert code == 0
    rc, out, err = await dropcue("verify", sale, "--data", str(demo.data))
    assert rc == 0, out + err
    return events, sheet


@pytest.mark.long
async def test_a_full_flash_sale_uses_every_kind_of_drop_and_breaks_none_of_the_trades_rules(tmp_path: Path) -> None:
    speed = os.environ.get("DROPCUE_TEST_SPEED", "20")
    demo = ServerProcess(tmp_path / "data", command=("demo", "--speed", speed), env={"DROPCUE_LOG": "info"})
    events, sheet = await until_it_is_over(demo)
    used = {e["do"] for e in of(events, "cue.fired")}
    drops = {kind for kind in cue_kinds.known() if cue_kinds.into_groups(kind)}
    assert drops - used == set()
    for kind in (
        "coupon.claimed",
        "coupon.redeemed",
        "coupon.paid",
        "link.clicked",
        "order.paid",
        "question.raised",
        "checkin.joined",
        "poll.voted",
    ):
        assert of(events, kind), f"nobody did {kind}"
    kinds = {c["id"]: c["kind"] for c in sheet["coupons"]}
    every = {"threshold", "amount", "percent", "deposit", "pool", "pay_reward", "flash"}
    for kind in ("coupon.claimed", "coupon.redeemed"):
        assert {kinds[e["coupon"]] for e in of(events, kind)} == every, f"some kind was never {kind}"
    flagged = Counter(flag for e in events if e["kind"].startswith("order.") for flag in e.get("flags", ()))
    assert not flagged, "the audience's orders do not add up"
    assert broken(events, sheet) == []
