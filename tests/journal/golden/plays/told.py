"""What the service itself tells the team: a cue that nobody confirms, a draw that is open still, what is owed at the end."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def played() -> Sale:
    cues = [
        {"id": "c", "at": "start", "do": "coupon.drop", "coupon": "c20", "groups": "all", "confirm": "controller"},
        {
            "id": "open",
            "at": "+10s",
            "do": "draw.open",
            "prizes": [{"name": "锅", "quantity": 1}],
            "until": "30m",
            "groups": "all",
        },
        {"id": "run", "at": "+1m", "do": "draw.run"},
    ]
    sale = Sale(sheet(segment(*cues, lasts="60m"))).live()
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "redpacket.announce", amount=8800, count=10, groups="all")
    sale.advance(START + 2 * MINUTE + 5 * SECOND)
    sale.do("controller", "show.end")
    return sale
