"""Runs one seed, or looks for the first that breaks a promise, and prints its trace.

python -m tests.simulation 17            the trace of seed 17, and what it breaks
python -m tests.simulation 0 200         the seeds from 0 to 199: those that break something
"""

from __future__ import annotations

import sys
import time

from tests.simulation.promises import broken
from tests.simulation.world import World


def main() -> int:
    first, *rest = [int(a) for a in sys.argv[1:] if a != "-v"]
    if not rest:
        world = World(first).run()
        print("\n".join(world.trace))
        wrong = broken(world)
        print(*wrong, sep="\n", file=sys.stderr)
        return bool(wrong)
    found = 0
    for seed in range(first, rest[0]):
        began = time.perf_counter()
        world = World(seed).run()
        wrong = broken(world)
        took = time.perf_counter() - began
        if wrong or "-v" in sys.argv:
            print(
                f"seed {seed} ({took:.2f} s, {len(world.store.sale('sim').entries)} events)",
                *wrong,
                sep="\n   ",
                flush=True,
            )
        found += bool(wrong)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
