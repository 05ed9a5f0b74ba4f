"""What members said, for whom the telephone and identity numbers in it are none of: 138****1234.

Support calls back, controller and owner see everything: they are shown the words as they were written. Everybody else,
and whatever leaves the house (exports, what is printed), gets them masked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.core import Event
from coordinator.core.groups import GroupMessage, Said
from coordinator.core.personal import masked_text
from coordinator.core.questions import Question

NO_WORDS = frozenset({"seed", "salt"})
"""Private, and not what somebody said: a draw's seed must stay as it is, or nobody can draw again."""
AS_WRITTEN = frozenset({"owner", "controller", "support"})
"""Roles that are shown words as they were written."""


def words(value: Any) -> Any:  # Any: a text, or a JSON value that holds texts
    """The same value with every text in it masked."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {name: each if name in NO_WORDS else words(each) for name, each in value.items()}
    if isinstance(value, list):
        return [words(each) for each in value]
    return value


def event(e: Event) -> Event:
    """The event with its private words masked; the same one where there is nothing to mask."""
    changed: dict[str, Any] = {}
    for name in e.PRIVATE:
        value = getattr(e, name)
        if value is not None and name not in NO_WORDS and (masked := words(value)) != value:
            changed[name] = masked
    return msgspec.structs.replace(e, **changed) if changed else e


def for_role(e: Event, role: str) -> Event:
    return e if not e.PRIVATE or role in AS_WRITTEN else event(e)


def differs(e: Event) -> bool:
    """Whether some who are told of the event are told it masked: its streams hold others than those of `AS_WRITTEN`."""
    return isinstance(e, GroupMessage)


def last_said(last: list[Said]) -> list[Said]:
    return [msgspec.structs.replace(each, text=words(each.text), name=words(each.name)) for each in last]


def question(q: Question) -> Question:
    masked = words(q.text)
    return q if masked == q.text else msgspec.structs.replace(q, text=masked)


def private_part(part: bytes) -> bytes | None:
    """A private part of the journal with its texts masked; None where there is nothing to mask.

    Its salt is left out: with it, a number could be guessed from the hash that stays in the event.
    """
    said = msgspec.json.decode(part)
    masked = words(said)
    if masked == said:
        return None
    masked.pop("salt", None)
    return msgspec.json.encode(masked)
