"""Guests in a sheet: who comes, on what theme, in which segment, and whether they have said yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.runsheet.reading import read_sheet
from coordinator.runsheet.xlsx import to_xlsx

Load = Callable[..., Any]
SONG = {"id": "song", "name": "宋老师", "theme": "养锅", "poster": "https://img.example/song.jpg", "segment": "intro"}


def test_a_guest_is_read_with_what_is_known_and_is_only_asked_until_the_sheet_says_more(load: Load, small: Any) -> None:
    small["guests"] = [SONG, {"id": "zhang", "name": "张师傅", "state": "confirmed"}]
    plan, _, _ = load(small)
    song, zhang = plan.guests
    assert (song.theme, song.poster, song.state, song.segment) == ("养锅", SONG["poster"], "asked", "intro")
    assert (zhang.state, zhang.segment) == ("confirmed", None)


def test_a_guest_of_no_segment_twice_or_in_an_unknown_state_is_an_error(
    errors: Callable[[Any], list[tuple[str, str]]], small: Any
) -> None:
    small["guests"] = [SONG, {**SONG, "segment": "none"}]
    assert [where for where, _ in errors(small)] == ["guests[1].id", "guests[1].segment"]
    small["guests"] = [{**SONG, "state": "perhaps", "poster": "song.jpg"}]
    assert {where for where, _ in errors(small)} == {"guests[0].state", "guests[0].poster"}


def test_a_guest_segment_without_a_guest_is_told_and_not_more(load: Load, small: Any) -> None:
    small["segments"].append({"id": "talk", "kind": "guest", "lasts": "5m"})

    def told() -> list[tuple[str, str]]:
        return [(f.severity, f.rule) for f in load(small)[2] if "without a guest" in f.message]

    assert told() == [("inform", "PLAN")]
    small["guests"] = [{**SONG, "segment": "talk"}]
    assert told() == []


def test_guests_have_a_tab_of_their_own_in_a_workbook(small: Any) -> None:
    small["guests"] = [SONG, {"id": "zhang", "name": "张师傅", "state": "confirmed"}]
    read = read_sheet(to_xlsx(small))
    assert read.sheet is not None, read.findings
    assert [(g.id, g.theme, g.state, g.segment) for g in read.sheet.guests] == [
        ("song", "养锅", "asked", "intro"),
        ("zhang", "", "confirmed", None),
    ]
