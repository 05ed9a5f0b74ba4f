"""How deliveries stand, counted by relay and platform: sent, waiting, limited, failed, unknown, and how late they were sent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core.kernel import Key
from coordinator.core.windows import platform_of

if TYPE_CHECKING:
    from coordinator.core.deliveries import Delivery
    from coordinator.core.state import State


class Traffic(msgspec.Struct, kw_only=True):
    """`waiting` has nobody's answer yet; `limited` waits for a rate window of its platform."""

    id: str
    relay: str
    platform: str  # empty: its relay has not told
    waiting: int = 0
    limited: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    p50_ms: int | None = None  # real ms from the drop's moment to the sending; reckoned when it is shown
    p99_ms: int | None = None
    late: list[tuple[int, int]] = []  # those times in order, rounded up to two digits, with how many each; not shown

    def late_ms(self, part: float) -> int | None:
        """So late, at most, was this part of what was sent; None where nothing was."""
        wanted, passed = part * sum(n for _, n in self.late), 0
        for ms, n in self.late:
            passed += n
            if passed >= wanted:
                return ms
        return None


STANDS = {
    "requested": "waiting", "awaiting": "waiting", "held": "limited", "sent": "sent", "failed": "failed",
    "expired": "failed", "unknown": "unknown",
}  # fmt: skip
"""A delivery's status → what it counts as; what was withdrawn counts as nothing."""


def count(state: State, d: Delivery, by: int) -> list[Key]:
    """Counts a delivery as it stands, in its drop and in the traffic; with `by` -1 no longer."""
    stands = "waiting" if d.rule is not None else STANDS.get(d.status)
    if stands is None:
        return []
    keys: list[Key] = []
    if stands not in {"waiting", "limited"}:
        drop = state.drops[d.drop]
        setattr(drop, stands, getattr(drop, stands) + by)
        keys.append(("drops", d.drop))
    entry = _entry(state, d)
    setattr(entry, stands, getattr(entry, stands) + by)
    return [*keys, ("traffic", entry.id)]


def sent_late(state: State, d: Delivery, sent_at: int) -> None:
    """A delivery went out: how late, by its relay's clock, in real time whatever the sale's speed."""
    late = max(0, round((sent_at - state.drops[d.drop].fire_at) / (state.rehearsal or 1)))
    times, ms = _entry(state, d).late, _two_digits(late)
    place = bisect_left(times, (ms, 0))
    if place < len(times) and times[place][0] == ms:
        times[place] = (ms, times[place][1] + 1)
    else:
        times.insert(place, (ms, 1))


def placed(state: State, relay: str) -> Iterable[Key]:
    """A relay told its platforms: what was asked of it without knowing them is counted where it belongs."""
    keys: list[Key] = []
    for d in state.deliveries.values():
        if d.relay == relay and not d.platform and (platform := platform_of(state, relay, d.group)):
            keys += count(state, d, -1)
            d.platform = platform
            keys += count(state, d, 1)
            keys.append(("deliveries", d.id))
    return keys


def _entry(state: State, d: Delivery) -> Traffic:
    name = f"{d.relay}/{d.platform}"
    found = state.traffic.get(name)
    if found is None:
        found = Traffic(id=name, relay=d.relay, platform=d.platform)
        # In the order that a state has which was put away and taken up again.
        entries = {**state.traffic, name: found}
        state.traffic = dict(sorted(entries.items(), key=lambda item: (len(item[0]), item[0])))
    return found


def _two_digits(ms: int) -> int:
    step = int(10 ** max(0, len(str(ms)) - 2))
    return -(-ms // step) * step
