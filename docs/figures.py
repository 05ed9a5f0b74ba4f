"""`python -m docs.figures`: writes what the bench recorded into README.md and docs/sizing.md, between their markers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import STORES, WAYS, costs, rows, shares

ROOT = Path(__file__).parents[1]
README, SIZING = ROOT / "README.md", ROOT / "docs" / "sizing.md"
RESULTS = ROOT / "bench" / "results" / "latest.json"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
SIZING_BEGIN, SIZING_END = "<!-- sizing -->", "<!-- /sizing -->"

QUIET_LOAD = 1.0  # before the first measurement; beyond it somebody else is at work


def conditions(written: dict[str, Any]) -> str:
    """On what it was measured, in a sentence or two: a number means nothing without it."""
    m = written["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in m["libraries"].items())
    loads = [load for pair in written.get("load_1m", {}).values() for load in pair] or [m["load_1m_before"]]
    load = f"load {min(loads)} to {max(loads)}" if len(loads) > 1 else f"load before {loads[0]}"
    said = (
        f"Measured {m['at'][:10]} on {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['kernel']}; a write is on the disk "
        f"in {m['fdatasync_p50_ms']} ms (median); {load}. Server and load share the machine. "
        f"Python {m['python']}, SQLite {m['sqlite']}, {libraries}."
    )
    if m["load_1m_before"] > QUIET_LOAD:  # the bench's own load comes later
        said += " **Other programs wanted the same cores meanwhile: rates are lower, and times longer, than the machine's own.**"
    return said + (" **A quick run: to see that it works, not to quote.**" if written.get("quick") else "")


def table(written: dict[str, Any]) -> str:
    """The table of the README, with its conditions above it."""
    subjects = {
        name: found
        for name, found in written.items()
        if isinstance(found, dict) and name not in {"machine", "took_s", "load_1m"}
    }
    lines = []
    for row in rows(subjects):
        mark = "" if row.reached is None else " ✓" if row.reached else " **not reached**"
        lines.append((row.subject, row.what, row.value, row.beside, row.goal + mark))
    return conditions(written) + "\n\n" + _table(("what", "measured", "Dropcue", "beside it", "to reach"), lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    out = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    out += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join(out)


def sizes(written: dict[str, Any]) -> str:
    """The tables of the page on sizing, with their conditions and an example."""
    sizing, store = written["sizing"], written["sizing"]["store"]
    nodes = written["nodes"] if "alone" in written.get("nodes", {}) else None
    consoles = list(written["memory"]["steps"].items())[-1]
    by_events = {kind: {n: m for n, m in found.items() if n.isdigit()} for kind, found in sizing["events"].items()}
    most = list(by_events["audience"])[-1]
    (a, fixed_a), (k, fixed_k) = (_slope(by_events[kind]) for kind in ("audience", "claims"))
    busy = max(fixed_a, fixed_k)
    saved = {kind: round(m["state_bytes"] / m["events"]) for kind, m in written["replay"].items()}
    groups = sizing["groups"]
    g = round(groups["created_mib"] * 1024 / groups["groups"], 1)
    empty, each = sizing["events"]["audience"]["empty_mib"], consoles[1]["kib_each"]
    units = [
        ("M", "an empty node", f"{empty:g} MiB", "sizing"),
        ("c", f"an idle console, of {int(consoles[0]):,}", f"{each:g} KiB", "memory"),
        ("b", "a sale that has been busy, beside its events", f"{busy:g} MiB", "sizing"),
        ("a", f"an audience event, of {int(most):,}", f"{a:,} bytes", "sizing"),
        ("k", f"a claim, of {int(most):,}", f"{k:,} bytes", "sizing"),
        ("g", f"a group, of {groups['groups']:,}", f"{g:g} KiB", "sizing"),
        ("d", f"a delivery, of {groups['deliveries']:,}", f"{groups['delivery_bytes']:,} bytes", "sizing"),
        ("u", "CPU for a claim, in a `many` of 1 / 10 / 100", " / ".join(f"{written['claims'][f'many_{n}']['server_us_each']:g}" for n in (1, 10, 100)) + " µs", "claims"),
        ("v", "CPU for an event to a console, alone / in a burst of 100", _delivered(nodes), "nodes"),
        ("ra, rk", "an audience event, a claim in Redis's memory", f"{store['audience']['redis_bytes_each']:,}, {store['claims']['redis_bytes_each']:,} bytes", "sizing"),
        ("", "an audience event that comes alone, the same", f"{store['lone_redis_bytes_each']:,} bytes", "sizing"),
        ("", "an audience event, a claim on Redis's disk", f"{store['audience']['redis_disk_bytes_each']:,}, {store['claims']['redis_disk_bytes_each']:,} bytes", "sizing"),
        ("", "an audience event, a claim in the data folder", f"{store['audience']['folder_bytes_each']:,}, {store['claims']['folder_bytes_each']:,} bytes", "sizing"),
        ("sa, sk", "an audience event, a claim in a saved state", f"{saved['audience']:,}, {saved['claims']:,} bytes", "replay"),
        ("", "events a second that are read and folded", f"{written['replay']['audience']['events_s']:,}", "replay"),
    ]  # fmt: skip
    weighs = [
        (f"{int(n):,} {'audience events' if kind == 'audience' else 'claims'}", f"{m['mib']:g} MiB")
        for kind, found in by_events.items()
        for n, m in found.items()
    ]
    weighs += [
        (f"{groups['groups']:,} groups; a controller's first state is {groups['welcome_kib']:,} KiB", f"{groups['created_mib']:g} MiB"),
        (f"{groups['drops']} drops into all of them, {groups['drop_ms']} ms each; the state is {groups['dropped_welcome_kib']:,} KiB then", f"{groups['dropped_mib']:g} MiB"),
    ]  # fmt: skip
    million, disk = store["events"], sum(store[kind]["redis_disk_bytes_each"] for kind in ("audience", "claims")) / 2
    copies = (
        f"{million:,} events, half of them claims, are {store['redis_mib']:,} MiB of Redis's memory and {million * disk / 2**20:,.0f} MiB of "
        f"its disk. To restore them into Redis takes {million / store['restore_events_s']:,.0f} s, to back them up "
        f"{million / store['backup_events_s']:,.0f} s, to verify them {million / store['verify_events_s']:,.0f} s; a node that starts "
        f"on them and has no saved state has taken them up after {store['take_up_s']:g} s."
    )
    example = (
        empty
        + busy
        + (1000 * each + 1000 * g) / 1024
        + (100_000 * a + 20_000 * k + 20_000 * groups["delivery_bytes"]) / 2**20
    )
    in_redis = {kind: store[kind]["redis_bytes_each"] + 2 * saved[kind] for kind in ("audience", "claims")}
    redis = (100_000 * in_redis["audience"] + 20_000 * in_redis["claims"]) / 2**20
    said = (
        f"An example: a sale of 1,000 groups with 1,000 consoles, 100,000 audience events, 20,000 claims and 20 drops into all "
        f"groups needs {example:,.0f} MiB on the node that conducts it, the same on one that follows it with as many "
        f"consoles, and {redis:,.0f} MiB of Redis."
    )
    parts = [
        conditions(written),
        "### What things weigh\n\n" + _table(("", "what", "measured", "subject"), units),
        "### A sale in a node's memory\n\n" + _table(("a sale with", "memory"), weighs),
        said,
        "### A million events\n\n" + copies,
        "### Claims a second, of one sale\n\n" + _claims(written, nodes),
    ]
    if nodes is not None:
        parts.append("### One node, or two\n\n" + _two(nodes))
    return "\n\n".join(parts)


def _slope(steps: dict[str, dict[str, float]]) -> tuple[int, float]:
    """(bytes for each event beyond the first step, MiB that are there whatever their number)."""
    (few, least), (many, most) = ((int(n), m["mib"]) for n, m in steps.items())
    each = (most - least) / (many - few)
    return round(each * 2**20), round(least - each * few, 1)


def _delivered(nodes: dict[str, Any] | None) -> str:
    if nodes is None:
        return "not measured"
    fanout = nodes["alone"]["fanout"]["one_node"]
    return f"{fanout['single']['server_us_each']:g} / {fanout['bursts']['100']['server_us_each']:g} µs"


def _claims(written: dict[str, Any], nodes: dict[str, Any] | None) -> str:
    found = written["claims"]
    rates = (f"{found[f'many_{n}']['claims_s']:,}" for n in (1, 10, 100))
    busy = shares({"client": found["many_100"]["client_busy"], "server": found["many_100"]["server_busy"]})
    lines = [("SQLite, one process", *rates, busy, costs({"server": found["many_100"]["server_us_each"]}))]
    for store, name in STORES.items() if nodes is not None else ():
        claims = nodes[store]["claims"]
        for way, words in WAYS.items():
            m = claims[way]
            rates = (f"{m[f'many_{n}']['claims_s']:,}" for n in (10, 100))
            busy, each = shares(m["many_100"]["busy"]), costs(m["many_100"]["us_each"])
            lines.append((f"{name}, {words.format(claims['listeners'])}", "", *rates, busy, each))
    return _table(("the journal is in", "many of 1", "of 10", "of 100", "of a core (of 100)", "each (of 100)"), lines)


def _two(nodes: dict[str, Any]) -> str:
    lines = []
    for store, name in STORES.items():
        fanout = nodes[store]["fanout"]
        for key, words in (("one_node", "all on one node"), ("two_nodes", "half of them on each of two")):
            m, burst = fanout[key]["single"], fanout[key]["bursts"]["100"]
            busy = shares({"client": burst["client_busy"], **burst["busy"]})
            lines.append((f"{name}, {words}", f"{m['p50_ms']} / {m['last_ms']}", f"{burst['deliveries_s']:,}", busy))
    count = nodes["alone"]["fanout"]["consoles"]
    return _table(
        (f"{count:,} consoles", "one event, p50 / last ms", "burst of 100, deliveries/s", "burst: of a core"), lines
    )


def placed(page: str, body: str, begin: str = BEGIN, end: str = END) -> str:
    """The page with this between its markers. Raises ValueError where they do not stand there once each."""
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended or begin in rest or end in after:
        raise ValueError(f"the page needs {begin} and {end}, once each")
    return f"{before}{begin}\n{body}\n{end}{after}"


def main() -> int:
    if not RESULTS.exists():
        sys.stderr.write(f"there is no {RESULTS.relative_to(ROOT)}: run `make bench` first\n")
        return 1
    written = json.loads(RESULTS.read_text("utf-8"))
    README.write_text(placed(README.read_text("utf-8"), table(written)), "utf-8")
    SIZING.write_text(placed(SIZING.read_text("utf-8"), sizes(written), SIZING_BEGIN, SIZING_END), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
