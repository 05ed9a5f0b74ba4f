"""The floor: who is told of, reminded, left alone; who comes and is welcomed."""

from __future__ import annotations

from tests.core.driver import SECOND, START, Sale, segment, sheet


def played() -> Sale:
    sale = Sale(
        sheet(segment(lasts="1h"), floor={"rules": "不发广告", "welcome": "欢迎, {rules}", "messages": 3})
    ).live()
    sale.do("r1", "group.observe", group="g1", what="joined", member="m1")
    for text in ("加我微信", "加我微信", "骗子"):
        sale.do("r1", "group.observe", group="g1", what="message", member="m1", text=text, name="小王")
    sale.advance(START + 3 * SECOND)
    sale.do("controller", "floor.remind", disturbance="floor1")
    sale.do("controller", "floor.dismiss", disturbance="floor2")
    sale.advance(START + 6 * SECOND)
    sale.do("r1", "group.observe", group="g2", what="dissolved")
    return sale
