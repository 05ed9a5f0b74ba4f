"""How a draw's winners are found: a seed that was committed to, the list of entries, and SHA-256. Anybody can do it again.

    commit   SHA-256 of the seed, published when the draw opens
    order    the entries, each by SHA-256 of "SEED:ENTRY"
    winners  the first so many of that order; prizes in the order in which the rules name them

The list's own order does not matter, nobody can stand in it twice, and before the seed is revealed nobody can tell
where an entry will come.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def commit_of(seed: str) -> str:
    """What is published at the opening."""
    return digest(seed)


def winners_of(seed: str, entries: Iterable[str], places: int) -> list[str]:
    """The winners in the order in which they are drawn; fewer where there are fewer entries."""
    return sorted(set(entries), key=lambda entry: digest(f"{seed}:{entry}"))[:places]
