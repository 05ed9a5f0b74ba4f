"""`dropcue sheet`: print a ready sheet, check one, show what was understood, turn YAML, JSON and XLSX into each other."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from coordinator.errors import CannotStart, DropcueError, UsageError
from coordinator.runsheet.findings import Finding

app = typer.Typer(no_args_is_help=True, help="Print, check, show and convert run sheets.")

_STYLES = {"error": "bold red", "block": "red", "warn": "yellow", "inform": "cyan"}


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="What kind of sale: flash, groupbuy, live, course.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write to this file; an existing one is kept.")
    ] = None,
) -> None:
    """Print a ready sheet: whole, good, and with its format explained at the top. It starts some days ahead."""
    from coordinator.runsheet.ready import KINDS, ready_sheet
    from coordinator.runsheet.source import from_yaml
    from coordinator.runsheet.writing import written

    with _told():
        if kind not in KINDS:
            raise UsageError(
                f"there is no ready sheet of kind {kind!r} in this version, only {', '.join(KINDS)}; "
                f"begin with `dropcue sheet new {KINDS[0]}` and change it"
            )
        text = ready_sheet(kind, now_ms=_now_ms())
        if out is None:
            sys.stdout.write(text)
            return
        if out.exists():
            raise UsageError(f"{out} is already there, perhaps with work in it; choose another name or move it away")
        _write(
            out,
            written(from_yaml(text).value, out.suffix.lower()) if out.suffix.lower() in {".xlsx", ".json"} else text,
        )
        typer.echo(f"wrote {out}; next: dropcue sheet check {out}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A sheet as YAML, JSON or XLSX.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    rules: Annotated[
        Path | None,
        typer.Option(envvar="DROPCUE_RULES", help="A folder of rule sets of your own, beside the shipped one."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Ask the pictures' servers for their size and type; needs the net.")
    ] = False,
) -> None:
    """Say what is wrong with a sheet, where, and what to do. Ends with 1 where something is an error or blocks."""
    from coordinator.rules import take
    from coordinator.runsheet import load_plan

    with _told():
        if rules is not None:
            take(rules)
        _, _, findings = load_plan(_read(file), file.name, None, _now_ms())
        if images:
            findings += _of_pictures(file)
        if as_json:
            sys.stdout.write(json.dumps(_objects(findings), ensure_ascii=False, indent=2) + "\n")
        else:
            _table(file, findings)
        if any(each.severity in {"error", "block"} for each in findings):
            raise typer.Exit(1)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A sheet as YAML, JSON or XLSX.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, with the findings.")] = False,
) -> None:
    """Show what was understood of a sheet: the run of show in local time, whom each cue reaches, and what the checks find."""
    from rich.console import Console

    from coordinator.runsheet import load_plan, showing
    from coordinator.runsheet.understood import understood

    with _told():
        plan, _, findings = load_plan(_read(file), file.name, None, _now_ms())
        read = None if plan is None else understood(plan)
        if as_json:
            told = {"sheet": read, "findings": _objects(findings)}
            sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
        else:
            if read is not None:
                showing.show(Console(), read)
            _table(file, findings)
        if any(each.severity in {"error", "block"} for each in findings):
            raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A sheet as YAML, JSON or XLSX.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Where to write it; .yaml, .json or .xlsx says as what.")
    ],
) -> None:
    """Write a sheet in another format. What it says stays the same; only YAML has a place for comments."""
    from coordinator.runsheet.reading import read_sheet
    from coordinator.runsheet.writing import written

    with _told():
        suffix = target.suffix.lower()
        if suffix not in {".json", ".yaml", ".yml", ".xlsx"}:
            raise UsageError(f"{target}: sheets are written as .yaml, .json or .xlsx; name the file so")
        if source.resolve() == target.resolve():
            raise UsageError(f"{source} would be written over itself; give the result another name")
        reading = read_sheet(_read(source), source.name)
        if reading.object is None:
            first = reading.findings[0]
            line = f", line {first.line}" if first.line else ""
            raise DropcueError(f"{source}{line}: {first.message}")
        _write(target, written(reading.object, suffix))
        typer.echo(f"wrote {target}; next: dropcue sheet check {target}")


@app.command()
def schema() -> None:
    """Print the sheet's JSON Schema, for an editor that completes and checks while you write."""
    from coordinator.runsheet.schema import sheet_schema

    sys.stdout.write(json.dumps(sheet_schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")


class _told:  # noqa: N801  reads as `with _told():`
    """Turns an error of ours into a line on stderr and its exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DropcueError):
            typer.echo(f"dropcue sheet: {error}", err=True)
            raise typer.Exit(error.exit_code) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotStart(
            f"{file} cannot be read ({error.strerror or error}); check the name and its rights"
        ) from error


def _write(file: Path, content: str | bytes) -> None:
    try:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise CannotStart(
            f"{file} cannot be written ({error.strerror or error}); check the folder and its rights"
        ) from error


def _of_pictures(file: Path) -> list[Finding]:
    import asyncio

    from coordinator.runsheet import pictures
    from coordinator.runsheet.reading import read_sheet

    return asyncio.run(pictures.check(read_sheet(_read(file), file.name)))


def _objects(findings: list[Finding]) -> list[dict[str, object]]:
    """As JSON for programs: in English, whatever the language here."""
    return [{name: value for name, value in each.as_object().items() if name != "zh"} for each in findings]


def _chinese() -> bool:
    """Whether who reads this terminal reads Chinese, as the locale says."""
    words = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next((word for word in words if word), "").lower().startswith("zh")


def _table(file: Path, findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console, chinese = Console(soft_wrap=False), _chinese()
    if not findings:
        console.print(f"{escape(str(file))}: good, nothing to say", highlight=False)
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("rule", no_wrap=True)
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("what, and what to do", overflow="fold", ratio=1)
    for each in findings:
        table.add_row(
            f"[{_STYLES[each.severity]}]{each.severity}[/]",
            each.rule,
            str(each.line or ""),
            escape(each.where),
            escape(each.said(chinese=chinese)),
        )
    console.print(table)
    counts = {severity: sum(each.severity == severity for each in findings) for severity in _STYLES}
    said = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    verdict = "cannot be used" if counts["error"] else "must not be sent so" if counts["block"] else "can be used"
    console.print(f"{escape(str(file))}: {said}; the sheet {verdict}", highlight=False)
