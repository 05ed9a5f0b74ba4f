"""The generated documents say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.core import CODES, COMMANDS, EVENTS, TOPICS
from coordinator.core.kernel import PRODUCES
from coordinator.core.people import INTERNAL
from docs import generate

DOCS = Path(generate.__file__).parent


@pytest.mark.parametrize("name", ["events.md", "openapi.json", "asyncapi.json", "sheet.schema.json"])
def test_the_committed_file_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == generate.files()[name], "run: python -m docs.generate"


def test_the_same_code_gives_the_same_files() -> None:
    assert generate.files() == generate.files()


def test_every_command_event_topic_and_code_is_there() -> None:
    text = (DOCS / "events.md").read_text()
    for kind in (*(set(COMMANDS) - INTERNAL), *EVENTS, *TOPICS):
        assert f"### `{kind}`\n" in text, kind
    for code in CODES:
        assert f"| `{code}` | {CODES[code]} |" in text
    assert "sale.create`\n" not in text.replace("sale.created`", "")


def test_every_command_says_what_it_is_for_and_leads_to_events_there_are() -> None:
    for kind, cls in COMMANDS.items():
        assert (cls.__doc__ or "").strip(), f"{kind} has no text"
        assert PRODUCES[kind], f"{kind} leads to nothing"
        assert set(PRODUCES[kind]) <= set(EVENTS), kind


def test_every_code_has_its_meaning() -> None:
    assert list(generate.MEANINGS) == list(CODES)


def test_private_words_are_marked() -> None:
    text = (DOCS / "events.md").read_text()
    assert text.count("*private*") - 1 == sum(len(cls.PRIVATE) for cls in EVENTS.values())


def test_both_descriptions_name_every_command() -> None:
    for name in ("openapi.json", "asyncapi.json"):
        schemas = json.loads((DOCS / name).read_text())["components"]["schemas"]
        assert {k.replace(".", "_") for k in set(COMMANDS) - INTERNAL} <= set(schemas)
