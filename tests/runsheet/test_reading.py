"""Reading a sheet: what is understood, and what is said of what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from coordinator.runsheet.findings import Finding
from coordinator.runsheet.reading import read_sheet

Errors = Callable[..., list[tuple[str, str]]]


def only(data: bytes | str, **more: Any) -> Finding:
    reading = read_sheet(data, **more)
    assert reading.sheet is None
    (finding,) = reading.findings
    assert (finding.severity, finding.rule) == ("error", "SHEET")
    return finding


def test_yaml_and_json_of_the_same_sheet_say_the_same(example: bytes) -> None:
    first = read_sheet(example)
    as_json = json.dumps(first.object, ensure_ascii=False)
    for data, name, kind in (
        (as_json, "sheet.json", None),
        (as_json.encode(), "sheet.yaml", "application/json; charset=utf-8"),
        (as_json, "sheet.yaml", None),
        (json.dumps(first.object, indent="\t"), "sheet.yaml", None),
        (b"\xef\xbb\xbf" + example, "sheet.yaml", "application/yaml"),
        (example.decode().encode("utf-16"), "sheet.yaml", None),
    ):
        second = read_sheet(data, name, kind)
        assert second.sheet == first.sheet
        assert second.object == first.object


def test_a_sheet_that_comes_parsed_is_read_and_left_as_it_was(small: dict[str, Any]) -> None:
    before = json.dumps(small)
    assert read_sheet(small).sheet is not None
    assert json.dumps(small) == before


def test_on_off_yes_and_no_are_texts_and_20_00_is_no_number() -> None:
    reading = read_sheet("a: [on, off, yes, no, y, n, 20:00, 0755, 2026-11-11, true, null, 1e3, 12]\noff: 1")
    assert reading.object == {
        "a": ["on", "off", "yes", "no", "y", "n", "20:00", "0755", "2026-11-11", True, None, 1000.0, 12],
        "off": 1,
    }


def test_emoji_and_right_to_left_text_are_kept_as_they_came(small: dict[str, Any]) -> None:
    text = "开抢 🎉👨‍👩‍👧 שלום مرحبا \u200fabc é"
    small["segments"][0]["cues"][1]["text"] = text
    sheet = read_sheet(json.dumps(small)).sheet
    assert sheet is not None
    assert sheet.segments[0].cues[1].text == [text]


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("- a\n- b\n", 1, "mapping"),
        ("just a text", 1, "mapping"),
        ("title: a\ntitle: b\n", 2, "twice"),
        ("title: [a\nkind: b\n", 2, "not YAML"),
        ("title: a\n\tkind: b\n", 2, "not YAML"),
        ("title: a\x00b", 1, "not YAML"),
        ("title: '\ud800'", 1, "not YAML"),
        ('title: a\nkind: "\\ud83d"\n', 2, "half of a character"),
        ('title: "\\0"', 1, "control character U+0000"),
        ("title: !!python/object/apply:os.system [ls]", 1, "tag"),
        ("title: !thing x", 1, "tag"),
        ("title: a\n---\ntitle: b\n", 2, "second document"),
        ("a: &a [b]\n<<: *a\n", 2, "<<"),
        ("a: *nothing", 1, "alias"),
        ("a: &a [*a]", 1, "alias"),
        ("1: x", 1, "must be text"),
        ("? [a]\n: b", 1, "must be text"),
        ("[" * 100_000, 1, "nested"),
        ("a: " + "[" * 50 + "]" * 50, 1, "nested"),
        ("a: " + "9" * 17, 1, "too large"),
        ("a: .5e400", 1, "not a number"),
        ("a: " + "x" * 1_000_001, 1, "1 MB"),
        (b"title: \xb3\xf8\xb7\xbf", 1, "UTF-8"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_line(data: bytes | str, line: int, says: str) -> None:
    finding = only(data)
    assert (finding.line, says in finding.message) == (line, True), finding


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        ("{", 1, "not JSON"),
        ('{\n"a": 1,\n}', 3, "in quotes"),
        ('{"a": 1\n"b": 2}', 2, "comma"),
        ('{"a": 1,\n"a": 2}', 2, "twice"),
        ('{"a": NaN}', 1, "unexpected"),
        ('{"a": "\\u0000"}', 1, "control character"),
        ('{"a": "\\ud83d"}', 1, "half of a character"),
        ('{"a": "tab\there"}', 1, "not JSON"),
        ("[" * 100_000, 1, "nested"),
        ('{"a": ' + "1" * 5000 + "}", 1, "too long"),
        ('{"a": 1} b', 1, "follows the end"),
        ("[1]", 1, "mapping"),
        ("null", 1, "empty"),
    ],
)
def test_what_is_no_json_is_one_error_with_its_line(data: str, line: int, says: str) -> None:
    finding = only(data, name="sheet.json")
    assert (finding.line, says in finding.message) == (line, True), finding


def test_a_small_file_of_aliases_that_means_a_very_large_one_is_refused() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True):
        bomb += f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    assert "aliases" in only(bomb).message


def test_an_alias_stands_for_what_it_names(small: dict[str, Any], errors: Errors) -> None:
    text = json.dumps(small)[:-1] + ', "links": [&room {id: room, kind: room, url: "https://a.example"}]}'
    assert "twice" in only(text, content_type="application/yaml").message
    cue = "{at: start, prompt: host, text: hello}"
    head = "title: t\nkind: flash\ntimezone: UTC\nstart: 2026-11-11 20:00\nsegments:\n"
    sheet = (
        head
        + f"  - {{id: a, kind: opening, lasts: 1m, cues: &c [{cue}]}}\n  - {{id: b, kind: qa, lasts: 1m, cues: *c}}\n"
    )
    assert errors(sheet) == []


def test_what_comes_as_a_workbook_and_is_none_is_said_to_be_so() -> None:
    for data, more in (
        (b"PK\x03\x04\x14\x00", {}),
        (b"", {"name": "sheet.xlsx"}),
        (b"x", {"content_type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}),
    ):
        assert "no .xlsx workbook" in only(data, **more).message


def test_a_parsed_sheet_with_what_json_cannot_say_is_refused(small: dict[str, Any], errors: Errors) -> None:
    ring: list[Any] = []
    ring.append(ring)
    for wrong in (float("nan"), 2**60, b"bytes", {1: 2}, ring, "\ud800", "\x00", {"\x00": 1}):
        assert errors({**small, "title": wrong}), wrong


@pytest.mark.parametrize(
    "fault",  # path, value to put there (... takes it out), where the error is found, what it says
    [
        (("title",), ..., "title", "title is missing; add it, for example title:"),
        (("title",), "", "title", "must not be empty"),
        (("title",), "  ", "title", "must not be empty"),
        (("title",), 7, "title", "must be text"),
        (("title",), "x" * 300, "title", "longer than 200"),
        (("tittle",), "x", "tittle", "did you mean 'title'"),
        (("kind",), "party", "kind", "flash, groupbuy, live or course"),
        (("timezone",), "Mars/Base", "timezone", "IANA name"),
        (("timezone",), "../etc/passwd", "timezone", "IANA name"),
        (("timezone",), 8, "timezone", "text"),
        (("start",), "tomorrow", "start", "2026-11-11 20:00"),
        (("start",), "2026-02-30 20:00", "start", "day is out of range"),
        (("start",), "1999-01-01 20:00", "start", "between 2000 and 2100"),
        (("start",), 20, "start", "date and time"),
        (("currency",), "yuan", "currency", "ISO 4217"),
        (("lead",), 2, "lead", "unit"),
        (("auto_start",), "yes", "auto_start", "true or false"),
        (("team",), {}, "team", "must be a list"),
        (("team", 0, "role"), "boss", "team[0].role", "host, cohost"),
        (("team", 1), {"person": "li", "role": "controller"}, "team[1].person", "twice"),
        (("groups", 0), "g1", "groups[0]", "mapping of fields"),
        (("groups", 0, "id"), 1, "groups[0].id", 'write it in quotes: "1"'),
        (("groups", 0, "id"), "a b", "groups[0].id", "no id"),
        (("groups", 1, "id"), "g1", "groups[1].id", "already that of groups[0]"),
        (("groups", 0, "relay"), [1], "groups[0].relay[0]", "quotes"),
        (("groups", 0, "members"), -1, "groups[0].members", "at least 0"),
        (("products", 0, "price"), "12.345", "products[0].price", "CNY has 2"),
        (("products", 0, "price"), "¥12", "products[0].price", "not an amount of CNY"),
        (("products", 0, "price"), True, "products[0].price", "129.00"),
        (("products", 0, "price"), 0.1 + 0.2, "products[0].price", "not exact"),
        (("products", 0, "price"), -5, "products[0].price", "not an amount"),
        (("products", 0, "url"), "javascript:alert(1)", "products[0].url", "no web address"),
        (("products", 0, "url"), "shop.example", "products[0].url", "no web address"),
        (("products", 0, "url"), "https://a b", "products[0].url", "no web address"),
        (("products", 0, "url"), "https://bank.example@evil.example", "products[0].url", "before @"),
        (("products", 0, "url"), "https://[::1", "products[0].url", "no web address"),
        (("coupons", 0, "quantity"), 0, "coupons[0].quantity", "at least 1"),
        (("coupons", 0, "quantity"), "500", "coupons[0].quantity", "whole number, without quotes"),
        (("coupons", 0, "kind"), "deposit", "coupons[0].worth", "a deposit coupon needs worth"),
        (
            ("coupons", 0, "kind"),
            "percent",
            "coupons[0].off",
            "a percent coupon has no off; it takes over, percent, at_most",
        ),
        (("coupons", 0, "kind"), "free", "coupons[0].kind", "threshold, amount, percent"),
        (("products", 0, "price"), "1e9", "products[0].price", "write it like"),
        (("products", 0, "price"), 1e9, "products[0].price", 'write an amount from "0" to "100000000.00" CNY'),
        (("products", 0, "price"), 0.001, "products[0].price", "CNY has 2; write it like"),
        (("products", 0, "price"), "129元", "products[0].price", 'write it like "129.00", without sign or symbol'),
        (("coupons", 0, "over"), ..., "coupons[0].over", "needs over"),
        (("coupons", 0, "off"), "0.00", "coupons[0].off", "off is nothing"),
        (("coupons", 0, "id"), "pan", "coupons[0].id", "already stands under products"),
        (("coupons", 0, "products"), ["pot"], "coupons[0].products[0]", "no product pot"),
        (("coupons", 0, "valid"), "2 fortnights", "coupons[0].valid", "no length of time"),
        (("links", 0, "kind"), "blog", "links[0].kind", "room, reserve"),
        (("segments", 0, "lasts"), "0s", "segments[0].lasts", "longer than nothing"),
        (("segments", 0, "lasts"), 3, "segments[0].lasts", "unit"),
        (("segments", 0, "at"), "end", "segments[0].at", "no end to count from"),
        (("segments", 0, "at"), "noon", "segments[0].at", "no time"),
        (("segments", 0, "product"), "pot", "segments[0].product", "no product pot"),
        (("segments", 0, "cues", 0, "at"), ..., "segments[0].cues[0].at", "neither at nor when"),
        (("segments", 0, "cues", 0, "at"), "25:00", "segments[0].cues[0].at", "hour must be"),
        (("segments", 0, "cues", 0, "at"), 90, "segments[0].cues[0].at", "a time is text"),
        (("segments", 0, "cues", 0, "when"), "messages > 3", "segments[0].cues[0].when", "either at or when"),
        (("segments", 0, "cues", 0, "again_after"), "10m", "segments[0].cues[0].again_after", "a cue with when"),
        (("segments", 0, "cues", 0, "id"), "link", "segments[0].cues[1].id", "already that of segments[0].cues[0]"),
        (("segments", 0, "cues", 0, "id"), "intro.3", "segments[0].cues[2].id", "already that of"),
        (("segments", 0, "cues", 0, "id"), "hand-1", "segments[0].cues[0].id", "made in the show"),
        (("segments", 0, "cues", 0, "do"), "wheel.spin", "segments[0].cues[0].do", "checkin.close, checkin.open"),
        (("segments", 0, "cues", 0, "do"), ..., "segments[0].cues[0].do", "does nothing"),
        (("segments", 0, "cues", 0, "prompt"), "host", "segments[0].cues[0].do", "one of do, prompt and task"),
        (("segments", 0, "cues", 3, "text"), ..., "segments[0].cues[3].text", "no text"),
        (("segments", 0, "cues", 3, "text"), ["a", "b"], "segments[0].cues[3].text", "only a task"),
        (("segments", 0, "cues", 3, "to"), "li", "segments[0].cues[3].to", "remove to"),
        (("segments", 0, "cues", 1, "groups"), "tier=vip", "segments[0].cues[1].groups", "at character 1"),
        (("segments", 0, "cues", 1, "groups"), "group:g9", "segments[0].cues[1].groups", "no group g9"),
        (("segments", 0, "cues", 1, "groups"), [], "segments[0].cues[1].groups", "selector"),
        (("segments", 0, "cues", 1, "late"), "never", "segments[0].cues[1].late", "skip after 30s"),
        (("segments", 0, "cues", 1, "late"), "skip after 30", "segments[0].cues[1].late", "no length of time"),
        (("segments", 0, "cues", 1, "confirm"), "boss", "segments[0].cues[1].confirm", "controller"),
        (("segments", 0, "cues", 1, "link"), "pot", "segments[0].cues[1].link", "no link pot"),
        (("segments", 0, "cues", 1, "product"), "pot", "segments[0].cues[1].product", "no product pot"),
        (("segments", 0, "cues", 2, "coupon"), ..., "segments[0].cues[2].coupon", "needs a coupon"),
        (("segments", 0, "cues", 2, "quantity"), 1.5, "segments[0].cues[2].quantity", "whole number"),
        (("segments", 0, "cues", 0), None, "segments[0].cues[0]", "mapping of fields, not nothing"),
    ],
)
def test_each_fault_names_its_place_and_what_to_do(
    small: dict[str, Any], errors: Errors, fault: tuple[tuple[Any, ...], Any, str, str]
) -> None:
    path, value, where, says = fault
    target: Any = small
    for part in path[:-1]:
        target = target[part]
    if value is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    found = errors(small)
    assert where in [place for place, _ in found], found
    assert any(says in message for place, message in found if place == where), found


def test_a_condition_that_names_what_is_not_there_is_refused(small: dict[str, Any], errors: Errors) -> None:
    cue = {"when": "coupon c9 left < 3 or product pot stock < 1 or messages > 3", "prompt": "host", "text": "x"}
    small["segments"][0]["cues"].append(cue)
    assert [message.split(";")[0] for _, message in errors(small)] == [
        "at character 8: there is no coupon c9",
        "at character 31: there is no product pot",
    ]
    cue["when"] = "coupon c20 left is low"
    assert [place for place, _ in errors(small)] == ["segments[0].cues[4].when"]


def test_a_link_drop_of_a_product_without_an_address_is_refused(small: dict[str, Any], errors: Errors) -> None:
    del small["products"][0]["url"]
    assert errors(small) == [("segments[0].cues[1].do", "the product pan has no address to drop; add url to it")]


def test_a_cue_outside_a_product_segment_must_say_what_it_drops(small: dict[str, Any], errors: Errors) -> None:
    del small["segments"][0]["product"]
    assert [place for place, _ in errors(small)] == ["segments[0].cues[0].product", "segments[0].cues[1].link"]


def test_findings_carry_the_line_of_the_field_or_of_what_is_around_it(example: bytes) -> None:
    text = example.decode().replace("quantity: 500", "quantity: 0").replace("lasts: 3m", "lasst: 3m")
    found = {(each.where, each.line) for each in read_sheet(text).findings}
    assert found == {("coupons[0].quantity", 12), ("segments[1].lasst", 27), ("segments[1].lasts", 24)}


def test_a_file_with_a_hundred_thousand_faults_gives_a_hundred_and_says_so(small: dict[str, Any]) -> None:
    small["groups"] = [{"id": f"g{n}", "x": 1} for n in range(1000)]
    findings = read_sheet(small).findings
    assert len(findings) == 101
    assert "more faults" in "".join(each.message for each in findings)
