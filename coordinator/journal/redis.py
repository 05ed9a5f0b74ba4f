"""The journal in Redis, shared by several nodes. All keys of a sale carry one hash tag, so that they are together.

dropcue:{SALE}:head       name, incarnation, seal, format; last and hash, its end
dropcue:{SALE}:owner      the token of the lease: every append is compared with it, in the same step
dropcue:{SALE}:batches    a stream: an entry for each flush, `<last number>-0`, see chain.py
dropcue:{SALE}:index      a stream with the same ids: each flush's part of the index of commands
dropcue:{SALE}:private    number → private part;  :erased the numbers of those that were erased
dropcue:{SALE}:snapshots  number → a state
dropcue:sales             all sales, in the order they were created
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import msgspec
from redis.exceptions import MovedError, NoScriptError

from coordinator.errors import Conflict, Corrupt, JournalUnavailable, Newer
from coordinator.journal.base import CommandKey, End, Entry, Fenced, Flush, Journal, NoSuchSale, SaleExists
from coordinator.journal.chain import Batch, Kept, check_kept, commands_of, genesis, seal
from coordinator.journal.redis_durable import Durability
from coordinator.journal.redis_link import RedisLink
from coordinator.journal.snapshots import sum_of

FORMAT = 1  # of all that is kept of a sale; a head without one has the first
_FORMAT, _FIRST = str(FORMAT).encode(), b"1"
SALES = "dropcue:sales"
_PAGE_BATCHES = 32  # of up to 256 commands each: read at once
_INDEX_BATCHES = 512
_READS_AT_ONCE = 32  # each takes a connection; appends and leases wait for none of them
_ERASE_AT_ONCE = 500
_PUT_BYTES = 1 << 20  # of a sale that is put back, sent at once
_KEPT_SNAPSHOTS = 2


class Script:
    """A Lua script of this folder."""

    def __init__(self, name: str) -> None:
        self.source = (Path(__file__).parent / f"{name}.lua").read_text("utf-8")
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()  # Redis names scripts by it

    def call(self, keys: Sequence[str], args: Sequence[Any], *, known: bool = True) -> tuple[Any, ...]:
        head = ("EVALSHA", self.sha) if known else ("EVAL", self.source)
        return (*head, len(keys), *keys, *args)


_APPEND, _CREATE, _ERASE, _RESTORE = Script("append"), Script("create"), Script("erase"), Script("restore")


def key(sale: str, what: str) -> str:
    """The key of one thing of a sale."""
    tag = sale.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return f"dropcue:{{{tag}}}:{what}"


class RedisJournal(Journal):
    """See `Journal` for what is promised, and `redis_durable` for when an append is durable. Made with `open`.

    After `erase` the words are gone from Redis's memory at once, and from its append-only file when that has been
    rewritten, which is asked for.
    """

    def __init__(self, link: RedisLink, *, readonly: bool) -> None:
        self.link = link
        self.warnings: list[str] = []
        """What the settings of these servers may lose, in plain words."""
        self._readonly, self._closed = readonly, False
        self._durable = Durability(link)
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._hashes: dict[str, tuple[int, bytes]] = {}  # ends of sales; one is taken out while its flush is under way

    @classmethod
    async def open(cls, url: str, *, readonly: bool = False) -> RedisJournal:
        """Raises CannotStart where no Redis 7 answers there."""
        journal = cls(await RedisLink.open(url), readonly=readonly)
        if not readonly:
            with suppress(JournalUnavailable):
                journal.warnings = await journal._durable.warnings()
        return journal

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self.link.close()

    # ------------------------------------------------------------ sales
    async def create(self, sale: str) -> None:
        self._check(writing=True)
        incarnation = os.urandom(8).hex()
        args = [sale, incarnation, sale_seal(sale, incarnation), genesis(sale), FORMAT]
        answer = await self._run(_CREATE, sale, [key(sale, "head")], args)
        if answer[0] == b"there":
            raise SaleExists(sale, int(answer[1]))
        await self.link.ask(SALES, "RPUSH", SALES, sale)

    async def sales(self) -> list[str]:
        self._check()
        return list(dict.fromkeys(name.decode() for name in await self.link.ask(SALES, "LRANGE", SALES, 0, -1)))

    # ------------------------------------------------------------ appending
    async def append(self, sale: str, flush: Flush) -> None:
        self._check(writing=True)
        head = self._hashes.pop(sale, None)
        if head is None or head[0] + 1 != flush.first:
            end = await self.end(sale)
            head = (end.seq, end.hash)
        batch = seal(head[1], flush)
        args = [
            flush.fence, batch.first, batch.last, head[1], batch.hash, batch.marks, batch.commands, batch.body, FORMAT,
            *(x for pair in flush.private for x in pair),
        ]  # fmt: skip
        keys = [key(sale, what) for what in ("head", "owner", "batches", "index", "private")]
        answer = await self._run(_APPEND, sale, keys, args)
        match answer[0]:
            case b"none":
                raise NoSuchSale(sale)
            case b"format":
                raise _newer(sale, answer[1])
            case b"fenced":
                raise Fenced(sale, flush.fence, int(answer[1]))
            case b"conflict":
                raise Conflict(sale, flush.first - 1, int(answer[1]))
        self._hashes[sale] = (batch.last, batch.hash)

    async def _run(self, script: Script, sale: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Runs a script that writes, once, and waits until that is durable. Raises JournalUnavailable."""
        for known in (True, False):
            for _ in range(2):
                place = await self.link.find(keys[0])
                wait = await self._durable.wait(place)
                first, *rest = await self.link.once(keys[0], [script.call(keys, args, known=known), *wait])
                if isinstance(first, MovedError):
                    await self.link.refresh()  # it was not run there
                    continue
                break
            if isinstance(first, NoScriptError) and known:
                continue
            break
        if isinstance(first, Exception):
            raise self.link.unavailable(first, place)
        if rest and first[0] in {b"added", b"created", b"erased"} and not self._durable.reached(rest[0]):
            self._durable.failed(place)
            raise JournalUnavailable(
                f"no replica of {place[0]}:{place[1]} has confirmed what was written to sale {sale}: it may be lost"
                " with that server, and counts as not answered"
            )
        return first

    # ------------------------------------------------------------ reading
    async def end(self, sale: str) -> End:
        self._check()
        last, hash_, incarnation, format_ = await self.link.ask(
            key(sale, "head"), "HMGET", key(sale, "head"), "last", "hash", "incarnation", "format"
        )
        if last is None:
            raise NoSuchSale(sale)
        if (format_ or _FIRST) != _FORMAT:
            raise _newer(sale, format_)
        return End(int(last), bytes(hash_), incarnation.decode())

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        self._check()
        async with self._reads:
            return await self._read(sale, max(after, 0), limit)

    async def _read(self, sale: str, after: int, limit: int) -> list[Entry]:
        at = after
        found: list[tuple[int, bytes]] = []
        while len(found) < limit:
            rows = await self._page(sale, "batches", at, _PAGE_BATCHES)
            for _, row in rows:
                bodies = enumerate(row[b"body"].split(b"\n"), int(row[b"first"]))
                found += [(seq, body) for seq, body in bodies if seq > after]
            if not rows:
                break
            at = rows[-1][0]
        del found[max(limit, 0) :]
        if not found:
            await self.end(sale)  # names a sale that is not there
        return await self._with_private(sale, found)

    async def _with_private(self, sale: str, found: list[tuple[int, bytes]]) -> list[Entry]:
        asked = [seq for seq, body in found if b'"private"' in body]
        parts: dict[int, bytes] = {}
        erased: set[int] = set()
        if asked:
            # Private parts first: one that is erased in between is then seen as erased.
            given, gone = await self.link.ask_all(
                key(sale, "private"),
                [("HMGET", key(sale, "private"), *asked), ("SMISMEMBER", key(sale, "erased"), *asked)],
            )
            parts = {seq: part for seq, part in zip(asked, given, strict=True) if part is not None}
            erased = {seq for seq, is_gone in zip(asked, gone, strict=True) if is_gone}
        return [
            Entry(seq, body, None if seq in erased else parts.get(seq), seq in erased)
            if seq in parts or seq in erased
            else Entry(seq, body)
            for seq, body in found
        ]

    async def _page(self, sale: str, what: str, after: int, count: int) -> list[tuple[int, dict[bytes, bytes]]]:
        name = key(sale, what)
        rows = await self.link.ask(name, "XRANGE", name, f"{after + 1}-0", "+", "COUNT", count)
        return [(int(id_.partition(b"-")[0]), fields) for id_, fields in rows]

    async def commands(self, sale: str, after: int = 0) -> AsyncIterator[CommandKey]:
        at = after
        while rows := await self._page(sale, "index", at, _INDEX_BATCHES):
            for at, row in rows:  # noqa: B007 - where the next page begins
                for command in commands_of(row[b"commands"]):
                    if command[2] > after:
                        yield command
        if not at:
            await self.end(sale)  # names a sale that is not there

    async def find(self, sale: str, sender: str, command: str) -> int | None:
        async for by, id_, seq in self.commands(sale):
            if (by, id_) == (sender, command):
                return seq
        return None

    # ------------------------------------------------------------ copying
    async def flushes(self, sale: str, to: int) -> AsyncIterator[Kept]:
        """All flushes up to the number `to`, as they stand here; not checked."""
        at = 0
        while at < to and (rows := await self._page(sale, "batches", at, _PAGE_BATCHES)):
            indexed = dict(await self._page(sale, "index", at, _PAGE_BATCHES))
            batches = [_batch(sale, at + 1, id_, row, indexed.get(id_)) for id_, row in rows if id_ <= to]
            if not batches:
                break  # came after this began
            seqs = range(min(b.first for b in batches), batches[-1].last + 1)
            asked = [("HMGET", key(sale, "private"), *seqs), ("SMISMEMBER", key(sale, "erased"), *seqs)]
            # In one step: a part that is erased meanwhile is there, or is marked as erased.
            *_, found = await self.link.ask_all(key(sale, "private"), [("MULTI",), *asked, ("EXEC",)])
            parts = {seq: part for seq, part in zip(seqs, found[0], strict=True) if part is not None}
            erased = {seq for seq, is_gone in zip(seqs, found[1], strict=True) if is_gone}
            for batch in batches:
                own = range(batch.first, batch.last + 1)
                yield Kept(batch, [(seq, parts[seq]) for seq in own if seq in parts], [s for s in own if s in erased])
            at = batches[-1].last

    async def put(self, sale: str, flushes: AsyncIterator[Kept]) -> End:
        """Add a whole sale, as another incarnation. It appears when all of it is here, and durable, or not at all.

        Raises `SaleExists`, and JournalUnavailable where it is to be tried again.
        """
        self._check(writing=True)
        parts = ("batches", "index", "private", "erased")
        here, beside = [key(sale, part) for part in parts], [key(sale, f"restoring:{part}") for part in parts]
        await self.link.ask(beside[0], "DEL", *beside)  # of one that broke off
        incarnation = os.urandom(8).hex()
        try:
            last, hash_ = await self._put_beside(beside, sale, flushes)
            args = [sale, incarnation, sale_seal(sale, incarnation), FORMAT, last, hash_]
            answer = await self._run(_RESTORE, sale, [key(sale, "head"), *here, *beside], args)
        finally:
            with suppress(JournalUnavailable):
                await self.link.ask(beside[0], "DEL", *beside)
        if answer[0] == b"there":
            # One that broke off between its last two steps is finished.
            found = await self.end(sale)
            if (found.seq, found.hash) != (last, hash_) or sale in await self.sales():
                raise SaleExists(sale, found.seq)
            incarnation = found.incarnation
        await self.link.ask(SALES, "RPUSH", SALES, sale)
        return End(last, hash_, incarnation)

    async def _put_beside(self, keys: Sequence[str], sale: str, flushes: AsyncIterator[Kept]) -> tuple[int, bytes]:
        """Writes flushes under these keys; the number and the hash they lead to."""
        batches, index, parts, gone = keys
        last, hash_ = 0, genesis(sale)
        commands: list[tuple[Any, ...]] = []
        size = 0
        async for batch, private, erased in flushes:
            last, hash_, id_ = batch.last, batch.hash, f"{batch.last}-0"
            fields = ("first", batch.first, "hash", hash_, "marks", batch.marks, "body", batch.body)
            commands += [("XADD", batches, id_, *fields), ("XADD", index, id_, "commands", batch.commands)]
            if private:
                commands.append(("HSET", parts, *(x for pair in private for x in pair)))
            if erased:
                commands.append(("SADD", gone, *erased))
            size += len(batch.body) + len(batch.commands) + sum(len(part) for _, part in private)
            if size > _PUT_BYTES:
                await self._send_all(commands)
                commands, size = [], 0
        await self._send_all(commands)
        return last, hash_

    async def _send_all(self, commands: list[tuple[Any, ...]]) -> None:
        """Sends commands of one sale, once; raises JournalUnavailable where not all of them were done."""
        if commands:
            for answer in await self.link.once(commands[0][1], commands):
                if isinstance(answer, Exception):
                    raise self.link.unavailable(answer)

    # ------------------------------------------------------------ erasing
    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        self._check(writing=True)
        await self.end(sale)
        keys = [key(sale, what) for what in ("private", "erased", "snapshots")]
        for at in range(0, len(seqs), _ERASE_AT_ONCE):
            await self._run(_ERASE, sale, keys, list(seqs[at : at + _ERASE_AT_ONCE]))
        await self._run(_ERASE, sale, keys, [])  # what was saved meanwhile was made of the same words
        for place in self.link.masters():
            with suppress(Exception):  # one that is rewriting already is asked again by the next erasure
                await self.link.at(place).bgrewriteaof()

    # ------------------------------------------------------------ verifying
    async def verify(self, sale: str) -> int:
        self._check()
        head = await self.link.ask(key(sale, "head"), "HGETALL", key(sale, "head"))
        if not head:
            raise NoSuchSale(sale)
        if head.get(b"format", _FIRST) != _FORMAT:
            raise _newer(sale, head[b"format"])
        if head.get(b"seal") != sale_seal(sale, head.get(b"incarnation", b"").decode(errors="replace")):
            raise Corrupt(sale, 0, "the sale's own record is not the one that was written")
        last = int(head[b"last"])
        reached, link, parts = 0, genesis(sale), 0
        async for kept in self.flushes(sale, last):
            check_kept(sale, reached + 1, link, kept)
            parts += len(kept.private) + len(kept.erased)
            reached, link = kept.batch.last, kept.batch.hash
        if reached != last:
            raise Corrupt(sale, min(last, reached) + 1, f"the batches end at {reached}, the sale's record says {last}")
        if head[b"hash"] != link:
            raise Corrupt(sale, reached, "the hash in the sale's record is not the one of its last batch")
        end = await self.end(sale)
        if end.seq == last:
            await self._check_strays(sale, last, parts)
        return last

    async def _check_strays(self, sale: str, last: int, parts: int) -> None:
        kept, erased, batches, index = await self.link.ask_all(
            key(sale, "private"),
            [
                ("HLEN", key(sale, "private")), ("SCARD", key(sale, "erased")),
                ("XREVRANGE", key(sale, "batches"), "+", "-", "COUNT", 1),
                ("XREVRANGE", key(sale, "index"), "+", "-", "COUNT", 1),
            ],
        )  # fmt: skip
        if kept + erased > parts:
            raise Corrupt(sale, last + 1, "private parts are kept for numbers that do not exist")
        for what, rows in (("batches", batches), ("index", index)):
            end = int(rows[0][0].partition(b"-")[0]) if rows else 0
            if end != last and (await self.end(sale)).seq == last:
                raise Corrupt(sale, min(end, last) + 1, f"the {what} end at {end}, the sale's record says {last}")

    # ------------------------------------------------------------ snapshots
    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None:
        self._check(writing=True)
        name = key(sale, "snapshots")
        incarnation = (await self.end(sale)).incarnation
        sum_ = sum_of(sale, incarnation, seq, data)
        await self.link.ask(name, "HSET", name, seq, msgspec.msgpack.encode([incarnation, sum_, data]))
        kept = sorted((int(n) for n in await self.link.ask(name, "HKEYS", name)), reverse=True)
        if kept[_KEPT_SNAPSHOTS:]:
            await self.link.ask(name, "HDEL", name, *kept[_KEPT_SNAPSHOTS:])

    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        try:
            end = await self.end(sale)
        except NoSuchSale:
            return None
        name = key(sale, "snapshots")
        for seq in sorted((int(n) for n in await self.link.ask(name, "HKEYS", name)), reverse=True):
            if seq > end.seq:
                continue
            try:
                incarnation, sum_, data = msgspec.msgpack.decode(
                    await self.link.ask(name, "HGET", name, seq) or b"", type=tuple[str, bytes, bytes]
                )
            except msgspec.MsgspecError:
                continue
            if incarnation == end.incarnation and await asyncio.to_thread(sum_of, sale, incarnation, seq, data) == sum_:
                return seq, data
        return None

    def _check(self, *, writing: bool = False) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")
        if writing and self._readonly:
            raise JournalUnavailable("the journal was opened for reading only")


def sale_seal(sale: str, incarnation: str) -> bytes:
    """The hash over what a sale's record says about itself."""
    return sha256(f"{incarnation}\n{sale}".encode()).digest()


def _newer(sale: str, format_: bytes) -> Newer:
    return Newer(
        f"sale {sale} was written to Redis by a newer Dropcue (format {format_.decode(errors='replace')}, this one knows {FORMAT}): "
        "serve it with that version"
    )


def _batch(
    sale: str, expected: int, last: int, row: dict[bytes, bytes], commands: bytes | dict[bytes, bytes] | None
) -> Batch:
    listed = commands.get(b"commands") if isinstance(commands, dict) else commands
    try:
        return Batch(int(row[b"first"]), last, row[b"hash"], row[b"marks"], listed or b"", row[b"body"])
    except (KeyError, ValueError):
        raise Corrupt(sale, expected, "its entry holds other fields than were written") from None
