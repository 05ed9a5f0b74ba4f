"""Snapshots as files in DATA/snapshots: written beside the journal, never needed, never trusted without a check.

A file is one line of JSON about it, then the data. It appears whole or not at all: written to a temporary name,
flushed to the disk, then renamed.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import msgspec

_KEPT = 2  # the last, and the one before in case the last is damaged
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUFFIX = ".snapshot"


class _Head(msgspec.Struct, frozen=True):
    snapshot: int  # the format
    sale: str
    incarnation: str
    seq: int
    sha256: str


class Snapshots:
    """The snapshots in one folder. Blocking; every method raises OSError as it comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tidy(self) -> None:
        """Remove what a crash left half written. Only for the one who writes."""
        for left in self._folder.glob("*.part"):
            left.unlink(missing_ok=True)

    def save(self, sale: str, incarnation: str, seq: int, data: bytes) -> None:
        """Keep this one and the one before it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        head = msgspec.json.encode(_Head(1, sale, incarnation, seq, sum_of(sale, incarnation, seq, data).hex()))
        path = self._folder / f"{_stem(sale)}.{seq:012d}{_SUFFIX}"
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(head + b"\n")
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._sync()
        for old in self._of(sale)[_KEPT:]:
            old.unlink(missing_ok=True)

    def latest(self, sale: str, incarnation: str, end: int) -> tuple[int, bytes] | None:
        """The newest whole one of this incarnation at or before `end`."""
        for path in self._of(sale):
            try:
                with path.open("rb") as file:
                    head = msgspec.json.decode(file.readline(), type=_Head)
                    data = file.read()
            except (OSError, msgspec.DecodeError):
                continue
            if (head.snapshot, head.sale, head.incarnation) != (1, sale, incarnation) or head.seq > end:
                continue
            if head.sha256 == sum_of(sale, incarnation, head.seq, data).hex():
                return head.seq, data
        return None

    def drop(self, sale: str) -> None:
        """Remove all of a sale, durably."""
        found = self._of(sale)
        for path in found:
            path.unlink(missing_ok=True)
        if found:
            self._sync()

    def _of(self, sale: str) -> list[Path]:
        """The sale's files, newest first."""
        return sorted(self._folder.glob(f"{_stem(sale)}.*{_SUFFIX}"), reverse=True)

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _stem(sale: str) -> str:
    """A file name for any id: itself where that is harmless, else its hash (longer than any plain one)."""
    return sale if _PLAIN.fullmatch(sale) else f"x{sha256(sale.encode()).hexdigest()}"


def sum_of(sale: str, incarnation: str, seq: int, data: bytes) -> bytes:
    """What a snapshot is known to be whole by. Of a large one it is made in a thread."""
    # Not joined first: copying a hundred megabytes would hold the interpreter's lock, and with it the loop.
    found = sha256(f"{sale}\n{incarnation}\n{seq}\n".encode())
    found.update(data)
    return found.digest()
