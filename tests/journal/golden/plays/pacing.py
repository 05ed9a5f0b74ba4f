"""Triggers that time sets off."""

from __future__ import annotations

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def played() -> Sale:
    late = {"id": "late", "when": "segment over by 30s and not member joined", "prompt": "host", "text": "超时了"}
    sale = Sale(sheet(segment(late, advance="manual"), segment(id="next"))).live()
    sale.advance(START + 5 * MINUTE + 31 * SECOND)
    return sale
