"""The sale's time on a machine that has its own: a clock made from round trips, and the lease that hangs on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from roles.relay import machine

Mono = Callable[[], float]

# Round trips looked back on. At two a second this is 16 s, in which two good quartz clocks part by under 1 ms.
KEPT_SAMPLES = 32
# What a whole-millisecond `now` and a busy event loop may add to half a round trip.
SLACK_MS = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """At the local instant `middle` (s) it was `sale` (ms) at the coordinator, give or take half of `trip` (s)."""

    middle: float
    sale: float
    trip: float


class SaleClock:
    """The sale's time, from the best of the last round trips; between them it runs with the local monotonic clock.

    Until the first sample nothing is due and `now()` raises. A sample that the best one cannot explain (the sale's
    clock was stepped, paused or changed its speed) replaces all that came before it.
    """

    def __init__(self, mono: Mono = machine.monotonic) -> None:
        self._mono = mono
        self._samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._best: Sample | None = None
        self._speed = 1.0
        self.jumps = False  # the sale's clock goes from due moment to due moment: nothing is waited for
        self.changed: Callable[[], None] = lambda: None

    @property
    def synced(self) -> bool:
        return self._best is not None

    def sample(self, sent: float, received: float, sale_ms: float, speed: object) -> None:
        """Takes one round trip: local monotonic seconds of asking and hearing, and what `now` and `speed` were told."""
        fresh = Sample((sent + received) / 2, float(sale_ms), max(0.0, received - sent))
        runs = isinstance(speed, int | float) and not isinstance(speed, bool) and speed > 0
        rate = float(speed) if runs and isinstance(speed, int | float) else 1.0
        before = self._best
        if rate != self._speed or self.jumps == runs or not self._explains(fresh):
            self._samples.clear()
        self._speed, self.jumps = rate, not runs
        self._samples.append(fresh)
        self._best = min(self._samples, key=lambda s: s.trip)
        if self._best is not before:
            self.changed()

    def _explains(self, fresh: Sample) -> bool:
        best = self._best
        if best is None:
            return True
        foreseen = best.sale + (fresh.middle - best.middle) * 1000 * self._speed
        doubt = (best.trip + fresh.trip) / 2 * 1000 * self._speed + SLACK_MS * max(1.0, self._speed)
        return abs(fresh.sale - foreseen) <= doubt

    def at(self, local: float) -> int:
        """The sale's time (ms) at a local monotonic instant."""
        best = self._best
        if best is None:
            raise RuntimeError("the sale's clock is not known before the first answer of the coordinator")
        if self.jumps:
            return round(self._samples[-1].sale)
        return round(best.sale + (local - best.middle) * 1000 * self._speed)

    def span_ms(self, seconds: float) -> int:
        """How much of the sale's time goes by in so many real seconds, rounded up."""
        return int(seconds * 1000 * self._speed) + 1

    def now(self) -> int:
        return self.at(self._mono())

    def local(self, sale_ms: float) -> float:
        """The local monotonic instant at which the sale's time is `sale_ms`."""
        best = self._best
        if best is None:
            raise RuntimeError("the sale's clock is not known before the first answer of the coordinator")
        if self.jumps:
            return self._mono()
        return best.middle + (sale_ms - best.sale) / 1000 / self._speed

    def seconds_until(self, sale_ms: float) -> float:
        """Real seconds until the sale's time is `sale_ms`; not above 0 where it has come."""
        return self.local(sale_ms) - self._mono()


class Lease:
    """The right to send. It is renewed by what proves that the coordinator heard this relay, and ends by itself.

    The coordinator's lease ends 3 s after the last protocol pong it had, and it pings every second. An answered `ping`
    proves that everything written before it arrived, so the last pong is at most 1 s older than the asking: held for
    2 s from the asking, this side's lease always ends before the other's. It outlives a cut connection until then:
    nobody else has been given the deliveries yet.
    """

    def __init__(self, held_s: float, mono: Mono = machine.monotonic) -> None:
        self._held_s, self._mono = held_s, mono
        self._until = float("-inf")
        self.regained: Callable[[], None] = lambda: None

    def renew(self, asked_at: float) -> None:
        had = self.held()
        self._until = max(self._until, asked_at + self._held_s)
        if not had and self.held():
            self.regained()

    def held(self) -> bool:
        return self._mono() < self._until

    def drop(self) -> None:
        self._until = float("-inf")
