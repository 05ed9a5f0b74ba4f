"""What the two bare loops share: their process, and events of the same content as Dropcue's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import ROOT
from bench.server import free_port, stop
from bench.wire import BenchError


class Numbers:
    """Numbered events, as JSON."""

    def __init__(self) -> None:
        self.seq = 0

    def event(self, text: str) -> str:
        self.seq += 1
        event = {
            "kind": "note.added", "seq": self.seq, "at": time.time_ns() // 1_000_000, "by": "controller:desk",
            "note": f"n{self.seq}", "text": f"{self.seq:04d} {text}",
        }  # fmt: skip
        position = f"00000000.{self.seq}.00000000"
        return json.dumps(
            {"op": "events", "position": position, "events": [event]}, ensure_ascii=False, separators=(",", ":")
        )


@contextmanager
def process(module: str) -> Iterator[tuple[int, int]]:
    """A bare loop in a process of its own; its port and process id."""
    port = free_port()
    running = subprocess.Popen([sys.executable, "-m", module, str(port)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        if running.stdout is None or running.stdout.readline() != b"ready\n":
            raise BenchError(f"{module} did not start")
        yield port, running.pid
    finally:
        stop(running)
