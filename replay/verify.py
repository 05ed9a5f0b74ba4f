"""Whether a sale's record is whole: its bytes, its chain, that a state follows from it, and that its draws were fair."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from coordinator.core import State, drawing, evolve
from coordinator.core import state as states
from coordinator.core.draws import DrawDrawn
from coordinator.errors import Corrupt
from coordinator.journal import codec
from coordinator.journal.base import Entry
from replay.source import Source


class Verified(msgspec.Struct, kw_only=True):
    """What was checked and held."""

    sale: str
    events: int
    hash: str
    snapshot: int | None = None
    """The number of the saved state that equals the fold; None where none is kept."""
    notes: list[str] = []

    def as_object(self) -> dict[str, Any]:
        return {
            "sale": self.sale,
            "ok": True,
            "events": self.events,
            "hash": self.hash,
            "snapshot": self.snapshot,
            "notes": self.notes,
        }


async def verify_source(source: Source) -> Verified:
    """Numbers without gaps, chain of hashes, private parts; the events fold; a saved state equals the fold; the winners
    of every draw are those that its seed gives.

    Raises `Corrupt` with the first number that does not hold.
    """
    end = await source.verify()
    digest = await source.chain_hash()
    saved = await source.snapshot()
    at = saved[0] if saved is not None else None
    state = State(sale=source.sale)
    as_saved: bytes | None = None
    async for entries in source.batches():
        cut = None if at is None else next((i + 1 for i, e in enumerate(entries) if e.seq == at), None)
        await asyncio.to_thread(_fold, state, entries[:cut], source.sale)
        if cut is not None:
            as_saved = states.encode(state)
            await asyncio.to_thread(_fold, state, entries[cut:], source.sale)
    if state.seq < end:
        raise Corrupt(source.sale, state.seq + 1, f"is missing: the record ends at {end}")
    found = Verified(sale=source.sale, events=state.seq, hash=digest)
    if saved is not None:
        try:
            kept = states.encode(states.decode(saved[1]))
        except (msgspec.MsgspecError, TypeError):
            found.notes.append(f"the state saved at {saved[0]} is of another version of Dropcue and is passed over")
            return found
        if kept != as_saved:
            raise Corrupt(
                source.sale, saved[0], "the state saved here is not the one that the events give: delete DATA/snapshots"
            )
        found.snapshot = saved[0]
    return found


def _fold(state: State, entries: list[Entry], sale: str) -> None:
    for entry in entries:
        event = codec.decode(entry, sale)
        if isinstance(event, DrawDrawn) and (fault := drawing.fault(state, event)) is not None:
            raise Corrupt(sale, entry.seq, fault)
        try:
            evolve(state, event)
        except Exception as e:
            # Whatever an event breaks on, it is this number that does not fold.
            raise Corrupt(sale, entry.seq, f"the state cannot be computed beyond it: {type(e).__name__}: {e}") from e
