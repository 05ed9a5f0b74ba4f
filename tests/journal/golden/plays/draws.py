"""Draws that are entered by hand and by what members do, drawn by hand and by a cue."""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

CUES: list[dict[str, Any]] = [
    {
        "id": "draw", "at": "start", "do": "draw.open", "until": "2m", "groups": "all", "eligible": "comment",
        "prizes": [{"name": "不粘锅", "worth": "129.00"}, {"name": "红包", "quantity": 2}],
    },
    {"id": "run", "at": "+2m", "do": "draw.run"},
]  # fmt: skip


def played() -> Sale:
    """Two draws that are run, and one that is not: its seed stays sealed."""
    sale = Sale(sheet(segment(*CUES, lasts="30m"))).live()
    sale.advance(START + SECOND)
    for member in ("m1", "m2", "m2", "m3", "m4"):
        sale.do("r1", "group.observe", group="g1", what="message", member=member, text="抽我")
    sale.advance(START + 3 * MINUTE)
    for n in range(2):
        sale.do(
            "cohost",
            "draw.open",
            prizes="保温杯",
            quantity=3,
            until=MINUTE,
            eligible={"groups": "tier:vip"},
            collect="找客服",
        )
        sale.advance(sale.now + 3 * SECOND)
        for member in ("m1", "m2")[: n + 1]:
            sale.do("r1", "draw.enter", member=member, group="g1")
        sale.advance(sale.now + 2 * MINUTE)
        if n == 0:
            sale.do("controller", "draw.run", draw="draw2")
    return sale
