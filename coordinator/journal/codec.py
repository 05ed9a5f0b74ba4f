"""Events to bytes and back.

An event's public body is one JSON object. What people said and their names are its private part, a JSON
object of its own with a salt; the body carries the part's SHA-256, so erasing the part leaves the body, and
the chain over it, as they were.

Old versions are read for ever: a kind whose meaning changed has a step in UPGRADES for each version it had.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any, Union

import msgspec

from coordinator.core import EVENTS, Event
from coordinator.errors import Corrupt, Newer
from coordinator.journal.base import Entry

UPGRADES: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(kind, version) → the body as the next version has it."""

SALT_BYTES = 16  # a guess at a short text must not be checkable against the hash that stays

_encoder = msgspec.json.Encoder()
_types = tuple(sorted(EVENTS.values(), key=lambda t: str(t.__struct_config__.tag)))
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Union[_types])  # noqa: UP007 - made at run time


def encode(event: Event) -> tuple[bytes, bytes | None]:
    """(public body, private part or None)."""
    fields = event.PRIVATE
    if not fields:
        return _encoder.encode(event), None
    said = {name: value for name in fields if (value := getattr(event, name)) is not None}
    if not said:
        return _encoder.encode(event), None
    private = _encoder.encode({"salt": os.urandom(SALT_BYTES).hex(), **said})
    for name in said:
        setattr(event, name, None)
    body = _encoder.encode(event)
    for name, value in said.items():
        setattr(event, name, value)
    digest = hashlib.sha256(private).hexdigest().encode()
    return body[:-1] + b',"private":"' + digest + b'"}', private


def is_sealed(entry: Entry) -> bool:
    """Whether its private part is a draw's seed: nobody is shown it before the draw is run, and then `draw.drawn` has it."""
    return entry.body.startswith(b'{"kind":"draw.sealed"')


def unsealed(entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they may leave the service: without the seeds of draws."""
    return [Entry(e.seq, e.body, None, erased=True) if is_sealed(e) else e for e in entries]


def wire(event: Event, body: bytes, private: bytes | None) -> bytes:
    """The event as it is shown: its private part joined, the part's hash left out."""
    return _encoder.encode(event) if private is not None else body


def decode(entry: Entry, sale: str = "") -> Event:
    """The event, with its private part joined where it has not been erased."""
    try:
        event = _decoded(entry.body, sale)
    except msgspec.ValidationError as e:
        kind = msgspec.json.decode(entry.body).get("kind", "?")
        if kind not in EVENTS:
            raise _newer(sale, entry.seq, f"a {kind!r}, which this version of Dropcue does not know") from None
        raise Corrupt(sale, entry.seq, f"this is no {kind}: {e}") from None
    except msgspec.DecodeError as e:
        raise Corrupt(sale, entry.seq, f"the body cannot be read: {e}") from None
    if entry.private is not None:
        said = msgspec.json.decode(entry.private)
        for name in event.PRIVATE:
            if name in said:
                setattr(event, name, said[name])
    return event


def _decoded(body: bytes, sale: str) -> Event:
    try:
        event = _decoder.decode(body)
    except msgspec.ValidationError:
        # It may be of an older version, whose fields were others.
        fields = msgspec.json.decode(body)
        known = EVENTS.get(fields.get("kind", ""))
        if known is None or fields.get("v", 1) == known.VERSION:
            raise
        return _upgraded(body, sale)
    return event if event.v == event.VERSION else _upgraded(body, sale)


def _upgraded(body: bytes, sale: str) -> Event:
    fields: dict[str, Any] = msgspec.json.decode(body)
    kind = fields["kind"]
    newest = EVENTS[kind].VERSION
    while (version := fields.get("v", 1)) < newest:
        fields = UPGRADES[kind, version](fields)
        fields["v"] = version + 1
    if version > newest:
        what = f"a {kind} of version {version}; this version of Dropcue reads up to {newest}"
        raise _newer(sale, fields.get("seq", 0), what)
    return msgspec.convert(fields, EVENTS[kind])


def _newer(sale: str, seq: int, what: str) -> Newer:
    return Newer(f"sale {sale}, number {seq} is {what}: a newer Dropcue has written it, open it with that version")


def decode_all(entries: Iterable[Entry], sale: str = "") -> list[Event]:
    return [decode(e, sale) for e in entries]
