"""The commands that read a sale: replay, verify, review, export."""

from __future__ import annotations

import asyncio
import gc
import json
import math
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from coordinator.errors import Corrupt, UsageError

if TYPE_CHECKING:
    from replay.source import Source

T = TypeVar("T")


class Lang(StrEnum):
    """The languages that a review can be read in."""

    ZH = "zh"
    EN = "en"


What = Annotated[
    str, typer.Argument(metavar="SALE|ARCHIVE", help="A sale's id, or the folder that `dropcue export` wrote.")
]
SaleName = Annotated[str, typer.Argument(metavar="SALE", help="A sale's id.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the journal (DROPCUE_DATA; default ./dropcue-data).")]
Redis = Annotated[str | None, typer.Option(help="Address of a shared Redis (DROPCUE_REDIS).")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
Language = Annotated[Lang, typer.Option(help="Language of the words.")]
Out = Annotated[Path | None, typer.Option("-o", "--out", help="Folder to write into; it is made where it is missing.")]


def add_commands(app: typer.Typer) -> None:
    """Adds the commands to `dropcue`."""
    for command in (replay, verify, review, export):
        app.command()(command)


def where(data: Path | None, redis: str | None) -> tuple[Path, str | None]:
    """The data folder and Redis that are meant: the flags, else the environment, else the defaults."""
    from coordinator.settings import chosen_settings

    chosen = chosen_settings(data=data, redis=redis)
    return chosen.data, chosen.redis


def _run(work: Coroutine[Any, Any, T]) -> T:
    # A pass makes millions of small objects and keeps most of them: looking for circles among them is half its cost.
    gc.disable()
    return asyncio.run(work)


async def _opened(name: str, data: Path | None, redis: str | None) -> Source:
    from replay.source import open_source

    folder, address = where(data, redis)
    return await open_source(name, folder, address)


def _offset(name: str, text: str | None) -> int | None:
    """`-10m`, `90s`, `1h30m`: ms from the show's start."""
    from coordinator.runsheet.times import TimeError, length

    if text is None:
        return None
    sign, plain = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    try:
        return sign * length(plain)
    except TimeError:
        raise UsageError(f"--{name} {text}: give a time from the show's start, such as -10m, 90s or 1h30m") from None


def replay(
    sale: What,
    speed: Annotated[
        float, typer.Option(help="How fast; 1 is as it happened, 0 as fast as can be.", min=0, max=1_000_000)
    ] = 1,
    begin: Annotated[
        str | None, typer.Option("--from", help="Begin here: a time from the show's start, such as -10m or 90s.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="End here.")] = None,
    lang: Language = Lang.ZH,
    data: Data = None,
    redis: Redis = None,
    as_json: Json = False,
) -> None:
    """Show in the terminal what happened, at the speed that is asked for."""
    from replay.player import play

    first, last = _offset("from", begin), _offset("to", end)
    if math.isnan(speed):
        raise UsageError("--speed nan: give a number such as 10")

    async def main() -> None:
        source = await _opened(sale, data, redis)
        try:
            await play(
                source, speed=speed, lang="en" if lang is Lang.EN else "zh", begin=first, end=last, as_json=as_json
            )
        finally:
            await source.close()

    try:
        asyncio.run(main())
    except BrokenPipeError:
        # Whoever reads has had enough. With its number click would make it a failure; without, `main` ends quietly.
        raise BrokenPipeError from None


def verify(sale: What, data: Data = None, redis: Redis = None, as_json: Json = False) -> None:
    """Check a sale's record: numbers without gaps, chain of hashes, the state that follows from it."""
    from replay.verify import verify_source

    async def main() -> None:
        source = await _opened(sale, data, redis)
        try:
            found = await verify_source(source)
        finally:
            await source.close()
        if as_json:
            typer.echo(json.dumps(found.as_object(), ensure_ascii=False))
            return
        kept = (
            f", the saved state of number {found.snapshot} is the one they give" if found.snapshot is not None else ""
        )
        typer.echo(
            f"{found.sale}: {found.events} events, whole and unchanged; the state folds{kept}. Hash {found.hash}"
        )
        for note in found.notes:
            typer.echo(f"  {note}")

    try:
        _run(main())
    except Corrupt as e:
        if not as_json:
            raise
        typer.echo(json.dumps({"sale": e.sale, "ok": False, "number": e.seq, "what": e.what}, ensure_ascii=False))
        raise SystemExit(e.exit_code) from None


def review(
    sale: What, out: Out = None, lang: Language = Lang.ZH, data: Data = None, redis: Redis = None, as_json: Json = False
) -> None:
    """The review: figures with their definitions, as review.json and review.html in a folder, or as JSON."""
    from replay.report import write_review
    from replay.review import review_source

    if out is None and not as_json:
        raise UsageError("say where the review goes, with -o DIR, or --json to have it printed")

    async def main() -> None:
        source = await _opened(sale, data, redis)
        try:
            made = await review_source(source)
        finally:
            await source.close()
        if out is not None:
            paths = write_review(made, out, "en" if lang is Lang.EN else "zh")
            if not as_json:
                for path in paths:
                    typer.echo(str(path))
        if as_json:
            typer.echo(json.dumps(made.as_object(), ensure_ascii=False))

    _run(main())


def export(
    sale: SaleName,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to put the archive into.")],
    data: Data = None,
    redis: Redis = None,
    as_json: Json = False,
    as_written: Annotated[
        bool,
        typer.Option("--as-written", help="Leave telephone and identity numbers in what members said as they are."),
    ] = False,
) -> None:
    """Write one sale as an archive: a folder SALE.dropcue that replay, verify and review read. Numbers are masked."""
    from replay.archive import write_archive
    from replay.source import JournalSource

    async def main() -> None:
        source = await _opened(sale, data, redis)
        try:
            if not isinstance(source, JournalSource):
                raise UsageError(f"{sale} is an archive already: copy the folder")
            folder = await write_archive(source.journal, source.sale, out, as_written=as_written)
        finally:
            await source.close()
        typer.echo(json.dumps({"sale": sale, "archive": str(folder)}, ensure_ascii=False) if as_json else str(folder))

    _run(main())
