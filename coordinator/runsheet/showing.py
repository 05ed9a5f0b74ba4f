"""What was understood of a sheet, as a table at the command line."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.runsheet.understood import Understood, UnderstoodCue, UnderstoodSegment

SHOWN_TEXT = 120  # characters of a text: its beginning tells it from others


def show(console: Console, sale: Understood) -> None:
    """The sale in one line, then its run of show."""
    groups, members = sale["reach"]["groups"], sale["reach"]["members"]
    console.print(f"[bold]{escape(sale['title'])}[/]", highlight=False)
    console.print(
        f"{sale['kind']}, {sale['start_local']} in {sale['timezone']}, {sale['currency']}; "
        f"{groups} groups with {members:,} members",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("when", no_wrap=True)
    table.add_column("cue", overflow="fold")
    table.add_column("what", overflow="fold")
    table.add_column("reaches", justify="right", no_wrap=True)
    table.add_column("text", overflow="fold", ratio=1)
    day = ""
    for segment in sale["segments"]:
        if segment["start_local"][:10] != day:
            day = segment["start_local"][:10]
            table.add_row(f"[bold]{day}[/]", "", "", "", "")
        _segment(table, segment)
        for cue in segment["cues"]:
            _cue(table, cue, day)
    console.print(table)


def _segment(table: Table, segment: UnderstoodSegment) -> None:
    last = (
        segment["end_local"] if segment["end_local"][:10] != segment["start_local"][:10] else segment["end_local"][11:]
    )
    what = segment["kind"] + (f" {segment['product']}" if segment["product"] else "")
    held = ", ends by hand" if segment["manual"] else ""
    table.add_row(
        f"[bold cyan]{segment['start_local'][11:]}[/]",
        f"[bold cyan]{escape(segment['id'])}[/]",
        f"[cyan]{escape(what)}[/]",
        "",
        f"[cyan]{escape(segment['name'])}{' ' if segment['name'] else ''}until {last}{held}[/]",
    )


def _cue(table: Table, cue: UnderstoodCue, day: str) -> None:
    local = cue["local"]
    when = f"when {cue['when']}" if local is None else local[11:] if local.startswith(day) else local[5:]
    what = " ".join(each for each in (cue["do"], cue["about"], f"to {cue['to']}" if cue["to"] else None) if each)
    if cue["confirm"]:
        what += f" (waits for {cue['confirm']})"
    reach = cue["reach"]
    text = " / ".join((cue["text"] or "").splitlines())
    table.add_row(
        "" if local is None else f"  {when}",
        escape(cue["id"]),
        escape(what if local is not None else f"{what}, {when}"),
        "" if reach is None else f"{reach['groups']} gr / {reach['members']:,}",
        escape(text if len(text) <= SHOWN_TEXT else text[: SHOWN_TEXT - 1] + "…"),
    )
