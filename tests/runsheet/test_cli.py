"""`dropcue sheet` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coordinator.runsheet.cli import app
from coordinator.runsheet.reading import read_sheet


def run(*args: str | Path, lang: str = "C.UTF-8") -> Result:
    env = {"COLUMNS": "200", "LANG": lang, "LC_ALL": "", "LC_MESSAGES": ""}
    return CliRunner().invoke(app, [str(each) for each in args], env=env)


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    file = tmp_path / "flash.yaml"
    assert run("new", "flash", "-o", file).exit_code == 0
    return file


def test_new_prints_a_sheet_that_check_finds_good(flash: Path) -> None:
    printed = run("new", "flash")
    assert printed.exit_code == 0
    assert printed.stdout.startswith("# ")
    assert flash.read_text(encoding="utf-8") == printed.stdout
    checked = run("check", flash)
    assert checked.exit_code == 0
    assert "good" in checked.stdout


def test_new_keeps_a_file_that_is_there(flash: Path) -> None:
    flash.write_text("mine", encoding="utf-8")
    result = run("new", "flash", "-o", flash)
    assert (result.exit_code, flash.read_text(encoding="utf-8")) == (2, "mine")
    assert "already there" in result.stderr


def test_new_of_another_kind_says_which_there_are() -> None:
    result = run("new", "bazaar")
    assert result.exit_code == 2
    assert "only flash" in result.stderr


def test_check_names_line_field_and_what_to_do(tmp_path: Path, example: bytes) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(example.replace(b"quantity: 500", b"quantity: none"))
    result = run("check", file)
    assert result.exit_code == 1
    assert "12" in result.stdout
    assert "coupons[0].quantity" in result.stdout
    assert "a whole number" in result.stdout


def test_check_speaks_the_language_of_the_terminal(tmp_path: Path, example: bytes) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(example.replace(b"lasts: 3m", b"lasts: 4m"))
    assert "the most a product holds" in run("check", file).stdout
    chinese = run("check", file, lang="zh_CN.UTF-8").stdout
    assert "一个商品最多讲 3m" in chinese
    assert "the most a product holds" not in chinese


def test_check_as_json_gives_the_findings_of_the_contract(tmp_path: Path, example: bytes) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(example.replace("上链接 {link}".encode(), "国家级 {link}".encode()))
    result = run("check", file, "--json")
    assert result.exit_code == 1
    first = json.loads(result.stdout)[0]
    assert (first["severity"], first["rule"], first["line"]) == ("block", "AD-ABS", 31)
    assert first["where"] == "segments[1].cues[2].text"
    assert set(first) == {"severity", "rule", "where", "line", "message"}


def test_check_ends_with_0_where_there_are_only_warnings(tmp_path: Path, example: bytes) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(example.replace(b"2026-11-11", b"2020-11-11"))
    result = run("check", file)
    assert result.exit_code == 0
    assert "in the past" in result.stdout


def test_a_file_that_cannot_be_read_ends_with_3(tmp_path: Path) -> None:
    for file in (tmp_path / "none.yaml", tmp_path):
        result = run("check", file)
        assert result.exit_code == 3
        assert "cannot be read" in result.stderr


def test_convert_there_and_back_says_the_same(flash: Path, tmp_path: Path) -> None:
    assert run("convert", flash, tmp_path / "a.json").exit_code == 0
    assert run("convert", tmp_path / "a.json", tmp_path / "b.yml").exit_code == 0
    assert run("convert", tmp_path / "b.yml", tmp_path / "c.json").exit_code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "c.json").read_bytes()
    assert run("check", tmp_path / "b.yml").exit_code == 0


def test_convert_quotes_what_yaml_would_read_as_something_else(tmp_path: Path) -> None:
    texts = [
        "true",
        "129.00",
        "null",
        "",
        " a ",
        "a: b",
        "# c",
        "*x",
        "&x",
        "!x",
        "line\nbreak",
        "emoji 🎉",
        "'",
        '"',
        "{a",
        "- b",
        "\u2028",
        "\x85",
    ]
    (tmp_path / "a.json").write_text(json.dumps({"title": "t", "x": texts}), encoding="utf-8")
    assert run("convert", tmp_path / "a.json", tmp_path / "b.yaml").exit_code == 0
    assert read_sheet((tmp_path / "b.yaml").read_bytes()).object == {"title": "t", "x": texts}


def test_convert_refuses_what_it_cannot_do(flash: Path, tmp_path: Path) -> None:
    assert run("convert", flash, tmp_path / "a.csv").exit_code == 2
    assert run("convert", flash, flash).exit_code == 2
    assert run("convert", tmp_path / "none.yaml", tmp_path / "a.json").exit_code == 3
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    result = run("convert", tmp_path / "bad.yaml", tmp_path / "a.json")
    assert result.exit_code == 1
    assert "line 1" in result.stderr
