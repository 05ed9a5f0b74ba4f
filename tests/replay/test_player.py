"""A sale played again."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.core import EVENTS
from replay.player import anchor_of, offset_text, played
from replay.source import Source, open_source
from replay.words import WORDS
from tests.replay.stage import MINUTE, START
from tests.replay.test_known_sale import a_known_sale


@pytest.fixture
async def source(tmp_path: Path) -> Source:
    await a_known_sale().save(tmp_path)
    return await open_source("kitchen", tmp_path)


async def test_every_event_comes_once_in_order_with_its_time_in_the_show(source: Source) -> None:
    anchor = await anchor_of(source)
    assert anchor.at == START
    shown = [p async for p in played(source, anchor, speed=0, lang="zh")]
    assert [p.event.seq for p in shown] == list(range(1, len(a_known_sale().events) + 1))
    assert all(p.offset == p.event.at - START for p in shown)
    await source.close()


async def test_it_waits_as_long_as_it_took_divided_by_the_speed(source: Source) -> None:
    anchor = await anchor_of(source)
    waits: list[float] = []
    shown = [p async for p in played(source, anchor, speed=10, lang="zh", begin=0, wait=waits.append)]
    assert waits == [p.offset / 10_000 for p in shown]
    await source.close()


async def test_only_the_part_that_was_asked_for_is_shown(source: Source) -> None:
    anchor = await anchor_of(source)
    shown = [p async for p in played(source, anchor, speed=0, lang="zh", begin=1, end=MINUTE)]
    assert shown
    assert all(1 <= p.offset <= MINUTE for p in shown)
    await source.close()


async def test_it_is_told_in_words_with_names_and_not_with_ids(source: Source) -> None:
    anchor = await anchor_of(source)
    text = "\n".join([p.words async for p in played(source, anchor, speed=0, lang="zh")])
    assert "上架 不粘锅" in text
    assert "下单 o1 258.00 VIP 1 群" in text
    english = "\n".join([p.words async for p in played(source, anchor, speed=0, lang="en")])
    assert "不粘锅 on air" in english
    await source.close()


def test_every_kind_of_event_has_its_words() -> None:
    assert WORDS.keys() == EVENTS.keys()


def test_an_offset_reads_as_a_clock() -> None:
    assert offset_text(723_250) == "+0:12:03.250"
    assert offset_text(-600_000) == "-0:10:00.000"
    assert offset_text(90_000_000) == "+1d 1:00:00.000"
