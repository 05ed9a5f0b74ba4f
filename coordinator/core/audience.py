"""How far the sale reaches beyond its groups: viewers of the stream, and exposures of the channels that lead into groups.

Told by the platform's hook or a relay, or typed in. The last word on each figure counts; what was said before stands in
the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
from pydantic import Field

from coordinator.core.kernel import Command, Event, Key, Refusal, ShortText, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.state import State

Number = Annotated[int, Field(ge=0, le=10**12)]
HISTORY_KEPT = 60  # of the viewers: what a small line on a screen can show
FIGURES = ("viewers", "peak", "views", "likes", "comments", "shares", "followers")


class Viewers(msgspec.Struct, frozen=True):
    at: int
    viewers: int


class Audience(msgspec.Struct, kw_only=True):
    """The stream's own figures as they were told last; None: never. `peak` is never below what viewers were told to be."""

    id: str = "stream"
    viewers: int | None = None
    peak: int | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    followers: int | None = None
    at: int = 0
    by: str = ""
    history: tuple[Viewers, ...] = ()


class Channel(msgspec.Struct, kw_only=True):
    """A way into the groups, such as a poster or a shop's counter, and how often it was seen."""

    id: str
    exposures: int = 0
    at: int = 0


class AudienceReported(Event, tag="audience.reported", kw_only=True):
    viewers: int | None = None
    peak: int | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    followers: int | None = None


class ChannelExposed(Event, tag="channel.exposed", kw_only=True):
    channel: str
    count: int


@command("audience.report", events=("audience.reported",))
class AudienceReport(Command):
    """The stream's own figures: who watches now (`viewers`), the rest as totals so far; at least one of them."""

    viewers: Number | None = None
    peak: Number | None = None
    views: Number | None = None
    likes: Number | None = None
    comments: Number | None = None
    shares: Number | None = None
    followers: Number | None = None


@command("channel.expose", events=("channel.exposed",))
class ChannelExpose(Command):
    """So many more saw a channel. What was told too high is taken back with a count below 0."""

    channel: ShortText
    count: Annotated[int, Field(ge=-(10**9), le=10**9)]


@decides(AudienceReport)
def report(turn: Turn, c: AudienceReport) -> None:
    told = {name: value for name in FIGURES if (value := getattr(c, name)) is not None}
    if not told:
        raise Refusal("invalid", f"name at least one of {', '.join(FIGURES)}", {"field": "viewers"})
    turn.emit(AudienceReported(**told))


@decides(ChannelExpose)
def expose(turn: Turn, c: ChannelExpose) -> None:
    known = turn.state.channels.get(c.channel)
    if c.count == 0 or (known.exposures if known else 0) + c.count < 0:
        raise Refusal("invalid", "a count is not 0, and takes back at most what was told", {"field": "count"})
    turn.emit(ChannelExposed(channel=c.channel, count=c.count))


@evolves(AudienceReported)
def reported(state: State, e: AudienceReported) -> Iterable[Key]:
    known = state.audience.setdefault("stream", Audience())
    known.at, known.by = e.at, e.by
    for name in FIGURES:
        value = getattr(e, name)
        if value is not None:
            setattr(known, name, value)
    if e.viewers is not None:
        known.history = (*known.history[1 - HISTORY_KEPT :], Viewers(e.at, e.viewers))
        known.peak = max(known.peak or 0, e.viewers)
    return (("audience", "stream"),)


@evolves(ChannelExposed)
def exposed(state: State, e: ChannelExposed) -> Iterable[Key]:
    channel = state.channels.setdefault(e.channel, Channel(id=e.channel))
    channel.exposures += e.count
    channel.at = e.at
    return (("channels", e.channel),)
