"""Segments: one after the other, by the clock or by hand, longer and shorter."""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

NEXT = segment({"id": "opening", "at": "start", "prompt": "host", "text": "开场"}, id="next")


def link(id_: str, at: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "at": at, "do": "link.drop", "link": "room", "groups": "all", **more}


def prompt(id_: str, at: str) -> dict[str, Any]:
    return {"id": id_, "at": at, "prompt": "host", "text": "x"}


def test_a_segment_ends_when_its_length_is_over_and_the_next_begins() -> None:
    sale = Sale(sheet(segment(prompt("last", "end")), NEXT)).live()
    sale.advance(START + 6 * MINUTE)
    assert [(e.segment, e.at - START) for e in sale.of("segment.started")] == [("intro", 0), ("next", 5 * MINUTE)]
    assert [(e.segment, e.at - START) for e in sale.of("segment.ended")] == [("intro", 5 * MINUTE)]
    assert sale.fired("last") == sale.fired("opening") == [(300, 300)]


def test_a_manual_segment_overruns_until_next_while_its_end_cues_run_at_the_planned_end() -> None:
    sale = Sale(sheet(segment(link("out", "end"), advance="manual"), NEXT)).live()
    sale.advance(START + 8 * MINUTE)
    assert sale.fired("out") == [(300, 300)]
    assert sale.fired("opening") == []
    assert sale.state.the.segment == "intro"
    sale.do("controller", "segment.next")
    sale.advance(START + 9 * MINUTE)
    assert sale.fired("opening") == [(480, 480)]
    assert sale.state.segments["intro"].end == START + 8 * MINUTE


def test_an_overrun_does_not_bring_the_next_segment_s_drops() -> None:
    sale = Sale(sheet(segment(advance="manual"), segment(link("go", "start"), link("later", "+1m"), id="next"))).live()
    sale.advance(START + 7 * MINUTE)
    assert not sale.of("cue.announced")
    sale.do("controller", "segment.next")
    sale.advance(START + 9 * MINUTE)
    assert sale.fired("later") == [(480, 480)]
    assert sale.of("cue.fired")[0].late_ms == 0


class TestAnEarlyNext:
    def early(self, *cues: dict[str, Any], at: int = 3 * MINUTE) -> Sale:
        sale = Sale(sheet(segment(*cues), NEXT)).live()
        sale.advance(START + at)
        sale.do("controller", "segment.next")
        sale.advance(START + 20 * MINUTE)
        return sale

    def test_brings_the_end_cues_at_now_and_lead(self) -> None:
        sale = self.early(link("out", "end"), prompt("say", "end"))
        assert sale.fired("out") == [(182, 182)]
        assert sale.fired("say") == [(180, 180)]

    def test_moves_what_hangs_on_the_end_to_the_real_end(self) -> None:
        assert self.early(prompt("tail", "end +20s")).fired("tail") == [(200, 200)]

    def test_skips_what_hung_on_the_segment_s_course(self) -> None:
        sale = self.early(link("gone", "+4m"), prompt("gone2", "+4m"))
        assert [sale.cue(c).why for c in ("gone", "gone2")] == ["segment_ended"] * 2

    def test_lets_what_is_announced_keep_its_moment(self) -> None:
        sale = self.early(link("on", "+3m01s"), link("out", "end"), at=3 * MINUTE)
        assert sale.fired("on") == [(181, 181)]
        assert not sale.of("cue.withdrawn")

    def test_skips_a_cue_that_is_held(self) -> None:
        sale = Sale(sheet(segment(prompt("held", "+4m")), NEXT)).live()
        sale.do("controller", "cue.hold", cue="held")
        sale.do("controller", "segment.next")
        assert sale.cue("held").why == "segment_ended"

    def test_drops_nothing_while_the_show_is_halted(self) -> None:
        sale = Sale(sheet(segment(link("out", "end"), prompt("say", "end")), NEXT)).live()
        sale.advance(START + MINUTE)
        sale.do("controller", "show.halt")
        sale.do("controller", "segment.next")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("say") == [(60, 60)]
        assert not sale.of("cue.announced")
        sale.do("controller", "show.unhalt")
        sale.advance(START + 3 * MINUTE)
        assert (sale.cue("out").status, sale.cue("out").why) == ("waiting", "late")

    def test_lets_what_is_announced_keep_its_moment_though_the_next_is_extended(self) -> None:
        sale = Sale(sheet(segment(link("out", "end")), NEXT)).live()
        sale.advance(START + 5 * MINUTE - SECOND)
        sale.do("controller", "segment.next")
        sale.do("controller", "segment.extend", by_ms=MINUTE)
        sale.advance(START + 6 * MINUTE)
        assert sale.fired("out") == [(300, 300)]

    def test_leaves_clock_times_and_conditions_alone(self) -> None:
        when = {"id": "when", "when": "messages >= 1", "prompt": "host", "text": "x"}
        sale = self.early(prompt("clock", "15:10"), when)
        assert sale.fired("clock") == [(600, 600)]
        sale.do("r1", "group.observe", group="g1", what="message", text="好")
        assert sale.cue("when").status == "fired"

    def test_is_too_late_after_the_last_segment(self) -> None:
        sale = self.early()
        assert sale.refused("controller", "segment.next") == "too_late"


def test_extend_plans_anew_what_has_not_left() -> None:
    sale = Sale(sheet(segment(link("out", "end"), prompt("mid", "+2m")), NEXT)).live()
    sale.advance(START + 5 * MINUTE - SECOND)
    sale.do("controller", "segment.extend", by_ms=MINUTE)
    assert [e.why for e in sale.of("delivery.withdrawn")] == ["extended"] * 3
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("out") == sale.fired("opening") == [(360, 360)]
    assert {d.attempt for d in sale.deliveries().values()} == {2}


def test_extend_needs_a_running_segment_and_leaves_it_a_length() -> None:
    sale = Sale().live()
    assert sale.refused("controller", "segment.extend", by_ms=-6 * MINUTE) == "invalid"
    sale.do("controller", "segment.extend", by_ms=-2 * MINUTE)
    sale.advance(START + 2 * MINUTE)
    assert sale.refused("controller", "segment.extend", by_ms=-2 * MINUTE) == "invalid", "it would end in the past"
    sale.advance(START + 3 * MINUTE)
    assert sale.refused("controller", "segment.extend", by_ms=MINUTE) == "too_early"


def test_a_service_that_was_away_does_not_push_the_rest_of_the_show_back() -> None:
    sale = Sale(sheet(segment(), NEXT, segment(prompt("third", "+1m"), id="third-one"))).live()
    sale.away(START + 10 * MINUTE + 5 * SECOND)
    sale.advance(START + 20 * MINUTE)
    assert sale.fired("third") == [(660, 660)]
