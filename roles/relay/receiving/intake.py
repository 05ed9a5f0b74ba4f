"""The one way into the inbox, for every source: known groups only, read, kept, and never more than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from coordinator.problem import Problem
from roles.relay import machine
from roles.relay.receiving.inbox import Inbox, Receipt
from roles.relay.receiving.reading import Reader
from roles.relay.receiving.seen import Seen

# So long words are read before what is due is looked at: a thousand long messages took the relay's loop for a second.
READ_S = 0.002
AGAIN_MS = 30_000  # whoever hands something in that cannot be kept comes again after this


class Intake:
    """`sale` tells the sale that the relay is in now; empty before its first welcome."""

    def __init__(self, inbox: Inbox, reader: Reader, *, keep: int, sale: Callable[[], str]) -> None:
        self.inbox, self._reader, self._keep, self._sale = inbox, reader, keep, sale
        self._busy: dict[tuple[str, str], asyncio.Event] = {}

    def wrong_with(self, seen: Seen) -> tuple[str, str] | None:
        """The field and what is wrong with it, beyond its shape; None where all is well."""
        if seen.group not in self._reader.groups:
            known = sorted(self._reader.groups)
            some = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
            return "group", f"this relay has no group {seen.group}; it has {some or 'none'}"
        if seen.what == "message" and seen.text is None:
            return "text", "a message needs its text"
        return None

    @property
    def full(self) -> bool:
        return self.inbox.waiting >= self._keep

    async def take(
        self, seen: Sequence[Seen], *, receipt: Receipt | None = None, marks: Mapping[str, str] | None = None
    ) -> None:
        """Durable when it returns. Raises `Problem` 503 where too much waits already, `DiskFailed`."""
        if seen and self.full:
            raise Problem(
                503, "busy", f"{self.inbox.waiting} things that were seen wait for a coordinator that is away: send it again later",
                {"retry_ms": AGAIN_MS},
            )  # fmt: skip
        contacts = [pair for each in seen if (pair := self._reader.contact(each)) is not None]
        observations, since = [], machine.monotonic()
        for each in seen:
            observations.append(self._reader.read(each))
            if machine.monotonic() - since > READ_S:
                await asyncio.sleep(0)
                since = machine.monotonic()
        await self.inbox.take(self._sale(), observations, contacts=contacts, receipt=receipt, marks=marks)

    @asynccontextmanager
    async def one_at_a_time(self, source: str, id_: str) -> AsyncIterator[None]:
        """The same id that comes twice at once: the second waits for what becomes of the first."""
        while (first := self._busy.get((source, id_))) is not None:
            await first.wait()
        mine = self._busy[source, id_] = asyncio.Event()
        try:
            yield
        finally:
            del self._busy[source, id_]
            mine.set()
