"""What the relay did, on its own disk: what it began to send, and the reports nobody has taken yet.

One SQLite file in the relay's folder. A write is durable when its await returns; writes that come together share one
commit, so that two hundred groups at one instant cost one flush. All times are real ms.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from coordinator.errors import CannotStart
from roles.relay import machine
from roles.relay.disk import Disk, Statement
from roles.relay.errors import DiskFailed

# What is older and was acknowledged can no longer matter to a sale or to a rate window.
KEEP_MS = 30 * 24 * 3600 * 1000

_TABLES = """
create table if not exists records (name text primary key) without rowid;
create table if not exists sendings (
  sale text not null, delivery text not null, attempt integer not null,
  credential text not null, began integer not null, ended integer,
  outcome text, places integer not null default 1,
  primary key (sale, delivery, attempt)) without rowid;
create index if not exists sendings_credential on sendings (credential, ended);
create table if not exists places (
  sale text not null, delivery text not null, attempt integer not null, place text not null,
  primary key (sale, delivery, attempt)) without rowid;
create table if not exists reports (
  n integer primary key, sale text not null, id text not null,
  delivery text not null, attempt integer not null, outcome text not null,
  body text not null, made integer not null, acknowledged integer not null default 0,
  unique (sale, id));
"""
_FORGET_SENDINGS = """
delete from sendings where ended < ? and not exists (select 1 from reports r where r.sale = sendings.sale
  and r.delivery = sendings.delivery and r.attempt = sendings.attempt and r.acknowledged = 0)
"""
_FORGET_PLACES = """
delete from places where not exists (select 1 from sendings s where s.sale = places.sale
  and s.delivery = places.delivery and s.attempt = places.attempt)
"""
_NAME = "insert into records select ? where not exists (select 1 from records)"
_FORGET_REPORTS = "delete from reports where acknowledged = 1 and made < ?"


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt that was begun."""

    sale: str
    delivery: str
    attempt: int
    credential: str
    group: str = ""
    places: int = 1  # of the platform's rate window


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An attempt that a person has to confirm at the platform, by the platform's id of it."""

    delivery: str
    attempt: int
    credential: str
    platform_id: str


@dataclass(frozen=True, slots=True)
class Report:
    """A `delivery.report` as it goes over the wire; the same id always has the same body."""

    id: str
    delivery: str
    attempt: int
    outcome: str
    body: dict[str, Any]

    @classmethod
    def make(cls, delivery: str, attempt: int, fields: dict[str, Any], nth: str = "") -> Report:
        outcome = str(fields["outcome"])
        name = f"{delivery}:{attempt}:{outcome}" + (f":{nth}" if nth else "")
        body = {"id": name, "kind": "delivery.report", "delivery": delivery, "attempt": attempt, **fields}
        return cls(name, delivery, attempt, outcome, body)


@dataclass(frozen=True, slots=True)
class Known:
    """The last attempt of a delivery that the disk knows an end of."""

    attempt: int
    outcome: str
    acknowledged: bool
    body: dict[str, Any]


