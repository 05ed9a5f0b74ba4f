"""A journal once written is read for ever: old files decode, and fold to the state they had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, Union

import msgspec
import pytest

from coordinator.core import EVENTS, Event
from coordinator.errors import Newer
from coordinator.journal import codec
from coordinator.journal.base import Entry
from tests.journal.golden.make import digest
from tests.journal.golden.told import told

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_a_golden_journal_folds_to_the_state_it_had(path: Path) -> None:
    kept = json.loads(path.with_suffix(".json").read_text())
    assert digest(lines(path), private=True) == kept["whole"]
    assert digest(lines(path), private=False) == kept["erased"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_a_golden_event_that_is_written_again_says_the_same(path: Path) -> None:
    for n, line in enumerate(lines(path), 1):
        private = line["private"].encode() if "private" in line else None
        event = codec.decode(Entry(n, line["body"].encode(), private))
        again, part = codec.encode(event)
        was, now = json.loads(line["body"]), json.loads(again)
        assert (was.pop("private", None) is None) is (now.pop("private", None) is None)
        assert now == was
        assert (part is None) is (private is None)


@pytest.mark.parametrize("hashes", [1, 2])
def test_what_changed_is_told_in_one_order_however_a_process_hashes_texts(hashes: int) -> None:
    """A new sheet, and a relay that told its platforms, gave what changed in the order of a set: other frames elsewhere."""
    command = [sys.executable, "-m", "tests.journal.golden.told"]
    environment = os.environ | {"PYTHONHASHSEED": str(hashes)}
    there = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert dict(line.split() for line in there.splitlines()) == {path.stem: told(path) for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_a_state_that_was_put_away_goes_on_as_the_one_that_was_not(path: Path) -> None:
    assert told(path, saved=True) == told(path)


def test_the_golden_journals_hold_every_kind_of_event() -> None:
    kinds = {json.loads(line["body"])["kind"] for path in GOLDEN for line in lines(path)}
    assert set(EVENTS) - kinds == set(), "make a further golden journal that holds them: tests/journal/golden/plays"


class _Third(Event, tag="test.renamed", kw_only=True):
    """A kind of its third version: once `names`, a text; then a list; then called `people`."""

    VERSION: ClassVar[int] = 3
    people: list[str]


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event kind with two steps behind it, registered for one test."""
    monkeypatch.setitem(EVENTS, "test.renamed", _Third)
    monkeypatch.setitem(codec.UPGRADES, ("test.renamed", 1), lambda f: {**f, "names": f["names"].split(",")})
    monkeypatch.setitem(
        codec.UPGRADES, ("test.renamed", 2), lambda f: {k if k != "names" else "people": v for k, v in f.items()}
    )
    types = tuple(EVENTS.values())
    monkeypatch.setattr(codec, "_decoder", msgspec.json.Decoder(Union[types]))  # noqa: UP007 - made at run time


@pytest.mark.usefixtures("third")
class TestAnOldVersion:
    @pytest.mark.parametrize(
        "body",
        [b'{"kind":"test.renamed","seq":7,"at":1,"by":"clock","names":"a,b"}',
         b'{"kind":"test.renamed","seq":7,"at":1,"by":"clock","v":2,"names":["a","b"]}',
         b'{"kind":"test.renamed","seq":7,"at":1,"by":"clock","v":3,"people":["a","b"]}'],
    )  # fmt: skip
    def test_is_read_as_the_newest(self, body: bytes) -> None:
        event: Any = codec.decode(Entry(7, body))
        assert (event.people, event.v, event.seq) == (["a", "b"], 3, 7)

    def test_that_is_newer_than_this_program_is_said_to_be(self) -> None:
        with pytest.raises(Newer, match="version 4"):
            codec.decode(Entry(7, b'{"kind":"test.renamed","seq":7,"at":1,"by":"clock","v":4,"people":["a"]}'))
