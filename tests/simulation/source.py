"""The one source of chance in a run: each part draws from a stream of its own, so that one more draw here moves nothing there."""

from __future__ import annotations

import random


class Source:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._product = self.stream("product")

    def stream(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def bytes(self, n: int) -> bytes:
        """What the product gets for random bytes."""
        return self._product.randbytes(n)

    def between(self, low: float, high: float) -> float:
        return self._product.uniform(low, high)
