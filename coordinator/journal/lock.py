"""One writer for each data folder: a lock that the system takes back when the process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.errors import CannotStart


@contextmanager
def nobody_writes(data: Path) -> Iterator[None]:
    """Makes sure that nobody writes to a folder meanwhile. Raises `CannotStart` where somebody does."""
    try:
        file = os.open(data / "journal.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # nobody ever has
        return
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        raise CannotStart(
            f"a process writes to {data}: stop it, or make a backup of it (dropcue backup) and take that"
        ) from None
    try:
        yield
    finally:
        os.close(file)


class FolderLock:
    """Holds DATA/journal.lock, with this process's number in it, until `release`.

    Raises `CannotStart` naming the process that holds it. The file stays: removing it would let two hold "the" lock.
    """

    def __init__(self, data: Path) -> None:
        self._file = os.open(data / "journal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, b"%d\n" % os.getpid(), 0)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise CannotStart(
                    f"another process ({holder}) writes to {data}, and only one may: stop it (kill {holder}), "
                    "or give this one another folder with --data"
                ) from None
            raise

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)
