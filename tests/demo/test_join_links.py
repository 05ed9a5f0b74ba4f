"""Join links can be read, copied and scanned from the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from coordinator.demo.join_links import JoinLink, print_join_links, qr_text

URL = "http://192.168.1.20:8700/console/#" + "eyJhbGciOiJIUzI1NiJ9" * 12
LINKS = [
    JoinLink("lin", "host", URL),
    JoinLink("王小明", "controller", URL + "x"),
    JoinLink("q", "guest", "http://h/#t"),
]


def printed(width: int, **options: object) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=False, color_system=None)
    print_join_links(console, "双十一 厨房专场 [场次 s1]", LINKS, **options)
    return out.getvalue()


def test_each_person_has_a_name_a_role_in_both_languages_and_a_whole_address() -> None:
    out = printed(100)
    lines = [line.rstrip() for line in out.splitlines()]
    assert "主播 host" in out
    assert "场控 controller" in out
    assert "双十一 厨房专场 [场次 s1]" in out
    assert all(link.url in lines for link in LINKS)


@pytest.mark.parametrize("width", [12, 20, 40, 79])
def test_a_narrow_terminal_gets_the_address_whole_and_no_broken_code(width: int) -> None:
    out = printed(width)
    assert all(link.url in out.splitlines() for link in LINKS)
    for line in out.splitlines():
        if set(line) & set("█▀▄"):
            assert len(line) <= width
    assert ("left out" in " ".join(out.split())) == (width < 79)


def test_codes_can_be_limited_to_roles_or_left_out() -> None:
    assert "█" not in printed(100, qr=False)
    assert 0 < printed(100, qr_for=["host"]).count("█") < printed(100).count("█")


def test_the_blocks_hold_exactly_the_modules_of_the_code() -> None:
    import segno

    picture = qr_text("http://h/#t", 80)
    assert picture is not None
    pairs = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    drawn: list[list[int]] = []
    for line in picture.plain.split("\n"):
        drawn.append([pairs[c][0] for c in line])
        drawn.append([pairs[c][1] for c in line])
    code = segno.make("http://h/#t", error="l", micro=False)
    wanted = [[int(bool(m)) for m in row] for row in code.matrix_iter(border=2)]
    assert drawn[: len(wanted)] == wanted


def test_a_terminal_that_writes_no_blocks_or_an_endless_address_gets_no_code() -> None:
    assert qr_text("http://h/#t", 80, "ascii") is None
    assert qr_text("h" * 5_000, 10_000) is None
