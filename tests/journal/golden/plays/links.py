"""Links: clicked, looked at by robots, stopped."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def played() -> Sale:
    """A link that is out in two groups, then stopped, then out again."""
    sale = Sale(sheet(segment(lasts="20m"))).live()
    sale.do("controller", "link.drop", product="pan", groups="all")
    sale.advance(START + 3 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent")
    key = sale.state.deliveries["d1"].content.link.rpartition("/")[2]
    for _ in range(2):
        sale.do("audience", "link.click", link=key)
        sale.do("clock", "link.preview", link=key, robot="telegram")
    sale.do("audience", "link.click", link="room")
    sale.do("controller", "link.stop", product="pan")
    sale.do("controller", "link.drop", product="pan", groups="tier:vip")
    sale.advance(START + 2 * MINUTE)
    again = sale.state.deliveries["d4"].content.link.rpartition("/")[2]
    sale.do("audience", "link.click", link=again)
    sale.do("owner", "show.end")
    return sale
