"""`python -m docs.figures`: writes what `make bench` recorded into the README, between its two markers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.report import rows

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results" / "latest.json"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def conditions(written: dict[str, Any]) -> str:
    """On what it was measured, in a sentence or two: a number means nothing without it."""
    m = written["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in m["libraries"].items())
    said = (
        f"Measured {m['at'][:10]} on {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['kernel']}; a write is on the disk "
        f"in {m['fdatasync_p50_ms']} ms (median); load before {m['load_1m_before']}. Server and load share the machine. "
        f"Python {m['python']}, SQLite {m['sqlite']}, {libraries}."
    )
    return said + (" **A quick run: to see that it works, not to quote.**" if written.get("quick") else "")


def table(written: dict[str, Any]) -> str:
    """The table of the README, with its conditions above it."""
    lines = ["| what | measured | Dropcue | beside it | to reach |", "| --- | --- | --- | --- | --- |"]
    subjects = {
        name: found for name, found in written.items() if isinstance(found, dict) and name not in {"machine", "took_s"}
    }
    for row in rows(subjects):
        mark = "" if row.reached is None else " ✓" if row.reached else " **not reached**"
        cells = (row.subject, row.what, row.value, row.beside, row.goal + mark)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return conditions(written) + "\n\n" + "\n".join(lines)


def placed(page: str, body: str) -> str:
    """The page with this between its markers. Raises ValueError where they do not stand there once each."""
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended or BEGIN in rest or END in after:
        raise ValueError(f"the page needs {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n{body}\n{END}{after}"


def main() -> int:
    if not RESULTS.exists():
        sys.stderr.write(f"there is no {RESULTS.relative_to(ROOT)}: run `make bench` first\n")
        return 1
    README.write_text(placed(README.read_text("utf-8"), table(json.loads(RESULTS.read_text("utf-8")))), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
