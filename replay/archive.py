"""An archive: one sale in a folder of its own, readable without Dropcue and checked like a journal.

DIR/SALE.dropcue/
    manifest.json    what this is, how much of it, the end of the chain, SHA-256 of the other files and of itself
    events.ndjson    the public bodies, one a line, byte for byte as the journal has them
    batches.ndjson   for each run of events: first and last number, hash of the chain, marks, index of commands
    private.ndjson   what people said and their names: {"seq", "part"}, {"seq", "part", "masked": true} where numbers in it
                     were masked, or {"seq", "erased": true}

The chain is the archive's own (`coordinator.journal.chain`, batches of BATCH_EVENTS), made when it is written: an
archive of the same events is the same, whatever store they came from. Private parts stand apart, so that a copy of
the archive without that file's words can be made by whoever must.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Any

import msgspec

from coordinator.errors import CannotStart, Corrupt
from coordinator.journal import codec
from coordinator.journal.base import CommandKey, Entry, Flush, Journal
from coordinator.journal.chain import Batch, check_batch, check_private, genesis, seal
from replay.source import Source
from roles import masking

FORMAT = 1
SUFFIX = ".dropcue"
BATCH_EVENTS = 1_000  # a damaged byte is found by its event's mark; a batch only bounds what is held in memory
MANIFEST, EVENTS, BATCHES, PRIVATE = "manifest.json", "events.ndjson", "batches.ndjson", "private.ndjson"
_PLAIN = re.compile(r"[\w.-]{1,100}")

_encode = msgspec.json.Encoder().encode


class Manifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an archive says about itself. `sha256` is over all its other fields."""

    dropcue_archive: int
    sale: str
    events: int
    hash: str  # the chain's at its end
    journal: dict[str, Any] = {}  # JSON: where it came from: the journal's end, hash and incarnation
    files: dict[str, str] = {}
    sha256: str = ""


class _Sealed(msgspec.Struct, kw_only=True):
    first: int
    last: int
    hash: str
    marks: str
    commands: msgspec.Raw


class _Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    seq: int
    part: msgspec.Raw = msgspec.Raw()
    erased: bool = False
    masked: bool = False  # numbers in it were masked: it is no longer the part that the event's hash speaks of


_sealed = msgspec.json.Decoder(_Sealed)
_part = msgspec.json.Decoder(_Part)


def folder_of(sale: str, to: Path) -> Path:
    name = sale if _PLAIN.fullmatch(sale) and not sale.startswith(".") else f"x{sha256(sale.encode()).hexdigest()[:16]}"
    return to / f"{name}{SUFFIX}"


# ---------------------------------------------------------------- writing
async def write_archive(journal: Journal, sale: str, to: Path, *, as_written: bool = False) -> Path:
    """Writes a sale up to its end of now; the archive's folder, which appears whole or not at all.

    Telephone and identity numbers in what members said are masked, unless they are asked for as written.

    What does not verify is not archived (`Corrupt`). Raises `CannotStart` where it cannot be written or is there.
    """
    end = await journal.end(sale)
    await journal.verify(sale)
    folder = folder_of(sale, to)
    part = folder.with_name(folder.name + ".part")
    if folder.exists():
        raise CannotStart(f"{folder} exists already: name another folder with -o, or remove it")
    try:
        _make(part)
        await _write(
            journal,
            sale,
            end.seq,
            part,
            {"seq": end.seq, "hash": end.hash.hex(), "incarnation": end.incarnation},
            as_written=as_written,
        )
        part.replace(folder)
    except OSError as e:
        shutil.rmtree(part, ignore_errors=True)
        raise CannotStart(f"{folder} cannot be written: {e.strerror}; choose another folder with -o") from None
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def _make(part: Path) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)


