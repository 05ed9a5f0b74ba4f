"""What every journal must keep, whatever it stores in. A backend's test subclasses `JournalContract` and says how to
open one: `open_journal` must reach the same store each time it is called in one test.
"""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from coordinator.errors import Conflict
from coordinator.journal import CommandKey, Entry, Flush, Journal, NoSuchSale, SaleExists

SALE = "double-eleven"


def body(seq: int, command: str | None = None, private: bytes | None = None, **fields: object) -> bytes:
    """An event as the codec writes it, as far as the journal looks into it."""
    event: dict[str, object] = {"seq": seq, "kind": "note.added", "at": 1_700_000_000_000 + seq, **fields}
    if command is not None:
        event["cmd"] = command
    if private is not None:
        event["private"] = sha256(private).hexdigest()
    return json.dumps(event, ensure_ascii=False).encode()


def said(seq: int) -> bytes:
    """The private part of event `seq`."""
    return json.dumps({"salt": f"{seq:032x}", "text": f"锅多少钱, member {seq}?"}, ensure_ascii=False).encode()


def flush(first: int, events: int = 3, *, sender: str = "relay:r1", private: bool = False) -> Flush:
    """Each event comes from a command `c<number>`; with `private`, each second one has a private part."""
    seqs = range(first, first + events)
    parts = {seq: said(seq) for seq in seqs if private and seq % 2 == 0}
    return Flush(
        first,
        [body(seq, f"c{seq}", parts.get(seq)) for seq in seqs],
        list(parts.items()),
        [(sender, f"c{seq}", seq) for seq in seqs],
    )


async def index(journal: Journal, sale: str = SALE) -> list[CommandKey]:
    return [command async for command in journal.commands(sale)]


