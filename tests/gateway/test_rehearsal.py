"""A rehearsal runs as fast as is asked and nothing in it is late: its clock waits for what is due and for its relay."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator import clock as clocks
from coordinator.registry import rehearsal_start
from coordinator.runsheet import load_plan
from coordinator.runsheet.checks.found import windows
from coordinator.runsheet.ready import ready_sheet
from tests.client import Closed, token
from tests.server import InProcess
from tests.sheet import sheet

SEGMENTS: list[dict[str, Any]] = [
    {
        "id": "warm", "kind": "warmup", "at": "-2m", "lasts": "2m",
        "cues": [{"at": "start", "do": "message.send", "text": "10 分钟后开始", "groups": "all"}, {"at": "start +1m", "prompt": "host", "text": "准备"}],
    },
    {
        "id": "pan", "kind": "product", "product": "pan", "lasts": "2m",
        "cues": [
            {"at": "start", "do": "product.show"},
            {"at": "start +1m", "do": "coupon.drop", "coupon": "c20", "groups": "all", "late": "skip after 30s"},
            {"at": "start +90s", "do": "link.drop", "product": "pan", "groups": "all", "late": "skip after 30s"},
            {"at": "end", "prompt": "host", "text": "收"},
        ],
    },
    {"id": "last", "kind": "wrapup", "lasts": "1m", "cues": [{"at": "start +30s", "do": "message.send", "text": "再见", "groups": "all"}]},
]  # fmt: skip


def test_its_time_begins_before_the_first_cue_though_that_lies_before_its_segment() -> None:
    early = {"at": "show -6h", "do": "message.send", "text": "今晚 8 点", "groups": "all"}
    plan, _, _ = load_plan(sheet(segments=[{**SEGMENTS[0], "cues": [early]}, *SEGMENTS[1:]]), "sheet", None, 0)
    assert plan is not None
    assert rehearsal_start(plan) == plan.start - 6 * 3_600_000 - 60_000


@pytest.mark.parametrize("speed", ["100", "jump"])
async def test_nothing_is_late_and_every_delivery_is_sent_by_the_built_in_relay(room: InProcess, speed: str) -> None:
    heard: list[tuple[str, str]] = []
    sale = await room.sale(sheet(segments=SEGMENTS, auto_start=True, groups=5), query=f"?rehearsal={speed}")
    room.service.gateway.builtin.heard[sale] = lambda group, content: heard.append((group, content.text))
    controller = await room.join(sale)
    assert controller.welcome["speed"] == (1 if speed == "jump" else 100)
    await controller.done("show.arm")
    await controller.event("message.sent", patience=60, cue="last.1")
    await controller.until(lambda: all(d["status"] == "sent" for d in controller.state["deliveries"].values()))
    await controller.until(lambda: controller.state["segments"]["last"]["status"] == "ended")
    fired = [e for e in controller.events if e["kind"] == "cue.fired"]
    assert {e["cue"] for e in fired} == set(controller.state["cues"])
    assert not {"cue.skipped", "cue.waiting", "delivery.unknown", "delivery.expired", "delivery.failed"} & set(
        controller.kinds()
    )
    # In a rehearsal's own time nothing is late by more than what one real millisecond is worth.
    assert max(e["late_ms"] for e in fired) <= 5
    deliveries = controller.state["deliveries"]
    assert len(deliveries) == 4 * 5
    assert {d["relay"] for d in deliveries.values()} == {"console"}
    assert len(heard) == 20
    assert {group for group, _ in heard} == {f"g{n}" for n in range(1, 6)}


async def test_in_a_rehearsal_another_relays_hello_is_forbidden(room: InProcess) -> None:
    sale = await room.sale(sheet(), query="?rehearsal=100")
    with pytest.raises(Closed) as closed:
        await room.join(sale, "relay", "r1")
    assert closed.value.code == 4100
    assert closed.value.bye is not None
    assert "forbidden" in closed.value.bye["message"]
    host = await room.join(sale, "host")
    assert host.state["show"]["show"]["rehearsal"] is True


async def test_a_sale_for_real_takes_no_built_in_relay(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    controller = await room.join(sale)
    assert not [p for p in controller.state["people"].values() if p["role"] == "relay" and p.get("here")]


@pytest.mark.parametrize("kind", ["flash", "groupbuy", "live", "course"])
async def test_one_that_begins_with_the_show_has_its_days_where_the_sheet_has_them(room: InProcess, kind: str) -> None:
    """With `start=now` they lie around the hour at which it is made, and across the show."""
    text = ready_sheet(kind, now_ms=clocks.wall_ms())
    plan, as_read, _ = load_plan(text.encode(), "sheet.yaml", None, 0)
    assert plan is not None
    assert as_read is not None
    sale = await room.sale(as_read, query="?rehearsal=0.01&start=planned")
    controller = await room.join(sale)
    show = controller.state["show"]["show"]
    assert (show["status"], show["start"]) == ("live", plan.start)
    assert plan.start <= controller.welcome["now"] < plan.start + 60_000
    planned = dict(zip((s.id for s in plan.segments), (begin for begin, _ in windows(plan)), strict=True))
    for name, begins in planned.items():
        segment = controller.state["segments"][name]
        assert segment["start"] == begins, f"{name} lies elsewhere"
        assert (segment["status"] == "skipped") == (begins < plan.start)
    before = [c for c in controller.state["cues"].values() if c.get("at") is not None and c["at"] < plan.start]
    assert {c["status"] for c in before} == {"skipped"}


async def test_one_that_starts_now_has_its_start_moved_to_this_moment_and_a_sale_has_no_other_clock(
    room: InProcess,
) -> None:
    before = clocks.wall_ms()
    sale = await room.sale(sheet(), query="?rehearsal=1&start=now")
    show = (await room.state(sale))["state"]["show"]["show"]
    assert before <= show["start"] <= clocks.wall_ms()
    for query in ("?start=planned", "?start=tomorrow", "?rehearsal=2&start="):
        answer = await room.http("POST", "/api/sales" + query, token("owner"), json=sheet())
        assert (answer.status, answer.json["details"]) == (422, {"field": "start"}), query
