"""A draw of coupons of which there are too few, and a sale that is closed before another one is drawn."""

from __future__ import annotations

from coordinator.core.kernel import Override
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet
from tests.core.test_gifts import COUPONS


def played() -> Sale:
    sale = Sale(sheet(segment(lasts="30m"), coupons=COUPONS)).live()
    for prizes in ([{"coupon": "c20", "quantity": 3}], [{"name": "VIP 礼", "coupon": "vip5"}]):
        sale.do("cohost", "draw.open", prizes=prizes, until=MINUTE)
        sale.advance(sale.now + 2 * SECOND)
        for n in range(3):
            sale.do("r1", "draw.enter", member=f"m{n}", group="g1")
        if sale.now < START + MINUTE:
            sale.advance(sale.now + 2 * MINUTE)
            sale.do("cohost", "draw.run", draw="draw1")
    sale.do("controller", "show.end")
    sale.do("owner", "show.close", override=Override(("OWED",), "drawn tomorrow"))
    sale.do("controller", "draw.run", draw="draw2")
    return sale
