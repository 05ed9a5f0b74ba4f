"""Ready sheets: whole run sheets that can be used as they are, one for each kind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

STARTS = {"flash": (5, 20), "groupbuy": (3, 9), "live": (2, 20), "course": (2, 20)}
"""Kind → in so many days, at that hour: so that what a sheet sends before its day is still to come."""
KINDS = tuple(STARTS)

_START = re.compile(r"^start: .*$", re.MULTILINE)
_ZONE = re.compile(r"^timezone: *(\S+)", re.MULTILINE)


def ready_sheet(kind: str, *, now_ms: int) -> str:
    """The ready sheet of a kind of `KINDS` as YAML with its comments, its start at that of `STARTS`."""
    text = (files(__package__) / f"{kind}.yaml").read_text(encoding="utf-8")
    found = _ZONE.search(text)
    zone = ZoneInfo(found[1]) if found else UTC
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    days, hour = STARTS[kind]
    start = datetime.combine(today + timedelta(days=days), time(hour))
    return _START.sub(f"start: {start:%Y-%m-%d %H:%M}", text, count=1)
