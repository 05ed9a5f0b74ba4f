"""Approved phrases 话术: answers that stand in the sheet, with the price, stock and coupons of the moment they are used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.core import render
from coordinator.core.kernel import Refusal

if TYPE_CHECKING:
    from coordinator.core.state import State

_UNFILLED = re.compile(r"\{([^{}|]{1,200})\}")


def words(state: State, phrase: str, product: str | None = None) -> str:
    """The phrase as it is said now. Refuses one that is not in the sheet, or whose fields nothing can fill."""
    found = next((p for p in state.p.phrases if p.id == phrase), None)
    if found is None:
        raise Refusal("unknown", f"there is no phrase {phrase}", {"field": "phrase"})
    if product is not None and product not in state.products:
        raise Refusal("unknown", f"there is no product {product}", {"field": "product"})
    text = render.fill(state, found.text, found.coupon or product or found.product)
    left = _UNFILLED.search(text)
    if left is not None:
        raise Refusal(
            "invalid",
            f"nothing fills {left.group(0)} of {phrase} now: name a product, or write the answer yourself",
            {"field": "product", "placeholder": left.group(1)},
        )
    return text
