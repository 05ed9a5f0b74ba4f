"""Triggers that time sets off; what pace holds back, and what a member asks for again."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def played() -> Sale:
    late = {"id": "late", "when": "segment over by 30s and not member joined", "prompt": "host", "text": "超时了"}
    pacing = {"same_content": "5m", "caps": {"vip": {"per": "2m", "most": 2}}}
    sale = Sale(sheet(segment(late, advance="manual"), segment(id="next"), pacing=pacing)).live()
    step = sale.do
    for content in ("群规: 不发广告", "群规: 不发广告", "上新了", "上新了!"):
        step("controller", "message.send", content=content, groups="group:g1")
    step("controller", "link.drop", link="room", groups="group:g1")  # the talk that has not left gives way
    sale.advance(START + 3 * SECOND)
    for delivery in ("d1", "d5"):
        attempt = sale.state.deliveries[delivery].attempt
        step("r1", "delivery.report", delivery=delivery, attempt=attempt, outcome="sent", sent_at=START + 2 * SECOND)
    step("r1", "group.observe", group="g1", what="asked", member="m1", about="room")
    step("r1", "group.observe", group="g1", what="asked", member="m1")
    sale.advance(START + 5 * MINUTE + 31 * SECOND)
    return sale