class SendLog:
    """The file. `data` None keeps everything in memory: for rehearsals, where a crash has nothing to answer for."""

    def __init__(self, data: Path | None) -> None:
        self._lock = _only_one(data) if data is not None else None
        old = machine.wall_ms() - KEEP_MS
        try:
            self._disk = Disk(
                data / "relay.sqlite" if data is not None else None,
                _TABLES,
                [
                    (_NAME, (machine.new_name(),)),
                    (_FORGET_SENDINGS, (old,)),
                    (_FORGET_REPORTS, (old,)),
                    (_FORGET_PLACES, ()),
                ],
            )
        except DiskFailed:
            if self._lock is not None:
                self._lock.close()
            raise

    async def name(self) -> str:
        """The record's own name: by it a coordinator knows whether who comes can know what was sent."""
        return str((await self._disk.read("select name from records"))[0][0])

    async def begin(self, sendings: Iterable[Sending]) -> None:
        """Records "sending" for all of them, before any platform is called."""
        began = machine.wall_ms()
        statements: list[Statement] = []
        for s in sendings:
            key = (s.sale, s.delivery, s.attempt)
            statements.append(
                (
                    "insert or replace into sendings values (?,?,?,?,?,null,null,?)",
                    (*key, s.credential, began, s.places),
                )
            )
            if s.group:
                statements.append(("insert or replace into places values (?,?,?,?)", (*key, s.group)))
        await self._disk.write(statements)

    async def undo(self, sendings: Iterable[Sending]) -> None:
        """Takes back a `begin` for which no platform was called."""
        await self._disk.write(
            [
                (
                    "delete from sendings where sale = ? and delivery = ? and attempt = ? and ended is null",
                    (s.sale, s.delivery, s.attempt),
                )
                for s in sendings
            ]
        )

    async def finish(self, sale: str, report: Report) -> None:
        """Records how an attempt ended, with the report of it; also of one that was never begun (expired)."""
        await self._disk.write(_ending(sale, report, machine.wall_ms()))

    async def acknowledge(self, sale: str, ids: Iterable[str]) -> None:
        """The coordinator has taken these reports."""
        await self._disk.write(
            [("update reports set acknowledged = 1 where sale = ? and id = ?", (sale, i)) for i in ids]
        )

    async def recover(self, sale: str, unknown: str) -> None:
        """What was begun by an earlier process and has no end becomes `unknown`, with `unknown` as the reason."""
        rows = await self._disk.read("select delivery, attempt from sendings where sale = ? and ended is null", (sale,))
        statements: list[Statement] = []
        for delivery, attempt in rows:
            fields = {"outcome": "unknown", "why": unknown}
            statements += _ending(sale, Report.make(delivery, attempt, fields), machine.wall_ms())
        if statements:
            await self._disk.write(statements)

    async def known(self, sale: str) -> dict[str, Known]:
        """For each delivery the last attempt that ended here."""
        rows = await self._disk.read(
            "select delivery, attempt, outcome, acknowledged, body from reports where sale = ? order by attempt, n",
            (sale,),
        )
        return {
            d: Known(attempt, outcome, bool(acked), msgspec.json.decode(body))
            for d, attempt, outcome, acked, body in rows
        }

    async def unacknowledged(self, sale: str) -> list[Report]:
        """Reports that no answer has come to, oldest first."""
        rows = await self._disk.read(
            "select id, delivery, attempt, outcome, body from reports where sale = ? and acknowledged = 0 order by n",
            (sale,),
        )
        return [Report(i, d, a, o, msgspec.json.decode(b)) for i, d, a, o, b in rows]

    async def used(self, credential: str, within_s: float) -> list[float]:
        """How many seconds ago each message of the last `within_s` seconds ended with this credential.

        One without an end may have left at any moment until now. A wall clock that was set back makes ages 0, never
        negative: rather too few sends than too many.
        """
        now = machine.wall_ms()
        rows = await self._disk.read(
            "select ifnull(ended, ?), places from sendings where credential = ? and ifnull(ended, ?) >= ?",
            (now, credential, now, now - int(within_s * 1000)),
        )
        return [max(0, now - ended) / 1000 for ended, places in rows for _ in range(places)]

    async def used_by_group(self, credential: str, within_s: float) -> dict[str, list[float]]:
        """The same for each group, of those that were recorded with theirs."""
        now = machine.wall_ms()
        rows = await self._disk.read(
            "select place, ifnull(ended, ?), sendings.places from sendings join places using (sale, delivery, attempt)"
            " where credential = ? and ifnull(ended, ?) >= ?",
            (now, credential, now, now - int(within_s * 1000)),
        )
        found: dict[str, list[float]] = {}
        for place, ended, places in rows:
            found.setdefault(place, []).extend([max(0, now - ended) / 1000] * places)
        return found

    async def handed_over(self, sale: str) -> list[HandedOver]:
        """What persons at platforms still have, as far as anybody told; of every attempt, not the last alone."""
        rows = await self._disk.read(
            "select s.delivery, s.attempt, s.credential, json_extract(r.body, '$.platform_id')"
            " from sendings s join reports r using (sale, delivery, attempt)"
            " where s.sale = ? and s.outcome = 'awaiting' and r.outcome = 'awaiting' order by r.n",
            (sale,),
        )
        return [HandedOver(*row) for row in rows if row[3]]

    async def close(self) -> None:
        """Waits for what is being written, then lets go of the file."""
        await self._disk.close()
        if self._lock is not None:
            self._lock.close()


def _ending(sale: str, report: Report, now: int) -> list[Statement]:
    key = (sale, report.delivery, report.attempt)
    return [
        (
            "update sendings set ended = ifnull(ended, ?), outcome = ? where sale = ? and delivery = ? and attempt = ?",
            (now, report.outcome, *key),
        ),
        (
            "insert or ignore into reports (sale, id, delivery, attempt, outcome, body, made) values (?,?,?,?,?,?,?)",
            (
                sale,
                report.id,
                report.delivery,
                report.attempt,
                report.outcome,
                msgspec.json.encode(report.body).decode(),
                now,
            ),
        ),
    ]


def in_use(data: Path) -> bool:
    """Whether a relay runs with this folder now."""
    try:
        lock = (data / "lock").open("rb")
    except OSError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _only_one(data: Path) -> IO[bytes]:
    """Two relays on one folder would both hold themselves for the one that knows what was sent."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)  # what a relay knows is for its owner
        lock = (data / "lock").open("ab")
    except OSError as error:
        raise DiskFailed(f"{data}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotStart(
            f"another relay runs with the folder {data}; stop it, or give this one its own `data`"
        ) from error
    return lock
