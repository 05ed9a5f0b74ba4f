"""Cues that wait for a person's word."""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

CUE: dict[str, Any] = {
    "id": "c",
    "at": "+1m",
    "do": "link.drop",
    "link": "room",
    "groups": "all",
    "confirm": "controller",
}


def waiting(**more: Any) -> Sale:
    sale = Sale(sheet(segment({**CUE, **more}))).live()
    sale.advance(START + MINUTE)
    return sale


def test_it_waits_alerts_the_owner_after_15_s_and_never_fires_by_itself() -> None:
    sale = waiting()
    assert sale.of("cue.waiting")[0].at == START + 58 * SECOND
    assert (sale.cue("c").status, sale.of("cue.waiting")[0].role) == ("waiting", "controller")
    sale.advance(START + 3 * MINUTE)
    assert [e.at - START for e in sale.of("cue.alerted")] == [73 * SECOND]
    assert [(e.to, e.urgency) for e in sale.of("prompt.sent")] == [("owner", "high")]
    sale.advance(START + 60 * MINUTE)
    assert not sale.fired("c")
    assert sale.cue("c").why == "not_confirmed"
    assert sale.of("cue.skipped")[0].at == START + 5 * MINUTE, (
        "without a length of its own it waits until the segment's end"
    )


def test_confirmed_it_fires_at_now_and_lead() -> None:
    sale = waiting()
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "cue.confirm", cue="c", from_=sale.cue("c").run)
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("c") == [(122, 122)]
    assert not sale.of("cue.skipped")


def test_it_waits_as_long_as_it_says() -> None:
    sale = waiting(confirm={"role": "controller", "within": "20s"})
    sale.advance(START + 10 * MINUTE)
    assert [e.at - START for e in sale.of("cue.skipped")] == [78 * SECOND]


def test_at_its_segment_s_end_it_still_has_time() -> None:
    sale = Sale(sheet(segment({**CUE, "at": "end +20s"}))).live()
    sale.advance(START + 6 * MINUTE)
    assert sale.cue("c").status == "waiting"
    sale.do("controller", "cue.confirm", cue="c")
    sale.advance(START + 7 * MINUTE)
    assert sale.cue("c").status == "fired"


def test_what_does_not_wait_cannot_be_confirmed() -> None:
    sale = Sale(sheet(segment(CUE))).live()
    assert sale.refused("controller", "cue.confirm", cue="c") == "too_early"


def test_two_who_confirm_within_one_blink() -> None:
    sale = waiting()
    run = sale.cue("c").run
    sale.do("controller", "cue.confirm", cue="c", from_=run)
    assert sale.refused("controller", "cue.confirm", cue="c", from_=run) in {"too_early", "stale", "too_late"}
    sale.advance(START + 2 * MINUTE)
    assert len(sale.fired("c")) == 1


def test_a_triggered_cue_waits_for_its_confirmation_too() -> None:
    sale = Sale(sheet(segment({**{k: v for k, v in CUE.items() if k != "at"}, "when": "messages >= 1"}))).live()
    sale.do("r1", "group.observe", group="g1", what="message", text="好")
    assert sale.cue("c").status == "waiting"
    sale.do("controller", "cue.confirm", cue="c")
    sale.advance(START + 10 * SECOND)
    assert sale.fired("c") == [(2, 2)]


def test_found_late_it_waits_as_long_as_it_would_have_and_is_then_struck() -> None:
    cue = {"id": "out", "at": "+1m", "do": "link.drop", "link": "room", "confirm": "controller within 2m"}
    sale = Sale(sheet(segment(cue, lasts="30m"))).live()
    sale.away(START + 3 * MINUTE)
    assert (sale.cue("out").status, sale.cue("out").why) == ("waiting", "late")
    sale.advance(START + 6 * MINUTE)
    assert [(e.at - START, e.why) for e in sale.of("cue.skipped")] == [(5 * MINUTE, "not_confirmed")]
    assert sale.of("cue.alerted"), "and its owner was told"


def test_held_over_its_moment_and_released_it_still_waits_for_its_word() -> None:
    sale = Sale(sheet(segment(CUE))).live()
    sale.do("controller", "cue.hold", cue="c")
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "cue.release", cue="c")
    sale.advance(START + 3 * MINUTE)
    assert (sale.cue("c").status, sale.fired("c")) == ("waiting", [])
    sale.do("controller", "cue.confirm", cue="c")
    sale.advance(START + 4 * MINUTE)
    assert sale.fired("c") == [(182, 182)]
