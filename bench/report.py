"""The table of what was measured, with what is to be reached beside it."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    subject: str
    what: str
    value: str
    beside: str = ""
    goal: str = ""
    reached: bool | None = None


BURST_RATIO = 8.0
CLAIMS_S = 30_000
LOADED_P99_MS = 20.0
IDLE_P99_MS = 3.0
CONSOLE_KIB = 30.0
TERMS_US = 1_000
RELAYS_P99_MS = 20.0


def rows(results: dict[str, Any]) -> list[Row]:
    """One row a number; subjects that were not run have none."""
    out: list[Row] = []
    for subject, of in (
        ("fanout", _fanout),
        ("claims", _claims),
        ("lateness", _lateness),
        ("memory", _memory),
        ("storm", _storm),
        ("replay", _replay),
        ("nodes", _nodes),
        ("sizing", _sizing),
        ("checks", _checks),
        ("relays", _relays),
    ):
        if subject in results:
            missing = [key for key in ("failed", "not_measured") if key in results[subject]]
            out += [Row(subject, key, str(results[subject][key])) for key in missing] or of(results)
    return out


def _relays(results: dict[str, Any]) -> list[Row]:
    r = results["relays"]
    out = []
    for name, words in (("tls", "over TLS"), ("plain", "plain")):
        if name in r:
            m = r[name]
            beside = (
                f"after `fire_at` p50 {m['late_p50_ms']}, p99 {m['late_p99_ms']}; the whole of a drop p50 {m['spread_p50_ms']}, "
                f"max {m['spread_max_ms']}; {m['connections']} connections"
            )
            value = f"{m['after_first_p50_ms']} / {m['after_first_p99_ms']}"
            what = f"{r['drops']} drops into {r['groups']} groups, {words}: behind the first of its drop, p50 / p99 ms"
            out.append(
                Row("", what, value, beside, f"p99 < {RELAYS_P99_MS:g}", m["after_first_p99_ms"] < RELAYS_P99_MS)
            )
    return [row._replace(subject="relays" if i == 0 else "") for i, row in enumerate(out)]


def _checks(results: dict[str, Any]) -> list[Row]:
    r = results["checks"]
    worst = max(r[name]["terms_us"]["p95"] for name in ("clean", "dirty"))
    goal = f"under {_many(TERMS_US)}"
    return [
        Row("checks", f"{r['terms']} terms in {r['signs']} signs, p50 / p95 µs", _both(r["clean"]["terms_us"]), "", goal, worst < TERMS_US),
        Row("", "the same in a text that holds six", _both(r["dirty"]["terms_us"])),
        Row("", "all rules, 2,000 signs", _both(r["dirty"]["all_rules_us"])),
        Row("", "all rules, a message of 60 signs", _both(r["message"]["all_rules_us"])),
    ]  # fmt: skip


def _both(times: dict[str, float]) -> str:
    return f"{times['p50']:,.0f} / {times['p95']:,.0f}"


def _many(n: float) -> str:
    return f"{n:,.0f}"


def _fanout(results: dict[str, Any]) -> list[Row]:
    r = results["fanout"]
    ours, bare = r["dropcue"], {name: r[name] for name in ("aiohttp", "websockets")}
    out = [
        Row(
            f"fan-out, {r['consoles']}" if key == "single" else "",
            f"{what}, p50 / last ms",
            f"{ours[key]['p50_ms']} / {ours[key]['last_ms']}",
            "; ".join(f"{n} {b[key]['p50_ms']} / {b[key]['last_ms']}" for n, b in bare.items()),
        )
        for key, what in (("single", "one event"), ("close", "one event, 30 ms after another"))
    ]
    for size, burst in ours["bursts"].items():
        rates = "; ".join(f"{n} {_many(b['bursts'][size]['deliveries_s'])}" for n, b in bare.items())
        ratio = min(r[f"ratio_{size}"].values())
        out.append(
            Row(
                "",
                f"burst of {size}, deliveries/s",
                _many(burst["deliveries_s"]),
                rates,
                f"≥ {BURST_RATIO:g} ×: {ratio:g} ×",
                ratio >= BURST_RATIO,
            )
        )
    deaf = ours["beside_deaf"]
    out.append(
        Row("", "the same beside one who does not read", f"{deaf['ratio']} × the time", f"{deaf['alone_s']} s alone")
    )
    return out


def _claims(results: dict[str, Any]) -> list[Row]:
    r, redis = results["claims"], results.get("redis", {})
    beside = {
        1: f"Redis, pipeline 1: {_many(redis['pipeline_1']['claims_s'])}" if "pipeline_1" in redis else "",
        100: f"Redis, pipeline 16: {_many(redis['pipeline_16']['claims_s'])}" if "pipeline_16" in redis else "",
    }
    out = []
    for size in (1, 10, 100):
        m = r[f"many_{size}"]
        value = f"{_many(m['claims_s'])} ({m['server_us_each']} µs of CPU each, {m['server_busy']:.0%} busy)"
        goal, reached = ("", None) if size < 100 else (f"≥ {_many(CLAIMS_S)}", m["claims_s"] >= CLAIMS_S)
        out.append(
            Row("claims" if size == 1 else "", f"many of {size}, claims/s", value, beside.get(size, ""), goal, reached)
        )
    out.append(
        Row(
            "",
            "acknowledged = in the journal",
            f"{_many(r['acknowledged'])} = {_many(r['journal']['claimed'])}",
            f"verify {r['journal']['verify']}",
        )
    )
    return out


def _lateness(results: dict[str, Any]) -> list[Row]:
    r = results["lateness"]
    out = []
    for name, goal in (("idle", IDLE_P99_MS), ("loaded", LOADED_P99_MS)):
        m = r[name]
        what = "idle" if name == "idle" else f"{r['consoles']} consoles, {m['events_s']} events/s"
        who_run_it = (
            f"; by who runs the show: {m['seen_first_p50_ms']} / {m['seen_first_p99_ms']}" if name != "idle" else ""
        )
        seen = f"seen on consoles: {m['seen_p50_ms']} / {m['seen_p99_ms']}{who_run_it}" + (
            f"; {m['snapshots']} got snapshots" if m["snapshots"] else ""
        )
        out.append(Row("lateness" if name == "idle" else "", f"{what}: p50 / p99 ms", f"{m['late_p50_ms']} / {m['late_p99_ms']}", seen,
                       f"p99 < {goal:g}", m["late_p99_ms"] < goal))  # fmt: skip
    return out


def _memory(results: dict[str, Any]) -> list[Row]:
    r = results["memory"]
    return [
        Row("memory" if i == 0 else "", f"idle console, of {count}: KiB", f"{m['kib_each']:g}", f"process {m['rss_mib']} MiB, empty {r['empty_mib']}",
            f"< {CONSOLE_KIB:g}", m["kib_each"] < CONSOLE_KIB)
        for i, (count, m) in enumerate(r["steps"].items())
    ]  # fmt: skip


def _storm(results: dict[str, Any]) -> list[Row]:
    r = results["storm"]
    out = []
    for name, what in (("cut", "all lines cut"), ("restart", "kill -9 and a start")):
        m = r[name]
        beside = (
            f"{m['snapshots']} snapshots, {m['bytes_mib']:g} MiB; cues late p99 {m['late_p99_ms']} ms; server {m['server_busy']:.0%} of a core "
            f"({m['server_ms_each']} ms each, peak {m['peak_mib']} MiB), client {m['client_busy']:.0%}"
        )
        value = f"{m['p50_s']} / {m['last_s']} (first welcome {m['first_welcome_s']})"
        out.append(
            Row(f"storm, {r['consoles']}" if name == "cut" else "", f"{what}: half / all back, s", value, beside)
        )
    return out


def _replay(results: dict[str, Any]) -> list[Row]:
    return [
        Row(
            "replay" if i == 0 else "",
            f"{name}, events/s",
            _many(m["events_s"]),
            f"reading alone {_many(m['read_events_s'])}; verify {_many(m['verify_events_s'])}",
        )
        for i, (name, m) in enumerate(results["replay"].items())
    ]


def shares(busy: dict[str, float]) -> str:
    """How busy each process was, of one core."""
    return ", ".join(f"{name} {share:.0%}" for name, share in busy.items())


def costs(us_each: dict[str, float]) -> str:
    """What each process took of a core for one of them."""
    return ", ".join(f"{name} {us:g}" for name, us in us_each.items()) + " µs"


WAYS = {
    "one_node": "one node",
    "with_follower": "with a follower that has {} listeners",
    "through_follower": "through it",
}
STORES = {"alone": "Redis alone", "replica": "Redis with a replica"}


def _nodes(results: dict[str, Any]) -> list[Row]:
    out = []
    for store, name in STORES.items():
        claims, fanout = results["nodes"][store]["claims"], results["nodes"][store]["fanout"]
        for way, words in WAYS.items():
            for size, m in claims[way].items():
                what = f"{size.replace('_', ' of ')}, {words.format(claims['listeners'])}: claims/s"
                out.append(
                    Row(name, what, _many(m["claims_s"]), f"CPU: {shares(m['busy'])}; each: {costs(m['us_each'])}")
                )
        count = fanout["consoles"]
        for key, words in (("one_node", f"{count} consoles on one node"), ("two_nodes", "half of them on each of two")):
            m = fanout[key]
            out.append(
                Row(name, f"{words}: one event, p50 / last ms", f"{m['single']['p50_ms']} / {m['single']['last_ms']}")
            )
            for size, burst in m["bursts"].items():
                busy = "CPU: " + shares({"client": burst["client_busy"], **burst["busy"]})
                out.append(Row(name, f"{words}: burst of {size}, deliveries/s", _many(burst["deliveries_s"]), busy))
    # A subject stands before its first row only.
    return [
        row if i == 0 or row.subject != out[i - 1].subject else row._replace(subject="") for i, row in enumerate(out)
    ]


def _sizing(results: dict[str, Any]) -> list[Row]:
    r = results["sizing"]
    out = [
        Row("", f"a sale of {_many(float(n))} events, {kind}: MiB", f"{m['mib']:g}", f"{m['bytes_each']:,} bytes each")
        for kind, steps in r["events"].items()
        for n, m in steps.items()
        if n.isdigit()
    ]
    g = r["groups"]
    out.append(
        Row(
            "", f"a sale of {g['groups']:,} groups: MiB", f"{g['created_mib']:g}",
            f"{g['drops']} drops into all of them: {g['dropped_mib']:g} MiB more",
        )
    )  # fmt: skip
    if "store" in r:
        s = r["store"]
        for kind in ("audience", "claims"):
            m = s[kind]
            beside = f"data folder {m['folder_bytes_each']:,}, Redis's disk {m['redis_disk_bytes_each']:,}"
            out.append(Row("", f"an event in Redis, {kind}: bytes", _many(m["redis_bytes_each"]), beside))
        speeds = f"backup {_many(s['backup_events_s'])}, verify {_many(s['verify_events_s'])}"
        out.append(Row("", f"{s['events']:,} events into Redis, events/s", _many(s["restore_events_s"]), speeds))
    return [out[0]._replace(subject="sizing"), *out[1:]]


def show(machine: dict[str, Any], results: dict[str, Any]) -> None:
    """Prints the machine's facts and the table."""
    console = Console(width=150)
    libraries = ", ".join(f"{k} {v}" for k, v in machine["libraries"].items())
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['kernel']}, fdatasync {machine['fdatasync_p50_ms']} ms, "
        f"load before {machine['load_1m_before']}\nPython {machine['python']}, SQLite {machine['sqlite']}, {libraries}",
        highlight=False,
    )
    table = Table("subject", "measured", "dropcue", "beside it", "to reach")
    for row in rows(results):
        mark = "" if row.reached is None else " [green]yes[/]" if row.reached else " [red]no[/]"
        table.add_row(row.subject, row.what, row.value, row.beside, row.goal + mark)
    console.print(table)
