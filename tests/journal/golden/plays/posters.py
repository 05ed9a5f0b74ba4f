"""People who post by hand: given, reminded, handed over, posted with proof, not in time."""

from __future__ import annotations

from coordinator.core import Actor
from tests.core.driver import MINUTE, SECOND, SHEET, START, Sale, segment, sheet

TEAM = [*SHEET["team"], {"person": "qun", "role": "poster"}, {"person": "hui", "role": "poster"}]
GROUPS = [
    {"id": "g1", "name": "邻居群", "relay": ["qun", "hui"], "members": 10},
    {"id": "g3", "name": "朋友圈", "tier": "moments", "relay": "qun"},
]
DROP = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all", "late": "fire within 10m"}
PACE = {"caps": {"moments": {"per": "24h", "most": 5}}}


def played() -> Sale:
    sale = Sale(
        sheet(segment(DROP, lasts="30m"), team=TEAM, groups=GROUPS, pacing=PACE, posters={"remind": "90s"}),
        relays=False,
    )
    for name, groups in (("qun", ["g1", "g3"]), ("hui", ["g1"])):
        sale.do("clock", "presence.relay", relay=name, groups=groups, here=True, hands=True)
    sale.live()
    sale.advance(START + MINUTE + SECOND)
    sale.do("clock", "presence.relay", relay="qun", groups=["g1", "g3"], here=False, hands=True)
    sale.advance(START + 4 * MINUTE)
    sale.do(Actor("poster", "hui"), "delivery.hand", delivery="d1")
    sale.do(
        Actor("poster", "hui"),
        "delivery.report",
        delivery="d1",
        attempt=2,
        outcome="sent",
        proof="截图",
        sent_at=sale.now,
    )
    qun, late = Actor("poster", "qun"), START + 2 * MINUTE
    sale.do(qun, "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=late, proof="群里的截图")
    sale.do(qun, "delivery.report", delivery="d1", attempt=1, outcome="sent", proof="又一张")
    sale.advance(START + 12 * MINUTE)
    return sale
