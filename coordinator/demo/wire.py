"""What the demo needs from the rest of the service, as protocols, so that its audience can be tried without it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol  # commands and answers are JSON objects of many shapes

Command = dict[str, Any]
Answer = Mapping[str, Any]

# A client's frame ends at 256 KiB (design.md, 5). The rest is for the outer object and another way to write JSON.
MAX_BATCH_BYTES = 200 * 1024
MAX_BATCH_COMMANDS = 500


class RelayLink(Protocol):
    """The console relay's own connection."""

    async def observe(self, commands: list[Command]) -> Sequence[Answer]:
        """Sends the commands as one `many`; gives its results in the same order. Raises OSError when it is away."""
        ...


class SaleClock(Protocol):
    """The sale's time: in a rehearsal it runs faster than the wall's."""

    def now(self) -> int: ...

    async def wait_until(self, ms: int) -> None: ...


class Barrier(Protocol):
    """Keeps the sale's clock from running past an audience that is not yet delivered."""

    def hold(self, name: str, ms: int) -> None:
        """The clock may not go beyond `ms` until `name` holds at a later time or releases. A later call replaces."""
        ...

    def release(self, name: str) -> None: ...


def pseudonym(member_key: bytes, who: str) -> str:
    """The member that stands for `who` (a namespaced id such as `irc:nick`), as a relay derives it from its `member_key`."""
    return hmac.new(member_key, who.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:20]


def fits(commands: Sequence[Command], limit: int = MAX_BATCH_COMMANDS) -> int:
    """How many of the first commands go into one frame; at least 1 where there are any."""
    room = MAX_BATCH_BYTES
    for n, command in enumerate(commands[:limit]):
        room -= len(json.dumps(command)) + 2  # ASCII JSON is the longest way to write it, so any other fits too
        if room < 0:
            return max(n, 1)
    return min(len(commands), limit)


def coalescing_ms(speed: float) -> int:
    """How far (sale time) a fast rehearsal may run on so that what is due soon goes out in one frame.

    20 ms of real time; at most a minute of the sale, which is the grain of most logs.
    """
    return 0 if speed <= 1 else int(min(20 * speed, 60_000))
