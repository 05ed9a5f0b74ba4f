"""How often one person may give commands: by person and not by tab, over all nodes.

Who conducts a sale counts, and every node's commands come there. After a take-over everybody begins with a full
allowance. Machines have no limit of their own: they speak for thousands, and what waits is bounded for them too.
"""

from __future__ import annotations

from coordinator import clock as clocks
from coordinator.core import CLOCK, Actor, Refusal

KEPT = 8_192  # persons who have used some of their allowance; of more, those who used it first are forgiven

ROUNDING_SECONDS = 1e-6  # sums of parts of seconds are not exact

MACHINES = frozenset({"relay", "poster", "shop", CLOCK.role})
TEAM = 2_000.0, 20_000  # commands a second, and at once: tools that speak for a person send `many` after `many`
AUDIENCE = 20.0, 1_000  # one `many` of the largest size, and then what fingers can do


class Limits:
    """The allowances of one sale's people, as token buckets: of each the moment is kept at which it is full again."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}

    def wait(self, actor: Actor, count: int) -> float:
        """Takes so many commands off a person's allowance: 0. Where it holds too few: seconds until they may be given.

        More at once than an allowance holds may be given when it is full, and is paid off afterwards.
        """
        if actor.role in MACHINES:
            return 0.0
        rate, burst = AUDIENCE if actor.role == "audience" else TEAM
        now = clocks.monotonic()
        full_at = max(now, self._full_at.get(actor.sender, 0.0))
        short = full_at - now - max(0, burst - count) / rate
        if short > ROUNDING_SECONDS:
            return short
        self._full_at[actor.sender] = full_at + count / rate
        if len(self._full_at) > KEPT:
            self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Who has a full allowance again need not be remembered."""
        self._full_at = {sender: at for sender, at in self._full_at.items() if at > now}
        while len(self._full_at) > KEPT // 2:
            del self._full_at[next(iter(self._full_at))]


def capped(wait: float, now: int, speed: float) -> Refusal:
    """What somebody is told who gave too many; `now` is the sale's time."""
    ms = clocks.jittered(wait * 1000)
    details = {"allowed_at": now + round(ms * speed), "retry_ms": ms}
    return Refusal("capped", "too many commands of yours in a short time", details)
