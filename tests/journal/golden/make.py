"""Makes the golden journals: `python -m tests.journal.golden.make [NAME …]`, each from the play of its name.

A journal once released is read for ever: from the first release on none of these is replaced. Where the events gain
fields or versions, write a play with another name, and keep the old file.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from coordinator.core import EVENTS, TOPICS, State, evolve
from coordinator.core.sheets import JournalOpened
from coordinator.journal import codec
from coordinator.journal.base import Entry
from tests.core.driver import Sale

HERE = Path(__file__).parent


def written(sale: Sale) -> list[dict[str, Any]]:
    """One object a line: the body as text, and the private part beside it."""
    events = list(sale.events)
    events.append(
        JournalOpened(seq=len(events) + 1, at=sale.now, by="clock", owner="node-1", incarnation="0123456789abcdef")
    )
    lines = []
    for event in events:
        with mock.patch("os.urandom", bytes):  # a salt is chance: here it is none, and the same run gives the same file
            body, private = codec.encode(event)
        lines.append({"body": body.decode(), **({"private": private.decode()} if private else {})})
    return lines


def digest(lines: list[dict[str, Any]], *, private: bool) -> str:
    """SHA-256 of what consoles see once the lines are folded; what is absent, empty or 0 does not count.

    So a later version may keep more of a sale without another digest; what it kept before must be as it was.
    """
    state = State(sale="kitchen")
    for n, line in enumerate(lines, 1):
        part = line.get("private") if private else None
        evolve(state, codec.decode(Entry(n, line["body"].encode(), part.encode() if part else None)))
    seen = {topic: {i: _said(e) for i, e in getattr(state, topic).items()} for topic in TOPICS}
    return hashlib.sha256(msgspec.json.encode(seen, order="sorted")).hexdigest()


def _said(entity: Any) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(entity, order="sorted").items() if value}


def make(name: str) -> None:
    lines = written(importlib.import_module(f"tests.journal.golden.plays.{name}").played())
    (HERE / f"{name}.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    digests = {"whole": digest(lines, private=True), "erased": digest(lines, private=False)}
    (HERE / f"{name}.json").write_text(json.dumps(digests, indent=2) + "\n")


def main(*names: str) -> None:
    for name in names or sorted(path.stem for path in (HERE / "plays").glob("[a-z]*.py")):
        make(name)
    bodies = [json.loads(line)["body"] for path in HERE.glob("*.jsonl") for line in path.read_text().splitlines()]
    kinds = {json.loads(body)["kind"] for body in bodies}
    print(f"{len(kinds)} kinds of events; not among them: {', '.join(sorted(set(EVENTS) - kinds)) or 'none'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
