"""What reading or checking a sheet has found: where, how bad, and what to do about it."""

from __future__ import annotations

from typing import Literal, TypedDict

import msgspec

from coordinator.runsheet.source import Path

Severity = Literal["error", "block", "warn", "inform"]
SEVERITIES: tuple[Severity, ...] = ("error", "block", "warn", "inform")  # the worst first


class FindingObject(TypedDict):
    """A finding as JSON. `message` and `zh` say the same in English and in Chinese."""

    severity: Severity
    rule: str
    where: str
    line: int | None
    message: str
    zh: str


class Finding(msgspec.Struct, frozen=True):
    """`error`: the sheet cannot be read. `block`: it must not be sent so. `warn`, `inform`: somebody should look.

    `where` is the place in the sheet, such as `segments[1].cues[2].text`; `line` counts from 1 and is None for
    a sheet that came already parsed. `zh` is the message in Chinese, empty where it has none.
    """

    severity: Severity
    rule: str
    where: str
    line: int | None
    message: str
    zh: str = ""

    def said(self, *, chinese: bool) -> str:
        """The message in the reader's language, where it is there in it."""
        return (self.zh or self.message) if chinese else self.message

    def as_object(self) -> FindingObject:
        """The finding as HTTP gives it."""
        return FindingObject(
            severity=self.severity,
            rule=self.rule,
            where=self.where,
            line=self.line,
            message=self.message,
            zh=self.zh or self.message,
        )


def where(path: Path) -> str:
    """`("segments", 1, "cues", 2, "text")` is `segments[1].cues[2].text`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part[:60].encode("utf-8", "backslashreplace").decode()
            text += f".{shown}" if text else shown
    return text
