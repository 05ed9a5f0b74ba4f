"""The review's page."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coordinator.core import cue_kinds
from replay.metrics.definitions import DEFINITIONS
from replay.report import page_of, write_review
from replay.report.labels import LABELS, SOURCES
from replay.review import review_tables
from replay.tables import Tables
from tests.replay.stage import MINUTE, SHEET, Stage
from tests.replay.test_known_sale import a_known_sale, tables

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
RTL = "\u202eنص عربي\u202c"


@pytest.mark.parametrize(("rehearsal", "late"), [(20.0, 0), (None, -20 * MINUTE)])
def test_a_rehearsals_plan_counts_from_its_own_start(rehearsal: float | None, late: int) -> None:
    """A demo in the morning was half a day before its plan, and the picture of its time line was two strokes."""
    stage = Stage(rehearsal=rehearsal).until(-20 * MINUTE)
    stage.do("controller", "show.arm")
    stage.do("controller", "show.start")
    stage.until(-16 * MINUTE)
    rows = tables(stage).segments
    assert rows["pan-intro"].real_start is not None
    assert rows["pan-intro"].real_start - rows["pan-intro"].planned_start == late
    assert rows["qa"].planned_start - rows["pan-intro"].planned_start == 3 * MINUTE


def with_a_warmup() -> Stage:
    """A rehearsal that starts twenty minutes before its hour: its warm-up is skipped."""
    warmup = {"id": "warmup", "kind": "warmup", "name": "暖场", "at": "-10m", "lasts": "10m"}
    stage = Stage({**SHEET, "segments": [warmup, *SHEET["segments"]]}, rehearsal=20.0).until(-20 * MINUTE)
    stage.do("controller", "show.arm")
    stage.do("controller", "show.start")
    return stage


def test_what_a_rehearsal_skipped_was_revised_to_no_other_hour_than_its_plan() -> None:
    """Half a day lay between the plan and the revision of a warm-up that never ran."""
    warmup = tables(with_a_warmup()).segments["warmup"]
    assert warmup.status == "skipped"
    assert (warmup.revised_start, warmup.revised_end) == (warmup.planned_start, warmup.planned_end)


def test_the_page_shows_nobody_what_is_filled_in_for_each_group() -> None:
    stage = with_a_warmup()
    content = "VIP 的朋友, 还剩 {stock} 件"
    stage.do("controller", "message.send", content=content, groups="all")
    stage.until(-19 * MINUTE)
    page = page_of(review_tables(tables(stage)), "zh").partition("</style>")[2]
    assert "VIP 的朋友, 还剩 … 件" in page
    assert "{" not in page


def test_whatever_goes_into_groups_has_a_name_on_the_page() -> None:
    """Once a sale with red packets, a poll or a draw had no review: the page had no word for it."""
    kinds = {do.split(".")[0] for do in cue_kinds.known() if cue_kinds.into_groups(do)}
    assert {"link", "redpacket", "poll"} <= kinds
    assert {f"kind_{kind}" for kind in kinds} <= set(LABELS)


class Page(HTMLParser):
    """Tags and addresses of a page, and whether each tag is closed."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.stack: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [
            v or "" for k, v in attrs if k in {"src", "href", "xlink:href", "action"} or k.startswith("on")
        ]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile() -> Stage:
    sheet = copy.deepcopy(SHEET)
    sheet["title"] = HOSTILE
    sheet["products"][0]["name"] = HOSTILE
    sheet["groups"][0]["name"] = RTL + HOSTILE
    sheet["segments"][0]["name"] = HOSTILE
    stage = Stage(sheet).live().until(MINUTE)
    stage.sent()
    stage.do("relay", "group.observe", group="g1", what="message", member="m", name=RTL, text=HOSTILE)
    stage.do("controller", "note.add", text=RTL + HOSTILE)
    return stage


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hostile_names_are_shown_and_never_run(lang: str) -> None:
    page = Page(page_of(review_tables(tables(hostile())), lang))  # type: ignore[arg-type] - a parameter
    assert not page.stack
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert HOSTILE in page.text
    assert RTL in page.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_asks_nobody_for_anything(lang: str) -> None:
    text = page_of(review_tables(tables(a_known_sale())), lang)  # type: ignore[arg-type] - a parameter
    page = Page(text)
    assert page.addresses == []
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert not {"script", "iframe", "object", "link"} & page.tags


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "stage", [lambda: Stage(relay=False), lambda: Stage().live(), a_known_sale], ids=["planned", "started", "run"]
)
def test_every_sale_has_a_page(stage: object, lang: str) -> None:
    text = page_of(review_tables(tables(stage())), lang)  # type: ignore[arg-type,operator] - parameters
    assert not Page(text).stack
    assert not re.search(r"\b(None|nan|inf)\b", text)


def test_a_sale_without_events_has_a_page_that_says_so() -> None:
    assert "没有任何事件" in page_of(review_tables(Tables("none")), "zh")


def test_the_page_speaks_one_language() -> None:
    review = review_tables(tables(a_known_sale()))
    assert "Definitions" in page_of(review, "en")
    assert "Definitions" not in page_of(review, "zh")
    assert "口径" in page_of(review, "zh")
    assert "口径" not in page_of(review, "en")


def test_the_page_says_what_led_to_the_orders_and_how_much_is_unattributed() -> None:
    text = Page(page_of(review_tables(tables(a_known_sale())), "en")).text
    led = " ".join(text.partition("What led to the orders")[2].split())
    rows = "the link that the shop names1¥258.0078.9% the last click1¥59.0018.0% unattributed1¥10.003.1%"
    assert rows in led


def test_every_figure_is_defined_in_both_languages() -> None:
    used = {f.name for f in review_tables(tables(a_known_sale())).figures}
    assert used <= DEFINITIONS.keys()
    assert all(d.en and d.zh and d.term and d.source in SOURCES for d in DEFINITIONS.values())
    assert all(zh and en for zh, en in LABELS.values())


def test_the_folder_gets_the_figures_and_the_page(tmp_path: Path) -> None:
    review = review_tables(tables(a_known_sale()))
    write_review(review, tmp_path / "out", "zh")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["review.html", "review.json"]
    assert json.loads((tmp_path / "out" / "review.json").read_text("utf-8")) == review.as_object()
