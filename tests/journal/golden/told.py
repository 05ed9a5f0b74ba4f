"""What each golden journal tells as it is folded: what changes with each event, in its order, and what is due then.

`python -m tests.journal.golden.told` prints a digest of each, to be compared with what another process makes of them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from coordinator.core import State, due, evolve
from coordinator.core import state as states
from coordinator.journal import codec
from coordinator.journal.base import Entry

HERE = Path(__file__).parent


def told(path: Path, *, saved: bool = False) -> str:
    """A digest of it; with `saved` the state is put away and taken up again before each event."""
    state, digest = State(sale="kitchen"), hashlib.sha256()
    for n, line in enumerate(path.read_text().splitlines(), 1):
        written = json.loads(line)
        private = written["private"].encode() if "private" in written else None
        if saved and state.plan is not None:
            state = states.decode(states.encode(state))
        changed = evolve(state, codec.decode(Entry(n, written["body"].encode(), private)))
        digest.update(repr((n, list(changed), due(state))).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    for journal in sorted(HERE.glob("*.jsonl")):
        print(journal.stem, told(journal))
