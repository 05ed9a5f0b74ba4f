"""Instants as a page says them: on the sale's own time, in its zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LATEST = 253_370_764_800_000  # the year 9999: calendars end there


@dataclass(frozen=True, slots=True)
class Instants:
    """What the page was made at, how fast the sale's time runs, and where the sale is."""

    now: int
    speed: float
    zone: str

    def clock(self, instant: int) -> str:
        """14:30, with the day where it is another one."""
        zone = ZoneInfo(self.zone)
        there, here = (
            datetime.fromtimestamp(min(ms, LATEST) / 1000, UTC).astimezone(zone) for ms in (instant, self.now)
        )
        return there.strftime("%H:%M" if there.date() == here.date() else "%m-%d %H:%M")

    def span(self, instant: int) -> str:
        """What is left until then, as the page counts it down."""
        seconds = max(0, -(-(instant - self.now) // round(1000 * self.speed)))
        hours, rest = divmod(seconds, 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
