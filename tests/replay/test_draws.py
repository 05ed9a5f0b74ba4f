"""Draws in the record: winners that are not the seed's are found, and a seed leaves the service only when it is revealed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from coordinator.core.draws import DrawDrawn, Winner
from coordinator.errors import Corrupt
from coordinator.journal.sqlite import SqliteJournal
from replay.archive import write_archive
from replay.player import anchor_of, played
from replay.review import review_source
from replay.source import open_source
from replay.verify import verify_source
from tests.replay.stage import MINUTE, SHEET, Stage
from tests.replay.test_cli import dropcue

CUES = [
    {"id": "draw", "at": "start", "do": "draw.open", "prizes": "红包", "quantity": 2, "until": "2m", "groups": "all"}
]
SEGMENT = {"id": "play", "kind": "interaction", "lasts": "10m", "cues": CUES}


def open_draw() -> Stage:
    """A draw with five entries that is not run yet."""
    stage = Stage({**SHEET, "segments": [SEGMENT]}).live().until(1000)
    for n in range(5):
        stage.do("relay", "draw.enter", member=f"m{n}", group="g1")
    return stage.until(3 * MINUTE)


def drawn() -> Stage:
    stage = open_draw()
    stage.do("controller", "draw.run")
    return stage


def forged(stage: Stage) -> DrawDrawn:
    """The drawing as somebody would have liked it: a friend in the first place."""
    place = next(i for i, e in enumerate(stage.events) if isinstance(e, DrawDrawn))
    true = stage.events[place]
    assert isinstance(true, DrawDrawn)
    others = [f"m{n}" for n in range(5) if f"m{n}" not in {w.member for w in true.winners}]
    wrong = msgspec.structs.replace(true, winners=[Winner(member=others[0], prize="红包"), *true.winners[1:]])
    stage.events[place] = wrong
    return wrong


async def test_the_winners_of_a_fair_draw_verify(tmp_path: Path) -> None:
    await drawn().save(tmp_path)
    await verify_source(await open_source("kitchen", tmp_path))


async def test_a_winner_that_somebody_put_in_is_named_though_every_hash_is_right(tmp_path: Path) -> None:
    stage = drawn()
    wrong = forged(stage)
    await stage.save(tmp_path)
    with pytest.raises(Corrupt) as caught:
        await verify_source(await open_source("kitchen", tmp_path))
    assert caught.value.seq == wrong.seq
    assert f"winner 1 of draw1 is {wrong.winners[0].member}" in str(caught.value)


def test_verify_ends_with_1_and_says_it_in_plain_words(tmp_path: Path) -> None:
    stage = drawn()
    wrong = forged(stage)
    asyncio.run(stage.save(tmp_path))
    found = dropcue("verify", "kitchen", data=tmp_path)
    assert found.returncode == 1
    assert f"winner 1 of draw1 is {wrong.winners[0].member} (红包); the seed gives" in found.stderr


async def test_an_archive_of_a_draw_that_is_not_run_holds_no_seed_and_verifies(tmp_path: Path) -> None:
    stage = open_draw()
    seed = stage.state.seeds["draw1"]
    await stage.save(tmp_path / "data")
    journal = SqliteJournal.open(tmp_path / "data", readonly=True)
    try:
        folder = await write_archive(journal, "kitchen", tmp_path / "out")
    finally:
        await journal.close()
    assert all(seed.encode() not in file.read_bytes() for file in folder.iterdir())
    await verify_source(await open_source(str(folder), tmp_path))


async def test_an_archive_of_one_that_was_run_verifies_by_the_seed_that_was_revealed(tmp_path: Path) -> None:
    await drawn().save(tmp_path / "data")
    journal = SqliteJournal.open(tmp_path / "data", readonly=True)
    try:
        folder = await write_archive(journal, "kitchen", tmp_path / "out")
    finally:
        await journal.close()
    await verify_source(await open_source(str(folder), tmp_path))


async def test_a_replay_of_a_running_sale_shows_no_seed(tmp_path: Path) -> None:
    stage = open_draw()
    seed = stage.state.seeds["draw1"]
    await stage.save(tmp_path)
    source = await open_source("kitchen", tmp_path)
    shown = [one async for one in played(source, await anchor_of(source), speed=0, lang="zh")]
    assert any("封存" in one.words for one in shown)
    assert all(seed not in repr(one.event) for one in shown)


async def test_the_review_counts_chains_draws_and_red_packets(tmp_path: Path) -> None:
    stage = drawn()
    stage.do("controller", "chain.open", product="pan", target=2, until=MINUTE)
    stage.do("controller", "redpacket.announce", amount=8800, count=20, groups="all")
    stage.do("controller", "redpacket.announce", amount=6600, count=20, groups="all")
    stage.until(4 * MINUTE)
    for member in ("m1", "m2"):
        stage.do("relay", "chain.join", member=member, group="g1")
    stage.do("controller", "chain.open", product="knife", target=2, until=MINUTE)
    stage.until(5 * MINUTE)
    stage.do("relay", "chain.join", member="m1", group="g1")
    stage.do("cheer", "redpacket.done", redpacket="redpacket1", proof="p.png")
    stage.until(9 * MINUTE)
    await stage.save(tmp_path)
    figures = {
        f.name: f.value for f in (await review_source(await open_source("kitchen", tmp_path))).figures if not f.scope
    }
    expected = {
        "chains_completed": 1, "chain_completion_rate": 0.5, "chain_members": 2, "draw_entries": 5, "draw_winners": 2,
        "redpackets_sent": 20, "redpacket_cost": 8800, "cost": 8800,
    }  # fmt: skip
    assert {name: figures[name] for name in expected} == expected
