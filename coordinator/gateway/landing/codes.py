"""What a page shows of a code beside the code itself: a picture that a till can read, and where it is of use."""

from __future__ import annotations

import io
from collections.abc import Iterable

import segno

from coordinator.core import State
from coordinator.gateway.landing.onnow import current_link


def shop_of(state: State, products: Iterable[str], group: str, now: int) -> str | None:
    """The link of one of a coupon's products that the group was sent, else of what is on air."""
    named = [*products, state.the.product or ""]
    return next((path for p in named if (path := current_link(state, p, group, now)) is not None), None)


def qr_of(code: str | None) -> str | None:
    """The code as a picture, drawn in the page itself."""
    if code is None:
        return None
    out = io.BytesIO()
    # Looking for the fairest of the eight masks takes five times as long, and hundreds claim at once: any of them is read.
    segno.make(code, micro=False, mask=3).save(
        out, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2, svgclass=None, lineclass=None
    )
    return out.getvalue().decode()
