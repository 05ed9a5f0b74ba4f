"""Archives and `verify`: what was written is what is read, and a changed byte is found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from coordinator.core.state import encode
from coordinator.errors import CannotStart, Corrupt, DropcueError, UsageError
from coordinator.journal.codec import decode_all
from coordinator.journal.snapshots import Snapshots
from coordinator.journal.sqlite import SqliteJournal
from replay.archive import EVENTS, write_archive
from replay.review import review_of, review_source
from replay.source import UnknownSale, open_source
from replay.verify import verify_source
from tests.replay.stage import Stage
from tests.replay.test_known_sale import a_known_sale


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = a_known_sale()
    await stage.save(tmp_path / "data")
    return stage


async def exported(data: Path, to: Path) -> Path:
    journal = SqliteJournal.open(data, readonly=True)
    try:
        return await write_archive(journal, "kitchen", to)
    finally:
        await journal.close()


async def test_an_archive_gives_the_same_review_as_its_journal(stage: Stage, tmp_path: Path) -> None:
    folder = await exported(tmp_path / "data", tmp_path / "out")
    journal = SqliteJournal.open(tmp_path / "data", readonly=True)
    try:
        live = await review_of(journal, "kitchen")
    finally:
        await journal.close()
    assert (await review_source(await open_source(str(folder), tmp_path))).as_object() == live
    assert (await verify_source(await open_source(str(folder), tmp_path))).events == len(stage.events)


async def test_two_exports_of_the_same_events_are_the_same_bytes(stage: Stage, tmp_path: Path) -> None:
    first = await exported(tmp_path / "data", tmp_path / "a")
    second = await exported(tmp_path / "data", tmp_path / "b")
    names = sorted(p.name for p in first.iterdir())
    assert names == ["batches.ndjson", "events.ndjson", "manifest.json", "private.ndjson"]
    assert all((first / n).read_bytes() == (second / n).read_bytes() for n in names)


async def test_people_s_words_stand_apart_from_the_events(stage: Stage, tmp_path: Path) -> None:
    folder = await exported(tmp_path / "data", tmp_path)
    assert "你好" not in (folder / EVENTS).read_text()
    assert "你好" in (folder / "private.ndjson").read_text()


async def test_any_changed_byte_of_an_archive_is_found(stage: Stage, tmp_path: Path) -> None:
    folder = await exported(tmp_path / "data", tmp_path)
    rnd = random.Random(7)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for at in [0, len(whole) - 1, *(rnd.randrange(len(whole)) for _ in range(60))]:
            changed = bytearray(whole)
            changed[at] ^= 1 << rnd.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(DropcueError):
                await verify_source(await open_source(str(folder), tmp_path))
        for cut in (whole[:-1], whole + b"\n", whole[: len(whole) // 2]):
            path.write_bytes(cut)
            with pytest.raises(DropcueError):
                await verify_source(await open_source(str(folder), tmp_path))
        path.write_bytes(whole)
    await verify_source(await open_source(str(folder), tmp_path))


async def test_a_changed_event_of_an_archive_is_named_by_its_number(stage: Stage, tmp_path: Path) -> None:
    folder = await exported(tmp_path / "data", tmp_path)
    lines = (folder / EVENTS).read_bytes().split(b"\n")
    lines[11] = lines[11].replace(b'"at":1', b'"at":2', 1)
    (folder / EVENTS).write_bytes(b"\n".join(lines))
    with pytest.raises(Corrupt) as caught:
        await verify_source(await open_source(str(folder), tmp_path))
    assert caught.value.seq == 12


async def test_erased_words_stay_erased_in_an_archive_that_verifies(stage: Stage, tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "data")
    said = [e.seq for e in stage.events if type(e).__name__ == "GroupMessage"]
    try:
        await journal.erase("kitchen", said)
        folder = await write_archive(journal, "kitchen", tmp_path / "out")
    finally:
        await journal.close()
    assert "你好" not in (folder / "private.ndjson").read_text()
    source = await open_source(str(folder), tmp_path)
    await verify_source(source)
    figures = {f.name: f.value for f in (await review_source(source)).figures if not f.scope}
    assert figures["messages"] == 3


async def test_a_saved_state_that_is_not_the_fold_is_found(stage: Stage, tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal = SqliteJournal.open(data)
    end = await journal.end("kitchen")
    await journal.close()
    Snapshots(data / "snapshots").save("kitchen", end.incarnation, end.seq, encode(stage.state))
    source = await open_source("kitchen", data)
    assert (await verify_source(source)).snapshot == end.seq
    await source.close()
    stage.state.figures["sale"].clicks += 1
    Snapshots(data / "snapshots").save("kitchen", end.incarnation, end.seq, encode(stage.state))
    source = await open_source("kitchen", data)
    with pytest.raises(Corrupt, match="saved"):
        await verify_source(source)
    await source.close()


async def test_an_export_never_writes_over_what_is_there(stage: Stage, tmp_path: Path) -> None:
    await exported(tmp_path / "data", tmp_path)
    with pytest.raises(CannotStart, match="exists already"):
        await exported(tmp_path / "data", tmp_path)


async def test_a_sale_that_is_not_there_is_answered_with_those_that_are(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(UnknownSale, match="kitchen"):
        await open_source("kitchn", tmp_path / "data")
    with pytest.raises(UsageError, match="export"):
        await open_source(str(tmp_path / "x.dropcue"), tmp_path / "data")
    with pytest.raises(CannotStart, match="no journal"):
        await open_source("kitchen", tmp_path / "elsewhere")


async def test_members_numbers_are_masked_in_an_archive_which_still_verifies(tmp_path: Path) -> None:
    stage = a_known_sale()
    said = next(e for e in stage.events if e.__struct_config__.tag == "group.message")
    said.text, said.name = "加我 13800138000", "陈"
    await stage.save(tmp_path / "data")
    folder = await exported(tmp_path / "data", tmp_path / "masked")
    words = (folder / "private.ndjson").read_text()
    assert "13800138000" not in words
    assert "138****8000" in words
    source = await open_source(str(folder), tmp_path)
    assert (await verify_source(source)).events == len(stage.events)
    read = [e async for entries in source.batches() for e in decode_all(entries, "kitchen")]
    assert read[said.seq - 1].text == "加我 138****8000"
    journal = SqliteJournal.open(tmp_path / "data", readonly=True)
    try:
        plain = await write_archive(journal, "kitchen", tmp_path / "plain", as_written=True)
    finally:
        await journal.close()
    assert "13800138000" in (plain / "private.ndjson").read_text()
    assert (await verify_source(await open_source(str(plain), tmp_path))).events == len(stage.events)
