"""What people posted by hand, as the review shows it: when, where, who, how late, and what they show for it."""

from __future__ import annotations

import pytest

from coordinator.core import Actor
from coordinator.journal import codec
from coordinator.journal.base import Entry
from replay.report import page_of
from replay.review import review_tables
from replay.tables import Tables
from replay.words import Lang
from tests.core.driver import MINUTE, SECOND, SHEET, START, Sale, segment, sheet

QUN, HUI = Actor("poster", "qun"), Actor("poster", "hui")
TEAM = [*SHEET["team"], {"person": "qun", "role": "poster"}, {"person": "hui", "role": "poster"}]
GROUPS = [{"id": "g1", "name": "邻居群", "relay": ["qun", "hui"], "members": 10}]
DROP = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all", "late": "fire within 10m"}


def posted_twice() -> Tables:
    sale = Sale(sheet(segment(DROP, lasts="30m"), team=TEAM, groups=GROUPS), relays=False).live()
    sale.advance(START + 2 * MINUTE)
    sale.do(HUI, "delivery.hand", delivery="d1")
    for who, attempt, after_s in ((HUI, 2, 65), (QUN, 1, 150)):
        sale.do(
            who, "delivery.report", delivery="d1", attempt=attempt, outcome="sent",
            sent_at=START + MINUTE + after_s * SECOND, proof=f"{who.name} <b>的截图</b>",
        )  # fmt: skip
    tables = Tables("kitchen")
    tables.take(Entry(e.seq, *codec.encode(e)) for e in sale.events)
    tables.finish()
    return tables


@pytest.mark.parametrize(("lang", "also"), [("zh", "也发了: qun"), ("en", "also posted by qun")])
def test_the_review_shows_each_posting_with_every_proof_and_who_posted_it_too(lang: Lang, also: str) -> None:
    tables = posted_twice()
    page = page_of(review_tables(tables), lang)
    row = next(line for line in page.splitlines() if "邻居群" in line and "hui" in line)
    assert "hui &lt;b&gt;的截图&lt;/b&gt;; qun &lt;b&gt;的截图&lt;/b&gt;" in row
    assert also in row
    assert "1:05" in row, "how late it was"


def test_what_the_group_had_by_then_counts_once() -> None:
    assert [(s.relay, s.late_ms) for s in posted_twice().sents] == [("hui", 65 * SECOND)]
