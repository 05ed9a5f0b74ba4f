"""Snapshots are made beside the conductor: another process folds the journal and keeps the state.

Folding in this process would hold the interpreter's lock for seconds and make cues late.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

FOLDER = "snapshots"  # in the data folder, as the journal has it


async def fold(data: Path, redis: str | None, sale: str, to: int) -> bool:
    """Folds a sale's journal from its last snapshot on and keeps the state at `to`, a number that is known to be durable.

    What stands beyond it may be lost with a master before a replica has it, and its numbers be given again: a state of
    that would be of events that never were. False where the journal has not so much, or a later state is kept.
    """
    import msgspec

    from coordinator.core import State, evolve
    from coordinator.core import state as states
    from coordinator.journal import codec
    from coordinator.journal.opening import open_journal
    from coordinator.journal.snapshots import Snapshots

    # A file is the serving process's to write: snapshots are files of their own beside it, put in place at once.
    journal = await open_journal(data, redis, readonly=redis is None)
    try:
        found = await journal.snapshot(sale)
        state = State(sale=sale)
        if found is not None:
            with suppress(msgspec.MsgspecError):  # of another version: it is made from the events again
                state = states.decode(found[1])
        end = await journal.end(sale)
        if end.seq < to or state.seq >= to:
            return False
        while state.seq < to:
            for event in codec.decode_all(await journal.read(sale, state.seq, min(5000, to - state.seq)), sale):
                evolve(state, event)
        if redis is None:
            Snapshots(data / FOLDER).save(sale, end.incarnation, state.seq, states.encode(state))
        else:
            await journal.save_snapshot(sale, state.seq, states.encode(state))
    finally:
        await journal.close()
    return True


class Snapshotter:
    """Starts the folding process for a sale that asks for it; one at a time."""

    def __init__(self, data: Path, redis: str | None = None) -> None:
        # An address may hold a password: it is told where only the process itself can read it.
        self._data = data
        self._environment = {**os.environ, "DROPCUE_REDIS": redis} if redis is not None else _without_redis()
        self._running: subprocess.Popen[bytes] | None = None

    def wanted(self, sale: str, to: int) -> bool:
        """Begins to make one of a sale as it stood at a durable number; False where another is still being made."""
        if self._running is not None and self._running.poll() is None:
            return False
        command = [sys.executable, "-m", "coordinator.journal.snapshotting", str(self._data), sale, str(to)]
        try:
            self._running = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
            )
        except OSError as e:
            log.warning("no snapshot was made; the next start takes longer", sale=sale, reason=str(e))
        return True

    def close(self) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            self._running.wait()


def _without_redis() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DROPCUE_REDIS"}


if __name__ == "__main__":
    os.nice(15)  # cues and claims go first
    asyncio.run(fold(Path(sys.argv[1]), os.environ.get("DROPCUE_REDIS"), sys.argv[2], int(sys.argv[3])))
