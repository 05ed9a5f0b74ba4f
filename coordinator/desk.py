"""What a node keeps of who is here, for one sale: whom it has itself and, while it conducts, whom all have.

A relay may send as long as its node answers it. So a node answers its relays only while it is sure that who conducts the
sale has heard of it: it is told again and again which of its reports was heard last. A node that is cut off falls silent
to its relays before others are given what they had.
"""

from __future__ import annotations

from collections import deque

from coordinator import clock as clocks
from coordinator.attendance import VOUCH_SECONDS, Attendance, Here
from coordinator.nodes import Durable

KEPT = 16  # tellings of which not all is read yet: some seconds of them


class Desk:
    def __init__(self) -> None:
        self.here: dict[tuple[str, str], Here] = {}
        self.leads: dict[str, str] = {}  # relay → node, as who conducts the sale last said
        self.attendance: Attendance | None = None
        self.vouched_for: set[str] = set()
        """Relays that lead here and were answered, when that was last looked at."""
        self._heard = float("-inf")
        self._coming: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def told(self, told: Durable, node: str) -> None:
        """Who conducts the sale says which report of this node it has heard, and how far the sale stood then."""
        if node in told.heard:
            self._coming.append((told.seq, told.heard[node]))

    def vouched(self, reached: int) -> bool:
        """Whether relays may be answered. What they had and lost by then must be here to be told: up to `reached` it is."""
        while self._coming and self._coming[0][0] <= reached:
            self._heard = max(self._heard, self._coming.popleft()[1])
        return clocks.monotonic() < self._heard + VOUCH_SECONDS
