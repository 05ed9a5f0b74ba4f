"""The review of one sale: its journal in, `review.json` out."""

from __future__ import annotations

from typing import Any

from coordinator.journal import codec
from coordinator.journal.base import Journal


async def review_of(journal: Journal, sale: str) -> dict[str, Any]:
    """The review of a sale up to its last event (design.md, section 8)."""
    first = last = 0
    at = 0
    while entries := await journal.read(sale, at, 2000):
        events = codec.decode_all(entries, sale)
        first = first or events[0].at
        at, last = entries[-1].seq, events[-1].at
    return {"sale": sale, "from": first, "to": last, "figures": [], "findings": [], "missing": []}
