"""What the texts of a sheet say: the rules about words, asked of each text as its use makes them hold."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core import cue_kinds
from coordinator.core.checks import POSTED, POSTING, SELLS
from coordinator.core.rules import Judge
from coordinator.core.wording import Use, judged
from coordinator.runsheet.checks.found import Found, posts
from coordinator.runsheet.compiling import cue_fields
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.source import Path

OF_A_GROUP = ("rules", "announcement", "welcome")


def check(sheet: Sheet, judge: Judge) -> Iterator[Found]:
    known = tuple([each.url for each in sheet.links] + [each.url for each in sheet.products if each.url])
    for path, text, use in said(sheet, known):
        for fault in judged(judge, text, use):
            yield Found(fault.severity, fault.rule, path, fault.message, fault.zh)


def said(sheet: Sheet, known: tuple[str, ...] = ()) -> Iterator[tuple[Path, str, Use]]:
    """Every text of the sheet that somebody will read or hear, and what it is for."""
    own = tuple(sheet.checks.exceptions)
    shown = Use(known=known, exceptions=own)
    heard = Use(sent=False, exceptions=own)
    yield ("title",), sheet.title, shown
    for index, group in enumerate(sheet.groups):
        for field in OF_A_GROUP:
            yield ("groups", index, field), getattr(group, field), shown
    for field in OF_A_GROUP:
        yield ("floor", field), getattr(sheet.floor, field), shown
    for name, reminder in sheet.floor.reminders.items():
        yield ("floor", "reminders", name), reminder, shown
    for index, product in enumerate(sheet.products):
        yield ("products", index, "name"), product.name, shown
        yield ("products", index, "script"), product.script, heard
        for at, point in enumerate(product.points):
            yield ("products", index, "points", at), point, shown
    for index, coupon in enumerate(sheet.coupons):
        yield ("coupons", index, "title"), coupon.title, shown
    for index, link in enumerate(sheet.links):
        yield ("links", index, "title"), link.title, shown
    for index, phrase in enumerate(sheet.phrases):
        yield ("phrases", index, "text"), phrase.text, shown
    for index, guest in enumerate(sheet.guests):
        yield ("guests", index, "name"), guest.name, heard
        yield ("guests", index, "theme"), guest.theme, heard
    for index, keyword in enumerate(sheet.keywords):
        brings = bool(keyword.coupon or keyword.link or keyword.product)
        yield ("keywords", index, "text"), keyword.text or "", Use(sells=brings, known=known, exceptions=own)
    posting = POSTING | {member.person for member in sheet.team if member.role in POSTING}
    for number, segment in enumerate(sheet.segments):
        for index, cue in enumerate(segment.cues):
            kind = cue.action.kind if cue.action is not None else None
            use = heard
            if kind == "task.assign" and not posts(cue, posting):
                continue  # a word among the team
            if kind is not None and kind != "prompt.send":
                use = Use(sells=kind in SELLS, posted=kind in POSTED, known=known, exceptions=own)
            cue_path: Path = ("segments", number, "cues", index)
            for field, words in cue_kinds.said_by(kind or "", cue_fields(cue, segment, kind or "")).items():
                yield (*cue_path, field), words, shown
            path: Path = (*cue_path, "text")
            several = len(cue.text or ()) > 1
            for at, text in enumerate(cue.text or ()):
                yield (*path, at) if several else path, text, use
