"""Notes: a moment marked for the review."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core.kernel import Command, Event, Key, Text, Turn, command, decides, evolves, result_of

if TYPE_CHECKING:
    from coordinator.core.state import State

KEPT = 200  # notes that stay in the state; older ones are in the journal


class Note(msgspec.Struct, kw_only=True):
    id: str
    at: int
    by: str
    text: str


class NoteAdded(Event, tag="note.added", kw_only=True):
    note: str
    text: str


@command("note.add", events=("note.added",))
class NoteAdd(Command):
    """Marks this moment, in words."""

    text: Text


@decides(NoteAdd)
def add(turn: Turn, c: NoteAdd) -> None:
    turn.emit(NoteAdded(note=turn.state.next_id("n"), text=c.text))


@result_of(NoteAdded)
def added_result(_: State, e: NoteAdded) -> dict[str, str]:
    return {"note": e.note}


@evolves(NoteAdded)
def added(state: State, e: NoteAdded) -> Iterable[Key]:
    state.count("n")
    state.notes[e.note] = Note(id=e.note, at=e.at, by=e.by, text=e.text)
    keys: list[Key] = [("notes", e.note)]
    oldest = f"n{state.counts['n'] - KEPT}"
    if state.notes.pop(oldest, None) is not None:
        keys.append(("notes", oldest))
    return keys
