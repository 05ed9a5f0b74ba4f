"""Shows join links in the terminal: who, which role, the address, and a QR code to scan with a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import segno
from rich.console import Console
from rich.table import Table
from rich.text import Text

ROLE_NAMES = {
    "owner": "负责人 owner",
    "controller": "场控 controller",
    "host": "主播 host",
    "cohost": "副播 cohost",
    "cheer": "气氛组 cheer",
    "support": "客服 support",
    "poster": "群管 poster",
    "relay": "群助手 relay",
}
# Four modules are the standard's; phones read two, and a screen has few columns.
QUIET_MODULES = 2


@dataclass(frozen=True, slots=True)
class JoinLink:
    person: str
    role: str
    url: str

    @property
    def role_name(self) -> str:
        return ROLE_NAMES.get(self.role, self.role)


def print_join_links(
    console: Console, title: str, links: Sequence[JoinLink], *, qr: bool = True, qr_for: Iterable[str] | None = None
) -> None:
    """Prints an overview, then each link on a line of its own, so that it can be copied whole, with its QR code.

    A QR code is left out, with a word about it, where the terminal is too narrow or cannot write its blocks.
    `qr_for` limits the codes to these roles.
    """
    table = Table(title=Text(title), title_justify="left", expand=False)
    table.add_column("人 person", overflow="fold")
    table.add_column("角色 role", overflow="fold")
    for link in links:
        table.add_row(Text(link.person), Text(link.role_name))
    console.print(table)
    wanted = None if qr_for is None else set(qr_for)
    left_out = False
    for link in links:
        console.print()
        console.print(Text.assemble((link.person, "bold"), "  ", (link.role_name, "cyan")))
        # No wrapping and no frame: what a terminal breaks by itself is still one address when it is copied.
        console.print(Text(link.url), soft_wrap=True)
        if not qr or (wanted is not None and link.role not in wanted):
            continue
        picture = qr_text(link.url, console.width, console.encoding)
        if picture is None:
            left_out = True
        else:
            console.print(picture, soft_wrap=True)
    if left_out:
        console.print()
        console.print("QR codes are left out: they are wider than this terminal. Make it wider, or copy the address.")


def qr_text(url: str, columns: int, encoding: str = "utf-8") -> Text | None:
    """A QR code in half blocks, two modules a line; None where it does not fit or cannot be written."""
    if not encoding.lower().replace("-", "").startswith("utf"):
        return None
    try:
        code = segno.make(url, error="l", micro=False)
    except segno.DataOverflowError:
        return None
    rows = [list(row) for row in code.matrix_iter(scale=1, border=QUIET_MODULES)]
    if len(rows[0]) > columns:
        return None
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))  # light, like the margin it continues
    out = Text(no_wrap=True)
    for n in range(0, len(rows), 2):
        # Light modules are drawn: on a dark terminal without colours the code is right as well.
        line = "".join(_BLOCKS[bool(upper), bool(lower)] for upper, lower in zip(rows[n], rows[n + 1], strict=True))
        out.append(line, style="bright_white on black")
        if n + 2 < len(rows):
            out.append("\n")
    return out


_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
