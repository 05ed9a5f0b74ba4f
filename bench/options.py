"""What was asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`quick` measures less of everything: to see that it works, not to quote."""

    quick: bool = False
