"""The load client's process: `python -m bench.load SUBJECT`, a job as JSON on stdin, its result as JSON on stdout.

It is a process of its own so that what it costs is never counted as the server's.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.wire import BenchError

ROOT = Path(__file__).parent.parent


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors so far. On a shared machine it says more than the wall's clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(subject: str, job: dict[str, Any], seconds: float = 240.0) -> dict[str, Any]:
    """Runs a job in a process of its own and gives its result. Raises BenchError."""
    command = [sys.executable, "-m", "bench.load", subject]
    try:
        done = subprocess.run(
            command, input=json.dumps(job).encode(), capture_output=True, cwd=ROOT, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise BenchError(f"the load for {subject} took longer than {seconds} s: {(e.stderr or b'')[-300:]!r}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        print(said, file=sys.stderr)
        # The results carry the reason only: a traceback names folders of this machine.
        raise BenchError(
            f"the load for {subject} failed: {said.strip().splitlines()[-1] if said.strip() else done.returncode}"
        )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    subject = importlib.import_module(f"bench.{sys.argv[1]}")
    job = json.load(sys.stdin)
    gc.set_threshold(100_000, 50, 100)  # the client's own pauses are not what is measured
    print(json.dumps(uvloop.run(subject.load(job))))


if __name__ == "__main__":
    main()
