"""Texts that a check had something to say of: sent with a warning, and with an override."""

from __future__ import annotations

from coordinator.core.kernel import Override
from tests.core.driver import SECOND, Sale, segment, sheet


def played() -> Sale:
    """A warning that went, an override with its reason, and what both left in the record."""
    sale = Sale(sheet(segment(lasts="20m"), checks={"exceptions": ["最佳拍档"]})).live()
    sale.do("controller", "message.send", content="最佳拍档锅来了", groups="all")
    sale.do("controller", "message.send", content="销量第一的锅", groups="all")
    override = Override(rules=("AD-ABS", "PII"), reason="商标, 见授权书")
    sale.do("controller", "message.send", content="最佳, 找 13800138000", groups="tier:vip", override=override)
    sale.advance(sale.now + 10 * SECOND)
    return sale
