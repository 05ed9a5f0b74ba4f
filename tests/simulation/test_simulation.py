"""Whatever goes wrong, the promises are kept: many runs of several nodes, relays and consoles, each from a seed of its own.

A seed that fails replays exactly: `python -m tests.simulation SEED` prints its trace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.bugs import BUGS, TELLS, planted
from tests.simulation.promises import broken
from tests.simulation.world import World

ROOT = Path(__file__).parent.parent.parent
SEEDS, AT_ONCE = 200, 20
MANY, MANY_AT_ONCE = 5_000, 100


def failures(first: int, count: int) -> str:
    """What the seeds from `first` on break, and how to see it again."""
    wrong = {seed: broken(World(seed).run()) for seed in range(first, first + count)}
    return "\n".join(
        f"seed {seed} (python -m tests.simulation {seed}):\n    " + "\n    ".join(what)
        for seed, what in wrong.items()
        if what
    )


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_promises_are_kept_whatever_goes_wrong(first: int) -> None:
    assert not failures(first, AT_ONCE)


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, MANY, MANY_AT_ONCE))
def test_the_promises_are_kept_for_long(first: int) -> None:
    assert not failures(first, MANY_AT_ONCE)


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found(bug: str) -> None:
    with planted(bug):
        for seed in range(SEEDS):
            found = [what for what in broken(World(seed).run()) if what.startswith(f"{TELLS[bug]}: ")]
            if found:
                print(f"{bug}: found by seed {seed}: {found[0]}")
                return
    pytest.fail(f"{bug} was not found in {SEEDS} seeds")


def trace(seed: int, hashes: int) -> str:
    """What another process, that hashes texts in another manner, prints for a seed."""
    command = [sys.executable, "-m", "tests.simulation", str(seed)]
    environment = os.environ | {"PYTHONHASHSEED": str(hashes)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("seed", [7, 8, 9, 10])
def test_a_seed_replays_exactly(seed: int) -> None:
    here = "\n".join(World(seed).run().trace) + "\n"
    assert "\n".join(World(seed).run().trace) + "\n" == here, "another run in this process"
    for hashes in (seed, 10 * seed):
        assert trace(seed, hashes) == here, f"another process: PYTHONHASHSEED={hashes}"
    assert "\n".join(World(seed + 1).run().trace) + "\n" != here