async def _write(
    journal: Journal, sale: str, end: int, folder: Path, origin: dict[str, Any], *, as_written: bool
) -> None:
    commands: list[CommandKey] = [c async for c in journal.commands(sale) if c[2] <= end]
    place, link, at = 0, genesis(sale), 0
    with _File(folder / EVENTS) as events, _File(folder / BATCHES) as batches, _File(folder / PRIVATE) as private:
        while at < end:
            entries = codec.unsealed(await journal.read(sale, at, min(BATCH_EVENTS, end - at)))
            at = entries[-1].seq
            theirs = place
            while place < len(commands) and commands[place][2] <= at:
                place += 1
            flush = Flush(first=entries[0].seq, bodies=[e.body for e in entries], commands=commands[theirs:place])
            batch = seal(link, flush)
            link = batch.hash
            events.line(batch.body)
            sealed = _Sealed(
                first=batch.first, last=batch.last, hash=link.hex(), marks=batch.marks.hex(), commands=msgspec.Raw(batch.commands)
            )  # fmt: skip
            batches.line(_encode(sealed))
            for e in entries:
                masked = masking.private_part(e.private) if e.private is not None and not as_written else None
                if masked is not None:
                    private.line(_encode(_Part(seq=e.seq, part=msgspec.Raw(masked), masked=True)))
                elif e.private is not None:
                    private.line(_encode(_Part(seq=e.seq, part=msgspec.Raw(e.private))))
                elif e.erased:
                    private.line(_encode(_Part(seq=e.seq, erased=True)))
    sums = {EVENTS: events.sum, BATCHES: batches.sum, PRIVATE: private.sum}
    manifest = Manifest(dropcue_archive=FORMAT, sale=sale, events=end, hash=link.hex(), journal=origin, files=sums)
    manifest.sha256 = _own_sum(manifest)
    with _File(folder / MANIFEST) as file:
        file.line(msgspec.json.format(_encode(manifest), indent=2))


