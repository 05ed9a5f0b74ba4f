"""Each ready sheet, run through its days: what the trade sends goes out at its hour, in the sheet's time zone.

The hours below are the trade's, not the sheets'. The runs lead over both changes of the clocks.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coordinator.runsheet.ready import KINDS, ready_sheet
from coordinator.runsheet.source import from_yaml
from tests.server import InProcess

PACKET = "redpacket.announce"
LINK, COUPON, MESSAGE, CHECKIN, POLL = "link.drop", "coupon.drop", "message.send", "checkin.open", "poll.open"
SENT: dict[str, list[tuple[int, str, str]]] = {
    "flash": [
        (-4, "10:00", POLL), (-3, "10:00", MESSAGE), (-3, "10:05", LINK), (-2, "10:00", MESSAGE), (-1, "10:00", MESSAGE),
        (0, "14:00", LINK), (0, "18:00", LINK), (0, "19:30", LINK), (0, "19:50", CHECKIN), (0, "19:59", PACKET),
    ],
    "groupbuy": [
        (-2, "07:30", MESSAGE),
        *((day, hour, MESSAGE) for day in (-2, -1) for hour in ("08:00", "08:01", "15:00")),
        *((day, "19:00", LINK) for day in (-2, -1)),
        (0, "08:30", MESSAGE), (0, "09:00", MESSAGE), (0, "09:01", LINK), (0, "15:00", LINK),
        *((day, "09:00", MESSAGE) for day in (1, 2, 3, 4)), *((day, "09:05", LINK) for day in (1, 2, 3)),
        *((day, "15:00", MESSAGE) for day in (2, 3)), (11, "20:00", MESSAGE), (18, "20:00", COUPON), (3, "18:30", COUPON), (0, "09:03", PACKET), (4, "09:05", PACKET), (25, "20:00", MESSAGE),
    ],
    "live": [
        (-1, "12:00", MESSAGE), (-1, "20:00", LINK), (0, "12:30", LINK), (0, "19:50", CHECKIN), (0, "19:55", LINK),
        (0, "20:03", COUPON), (0, "20:01", PACKET), (1, "10:00", MESSAGE), (1, "12:00", LINK), (1, "20:00", LINK),
    ],
    "course": [
        (-1, "09:00", MESSAGE), (-1, "19:00", MESSAGE), (-1, "19:30", POLL), (0, "20:00", MESSAGE),
        *((day, "20:40", CHECKIN) for day in range(7)), *((day, "20:00", LINK) for day in range(1, 7)),
        (7, "10:00", MESSAGE), (7, "20:00", LINK),
    ],
}  # fmt: skip
HOURS = {"flash": "20:00", "groupbuy": "09:00", "live": "20:00", "course": "20:00"}


def over_a_change(kind: str, zone: str, day: date) -> dict[str, Any]:
    """The ready sheet in that zone, on that day."""
    text = ready_sheet(kind, now_ms=1_792_998_000_000)
    text = re.sub(r"^timezone:.*$", f"timezone: {zone}", text, count=1, flags=re.MULTILINE)
    sheet: dict[str, Any] = from_yaml(text).value
    return {**sheet, "start": f"{day} {HOURS[kind]}", "auto_start": True}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Asia/Shanghai", date(2027, 11, 12)),
        ("Europe/Berlin", date(2027, 10, 31)),  # an hour comes twice that night
        ("America/New_York", date(2027, 3, 13)),  # the next night lacks one
    ],
    ids=["no change", "back", "forward"],
)
async def test_a_ready_sheet_sends_what_the_trade_sends_at_its_hour(
    room: InProcess, kind: str, zone: str, day: date
) -> None:
    sale = await room.sale(over_a_change(kind, zone, day), query="?rehearsal=jump")
    controller = await room.join(sale)
    await controller.done("show.arm")

    def idle() -> bool:
        """The last segment by the clock is over, or waits for a person; confirmations were given."""
        return any(
            s["kind"] == "aftercare" and s["status"] == "running" for s in controller.state["segments"].values()
        ) or (
            any(
                s.get("advance") == "manual" and s["status"] == "running" for s in controller.state["segments"].values()
            )
            and all(
                c["status"] != "planned" for c in controller.state["cues"].values() if _in_manual(controller.state, c)
            )
        )

    await controller.until(idle, 60)
    await controller.done("show.end")
    after = {c["id"] for c in controller.state["cues"].values() if _kind(controller.state, c) == "aftercare"}
    await controller.until(
        lambda: all(
            controller.state["cues"][c].get("status", "planned") not in {"planned", "announced"} for c in after
        ),
        60,
    )
    tz = ZoneInfo(zone)
    fired = [e for e in controller.events if e["kind"] == "cue.fired"]
    went = {(*_local(e["planned_at"], tz, day), e["do"]) for e in fired}
    assert [expected for expected in SENT[kind] if expected not in went] == []
    assert max(e["late_ms"] for e in fired) <= 5


def _kind(state: dict[str, Any], cue: dict[str, Any]) -> str:
    return str(state["segments"].get(cue.get("segment"), {}).get("kind"))


def _in_manual(state: dict[str, Any], cue: dict[str, Any]) -> bool:
    segment = state["segments"].get(cue.get("segment"), {})
    return segment.get("advance") == "manual" and cue.get("when") is None


def _local(at: int, zone: ZoneInfo, day: date) -> tuple[int, str]:
    local = datetime.fromtimestamp(at / 1000, zone)
    return (local.date() - day) // timedelta(days=1), f"{local:%H:%M}"
