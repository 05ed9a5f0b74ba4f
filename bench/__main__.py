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

from bench import claims, fanout, lateness, machine, memory, redis_claims, replay, report, storm
from bench.options import Options
from bench.wire import BenchError

SUBJECTS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "claims": claims.measure, "redis": redis_claims.measure, "fanout": fanout.measure, "lateness": lateness.measure,
    "memory": memory.measure, "storm": storm.measure, "replay": replay.measure,
}  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(SUBJECTS)}", default=",".join(SUBJECTS))
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works, not to quote")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    given = parser.parse_args()
    chosen = given.only.split(",")
    unknown = [name for name in chosen if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no {unknown[0]}; choose of {','.join(SUBJECTS)}")
    options = Options(quick=given.quick)
    facts = machine.facts()
    results: dict[str, Any] = {}
    failed = False
    for name in [n for n in SUBJECTS if n in chosen]:
        print(f"{name} …", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            results[name] = SUBJECTS[name](options)
        except (BenchError, OSError, subprocess.SubprocessError) as e:
            # The others can still be measured; what failed says so in its place.
            results[name], failed = {"failed": f"{type(e).__name__}: {e}"}, True
        results[name]["took_s"] = round(time.perf_counter() - started, 1)
        print(f"{name}: {results[name]['took_s']} s", file=sys.stderr, flush=True)
    timings = {name: found.pop("took_s") for name, found in results.items()}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    written = {"machine": facts, "quick": options.quick, "took_s": timings, **results}
    given.output.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf-8")
    report.show(facts, results)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
