"""Red packets: one that is sent, one that is not yet."""

from __future__ import annotations

from tests.core.driver import SECOND, START, Sale


def played() -> Sale:
    sale = Sale().live()
    for amount in (8800, 6600):
        sale.do("controller", "redpacket.announce", amount=amount, count=10, groups="all")
    sale.advance(START + 3 * SECOND)
    sale.do("cheer", "redpacket.done", redpacket="redpacket1", proof="https://img.example/1.png")
    return sale
