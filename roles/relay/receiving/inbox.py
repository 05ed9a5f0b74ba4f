"""What was seen and not yet told, on the relay's disk: it outlives a kill of the relay and a coordinator that is away.

A file of its own beside the log of what was sent: a flood of messages never makes a drop wait for its record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from roles.relay import machine
from roles.relay.disk import Disk, Statement
from roles.relay.receiving.reading import Observation

FILE_NAME = "inbox.sqlite"
KEEP_MS = 7 * 24 * 3600 * 1000  # what nobody took for so long belongs to a sale that is over
SEEN_MS = 24 * 3600 * 1000  # a webhook is sent again for minutes, by the most patient for a day

_TABLES = """
create table if not exists observations (
  n integer primary key autoincrement, sale text not null, made integer not null, body text not null);
create table if not exists contacts (
  sale text not null, who text not null, contact text not null, made integer not null,
  primary key (sale, who)) without rowid;
create table if not exists taken (
  source text not null, id text not null, digest blob not null, answer text not null, at integer not null,
  primary key (source, id)) without rowid;
create index if not exists taken_at on taken (at);
create table if not exists marks (name text primary key, value text not null) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That something came in: under this id of this source, with this body, and what was answered."""

    source: str
    id: str
    digest: bytes
    answer: str


class Inbox:
    """`data` None keeps it in memory. All but `waiting` raise `DiskFailed` where the file cannot be used."""

    def __init__(self, data: Path | None) -> None:
        now = machine.wall_ms()
        self._disk = Disk(
            None if data is None else data / FILE_NAME,
            _TABLES,
            [
                ("delete from observations where made < ?", (now - KEEP_MS,)),
                ("delete from contacts where made < ?", (now - KEEP_MS,)),
                ("delete from taken where at < ?", (now - SEEN_MS,)),
                ("insert or ignore into marks values ('name', ?)", (machine.new_name(),)),
            ],
        )
        self.waiting = 0
        self.more = asyncio.Event()
        self._forgot = now

    async def open(self) -> None:
        """Counts what waits. Before anything else."""
        [[self.waiting]] = await self._disk.read("select count(*) from observations")
        self.name = str(await self.mark("name"))
        self.more.set()

    async def take(
        self,
        sale: str,
        seen: Sequence[Observation],
        *,
        contacts: Iterable[tuple[str, str]] = (),
        receipt: Receipt | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        """Keeps all of it at once, with its receipt and marks; durable when it returns. `sale` is empty before it is known."""
        now = machine.wall_ms()
        statements: list[Statement] = [
            ("insert into observations (sale, made, body) values (?,?,?)", (sale, now, msgspec.json.encode(o).decode()))
            for o in seen
        ]
        statements += [("insert or replace into contacts values (?,?,?,?)", (sale, *c, now)) for c in contacts]
        if receipt is not None:
            row = (receipt.source, receipt.id, receipt.digest, receipt.answer, now)
            statements.append(("insert or replace into taken values (?,?,?,?,?)", row))
        statements += [("insert or replace into marks values (?,?)", mark) for mark in (marks or {}).items()]
        if now - self._forgot > SEEN_MS // 24:
            self._forgot = now
            statements.append(("delete from taken where at < ?", (now - SEEN_MS,)))
        self.waiting += len(seen)
        try:
            await self._disk.write(statements)
        except BaseException:
            self.waiting -= len(seen)
            raise
        self.more.set()

    async def receipt(self, source: str, id_: str) -> Receipt | None:
        """What was answered when this id came before."""
        rows = await self._disk.read("select digest, answer from taken where source = ? and id = ?", (source, id_))
        return Receipt(source, id_, *rows[0]) if rows else None

    async def mark(self, name: str) -> str | None:
        rows = await self._disk.read("select value from marks where name = ?", (name,))
        return str(rows[0][0]) if rows else None

    async def head(self, sale: str, most: int) -> list[tuple[int, Observation]]:
        """The oldest that wait for this sale, each with its number."""
        rows = await self._disk.read(
            "select n, body from observations where sale in ('', ?) order by n limit ?", (sale, most)
        )
        return [(n, msgspec.json.decode(body, type=Observation)) for n, body in rows]

    async def told(self, numbers: Sequence[int]) -> None:
        """The coordinator has these."""
        await self._disk.write([("delete from observations where n = ?", (n,)) for n in numbers])
        self.waiting = max(0, self.waiting - len(numbers))

    async def contacts(self, sale: str, most: int) -> list[tuple[str, str]]:
        return await self._disk.read("select who, contact from contacts where sale in ('', ?) limit ?", (sale, most))

    async def handed_in(self, sale: str, contacts: Iterable[tuple[str, str]]) -> None:
        """The coordinator has these; one that changed meanwhile stays."""
        sql = "delete from contacts where sale in ('', ?) and who = ? and contact = ?"
        await self._disk.write([(sql, (sale, *pair)) for pair in contacts])

    async def close(self) -> None:
        await self._disk.close()
