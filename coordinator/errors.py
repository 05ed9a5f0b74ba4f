"""The tree of errors a person can meet. Each says what is wrong, where, and what to do.

    DropcueError                exit 1  the thing asked about is wrong
    ├── UsageError              exit 2  the command was called in a way that cannot work
    ├── CannotStart             exit 3  something needed cannot be reached, opened or started
    │   └── NewerFile                   the data folder is of a newer Dropcue
    └── JournalError            exit 1  the journal cannot do what it promises
        ├── Conflict                    somebody else has written; nothing was added
        ├── JournalUnavailable          disk full, read-only, gone; nothing was added, or it is not known
        ├── Newer                       a newer Dropcue has written there; this one leaves it alone
        └── Corrupt                     bytes are not what was written; carries the number

A command that the sale refuses is not an error of this tree: see `coordinator.core.kernel.Refusal`.
"""

from __future__ import annotations


class DropcueError(Exception):
    """Base of all; `str(error)` is text for a person."""

    exit_code = 1


class UsageError(DropcueError):
    exit_code = 2


class CannotStart(DropcueError):
    """Something that is needed cannot be reached, opened or started."""

    exit_code = 3


class NewerFile(CannotStart):
    """The data folder's journal has a format that only a newer Dropcue knows."""


class JournalError(DropcueError):
    """The journal cannot do what it promises."""


class Conflict(JournalError):
    """The journal's end is not where the writer thought; the batch was not added."""

    def __init__(self, sale: str, expected: int, actual: int) -> None:
        super().__init__(
            f"sale {sale}: the journal ends at {actual}, the writer expected {expected}; nothing was added"
        )
        self.sale, self.expected, self.actual = sale, expected, actual


class JournalUnavailable(JournalError):
    """The batch was not added, or it is not known whether it was; reload before writing on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Newer(JournalError):
    """A newer Dropcue has written what this one does not know; what it does not know it neither shows nor adds to."""


class Corrupt(JournalError):
    """The stored bytes are not the written ones. `seq` is the first number that does not verify."""

    def __init__(self, sale: str, seq: int, what: str) -> None:
        super().__init__(f"sale {sale}, number {seq}: {what}")
        self.sale, self.seq, self.what = sale, seq, what


UNREADABLE = (Newer, Corrupt)
"""What keeps one sale from being read for good, by this version at least, and concerns no other sale."""
