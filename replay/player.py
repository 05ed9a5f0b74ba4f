"""A past sale, played in the terminal at the speed that is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from coordinator.core import Event, State, evolve
from coordinator.core.sheets import SaleCreated
from coordinator.core.show import ShowStarted
from coordinator.journal import codec
from replay.source import Source
from replay.words import Lang, kind_of, words

_STARTED = f'{{"kind":"{ShowStarted.__struct_config__.tag}"'.encode()
_COLOURS = {
    "show": "bold white", "segment": "bold cyan", "cue": "blue", "link": "magenta", "coupon": "yellow", "order": "green",
    "delivery": "dim", "group": "white", "question": "bright_cyan", "prompt": "bright_blue", "product": "bold magenta",
}  # fmt: skip


class Played(NamedTuple):
    """An event in its time: `offset` is ms from the show's start (the real one where it started)."""

    offset: int
    event: Event
    words: str


class Anchor(NamedTuple):
    """The instant that offsets are counted from, and the sale's time zone."""

    at: int
    zone: ZoneInfo


async def anchor_of(source: Source) -> Anchor:
    """Counted from the real start, else the planned one, else the first event."""
    first: Event | None = None
    zone = ZoneInfo("UTC")
    async for entries in source.batches():
        if first is None:
            first = codec.decode(entries[0], source.sale)
            if isinstance(first, SaleCreated):
                with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
                    zone = ZoneInfo(first.plan.timezone)
        for entry in entries:
            if entry.body.startswith(_STARTED):
                return Anchor(codec.decode(entry, source.sale).at, zone)
    if isinstance(first, SaleCreated):
        return Anchor(first.plan.start, zone)
    return Anchor(first.at if first is not None else 0, zone)


async def played(
    source: Source, anchor: Anchor, *, speed: float, lang: Lang, begin: int | None = None, end: int | None = None,
    wait: Callable[[float], object] | None = None,
) -> AsyncIterator[Played]:  # fmt: skip
    """The events between two offsets, each when its moment has come; speed 0: at once, all of them.

    `wait(seconds)` stands in for waiting in tests.
    """
    start, state = anchor.at, State(sale=source.sale)
    clock_from: float | None = None
    shown_from = 0
    async for event in source.events():
        evolve(state, event)
        offset = event.at - start
        if begin is not None and offset < begin:
            continue
        if end is not None and offset > end:
            return
        if speed:
            if clock_from is None:
                clock_from, shown_from = time.monotonic(), event.at if begin is None else start + begin
            delay = (event.at - shown_from) / 1000 / speed - (time.monotonic() - clock_from if wait is None else 0)
            if wait is not None:
                wait(delay)
            elif delay > 0:
                await asyncio.sleep(delay)
        yield Played(offset, event, words(state, event, lang))


def offset_text(ms: int) -> str:
    """`+0:12:03.250`."""
    sign, ms = ("-", -ms) if ms < 0 else ("+", ms)
    seconds, part = divmod(ms, 1000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{part:03d}"
    return f"{sign}{f'{days}d ' if days else ''}{text}"


async def play(
    source: Source, *, speed: float, lang: Lang, begin: int | None = None, end: int | None = None, as_json: bool = False
) -> int:
    """Shows it, a line an event; how many there were."""
    count = 0
    anchor = await anchor_of(source)
    show = _json_line if as_json else _Lines(anchor.zone).show
    async for one in played(source, anchor, speed=speed, lang=lang, begin=begin, end=end):
        show(one)
        count += 1
        if speed:
            sys.stdout.flush()
    sys.stdout.flush()
    return count


def _json_line(one: Played) -> None:
    line = msgspec.json.encode({"offset_ms": one.offset, "words": one.words, "event": one.event})
    sys.stdout.buffer.write(line + b"\n")


class _Lines:
    def __init__(self, zone: ZoneInfo) -> None:
        from rich.console import Console

        class Screen(Console):
            def on_broken_pipe(self) -> None:
                """Whoever reads has had enough: the command line ends quietly."""
                raise BrokenPipeError

        self._console = Screen(highlight=False, soft_wrap=True)
        self._zone = zone

    def show(self, one: Played) -> None:
        from rich.text import Text

        event, kind = one.event, kind_of(one.event)
        local = datetime.fromtimestamp(event.at / 1000, self._zone)
        line = Text()
        line.append(f"{offset_text(one.offset):>14} ", "bold")
        line.append(f"{local:%H:%M:%S} ", "dim")
        line.append(f"{kind:<19} ", _COLOURS.get(kind.partition(".")[0], ""))
        line.append(f"{event.by:<16} ", "dim")
        line.append(one.words)
        self._console.print(line)
