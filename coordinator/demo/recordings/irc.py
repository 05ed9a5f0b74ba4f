"""IRC text and its like: `[HH:MM] <nick> text`, `[h:mm:ss] <user> text`, `=== nick [host] has joined #channel`.

Joins and leaves often stand without a clock: they take the clock of the line before. Old logs have a 12-hour
clock without a.m. and p.m., so a clock that falls back by about twelve hours has passed noon or midnight.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from coordinator.demo.recordings.base import MAX_TEXT_CHARS, Reading, Recording, What, quoted, shown

FORMAT = "IRC text"

HALF_DAY_MS = 12 * 3_600_000
DAY_MS = 24 * 3_600_000
MINUTE_MS = 60_000
# Lines of one minute can stand in the wrong order by a little; a real half-day or day passes only beyond this.
OUT_OF_ORDER_MS = 10 * MINUTE_MS
MAX_LINE_CHARS = 65_536  # IRC allows 512 bytes; a line this long is damage, and is not searched
LINES_LOOKED_AT = 2_000  # to find the format

_CLOCK = r"\[(-?\d{1,3}):(\d{2})(?::(\d{2}))?\]"
_SAID = re.compile(rf"(?:{_CLOCK}\s*)?<([^<>]{{1,200}})>(?:\s(.*))?$", re.DOTALL)
_CAME_OR_WENT = re.compile(
    rf"(?:{_CLOCK}\s*)?(?:===|-!-|\*\*\*)\s+(\S{{1,200}})\s+\[[^\]]*\]\s+has (joined|left|quit)\b"
)
_OTHER = re.compile(rf"(?:{_CLOCK}\s*)?(?:===|-!-|\*\*\*)\s")
_ACTION = re.compile(rf"{_CLOCK}\s*\*\s")

_Clock = tuple[int, int, int | None]


@dataclass(slots=True)
class _Line:
    number: int
    clock: _Clock | None
    what: What
    nick: str
    text: str


def looks_like(text: str) -> bool:
    """Whether any of the first lines is one that this reader knows."""
    for line in text.split("\n", LINES_LOOKED_AT)[:LINES_LOOKED_AT]:
        short = line[:MAX_LINE_CHARS].strip()
        if _SAID.match(short) or _CAME_OR_WENT.match(short):
            return True
    return False


def read(path: Path, text: str) -> Recording:
    reading = Reading(path, FORMAT)
    lines: list[_Line] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r ")
        if line:
            found = _understood(reading, number, line)
            if found is not None:
                lines.append(found)
    _tell_of_doubles(reading, {line.nick for line in lines})
    for line_of, at in zip(lines, _times(reading, [line.clock for line in lines]), strict=True):
        reading.add(line_of.number, at, line_of.what, who=f"irc:{line_of.nick}", name=line_of.nick, text=line_of.text)
    return reading.done()


def _tell_of_doubles(reading: Reading, nicks: set[str]) -> None:
    """Some loggers write a blank after a nick that ends in a bracket, but only in messages. Which of two spellings
    are one person is not for a reader to guess: nicks are taken as written, and it is said where that shows."""
    twice = sorted(nick for nick in nicks if nick != nick.rstrip() and nick.rstrip() in nicks)
    if twice:
        names = ", ".join(f"“{shown(nick, 40)}”" for nick in twice[:5])
        reading.notes.append(
            f"nicks are taken as written: {names} stand with and without a blank at the end and count as two"
        )


def _understood(reading: Reading, number: int, line: str) -> _Line | None:
    if len(line) > MAX_LINE_CHARS:
        reading.bad_line(number, f"{len(line)} characters in one line")
        return None
    if "\0" in line:
        reading.bad_line(number, "NUL bytes in the line")
        return None
    if found := _SAID.match(line):
        hours, minutes, seconds, nick, said = found.groups()
        what: What = "message"
        # A sign before the nick is a right in the channel, not a part of the name.
        nick = nick.lstrip().removeprefix("@")
        text = said or ""
    elif found := _CAME_OR_WENT.match(line):
        hours, minutes, seconds, nick, how = found.groups()
        what = "joined" if how == "joined" else "left"
        text = ""
    else:
        if _OTHER.match(line):
            reading.leave_out(
                "mode lines" if " mode/" in line[:40] else "renames" if "now known as" in line else "other === lines"
            )
        elif _ACTION.match(line):
            reading.leave_out("actions")
        else:
            reading.bad_line(number, f"neither a message nor a join or leave: {quoted(line[:MAX_TEXT_CHARS])}")
        return None
    if not nick.strip():
        reading.bad_line(number, "a message of nobody")
        return None
    if hours is None:
        return _Line(number, None, what, nick, text)
    clock = (int(hours), int(minutes), None if seconds is None else int(seconds))
    if clock[1] > 59 or (clock[2] or 0) > 59:
        reading.bad_line(number, f"no such time of day: {quoted(line[:20])}")
        return None
    return _Line(number, clock, what, nick, text)


def _times(reading: Reading, clocks: list[_Clock | None]) -> list[int]:
    """A time in ms for each line, from a zero of its own; writes into the notes how the clock was read."""
    given = [clock for clock in clocks if clock is not None]
    if not given:
        if clocks:
            reading.notes.append("clock: no line has one; the lines follow one second apart")
        return [n * 1_000 for n in range(len(clocks))]
    hours = [clock[0] for clock in given]
    with_seconds = sum(1 for clock in given if clock[2] is not None)
    if max(hours) > 23 or min(hours) < 0 or 0 < with_seconds < len(given):
        reading.notes.append("clock: time since the start of the recording, not the time of day")
        return _followed(clocks, [_elapsed_ms(clock) for clock in given])
    twelve = max(hours) <= 12 and min(hours) >= 1
    times = _followed(clocks, _times_of_day(reading, given, HALF_DAY_MS if twelve else DAY_MS))
    if with_seconds:
        return times
    reading.notes.append(
        "clock: no seconds are given; the lines of a minute are spread evenly over that minute, in their order"
    )
    return _spread(times)


def _elapsed_ms(clock: _Clock) -> int:
    first, second, third = clock
    sign = -1 if first < 0 else 1
    if third is None:
        return (first * 60 + sign * second) * 1_000
    return (first * 3_600 + sign * (second * 60 + third)) * 1_000


def _times_of_day(reading: Reading, given: list[_Clock], period: int) -> list[int]:
    """Times that never fall: each clock is the next moment at which a clock on the wall shows it."""
    at: list[int] = []
    passed, disordered, jumped_back = 0, 0, 0
    last_shown = 0
    for hour, minute, second in given:
        shows = ((hour * 60 + minute) * 60 + (second or 0)) * 1_000
        if not at:
            at.append(shows % period)
            last_shown = shows
            continue
        onward = (shows - at[-1]) % period
        if onward > period - OUT_OF_ORDER_MS:
            disordered += 1
            at.append(at[-1])
            continue
        passed += (at[-1] + onward) // period - at[-1] // period
        jumped_back += shows < last_shown
        at.append(at[-1] + onward)
        last_shown = shows
    reading.notes.append(_clock_note(given, period, passed, jumped_back))
    if disordered:
        reading.notes.append(
            f"clock: {disordered} lines stand up to ten minutes too early; they take the time of the line before"
        )
    return at


def _clock_note(given: list[_Clock], period: int, passed: int, jumped_back: int) -> str:
    hours = ", ".join(str(hour) for hour in sorted({clock[0] for clock in given}))
    first, last = (f"{hour:02d}:{minute:02d}" for hour, minute, _ in (given[0], given[-1]))
    if period == DAY_MS:
        return f"clock: read as 24-hour, {first} to {last} (hours given: {hours}); midnights passed: {passed}"
    note = (
        f"clock: read as 12-hour, {first} to {last} (hours given: {hours}); "
        f"half-days passed: {passed}, falls of the clock: {jumped_back}"
    )
    if jumped_back == 0:
        if passed == 1:
            note += " (a file of one day cannot pass midnight, so that was noon)"
        # Without a fall both kinds of clock give the same lengths, which is all that the feed uses.
        return note + "; read as 24-hour it would give the same times"
    return note + "; each fall is the next half-day"


def _followed(clocks: list[_Clock | None], times: list[int]) -> list[int]:
    """Lines without a clock take the one of the line before, those before the first clock the first."""
    out, n = [], 0
    for clock in clocks:
        if clock is not None:
            n += 1
        out.append(times[max(n, 1) - 1])
    return out


def _spread(times: list[int]) -> list[int]:
    """A log without seconds would come as one burst a minute: its lines share their minute in equal steps."""
    in_minute = Counter(times)
    seen: Counter[int] = Counter()
    out = []
    for at in times:
        out.append(at + seen[at] * MINUTE_MS // in_minute[at])
        seen[at] += 1
    return out
