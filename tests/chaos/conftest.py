"""What tests of several nodes begin with."""

from __future__ import annotations

import pytest

from tests.nodes import Nodes
from tests.sheet import sheet


@pytest.fixture
async def sale(nodes: Nodes) -> str:
    """A sale that is live, its coupon in all groups."""
    sale = await nodes.sale(sheet(lead="0s"), live=True)
    controller = await nodes.join(sale)
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.until(lambda: controller.state["coupons"]["c20"].get("dropped_at"))
    return sale
