"""The commands, as a person calls them."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.replay.test_known_sale import a_known_sale

ROOT = Path(__file__).parents[2]


def dropcue(*args: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coordinator.cli", *args], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
        env={**os.environ, "DROPCUE_DATA": str(data), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(a_known_sale().save(tmp_path_factory.mktemp("data")))


def test_a_sale_is_exported_verified_and_reviewed_from_its_archive(data: Path, tmp_path: Path) -> None:
    made = dropcue("export", "kitchen", "-o", str(tmp_path), "--json", data=data)
    assert made.returncode == 0, made.stderr
    archive = json.loads(made.stdout)["archive"]
    checked = dropcue("verify", archive, "--json", data=data)
    assert (checked.returncode, json.loads(checked.stdout)["ok"]) == (0, True), checked.stderr
    assert dropcue("verify", str(tmp_path), data=data).returncode == 0, "the folder that export was given is enough"
    review = dropcue("review", archive, "-o", str(tmp_path / "r"), "--json", data=data)
    assert review.returncode == 0, review.stderr
    assert json.loads(review.stdout) == json.loads((tmp_path / "r" / "review.json").read_text("utf-8"))
    assert "<html" in (tmp_path / "r" / "review.html").read_text("utf-8")


def test_a_changed_byte_ends_verify_with_1_and_the_number(data: Path, tmp_path: Path) -> None:
    copied = tmp_path / "data"
    assert dropcue("backup", str(copied), data=data).returncode == 0
    connection = sqlite3.connect(copied / "journal.sqlite")
    body = connection.execute("SELECT body FROM batch WHERE first = 8").fetchone()[0]
    connection.execute("UPDATE batch SET body = ? WHERE first = 8", (body.replace(b'"at":1', b'"at":2', 1),))
    connection.commit()
    connection.close()
    found = dropcue("verify", "kitchen", "--json", data=copied)
    assert found.returncode == 1
    assert json.loads(found.stdout)["number"] == 8
    plain = dropcue("verify", "kitchen", data=copied)
    assert plain.returncode == 1
    assert "number 8" in plain.stderr


def test_a_file_that_is_no_journal_any_more_is_wrong_and_not_out_of_reach(data: Path, tmp_path: Path) -> None:
    assert dropcue("backup", str(tmp_path), data=data).returncode == 0
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"X" + path.read_bytes()[1:])
    found = dropcue("verify", "kitchen", data=tmp_path)
    assert found.returncode == 1, found.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("verify", "nobody"), 1), (("review", "kitchen"), 2), (("review", "kitchen", "--data", "/nowhere", "--json"), 3),
        (("replay", "kitchen", "--from", "soon"), 2), (("export", "nobody", "-o", "x"), 1), (("verify", "x.dropcue"), 2),
        (("replay", "kitchen", "--redis", "redis://127.0.0.1:1"), 3),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line_with_its_exit_code(
    data: Path, args: tuple[str, ...], code: int
) -> None:
    done = dropcue(*args, data=data)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("dropcue: ")
    assert done.stderr.count("\n") == 1


def test_a_replay_prints_what_happened(data: Path) -> None:
    done = dropcue("replay", "kitchen", "--speed", "0", "--from", "1m", "--json", data=data)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["offset_ms"] >= 60_000 for line in lines)
    assert any(line["event"]["kind"] == "order.paid" for line in lines)
    plain = dropcue("replay", "kitchen", "--speed", "0", "--to", "0s", data=data)
    assert "不粘锅" in plain.stdout
