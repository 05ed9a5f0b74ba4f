"""The rows that the figures are computed from: one kind of thing that happened, its columns typed."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Message(NamedTuple):
    at: int
    group: str
    member: str | None
    valid: bool
    """Not only a sticker, and not what this member had said before."""


class Coming(NamedTuple):
    """Members who came or went; `heads` is above 1 only where nobody could name them."""

    at: int
    group: str
    member: str | None
    what: str  # joined, left, removed, dissolved
    heads: int
    channel: str | None


class Click(NamedTuple):
    at: int
    member: str | None
    drop: str | None
    cue: str | None
    group: str | None
    product: str | None
    link: str | None


class Claim(NamedTuple):
    at: int
    member: str | None
    group: str | None
    drop: str | None
    cue: str | None
    coupon: str


class Redemption(NamedTuple):
    at: int
    claim: Claim
    order: str
    off: int


class Fire(NamedTuple):
    at: int
    cue: str
    drop: str | None
    planned_at: int
    late_ms: int


class Sent(NamedTuple):
    at: int
    drop: str
    cue: str
    group: str
    relay: str
    kind: str
    what: str | None
    late_ms: float
    """From the drop's moment to the relay's sending, in real ms."""
    heads: int
    """How many were in the group then."""
    hands: bool = False
    """Whether a person posted it."""
    platform: str = ""
    """Empty where its relay did not tell."""


class Asking(NamedTuple):
    at: int
    question: str
    group: str


class Answered(NamedTuple):
    at: int
    question: str
    person: str
    groups: tuple[str, ...]


class Acked(NamedTuple):
    at: int
    person: str
    after_ms: int


class Overruled(NamedTuple):
    """One send. `rules` were overruled, with the reason; `terms` are what was found, by rule."""

    at: int
    by: str
    rules: tuple[str, ...]
    reason: str
    terms: tuple[tuple[str, str], ...]
    checked_by: str  # the rule set and its version


class Mark(NamedTuple):
    """Something to be seen on the time line."""

    at: int
    what: str
    text: str


class SegmentRow(msgspec.Struct, kw_only=True):
    """A segment as it was planned, as it stood just before, and as it ran. None: it did not."""

    id: str
    index: int
    name: str
    kind: str
    planned_start: int
    planned_end: int
    revised_start: int
    revised_end: int
    real_start: int | None = None
    real_end: int | None = None
    status: str = "planned"
