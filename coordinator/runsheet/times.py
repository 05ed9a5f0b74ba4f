"""Times as a sheet writes them, and the instants they mean.

Lengths: `90s`, `8m`, `1h30m`, `2500ms`. Moments: `-10m`, `start`, `end +20s`, `show -30m`, `20:00`,
`D-1 08:00`, `2026-11-11 20:00`. Full-width digits and signs are read like the others.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Literal

MAX_LENGTH_MS = 366 * 86_400_000  # a year: longer is a slip of the pen, and instants stay far from any limit
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART = r"[0-9]{1,9}(?:\.[0-9]{1,3})?\s*(?:ms|min|s|m|h|d)"
_LENGTH = rf"{_PART}(?:\s*{_PART})*"
_LENGTH_RE = re.compile(_LENGTH)
_PART_RE = re.compile(r"([0-9.]+)\s*([a-z]+)")
_OFFSET_RE = re.compile(rf"(?:(show|start|end)\b)?\s*(?:([+-])?\s*({_LENGTH}))?")
_CLOCK_RE = re.compile(
    r"(?:d\s*([+-]\s*[0-9]{1,3})?\s+|([0-9]{4}-[0-9]{2}-[0-9]{2})[ t]\s*)?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
)
_START_RE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ t]\s*([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"\s*(z|[+-][0-9]{2}:?[0-9]{2})?"
)


Base = Literal["plain", "show", "start", "end", "clock"]
_WORDS: dict[str, Base] = {"show": "show", "start": "start", "end": "end"}


class TimeError(ValueError):
    """The text is no time; `str(error)` says how to write one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A cue's or segment's `at`. `plain` is an offset without a word: from the show for a segment, else from the segment."""

    base: Base
    offset: int = 0  # ms
    day: int = 0  # for `clock`: days from the sheet's date
    on: date | None = None  # for `clock`: a date of its own instead
    clock: time = time()


@dataclass(frozen=True, slots=True)
class Start:
    """The sheet's `start`: a local time, or an instant where it carried its offset from UTC."""

    local: datetime


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").strip().lower()


def length(text: str) -> int:
    """`90s` is 90000 ms. Raises `TimeError`."""
    plain = _plain(text)
    if len(plain) > 100 or not _LENGTH_RE.fullmatch(plain):
        raise TimeError(f"{text[:40]!r} is no length of time; write for example 90s, 8m, 1h30m or 2500ms")
    total = Decimal(0)
    for number, unit in _PART_RE.findall(plain):
        total += Decimal(number) * _UNITS_MS[unit]
    if total != int(total):
        raise TimeError(f"{text[:40]!r} is not a whole number of milliseconds; write for example 2500ms")
    if total > MAX_LENGTH_MS:
        raise TimeError(f"{text[:40]!r} is longer than a year; write a shorter time")
    return int(total)


def moment(text: str) -> Moment:
    """Read an `at`. Raises `TimeError`."""
    plain = _plain(text)
    example = "write for example +90s, start, end +20s, 20:00 or D-1 08:00"
    if len(plain) > 100 or not plain:
        raise TimeError(f"{text[:40]!r} is no time; {example}")
    if found := _OFFSET_RE.fullmatch(plain):
        word, sign, offset = found.groups()
        base = _WORDS.get(word or "", "plain")
        ms = length(offset) if offset else 0
        return Moment(base=base, offset=-ms if sign == "-" else ms)
    if found := _CLOCK_RE.fullmatch(plain):
        day, own_date, hour, minute, second = found.groups()
        try:
            return Moment(
                base="clock",
                day=int(re.sub(r"\s", "", day)) if day else 0,
                on=_checked(date.fromisoformat(own_date)) if own_date else None,
                clock=time(int(hour), int(minute), int(second or 0)),
            )
        except ValueError as error:
            raise TimeError(f"{text[:40]!r} is no time of a day ({error}); {example}") from None
    raise TimeError(f"{text[:40]!r} is no time; {example}")


def day(text: str) -> date:
    """`2026-10-31`. Raises TimeError."""
    try:
        return _checked(date.fromisoformat(_plain(text)))
    except ValueError:
        raise TimeError(f"{text[:40]!r} is no day; write it like 2026-10-31") from None


def start(text: str) -> Start:
    """Read the sheet's `start`. Raises `TimeError`."""
    example = "write for example 2026-11-11 20:00"
    found = _START_RE.fullmatch(_plain(text)) if len(text) <= 100 else None
    if found is None:
        raise TimeError(f"{text[:40]!r} is no date and time; {example}")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micros = int((fraction or "0").ljust(6, "0")) // 1000 * 1000  # whole ms, as everywhere
    try:
        _checked(date(int(year), int(month), int(day)))
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micros)  # noqa: DTZ001  the zone is the sheet's
        if zone:
            offset = "+0000" if zone == "z" else zone.replace(":", "")
            local = local.replace(tzinfo=datetime.strptime(offset, "%z").tzinfo)
    except ValueError as error:
        raise TimeError(f"{text[:40]!r} is no date and time ({error}); {example}") from None
    return Start(local)


def _checked(day: date) -> date:
    if not 2000 <= day.year <= 2100:
        raise ValueError("the year must be between 2000 and 2100")
    return day


Clock = Literal["exact", "skipped", "twice"]


def instant(local: datetime, zone: tzinfo) -> tuple[int, Clock]:
    """Ms since 1970 of a local time, and whether the clock shows it once.

    A time that the clock leaps over is the first instant after the leap (`skipped`); one that it shows twice
    is the first of the two (`twice`).
    """
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return _ms(first.astimezone(UTC)), "exact"
    if before > after:
        return _ms(first.astimezone(UTC)), "twice"
    # In a leap fold=0 reads with the offset before it, fold=1 with the one after: the leap lies between the two.
    low, high = _ms(second.astimezone(UTC)), _ms(first.astimezone(UTC))
    while high - low > 1:
        middle = (low + high) // 2
        at = datetime.fromtimestamp(middle / 1000, UTC).astimezone(zone)
        low, high = (middle, high) if at.utcoffset() == before else (low, middle)
    return high, "skipped"


def start_instant(begin: Start, zone: tzinfo) -> tuple[int, Clock]:
    """The instant of a sheet's start."""
    if begin.local.tzinfo is not None:
        return _ms(begin.local.astimezone(UTC)), "exact"
    return instant(begin.local, zone)


def clock_instant(at: Moment, begin: Start, zone: tzinfo) -> tuple[int, Clock]:
    """The instant of a `clock` moment; its day counts from the sheet's date as the sheet's zone shows it."""
    local = begin.local.astimezone(zone) if begin.local.tzinfo is not None else begin.local
    day = at.on or local.date() + timedelta(days=at.day)
    return instant(datetime.combine(day, at.clock), zone)


def local_text(ms: int, zone: tzinfo) -> str:
    """`2026-11-11 20:00:00` as the zone's clock shows it, for messages."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def length_text(ms: int) -> str:
    """`1h30m`, as a sheet would write it, for messages."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _ms(moment_utc: datetime) -> int:
    return (moment_utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
