"""What every format is read into, and how bad lines are counted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from coordinator.errors import DropcueError

What = Literal["message", "joined", "left"]

MAX_BAD_KEPT = 50  # enough to see what is wrong with a file; the count goes on
MAX_TEXT_CHARS = 2_000  # the longest message that the chat platforms in docs take
MAX_NAME_CHARS = 64
MAX_ID_CHARS = 200
# A chat is of one sale: a time further away from the middle of the file is damage, and would make the feed wait for years.
MAX_DISTANCE_MS = 31 * 24 * 3_600_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class RecordingError(DropcueError):
    """The file cannot be fed into groups at all; says which file, where in it, and what to do."""

    def __init__(self, path: Path, what: str, todo: str, line: int | None = None) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {what}; {todo}")
        self.path, self.line, self.what, self.todo = path, line, what, todo


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing that happened in the chat.

    `at_ms` counts from the first thing in the recording (never negative). `who` is the person's id with its
    namespace (`irc:nick`), empty where the recording does not tell; a pseudonym is derived from it, `name` is only shown.
    """

    at_ms: int
    what: What
    name: str
    text: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be read. `line` counts from 1."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A chat as it was recorded, in order of time; equal times keep the file's order.

    `bad` holds the first 50 lines that could not be read, `bad_count` how many there were. `notes` says how the
    file was understood (its clock, what was left out), for people.
    """

    format: str
    events: list[Observed]
    bad: list[BadLine]
    notes: list[str]
    bad_count: int = 0

    def count(self, what: What) -> int:
        return sum(1 for e in self.events if e.what == what)

    @property
    def speakers(self) -> int:
        """Distinct people with a message; comments of nobody known count as nobody."""
        return len({e.who for e in self.events if e.what == "message" and e.who})

    @property
    def people(self) -> int:
        """Distinct people who spoke, joined or left."""
        return len({e.who for e in self.events if e.who})

    @property
    def lasts_ms(self) -> int:
        return self.events[-1].at_ms if self.events else 0


def shown(text: str, limit: int) -> str:
    """Text that may go on the wire and into a terminal: no control characters, no lone surrogates, at most `limit` long."""
    return _on_the_wire(text[: limit * 2]).strip()[:limit]


def _on_the_wire(text: str) -> str:
    return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))


def quoted(text: str) -> str:
    """The beginning of a line for an error message."""
    short = shown(text, 60)
    return f"“{short}”" if short else "(nothing that can be shown)"


@dataclass(slots=True)
class Reading:
    """What a format's reader collects while it goes through a file; `done` makes the recording of it."""

    path: Path
    format: str
    notes: list[str] = field(default_factory=list)
    _found: list[tuple[int, int, Observed]] = field(default_factory=list)
    _bad: list[BadLine] = field(default_factory=list)
    _bad_count: int = 0
    _left_out: Counter[str] = field(default_factory=Counter)
    _cut: int = 0

    def add(self, line: int, at_ms: int, what: What, *, who: str, name: str, text: str = "") -> None:
        """Takes one thing that happened; `at_ms` may count from anywhere as long as the whole file does."""
        if len(text) > MAX_TEXT_CHARS:
            self._cut += 1
        clean = shown(text, MAX_TEXT_CHARS)
        person = _on_the_wire(who)[:MAX_ID_CHARS]  # not stripped: an id is what it is
        label = shown(name, MAX_NAME_CHARS) or "?"
        self._found.append((at_ms, line, Observed(at_ms, what, label, clean, person)))

    def bad_line(self, line: int, why: str) -> None:
        self._bad_count += 1
        if len(self._bad) < MAX_BAD_KEPT:
            self._bad.append(BadLine(line, why))

    def leave_out(self, kind: str) -> None:
        """Counts something that was understood and is neither a message, a join nor a leave."""
        self._left_out[kind] += 1

    @property
    def found(self) -> int:
        return len(self._found)

    def done(self) -> Recording:
        """The recording in order of time. Raises RecordingError where there is nothing to feed."""
        if self._found:
            middle = sorted(at for at, _, _ in self._found)[len(self._found) // 2]
            near = []
            for item in self._found:
                if abs(item[0] - middle) > MAX_DISTANCE_MS:
                    days = abs(item[0] - middle) // 86_400_000
                    self.bad_line(item[1], f"its time is {days} days away from the rest of the chat")
                else:
                    near.append(item)
            self._found = near
        if not self._found:
            first = f" (line {self._bad[0].line}: {self._bad[0].why})" if self._bad else ""
            raise RecordingError(
                self.path,
                f"read as {self.format}, but nothing in it is a message, a join or a leave{first}",
                "check that this is the recording you meant",
            )
        ordered = sorted(self._found, key=lambda item: item[0])
        backwards = sum(1 for a, b in zip(self._found, self._found[1:], strict=False) if b[0] < a[0])
        if backwards:
            self.notes.append(f"{backwards} times the file goes back in time; it is fed in order of time")
        if self._cut:
            self.notes.append(f"{self._cut} messages were cut at {MAX_TEXT_CHARS} characters")
        if self._left_out:
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self._left_out.items()))
            self.notes.append(f"understood and left out, as they are no messages, joins or leaves: {kinds}")
        zero = ordered[0][0]
        events = [Observed(at - zero, e.what, e.name, e.text, e.who) for at, _, e in ordered]
        return Recording(self.format, events, self._bad, self.notes, self._bad_count)
