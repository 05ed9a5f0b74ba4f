"""What a pause or a shift moves, and what two people's presses of one button within a blink come to."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

AFTER_THE_END = {"id": "after", "at": "end +30s", "prompt": "host", "text": "讲售后", "late": "skip after 1s"}
LINK = {"id": "out", "at": "+4m", "do": "link.drop", "link": "room", "groups": "all"}
TWO = Actor("controller", "wang")


def two_segments(**cue: Any) -> Sale:
    return Sale(sheet(segment({**AFTER_THE_END, **cue}), segment(id="second", lasts="10m"))).live()


def test_what_hangs_on_the_end_of_a_segment_that_is_over_moves_with_a_pause() -> None:
    sale = two_segments()
    sale.advance(START + 5 * MINUTE + 10 * SECOND)
    sale.do("controller", "show.pause")
    sale.advance(START + 7 * MINUTE + 10 * SECOND)
    sale.do("controller", "show.resume")
    sale.advance(START + 12 * MINUTE)
    assert sale.fired("after") == [(7 * 60 + 30, 7 * 60 + 30)]


def test_and_with_a_shift() -> None:
    sale = two_segments()
    sale.advance(START + 5 * MINUTE + 10 * SECOND)
    sale.do("controller", "show.shift", by_ms=60 * SECOND)
    sale.advance(START + 12 * MINUTE)
    assert sale.fired("after") == [(6 * 60 + 30, 6 * 60 + 30)]


def test_a_confirmation_is_waited_for_until_the_segment_s_revised_end() -> None:
    sale = two_segments(at="+1m", confirm="controller")
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "segment.extend", by_ms=2 * MINUTE)
    sale.advance(START + 6 * MINUTE)
    assert sale.cue("after").status == "waiting"
    sale.advance(START + 8 * MINUTE)
    assert [e.at - START for e in sale.of("cue.skipped")] == [7 * MINUTE]


def test_a_confirmation_with_a_time_of_its_own_does_not_run_out_during_a_pause() -> None:
    sale = two_segments(at="+1m", confirm={"role": "controller", "within": "30s"})
    sale.advance(START + 70 * SECOND)
    sale.do("controller", "show.pause")
    sale.advance(START + 4 * MINUTE)
    assert sale.cue("after").status == "waiting"
    sale.do("controller", "show.resume")
    sale.advance(START + 10 * MINUTE)
    assert [e.at - START for e in sale.of("cue.skipped")] == [4 * MINUTE + 20 * SECOND]


@pytest.mark.parametrize(
    ("kind", "fields"), [("show.shift", {"by_ms": 30_000}), ("segment.extend", {"by_ms": 30_000}), ("show.pause", {})]
)
def test_two_people_s_presses_within_a_blink_are_one(kind: str, fields: dict[str, Any]) -> None:
    sale = two_segments()
    sale.advance(START + 1 * MINUTE)
    run = sale.state.the.run
    sale.do("controller", kind, from_=run, **fields)
    end = sale.state.segments["intro"].end
    assert sale.refused(TWO, kind, from_=run, **fields) == "stale"
    assert sale.state.segments["intro"].end == end


def test_one_person_may_press_twice_and_another_later() -> None:
    sale = two_segments()
    sale.advance(START + 1 * MINUTE)
    for _ in range(2):
        sale.do("controller", "segment.extend", by_ms=30_000)
    sale.advance(START + 1 * MINUTE + SECOND)
    sale.do(TWO, "segment.extend", by_ms=30_000)
    assert sale.state.segments["intro"].end == START + 5 * MINUTE + 90_000


def test_a_claim_takes_from_an_earlier_drop_that_has_something_left() -> None:
    sale = Sale().live()
    for quantity in (2, 1):
        sale.do("controller", "coupon.drop", coupon="c20", groups="all", quantity=quantity)
        sale.advance(sale.state.at + 10 * SECOND)
    relay = Actor("relay", "r1")
    codes = [sale.do(relay, "coupon.claim", coupon="c20", member=f"m{n}", group="g1")["code"] for n in range(3)]
    assert len(set(codes)) == 3
    assert sale.refused(relay, "coupon.claim", coupon="c20", member="m9", group="g1") == "exhausted"
    assert [d.claimed for d in sale.state.drops.values()] == [2, 1]


def test_an_announced_drop_whose_deliveries_could_not_go_out_any_more_follows_its_late_rule() -> None:
    link = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all", "late": "skip after 10s"}
    sale = Sale(sheet(segment(link))).live()
    sale.advance(START + 59 * SECOND)
    assert sale.cue("link").status == "announced"
    sale.away(START + 2 * MINUTE)
    assert (sale.cue("link").status, sale.cue("link").why) == ("skipped", "late")
    assert not sale.of("link.dropped")


class TestWhatWasPressedOrConfirmed:
    """A shift and an extension plan anew what the plan has; a controller's own press is not taken back by them."""

    @pytest.mark.parametrize("kind", ["show.shift", "segment.extend"])
    def test_goes_out_though_the_plan_moves_within_its_lead(self, kind: str) -> None:
        sale = Sale(sheet(segment(LINK))).live()
        sale.advance(START + MINUTE)
        sale.do("controller", "cue.fire", cue="out")
        sale.advance(START + MINUTE + SECOND)
        sale.do("controller", kind, by_ms=MINUTE)
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("out") == [(62, 62)]

    def test_goes_out_though_the_sheet_is_replaced_within_its_lead(self) -> None:
        sale = Sale(sheet(segment(LINK))).live()
        sale.advance(START + MINUTE)
        sale.do("controller", "cue.fire", cue="out")
        sale.replace(sheet(segment(LINK), title="another title"))
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("out") == [(62, 62)]

    def test_goes_out_though_the_segment_is_extended_after_a_late_confirmation(self) -> None:
        sale = Sale(sheet(segment({**LINK, "at": "+1m", "confirm": "controller within 3m"}))).live()
        sale.advance(START + 2 * MINUTE)
        sale.do("controller", "cue.confirm", cue="out")
        sale.do("controller", "segment.extend", by_ms=MINUTE)
        sale.advance(START + 3 * MINUTE)
        assert [e.at - START for e in sale.of("cue.fired")] == [2 * MINUTE + 2 * SECOND]

    def test_can_be_confirmed_anew_where_a_halt_took_it_back(self) -> None:
        sale = Sale(sheet(segment({**LINK, "at": "+1m", "confirm": "controller within 3m"}))).live()
        sale.advance(START + 2 * MINUTE)
        sale.do("controller", "cue.confirm", cue="out")
        sale.do("controller", "show.halt")
        sale.advance(START + 3 * MINUTE)
        sale.do("controller", "show.unhalt")
        sale.advance(START + 3 * MINUTE + SECOND)
        assert sale.cue("out").status == "waiting"
        sale.do("controller", "cue.confirm", cue="out")
        sale.advance(START + 4 * MINUTE)
        assert sale.cue("out").status == "fired"
