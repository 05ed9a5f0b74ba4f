"""A batch as every backend stores it: how it is sealed, and how a changed byte in it is found. Pure.

hash     SHA-256(the last batch's hash ‖ body); before the first batch stands SHA-256 of the sale's id
body     the events' bodies joined by newlines
commands the batch's part of the index of commands, a JSON list of [sender, id, number]
marks    CRC-32 of each event's body, then that of `commands`: they tell which event it is that was changed
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from struct import pack
from typing import NamedTuple
from zlib import crc32

import msgspec

from coordinator.errors import Corrupt
from coordinator.journal.base import CommandKey, Flush

_MARK_BYTES = 4


class Batch(NamedTuple):
    """One flush, sealed."""

    first: int
    last: int
    hash: bytes
    marks: bytes
    commands: bytes
    body: bytes


class Kept(NamedTuple):
    """A flush as a journal has it: its batch, the private parts that are left, the numbers of those that were erased."""

    batch: Batch
    private: list[tuple[int, bytes]]
    erased: list[int]


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the journal itself reads in a body: its number, its command's id, the hash of its private part."""

    seq: int | None = None
    cmd: str | None = None
    private: str | None = None


_facts = msgspec.json.Decoder(Facts)
_commands = msgspec.json.Decoder(list[CommandKey])
_encode = msgspec.json.Encoder().encode


def genesis(sale: str) -> bytes:
    """What stands before the first batch of a sale, so that a batch of another sale does not fit."""
    return sha256(sale.encode()).digest()


def seal(previous: bytes, flush: Flush) -> Batch:
    """The batch that follows `previous`. Raises ValueError where the flush breaks the rules of `Flush`."""
    bodies, first, last = flush.bodies, flush.first, flush.last
    body = b"\n".join(bodies)
    if not bodies or body.count(b"\n") != len(bodies) - 1:
        raise ValueError("a flush has at least one event, and an event's body has no newline")
    private = [seq for seq, _ in flush.private]
    if private and (min(private) < first or max(private) > last or len(set(private)) != len(private)):
        raise ValueError(f"private parts belong to one event each, of {first} to {last}")
    if any(not first <= seq <= last for _, _, seq in flush.commands):
        raise ValueError(f"the commands of a flush became events of {first} to {last}")
    commands = _encode(sorted(flush.commands, key=_number))
    return Batch(first, last, sha256(previous + body).digest(), _marks(bodies, commands), commands, body)


def commands_of(stored: bytes) -> list[CommandKey]:
    """The index entries of one batch."""
    return _commands.decode(stored)


def needle(sender: str, command: str) -> bytes:
    """The bytes that `Batch.commands` contains if, and only if, this sender's command is in it."""
    return _encode((sender, command))[:-1] + b","


def check_batch(sale: str, expected: int, previous: bytes, batch: Batch) -> list[Facts]:
    """Check one batch that should begin with number `expected`; the facts of its events. Raises `Corrupt`."""
    if batch.first != expected:
        raise Corrupt(sale, expected, f"is missing: the next batch begins with {batch.first}")
    bodies = batch.body.split(b"\n")
    marks = _marks(bodies, batch.commands)
    chained = sha256(previous + batch.body).digest() == batch.hash
    if not chained:
        changed = _first_difference(marks[:-_MARK_BYTES], batch.marks[:-_MARK_BYTES])
        if changed is not None:
            raise Corrupt(sale, expected + changed, "its bytes are not the ones that were written")
        raise Corrupt(sale, expected, "the hash of its batch is not the one that was written")
    if batch.last != expected + len(bodies) - 1:
        raise Corrupt(sale, expected, f"its batch should end with {batch.last} but holds {len(bodies)} events")
    if marks != batch.marks:
        changed = _first_difference(marks, batch.marks) or 0
        if changed == len(bodies):
            raise Corrupt(sale, expected, "the index of commands of its batch is not the one that was written")
        raise Corrupt(sale, expected + changed, "its mark is not the one that was written")
    facts = [_read(sale, seq, body) for seq, body in enumerate(bodies, expected)]
    _check_commands(sale, expected, facts, batch.commands)
    return facts


def check_private(sale: str, seq: int, facts: Facts, private: bytes | None, erased: bool) -> None:
    """Check the private part of one event against the hash in its body. Raises `Corrupt`."""
    if facts.private is None:
        if private is not None or erased:
            raise Corrupt(sale, seq, "a private part is kept that its body does not know of")
    elif erased and private is not None:
        raise Corrupt(sale, seq, "its private part is marked as erased but still there")
    elif not erased and private is None:
        raise Corrupt(sale, seq, "its private part is missing and was not erased")
    elif private is not None and sha256(private).hexdigest() != facts.private:
        raise Corrupt(sale, seq, "its private part is not the one that was written")


def check_kept(sale: str, expected: int, previous: bytes, kept: Kept) -> None:
    """Check one flush with its private parts. Raises `Corrupt`."""
    facts = check_batch(sale, expected, previous, kept.batch)
    parts, erased = dict(kept.private), set(kept.erased)
    for seq, fact in enumerate(facts, expected):
        check_private(sale, seq, fact, parts.get(seq), seq in erased)


def _number(command: CommandKey) -> int:
    return command[2]


def _marks(bodies: Sequence[bytes], commands: bytes) -> bytes:
    return pack(f"<{len(bodies) + 1}I", *map(crc32, bodies), crc32(commands))


def _first_difference(ours: bytes, stored: bytes) -> int | None:
    """Index of the first mark that differs; None where all are alike."""
    for index in range(max(len(ours), len(stored)) // _MARK_BYTES + 1):
        at = slice(index * _MARK_BYTES, (index + 1) * _MARK_BYTES)
        if ours[at] != stored[at]:
            return index
    return None


def _read(sale: str, seq: int, body: bytes) -> Facts:
    try:
        facts = _facts.decode(body)
    except msgspec.DecodeError as error:
        raise Corrupt(sale, seq, f"its body is not an event: {error}") from None
    if facts.seq is not None and facts.seq != seq:
        raise Corrupt(sale, seq, f"its body says that it is number {facts.seq}")
    return facts


def _check_commands(sale: str, first: int, facts: Sequence[Facts], stored: bytes) -> None:
    try:
        commands = _commands.decode(stored)
    except msgspec.DecodeError as error:
        raise Corrupt(sale, first, f"the index of commands of its batch cannot be read: {error}") from None
    for _, command, seq in commands:
        if not 0 <= seq - first < len(facts) or facts[seq - first].cmd != command:
            raise Corrupt(sale, max(seq, first), f"the index names it for command {command!r}, its body does not")
