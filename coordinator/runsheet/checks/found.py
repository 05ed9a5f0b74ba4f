"""What a check finds, and the walk over a sheet and its plan that the checks share."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from coordinator.core.plan import At, CuePlan, Plan, SegmentPlan
from coordinator.runsheet.findings import Severity
from coordinator.runsheet.model import Cue, Sheet
from coordinator.runsheet.source import Path


@dataclass(frozen=True, slots=True)
class Found:
    severity: Severity
    rule: str
    path: Path
    message: str
    zh: str


def windows(plan: Plan) -> list[tuple[int, int]]:
    """Start and end of each segment, as planned, in ms since 1970."""
    found: list[tuple[int, int]] = []
    for segment in plan.segments:
        begin = found[-1][1] if found else plan.start
        if segment.at is not None:
            begin = segment.at.instant if segment.at.instant is not None else plan.start + segment.at.offset
        found.append((begin, begin + segment.lasts))
    return found


def due(at: At, plan: Plan, window: tuple[int, int]) -> int:
    """The instant of a timed cue of a segment with that window, as planned."""
    if at.instant is not None:
        return at.instant
    base = {"show": plan.start, "start": window[0], "end": window[1]}[at.base]
    return base + at.offset


def each_cue(sheet: Sheet, plan: Plan) -> Iterator[tuple[Path, Cue, CuePlan, SegmentPlan, tuple[int, int]]]:
    for number, (segment, planned, window) in enumerate(zip(sheet.segments, plan.segments, windows(plan), strict=True)):
        for index, (cue, compiled) in enumerate(zip(segment.cues, planned.cues, strict=True)):
            yield ("segments", number, "cues", index), cue, compiled, planned, window


def posts(cue: Cue, posting: Container[str]) -> bool:
    """Whether the words of a task are for members of the groups, and not among the team. `posting` are who posts there."""
    return cue.what in {"post", "thank"} or (cue.what is None and (cue.task or cue.who or "") in posting)


def pictures(sheet: Sheet) -> Iterator[tuple[Path, str]]:
    """Every picture of a sheet, and where it stands."""
    for index, product in enumerate(sheet.products):
        if product.image is not None:
            yield ("products", index, "image"), product.image
    for index, guest in enumerate(sheet.guests):
        if guest.poster is not None:
            yield ("guests", index, "poster"), guest.poster
    for number, segment in enumerate(sheet.segments):
        for index, cue in enumerate(segment.cues):
            for at, image in enumerate(cue.images or ()):
                yield ("segments", number, "cues", index, "images", at), image
