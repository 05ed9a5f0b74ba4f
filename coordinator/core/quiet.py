"""Quiet hours: when nobody is written to on their own. They come as instants in the plan, worked out with the sale's time
zone and its daylight saving time; the core knows no time zones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

DAY_MS = 86_400_000

Nights = Sequence[tuple[int, int]]
"""(from, to) of each, in order; `to` is not quiet any more. Before the first and after the last, as on that one."""


def quiet_until(nights: Nights, at: int) -> int | None:
    """When the quiet hours that this moment lies in are over; None where it lies in none."""
    if not nights:
        return None
    n = bisect_right(nights, at, key=lambda night: night[0]) - 1
    begin, end = nights[max(n, 0)]
    days = 0 if 0 <= n < len(nights) - 1 else (at - begin) // DAY_MS * DAY_MS
    return end + days if begin + days <= at < end + days else None