class JournalContract:
    """Subclass it as `TestMyJournal`."""

    @abstractmethod
    async def open_journal(self) -> Journal:
        """Another journal object on this test's store. The suite closes the one before it first."""

    @pytest.fixture
    async def journal(self) -> AsyncIterator[Journal]:
        journal = await self.open_journal()
        await journal.create(SALE)
        yield journal
        await journal.close()

    # ── sales ──

    async def test_a_new_sale_is_empty_and_verifies(self, journal: Journal) -> None:
        end = await journal.end(SALE)
        assert (end.seq, await journal.read(SALE), await index(journal)) == (0, [], [])
        assert await journal.verify(SALE) == 0

    async def test_a_sale_is_created_once(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1))
        with pytest.raises(SaleExists, match=SALE):
            await journal.create(SALE)
        assert issubclass(SaleExists, Conflict)
        assert (await journal.end(SALE)).seq == 3

    async def test_sales_are_listed_in_the_order_they_were_created(self, journal: Journal) -> None:
        for sale in ("b", "a", "快闪群 · 1'\"%/.."):
            await journal.create(sale)
        assert await journal.sales() == [SALE, "b", "a", "快闪群 · 1'\"%/.."]

    async def test_a_sale_that_does_not_exist_is_named(self, journal: Journal) -> None:
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.end("nowhere")
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.read("nowhere")
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.append("nowhere", flush(1))
        with pytest.raises(NoSuchSale, match="nowhere"):
            await index(journal, "nowhere")
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.find("nowhere", "a", "b")
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.verify("nowhere")
        with pytest.raises(NoSuchSale, match="nowhere"):
            await journal.erase("nowhere", [1])
        assert await journal.snapshot("nowhere") is None

    async def test_sales_do_not_mix(self, journal: Journal) -> None:
        await journal.create("other")
        await asyncio.gather(journal.append(SALE, flush(1, 2, private=True)), journal.append("other", flush(1, 5)))
        await asyncio.gather(journal.append(SALE, flush(3, 2)), journal.append("other", flush(6, 5, private=True)))
        assert [entry.seq for entry in await journal.read(SALE)] == [1, 2, 3, 4]
        assert [seq for _, _, seq in await index(journal, "other")] == list(range(1, 11))
        await journal.erase(SALE, [2])
        assert (await journal.read("other", 5, 1))[0].private == said(6)
        assert (await journal.verify(SALE), await journal.verify("other")) == (4, 10)

    async def test_two_sales_have_incarnations_of_their_own(self, journal: Journal) -> None:
        await journal.create("other")
        assert (await journal.end(SALE)).incarnation != (await journal.end("other")).incarnation

    # ── append ──

    async def test_what_was_appended_is_read_byte_for_byte(self, journal: Journal) -> None:
        bodies = [body(1, text="你好 \\ \" ' \u2028 \\u0000"), body(2, "c2", said(2)), body(3, x={"y": [1.5, None]})]
        await journal.append(SALE, Flush(1, bodies, [(2, said(2))], [("host:lin", "c2", 2)]))
        assert await journal.read(SALE) == [Entry(1, bodies[0]), Entry(2, bodies[1], said(2)), Entry(3, bodies[2])]

    async def test_a_flush_at_the_wrong_number_is_a_conflict_and_adds_nothing(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1))
        before = await journal.end(SALE)
        for wrong in (1, 3, 5):
            with pytest.raises(Conflict) as raised:
                await journal.append(SALE, flush(wrong, private=True))
            assert (raised.value.expected, raised.value.actual) == (wrong - 1, 3)
        assert await journal.end(SALE) == before
        await journal.append(SALE, flush(4))
        assert await journal.verify(SALE) == 6

    async def test_of_two_writers_at_one_number_one_wins_whole(self, journal: Journal) -> None:
        rivals = [flush(1, 4, sender=f"relay:r{n}", private=True) for n in range(8)]
        results = await asyncio.gather(*(journal.append(SALE, rival) for rival in rivals), return_exceptions=True)
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 7
        assert len({sender for sender, _, _ in await index(journal)}) == 1
        assert await journal.verify(SALE) == 4

    @pytest.mark.parametrize(
        "broken",
        [
            Flush(1, []),
            Flush(1, [b'{"a":\n1}']),
            Flush(1, [b"{}"], private=[(2, b"{}")]),
            Flush(1, [b"{}"], private=[(1, b"{}"), (1, b"{}")]),
            Flush(1, [b"{}"], commands=[("a", "b", 0)]),
        ],
        ids=["no event", "newline", "private of another flush", "two private parts", "command of another flush"],
    )
    async def test_a_flush_that_breaks_its_rules_is_refused_and_the_journal_goes_on(
        self, journal: Journal, broken: Flush
    ) -> None:
        with pytest.raises(ValueError):
            await journal.append(SALE, broken)
        await journal.append(SALE, flush(1))
        assert await journal.verify(SALE) == 3

    async def test_the_hash_of_the_end_follows_from_every_byte_before_it(self, journal: Journal) -> None:
        hashes = [(await journal.end(SALE)).hash]
        for first in (1, 4, 7):
            await journal.append(SALE, flush(first))
            hashes.append((await journal.end(SALE)).hash)
        for previous, now, first in zip(hashes, hashes[1:], (1, 4, 7), strict=False):
            assert now == sha256(previous + b"\n".join(flush(first).bodies)).digest()

    async def test_a_cancelled_append_leaves_a_journal_that_goes_on(self, journal: Journal) -> None:
        for _ in range(20):
            end = (await journal.end(SALE)).seq
            task = asyncio.create_task(journal.append(SALE, flush(end + 1)))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # The cancelled flush may come first or not at all: either way there is one way on.
            for _ in range(3):
                try:
                    await journal.append(SALE, flush((await journal.end(SALE)).seq + 1))
                    break
                except Conflict:
                    continue
            else:
                pytest.fail("no append got through")
        assert await journal.verify(SALE) == (await journal.end(SALE)).seq

    async def test_everything_is_there_after_it_was_opened_again(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1, 4, private=True))
        await journal.erase(SALE, [2])
        before = (await journal.end(SALE), await journal.read(SALE), await index(journal), await journal.sales())
        await journal.close()
        again = await self.open_journal()
        try:
            assert (await again.end(SALE), await again.read(SALE), await index(again), await again.sales()) == before
            await again.append(SALE, flush(5))
            assert await again.verify(SALE) == 7
        finally:
            await again.close()

    # ── read ──

    async def test_reading_in_pieces_gives_what_reading_at_once_gives(self, journal: Journal) -> None:
        first = 1
        for events in (1, 7, 2, 1, 1, 12):
            await journal.append(SALE, flush(first, events, private=True))
            first += events
        whole = await journal.read(SALE)
        assert [entry.seq for entry in whole] == list(range(1, 25))
        for limit in (1, 2, 5, 8, 23, 24, 25):
            pieces: list[Entry] = []
            while piece := await journal.read(SALE, len(pieces), limit):
                assert len(piece) == min(limit, 24 - len(pieces))
                pieces += piece
            assert pieces == whole
        assert await journal.read(SALE, 24) == await journal.read(SALE, 99) == await journal.read(SALE, 0, 0) == []

    async def test_ten_thousand_entries_are_read_at_once(self, journal: Journal) -> None:
        for first in range(1, 10_001, 1000):
            await journal.append(SALE, flush(first, 1000))
        assert [entry.seq for entry in await journal.read(SALE, 0, 10_000)] == list(range(1, 10_001))

    # ── commands ──

    async def test_the_index_gives_each_command_its_number_in_order(self, journal: Journal) -> None:
        commands = [("host:lin", "1", 1), ("relay:r1", "1", 2), ("audience", "'\"[],\\ 你好\u0000\n", 3)]
        bodies = [body(seq, command) for _, command, seq in commands]
        await journal.append(SALE, Flush(1, bodies, commands=list(reversed(commands))))
        await journal.append(SALE, Flush(4, [body(4)]))
        await journal.append(SALE, flush(5, 2))
        assert [seq for _, _, seq in await index(journal)] == [1, 2, 3, 5, 6]
        assert (await index(journal))[:3] == commands
        for after in range(8):  # inside a flush as well
            assert [seq async for _, _, seq in journal.commands(SALE, after)] == [
                n for n in (1, 2, 3, 5, 6) if n > after
            ]
        for sender, command, seq in commands:
            assert await journal.find(SALE, sender, command) == seq
        assert await journal.verify(SALE) == 6

    async def test_an_id_counts_for_its_sender_only_and_whole_only(self, journal: Journal) -> None:
        await journal.append(SALE, Flush(1, [body(1, "press-1")], commands=[("host:lin", "press-1", 1)]))
        assert await journal.find(SALE, "host:lin", "press-1") == 1
        for sender, command in (("host:wu", "press-1"), ("host:lin", "press"), ("lin", "press-1"), ("host:lin", "1")):
            assert await journal.find(SALE, sender, command) is None

    # ── private parts ──

    async def test_an_erased_part_is_gone_and_verify_stays_clean(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1, 6, private=True))
        await journal.erase(SALE, [2, 6])
        await journal.erase(SALE, [2, 1, 99])
        entries = {entry.seq: entry for entry in await journal.read(SALE)}
        assert {seq: (entry.private, entry.erased) for seq, entry in entries.items()} == {
            1: (None, False),
            2: (None, True),
            3: (None, False),
            4: (said(4), False),
            5: (None, False),
            6: (None, True),
        }
        assert entries[2].body == flush(1, 6, private=True).bodies[1]
        assert await journal.verify(SALE) == 6

    async def test_thousands_of_parts_are_erased_at_once(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1, 3000, private=True))
        await journal.erase(SALE, range(1, 3001))
        assert sum(entry.erased for entry in await journal.read(SALE, 0, 3000)) == 1500
        assert await journal.verify(SALE) == 3000

    # ── snapshots ──

    async def test_the_latest_snapshot_comes_back(self, journal: Journal) -> None:
        assert await journal.snapshot(SALE) is None
        await journal.append(SALE, flush(1, 9))
        for seq in (3, 6, 9):
            await journal.save_snapshot(SALE, seq, b"state \x00\n at %d" % seq)
        assert await journal.snapshot(SALE) == (9, b"state \x00\n at 9")
        await journal.close()
        again = await self.open_journal()
        assert await again.snapshot(SALE) == (9, b"state \x00\n at 9")
        await again.close()

    async def test_a_snapshot_beyond_the_end_is_passed_over(self, journal: Journal) -> None:
        await journal.append(SALE, flush(1))
        await journal.save_snapshot(SALE, 3, b"known")
        await journal.save_snapshot(SALE, 4, b"from a tail that was lost")
        assert await journal.snapshot(SALE) == (3, b"known")

    async def test_erasing_drops_the_snapshots_of_that_sale_only(self, journal: Journal) -> None:
        await journal.create("other")
        await journal.append(SALE, flush(1, private=True))
        await journal.save_snapshot(SALE, 3, said(2))
        await journal.save_snapshot("other", 0, b"empty")
        await journal.erase(SALE, [2])
        assert await journal.snapshot(SALE) is None
        assert await journal.snapshot("other") == (0, b"empty")

    # ── close ──

    async def test_closing_twice_is_fine(self, journal: Journal) -> None:
        await journal.close()
        await journal.close()
