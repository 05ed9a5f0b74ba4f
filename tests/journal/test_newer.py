"""What a newer Dropcue has written: it is refused by name, and nothing else is held up by it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coordinator.core import EVENTS, State
from coordinator.core import state as states
from coordinator.errors import Corrupt, Newer
from coordinator.journal import Flush, Journal
from coordinator.journal.redis import RedisJournal, key
from coordinator.journal.sqlite import SqliteJournal
from coordinator.record import Record
from tests.client import KEY, token
from tests.contract.journal_suite import SALE, flush
from tests.redis_server import RedisServer, standalone
from tests.replay.stage import Stage
from tests.server import InProcess, dropcue

ENV = {"DROPCUE_KEY": KEY}


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with standalone() as server:
        yield server


@pytest.fixture
def redis(shared: RedisServer) -> RedisServer:
    shared.client.flushall()
    return shared


@pytest.fixture(params=["folder", "redis"])
def store(request: pytest.FixtureRequest, redis: RedisServer, tmp_path: Path) -> Store:
    return Store(tmp_path / "data", redis if request.param == "redis" else None)


class Store:
    """A data folder, or Redis: how to write it by hand, and how to name it to a command."""

    def __init__(self, data: Path, redis: RedisServer | None) -> None:
        self.data, self.redis = data, redis
        self.flags = ["--data", str(data)] if redis is None else ["--redis", redis.url]

    async def open(self) -> Journal:
        return SqliteJournal.open(self.data) if self.redis is None else await RedisJournal.open(self.redis.url)

    def room(self) -> InProcess:
        return InProcess(self.data, redis=None if self.redis is None else self.redis.url)

    async def write(self, *sales: str) -> None:
        journal = await self.open()
        for sale in sales:
            await Stage(sale=sale).write(journal)
        await journal.close()

    async def append(self, sale: str, **event: Any) -> int:
        journal = await self.open()
        seq = (await journal.end(sale)).seq + 1
        body = json.dumps({"seq": seq, "at": 2_000_000_000_000, "by": "clock", **event}).encode()
        await journal.append(sale, Flush(seq, [body]))
        await journal.close()
        return seq


NEWER: list[dict[str, Any]] = [
    {"kind": "note.added", "v": 2, "note": "n1", "person": "li", "text": "x"}, {"kind": "of.tomorrow", "x": 1},
]  # fmt: skip


@pytest.mark.parametrize("event", NEWER, ids=["version", "kind"])
async def test_a_newer_event_keeps_its_sale_back_and_no_other(store: Store, event: dict[str, Any]) -> None:
    await store.write("kitchen", "garden")
    seq = await store.append("kitchen", **event)
    code, _, err = await dropcue("verify", "kitchen", *store.flags)
    assert (code, err.count("\n")) == (1, 1)
    assert f"sale kitchen, number {seq}" in err
    assert "newer Dropcue" in err
    assert (await dropcue("verify", "garden", *store.flags))[0] == 0
    room = store.room()
    await room.start()
    try:
        listed = (await room.http("GET", "/api/sales", token("owner"))).json
        assert [s["sale"] for s in listed["sales"]] == ["garden"]
        assert [u["sale"] for u in listed["unreadable"]] == ["kitchen"]
        refused = await room.http("GET", "/api/sales/kitchen", token("owner"))
        assert (refused.status, refused.json["code"]) == (503, "busy")
        assert "newer Dropcue" in refused.json["message"]
        client = await room.join("garden")
        await client.done("note.add", text="die anderen gehen weiter")
    finally:
        await room.stop()
    journal = await store.open()
    assert (await journal.end("kitchen")).seq == seq, "it was written on by one that cannot read it"
    await journal.close()


async def test_a_sale_whose_state_cannot_be_computed_keeps_no_other_back(store: Store) -> None:
    await store.write("kitchen", "garden")
    seq = await store.append("kitchen", kind="product.hidden", product="nothing")
    room = store.room()
    await room.start()
    try:
        listed = (await room.http("GET", "/api/sales", token("owner"))).json
        assert [s["sale"] for s in listed["sales"]] == ["garden"]
        assert f"number {seq}" in listed["unreadable"][0]["why"]
    finally:
        await room.stop()
    assert (await dropcue("verify", "kitchen", *store.flags))[0] == 1


async def test_a_data_folder_of_a_newer_format_ends_serve_with_3_and_verify_with_1(tmp_path: Path) -> None:
    await Stage().save(tmp_path)
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    for args, expected in (
        (("serve", "--port", "0"), 3),
        (("verify", "kitchen"), 1),
        (("export", "kitchen", "-o", "x"), 1),
    ):
        code, _, err = await dropcue(*args, "--data", str(tmp_path), env=ENV)
        assert code == expected, err
        assert "newer Dropcue (format 2, this one knows 1)" in err
        assert "Traceback" not in err


async def test_a_sale_of_a_newer_format_in_redis_is_neither_read_nor_written(redis: RedisServer) -> None:
    journal = await RedisJournal.open(redis.url)
    for sale in (SALE, "other"):
        await journal.create(sale)
        await journal.append(sale, flush(1))
    redis.client.hset(key(SALE, "head"), "format", "2")
    with pytest.raises(Newer, match="format 2, this one knows 1"):
        await journal.append(SALE, flush(4))
    for asked in (journal.end(SALE), journal.verify(SALE), journal.snapshot(SALE)):
        with pytest.raises(Newer):
            await asked
    await journal.append("other", flush(4))
    await journal.close()
    assert redis.client.hget(key(SALE, "head"), "last") == b"3"
    code, _, err = await dropcue("verify", SALE, "--redis", redis.url)
    assert (code, "newer Dropcue" in err) == (1, True)


async def test_a_sale_that_was_written_before_there_were_formats_is_read(redis: RedisServer) -> None:
    journal = await RedisJournal.open(redis.url)
    await journal.create(SALE)
    redis.client.hdel(key(SALE, "head"), "format")
    await journal.append(SALE, flush(1))
    assert await journal.verify(SALE) == 3
    await journal.close()


async def test_a_saved_state_of_another_version_is_passed_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage().live()
    journal = await store.open()
    await stage.write(journal)
    # A newer one has saved what it knows besides: as far as its fields go, this one could read it.
    wrong = State(sale="kitchen", seq=stage.state.seq, at=stage.state.at, plan=stage.state.plan)
    with monkeypatch.context() as newer:
        newer.setitem(EVENTS, "of.tomorrow", EVENTS["note.added"])
        states.form.cache_clear()
        saved = states.encode(wrong)
    states.form.cache_clear()
    with pytest.raises(msgspec.MsgspecError, match="another version"):
        states.decode(saved)
    await journal.save_snapshot("kitchen", wrong.seq, saved)
    record = Record("kitchen", journal)
    await record.open()
    assert states.encode(record.state) == states.encode(stage.state)
    await journal.close()
    code, out, _ = await dropcue("verify", "kitchen", *store.flags)
    assert (code, "of another version of Dropcue and is passed over" in out) == (0, True)


async def test_a_byte_that_is_wrong_is_not_taken_for_a_newer_version(store: Store) -> None:
    await store.write("kitchen")
    await store.append("kitchen", kind="note.added", note=7)
    journal = await store.open()
    with pytest.raises(Corrupt):
        await Record("kitchen", journal).open()
    await journal.close()
