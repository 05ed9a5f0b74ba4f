"""Ready sheets: whole run sheets that can be used as they are, one for each kind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

KINDS = ("flash",)  # those that this version has
START_HOUR = 20  # golden hour, when the groups are at home

_START = re.compile(r"^start: .*$", re.MULTILINE)
_ZONE = re.compile(r"^timezone: *(\S+)", re.MULTILINE)


def ready_sheet(kind: str, *, now_ms: int) -> str:
    """The ready sheet of a kind of `KINDS` as YAML with its comments, its start at 20:00 of the next day."""
    text = (files(__package__) / f"{kind}.yaml").read_text(encoding="utf-8")
    found = _ZONE.search(text)
    zone = ZoneInfo(found[1]) if found else UTC
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    start = datetime.combine(today + timedelta(days=1), time(START_HOUR))
    return _START.sub(f"start: {start:%Y-%m-%d %H:%M}", text, count=1)
