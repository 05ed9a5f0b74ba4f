"""`python -m bench`: measures, prints the table, writes bench/results/latest.json."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import (
    checks,
    claims,
    fanout,
    lateness,
    machine,
    memory,
    nodes,
    redis_claims,
    relays,
    replay,
    report,
    sizing,
    storm,
)
from bench.options import Options
from bench.wire import BenchError

SUBJECTS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "claims": claims.measure, "redis": redis_claims.measure, "fanout": fanout.measure, "lateness": lateness.measure,
    "memory": memory.measure, "storm": storm.measure, "replay": replay.measure, "nodes": nodes.measure, "sizing": sizing.measure, "checks": checks.measure,
    "relays": relays.measure,
}  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(SUBJECTS)}", default=",".join(SUBJECTS))
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works, not to quote")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    parser.add_argument("--keep", action="store_true", help="keep what the file has of other subjects, of this machine")
    given = parser.parse_args()
    chosen = given.only.split(",")
    unknown = [name for name in chosen if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no {unknown[0]}; choose of {','.join(SUBJECTS)}")
    options = Options(quick=given.quick)
    facts = machine.facts()
    results: dict[str, Any] = {}
    loads: dict[str, list[float]] = {}
    failed = False
    for name in [n for n in SUBJECTS if n in chosen]:
        print(f"{name} …", file=sys.stderr, flush=True)
        started, before = time.perf_counter(), machine.load()
        try:
            results[name] = SUBJECTS[name](options)
        except (BenchError, OSError, subprocess.SubprocessError) as e:
            # The others can still be measured; what failed says so in its place.
            results[name], failed = {"failed": f"{type(e).__name__}: {e}"}, True
        results[name]["took_s"] = round(time.perf_counter() - started, 1)
        loads[name] = [before, machine.load()]
        print(f"{name}: {results[name]['took_s']} s", file=sys.stderr, flush=True)
    timings = {name: found.pop("took_s") for name, found in results.items()}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    written = {"machine": facts, "quick": options.quick, "took_s": timings, "load_1m": loads, **results}
    if given.keep and given.output.exists():
        written = kept_beside(json.loads(given.output.read_text("utf-8")), written)
    given.output.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf-8")
    report.show(facts, results)
    return int(failed)


def kept_beside(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What was measured now, with what was measured before beside it. Raises BenchError for another machine's."""
    same = ("cpu", "cores", "memory_gib", "kernel", "python")
    if any(was["machine"][fact] != now["machine"][fact] for fact in same) or was["quick"] != now["quick"]:
        raise BenchError("the file is of another machine, or of a quick run: name another one with --output")
    together = {key: {**was.get(key, {}), **now[key]} for key in ("took_s", "load_1m")}
    return {**was, **now, **together}


if __name__ == "__main__":
    raise SystemExit(main())