class _File:
    """A file of lines, durable when closed, that knows its SHA-256."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # words of people are in it
        self._file: IO[bytes] = os.fdopen(handle, "wb", buffering=1 << 20)
        self._hash = sha256()
        self.sum = ""

    def __enter__(self) -> _File:
        return self

    def line(self, data: bytes) -> None:
        self._hash.update(data)
        self._hash.update(b"\n")
        self._file.write(data)
        self._file.write(b"\n")

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.sum = self._hash.hexdigest()


def _own_sum(manifest: Manifest) -> str:
    return sha256(msgspec.json.encode(msgspec.structs.replace(manifest, sha256=""), order="sorted")).hexdigest()


# ---------------------------------------------------------------- reading
def is_archive(path: Path) -> bool:
    return (path / MANIFEST).is_file()


class ArchiveSource(Source):
    """A sale in an archive. Opening reads the manifest only; `verify` reads and checks everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
        except OSError as e:
            raise CannotStart(f"{path / MANIFEST} cannot be read: {e.strerror}") from None
        except (msgspec.DecodeError, UnicodeError) as e:
            raise Corrupt(path.name, 0, f"its {MANIFEST} is not one that `dropcue export` wrote: {e}") from None
        if self.manifest.dropcue_archive != FORMAT:
            raise Corrupt(
                path.name,
                0,
                f"its format is {self.manifest.dropcue_archive}, this Dropcue reads {FORMAT}: use the one that wrote it",
            )
        self.sale = self.manifest.sale

    async def end(self) -> int:
        return self.manifest.events

    async def batches(self, after: int = 0) -> AsyncIterator[list[Entry]]:
        for sealed, bodies, parts in self._read():
            entries = [
                Entry(seq, body, *parts.get(seq, (None, False, False))[:2])
                for seq, body in enumerate(bodies, sealed.first)
                if seq > after
            ]
            if entries:
                yield entries

    async def verify(self) -> int:
        """Events, chain, marks, private parts, index, and each file to its last byte. Raises `Corrupt`."""
        sale, link, reached = self.sale, genesis(self.sale), 0
        for sealed, bodies, parts in self._read():
            try:
                kept = bytes.fromhex(sealed.hash), bytes.fromhex(sealed.marks)
            except ValueError:
                raise Corrupt(sale, reached + 1, f"the hash of its batch in {BATCHES} is no hash") from None
            batch = Batch(sealed.first, sealed.last, *kept, bytes(sealed.commands), b"\n".join(bodies))
            facts = check_batch(sale, reached + 1, link, batch)
            for seq, fact in enumerate(facts, sealed.first):
                part, erased, masked = parts.pop(seq, (None, False, False))
                # A masked part is a copy for reading: the one that was said is away, as if it were erased.
                check_private(sale, seq, fact, None if masked else part, erased or masked)
            if parts:
                raise Corrupt(sale, min(parts), f"{PRIVATE} has a part for a number where none belongs")
            link, reached = batch.hash, batch.last
        m = self.manifest
        if reached != m.events or link.hex() != m.hash:
            raise Corrupt(sale, min(reached, m.events) + 1, f"the events end at {reached}, {MANIFEST} says {m.events}")
        if _own_sum(m) != m.sha256 or set(m.files) != {EVENTS, BATCHES, PRIVATE}:
            raise Corrupt(sale, 0, f"{MANIFEST} is not the one that was written")
        for name, expected in m.files.items():
            with (self.path / name).open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != expected:
                    raise Corrupt(sale, 0, f"{name} is not the file that was written")
        if msgspec.json.format(_encode(m), indent=2) + b"\n" != (self.path / MANIFEST).read_bytes():
            raise Corrupt(sale, 0, f"{MANIFEST} is not byte for byte the one that was written")
        return reached

    async def chain_hash(self) -> str:
        return self.manifest.hash

    def _read(self) -> Iterator[tuple[_Sealed, list[bytes], dict[int, tuple[bytes | None, bool, bool]]]]:
        """Batches with their bodies and private parts, in order."""
        reached = 0
        try:
            with (
                (self.path / EVENTS).open("rb") as events,
                (self.path / BATCHES).open("rb") as batches,
                (self.path / PRIVATE).open("rb") as private,
            ):
                waiting = self._next_part(private, 0)
                for line in batches:
                    sealed = self._decoded(_sealed, line, reached + 1, BATCHES)
                    if sealed.first != reached + 1 or not 0 <= sealed.last - sealed.first < BATCH_EVENTS:
                        raise Corrupt(self.sale, reached + 1, f"is missing: {BATCHES} goes on with {sealed.first}")
                    bodies = [body for _ in range(sealed.first, sealed.last + 1) if (body := events.readline())]
                    if len(bodies) != sealed.last - sealed.first + 1 or not bodies[-1].endswith(b"\n"):
                        raise Corrupt(self.sale, sealed.first + max(0, len(bodies) - 1), f"{EVENTS} ends too early")
                    parts: dict[int, tuple[bytes | None, bool, bool]] = {}
                    while waiting is not None and waiting.seq <= sealed.last:
                        if waiting.seq <= reached or waiting.seq in parts:
                            raise Corrupt(self.sale, max(0, waiting.seq), f"{PRIVATE} is not in order")
                        parts[waiting.seq] = (bytes(waiting.part) or None, waiting.erased, waiting.masked)
                        waiting = self._next_part(private, waiting.seq)
                    reached = sealed.last
                    yield sealed, [body[:-1] for body in bodies], parts
                if events.readline():
                    raise Corrupt(self.sale, reached + 1, f"{EVENTS} goes on after the last batch")
                if waiting is not None:
                    raise Corrupt(self.sale, waiting.seq, f"{PRIVATE} speaks of a number that does not exist")
        except OSError as e:
            raise CannotStart(f"{self.path} cannot be read: {e.strerror}") from None

    def _next_part(self, private: IO[bytes], after: int) -> _Part | None:
        line = private.readline()
        return self._decoded(_part, line, after + 1, PRIVATE) if line else None

    def _decoded(self, decoder: Any, line: bytes, seq: int, name: str) -> Any:
        try:
            return decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError) as e:
            raise Corrupt(self.sale, seq, f"a line of {name} cannot be read: {e}") from None
