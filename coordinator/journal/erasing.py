"""Erases what members said and the names they had, for good: the record goes on to verify, its figures stay.

What the team said stays, and so does a draw's seed: what is counted hangs on them.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec

from coordinator.contacts import Contacts
from coordinator.core import Event, State, evolve
from coordinator.core.members import pseudonyms
from coordinator.errors import JournalError
from coordinator.journal.base import Entry, Journal
from coordinator.journal.codec import decode, is_sealed
from coordinator.leases import Leases

HELD_SECONDS = 600.0  # so long no node may take up the sale: more than the largest needs


class Erased(msgspec.Struct, frozen=True):
    """What is gone: the words and names of so many events, so many contacts."""

    sale: str
    events: int
    contacts: int


async def erase(journal: Journal, contacts: Contacts, sale: str, members: Iterable[str] = ()) -> Erased:
    """Erases what these members said, under whichever of their pseudonyms, and how they can be reached; of all where
    none is named. When it returns the words are gone from the store. To be done while nobody serves the sale.

    Raises `JournalError` where the sale is unknown or nobody of that pseudonym was ever in it, with nothing erased.
    """
    state, who = State(sale=sale), set[str]()
    said: list[tuple[int, str | None]] = []  # number, whose words
    async for entry in _entries(journal, sale):
        event = decode(entry, sale)
        evolve(state, event)
        who.update(value for name in ("member", "a", "b") if isinstance(value := getattr(event, name, None), str))
        if entry.private is not None and not is_sealed(entry) and getattr(event, "staff", None) is None:
            said.append((event.seq, _whose(state, event)))
    theirs: set[str] = set()
    for member in members:
        if member not in who:
            raise JournalError(
                f"nobody of the pseudonym {member} was in {sale}, and nothing was erased: take it from an export of the "
                "sale, from support's screen, or from what a relay or the shop calls them"
            )
        theirs.update(pseudonyms(state, member))
    gone = [seq for seq, whose in said if not theirs or whose in theirs]
    await journal.erase(sale, gone)
    if theirs:
        return Erased(sale, len(gone), sum([await contacts.erase(sale, each) for each in sorted(theirs)]))
    return Erased(sale, len(gone), await contacts.erase(sale))


def _whose(state: State, event: Event) -> str | None:
    followup = state.followups.get(getattr(event, "followup", ""))
    whose: str | None = followup.member if followup is not None else getattr(event, "member", None)
    return whose


async def _entries(journal: Journal, sale: str) -> AsyncIterator[Entry]:
    end = (await journal.end(sale)).seq
    at = 0
    while at < end:
        for entry in await journal.read(sale, at, 10_000):
            yield entry
            at = entry.seq


@asynccontextmanager
async def nobody_serves(leases: Leases, sale: str) -> AsyncIterator[None]:
    """Keeps nodes from taking up a sale meanwhile. Raises `JournalError` where one has it."""
    token = "erases." + secrets.token_hex(8)
    if not await leases.acquire(sale, token, HELD_SECONDS):
        raise JournalError(
            f"{sale} is served by a node, which has the words in its memory: stop all nodes, and erase then"
        )
    try:
        yield
    finally:
        await leases.release(sale, token)
