"""Who has to wait for room in a rate window, and until when: told as soon as it is known, mostly when a drop is announced.

What was told is kept to: until that instant it has certainly not left, whatever becomes of this relay, so that another one
may have it. Where there is room sooner, that is told first, and it leaves once the sale has heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from roles.relay.adapters.base import Outcome
from roles.relay.sending.lanes import Lane, Parcel
from roles.relay.sending.log import Report
from roles.relay.wire.saletime import Mono, SaleClock

# So long thousands are told to wait before what is due is looked at again.
TELL_S = 0.002
# What has waited as long as was told is told again where it is to wait this much longer; less is over first.
LONGER_S = 1.0
# What may leave so much sooner than was told is told so; less is waited for.
SOONER_S = 0.2

WINDOW, ASKED = "rate window", "the platform asked this account to wait"


class Waiting:
    """Tells what has to wait. `look_at` has a parcel's lane looked through again, at an instant of the sale."""

    def __init__(
        self,
        *,
        clock: SaleClock,
        tell: Callable[[Report], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        look_at: Callable[[int, Parcel], None],
        mono: Mono,
    ) -> None:
        self._clock, self._tell, self._spawn, self._look_at, self._mono = clock, tell, spawn, look_at, mono
        self._lanes: dict[Lane, None] = {}  # in which something may have to wait and has not been told so; in order
        self._telling = False

    def look_through(self, lane: Lane) -> None:
        """Tells of this lane's what has to wait, once all that comes in the same breath is there."""
        self._lanes[lane] = None
        if not self._telling:
            self._telling = True
            self._spawn(self._tell_all())

    async def _tell_all(self) -> None:
        """Thousands can begin to wait in one instant: what leaves in it does not wait until all of them are told."""
        began = self._mono()
        while self._lanes:
            lane = next(iter(self._lanes))
            del self._lanes[lane]
            for parcel, free in lane.forecast(self._mono(), self._clock.local):
                if parcel.phase in ("timed", "queued"):
                    self._may_wait(parcel, self._clock.at(free), ASKED if lane.window.rests_until == free else WINDOW)
                if self._mono() - began > TELL_S:
                    await asyncio.sleep(0)
                    began = self._mono()
        self._telling = False

    def _may_wait(self, parcel: Parcel, free: int, why: str) -> None:
        now = self._clock.now()
        if free <= max(parcel.at, now):
            return
        if parcel.told is None:
            self.tell(parcel, free, why)
        elif parcel.told <= now:
            if free - now < self._clock.span_ms(LONGER_S):
                self._look_at(free, parcel)
            else:
                self.tell(parcel, free, why)

    def tell(self, parcel: Parcel, until: int, why: str | None) -> None:
        """It does not leave before `until`, which is later than what was told before."""
        parcel.told = parcel.not_before = until
        self._look_at(until, parcel)
        self._say(parcel, until, why)

    def sooner(self, parcel: Parcel) -> None:
        """There is room for it before its time: others were withdrawn, or did not use theirs."""
        now = self._clock.now()
        if parcel.not_before is not None and parcel.told == parcel.not_before > now + self._clock.span_ms(SOONER_S):
            parcel.told = now
            self._say(parcel, now, "there is room sooner")

    def _say(self, parcel: Parcel, until: int, why: str | None) -> None:
        fields = Outcome.waiting(until, why).fields()
        self._tell(Report.make(parcel.delivery.id, parcel.delivery.attempt, fields, nth=str(until)))
