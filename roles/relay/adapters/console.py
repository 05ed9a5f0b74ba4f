"""The platform `console`: shows what a group would see, and keeps it, so that nothing has to reach a real group.

Kept is one JSON object a line in `DATA/console/sent.jsonl`: `{"group","at","credential",...content}`, `at` in real ms.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, ClassVar

import msgspec
from rich.console import Console
from rich.text import Text

from roles.relay import machine
from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared, Said

# A drop reaches hundreds of groups in one instant: it is shown a blink later, as one block, not as a wall of lines.
SHOW_AFTER_S = 0.05
SHOWN_LINES = 8

# Escape sequences in a message would move the cursor of whoever watches.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as a group would have seen it."""

    group: str
    at: int
    credential: str
    content: Content


class ConsoleCredential(CredentialSettings):
    """`silent: true` keeps without showing."""

    silent: bool = False


class ConsoleAdapter(Adapter[ConsoleCredential, GroupSettings]):
    """Takes everything at once. `heard`, if given, is called with each message: the demo's audience listens there."""

    platform: ClassVar[str] = "console"
    credential_settings: ClassVar[type[CredentialSettings]] = ConsoleCredential

    def __init__(
        self,
        name: str,
        settings: ConsoleCredential,
        data: Path | None,
        *,
        heard: Callable[[str, Content], None] | None = None,
        screen: Console | None = None,
    ) -> None:
        super().__init__(name, settings, data)
        self._heard = heard
        self._screen = None if settings.silent else screen or Console()
        self._unshown: list[Kept] = []
        self._file: IO[bytes] | None = None
        self._showing: asyncio.TimerHandle | None = None
        self._sent = 0

    async def open(self) -> None:
        if self.data is not None:
            path = kept_in(self.data)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        kept = Kept(group=group.id, at=machine.wall_ms(), credential=self.name, content=content)
        if self._file is not None:
            self._file.write(msgspec.json.encode(kept) + b"\n")
        if self._heard is not None:
            self._heard(group.id, content)
        if self._screen is not None:
            self._unshown.append(kept)
            if self._showing is None:
                self._showing = asyncio.get_running_loop().call_later(SHOW_AFTER_S, self._show)
        self._sent += 1
        return Outcome.sent(f"{self.name}-{self._sent}")

    async def check(self, groups: Sequence[GroupSettings]) -> list[Said]:
        return [Said("ok", "it has no key: what goes there is shown on this machine")]

    async def close(self) -> None:
        if self._showing is not None:
            self._showing.cancel()
            self._show()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _show(self) -> None:
        self._showing = None
        block, self._unshown = self._unshown, []
        if self._screen is None or not block:
            return
        lines = [_line(kept) for kept in block[:SHOWN_LINES]]
        if len(block) > SHOWN_LINES:
            lines.append(Text(f"             … and {len(block) - SHOWN_LINES} more groups", style="dim"))
        self._screen.print(Text("\n").join(lines))


def kept_in(data: Path) -> Path:
    """Where a relay with this data folder keeps what its console groups would have seen."""
    return data / "console" / "sent.jsonl"


def read_kept(data: Path) -> list[Kept]:
    """Everything kept so far, in the order of sending; a line that is still being written is left out."""
    path = kept_in(data)
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [msgspec.json.decode(line, type=Kept) for line in whole.splitlines()]


def _line(kept: Kept) -> Text:
    moment = time.strftime("%H:%M:%S", time.localtime(kept.at / 1000)) + f".{kept.at % 1000:03}"
    extra = [*kept.content.images, kept.content.video, kept.content.link, kept.content.coupon]
    said = kept.content.text + "".join(f" [{e}]" for e in extra if e and e not in kept.content.text)
    mark = "📢 " if kept.content.as_ == "announcement" else ""
    return Text.assemble(
        (moment, "dim"), " ", (_CONTROL.sub("", kept.group), "bold cyan"), "  ", mark, _CONTROL.sub("", said)
    )
