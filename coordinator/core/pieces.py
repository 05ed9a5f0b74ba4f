"""A large map of the state in pieces: so many entries at a time are put away and read again.

Who reads a sale of half a million claims conducts other sales beside it: between two pieces they have their turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # a map's values, whatever they are

PIECE_ENTRIES = 2_000  # read in about 2 ms


def _holds_maps(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(next(iter(value.values()), None), dict | set)


def is_large(value: Any) -> bool:
    """Whether a field is a map, of maps perhaps, or a set, of more than one piece."""
    if not isinstance(value, dict | set):
        return False
    inside = sum(len(inner) for inner in value.values()) if isinstance(value, dict) and _holds_maps(value) else 0
    return len(value) + inside > PIECE_ENTRIES


def of(value: Any) -> Iterator[Any]:
    """The pieces, each of the kind of the whole. Equal maps have equal ones."""
    names = sorted(value)
    if _holds_maps(value):
        yield from _of_maps(names, value)
        return
    for n in range(0, len(names), PIECE_ENTRIES):
        some = names[n : n + PIECE_ENTRIES]
        yield set(some) if isinstance(value, set) else {name: value[name] for name in some}


def _of_maps(names: list[str], value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    piece: dict[str, Any] = {}
    size = 0
    for name in names:
        for part in list(of(value[name])) or [value[name]]:
            piece[name] = part
            size += 1 + len(part)
            if size > PIECE_ENTRIES:  # as it is after each part but a map's last
                yield piece
                piece, size = {}, 0
    if piece:
        yield piece


def join(whole: Any, piece: Any) -> None:
    """Puts the next piece to those before it."""
    if not _holds_maps(piece):
        whole.update(piece)
        return
    for name, part in piece.items():
        if name in whole:
            join(whole[name], part)
        else:
            whole[name] = part
