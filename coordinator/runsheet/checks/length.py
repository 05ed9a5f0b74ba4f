"""LENGTH: too long for people, or for the platform that takes it; pictures that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from coordinator.core import selectors
from coordinator.core.cue_kinds import into_groups
from coordinator.core.plan import Plan
from coordinator.core.platform_limits import too_long
from coordinator.core.rules import Judge
from coordinator.runsheet import times
from coordinator.runsheet.checks.found import Found, each_cue, pictures
from coordinator.runsheet.model import Sheet

NO_PICTURES = frozenset(
    {
        ".pdf",
        ".svg",
        ".heic",
        ".heif",
        ".tif",
        ".tiff",
        ".psd",
        ".ai",
        ".mp4",
        ".mov",
        ".avi",
        ".webm",
        ".html",
        ".htm",
        ".zip",
    }
)


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    longest = judge.limit("LENGTH", "product_ms")
    for number, segment in enumerate(plan.segments):
        if longest is not None and segment.kind == "product" and segment.lasts > longest:
            message = (
                f"{segment.id} lasts {times.length_text(segment.lasts)}; {_minutes(longest)} is the most a product holds, "
                "make it shorter or two"
            )
            zh = f"{segment.id} 长 {times.length_text(segment.lasts)}, 一个商品最多讲 {times.length_text(longest)}; 缩短, 或分成两段"
            yield Found("warn", "LENGTH", ("segments", number, "lasts"), message, zh)
    yield from _pictures(sheet)
    relays = {group.id: group.relay[:1] for group in plan.groups}
    for path, cue, compiled, _, _ in each_cue(sheet, plan):
        if not into_groups(compiled.do):
            continue
        reached = {r for g in selectors.select(compiled.groups or "all", plan.groups) for r in relays[g]}
        for text in cue.text or ():
            for fault in too_long(plan, judge, text, reached):
                yield Found(fault.severity, fault.rule, (*path, "text"), fault.message, fault.zh)


def _pictures(sheet: Sheet) -> Iterator[Found]:
    """What an address tells by itself; its size and type are asked of the net by `dropcue sheet check --images`."""
    for path, address in pictures(sheet):
        ending = PurePosixPath(urlsplit(address).path).suffix.lower()
        if ending in NO_PICTURES:
            message = f"the address ends in {ending}, which groups do not show as a picture; give a JPG or PNG"
            yield Found("warn", "LENGTH", path, message, f"地址以 {ending} 结尾, 群里不会显示为图片; 改用 JPG 或 PNG")


def _minutes(ms: int) -> str:
    return "three minutes" if ms == 180_000 else times.length_text(ms)
