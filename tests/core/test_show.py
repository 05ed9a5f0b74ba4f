"""The show's life: planned, armed, live, paused, ended, closed; shift, halt."""

from __future__ import annotations

import pytest

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

PROMPT = {"id": "say", "at": "+2m", "prompt": "host", "text": "讲卖点"}
LINK = {"id": "link", "at": "+2m", "do": "link.drop", "link": "room", "groups": "all"}
WARMUP = segment({"id": "hello", "at": "+5m", "prompt": "host", "text": "准备"}, id="warmup", at="-10m", lasts="10m")


def test_a_sale_is_armed_started_ended_and_closed_in_this_order_only() -> None:
    sale = Sale()
    assert sale.refused("owner", "show.start") == "too_early"
    assert sale.refused("owner", "show.end") == "too_early"
    sale.do("owner", "show.arm")
    assert sale.refused("owner", "show.arm") == "stale"
    sale.do("controller", "show.start")
    assert sale.refused("owner", "show.close") == "too_early"
    sale.do("owner", "show.end")
    assert sale.refused("owner", "show.start") == "too_late"
    sale.do("owner", "show.close")
    assert sale.refused("owner", "show.close") == "stale"
    assert sale.state.the.status == "closed"


def test_the_second_of_two_who_start_or_end_it_is_told_that_somebody_was_quicker() -> None:
    sale = Sale(sheet(segment(at="5m"))).live()
    assert sale.refused("owner", "show.start") == "stale"
    sale.do("controller", "show.end")
    assert sale.refused("owner", "show.end") == "stale"


def test_a_sheet_that_its_owner_has_not_approved_is_not_armed() -> None:
    sale = Sale()
    sale.replace(sheet(segment(PROMPT)), by="controller")
    assert sale.refused("owner", "show.arm") == "too_early"
    sale.do("owner", "sheet.approve", version=2)
    sale.do("owner", "show.arm")


def test_cues_before_the_start_run_by_the_planned_start_once_armed() -> None:
    sale = Sale(sheet(WARMUP, segment(PROMPT)))
    sale.do("owner", "show.arm")
    sale.advance(START + MINUTE)
    assert sale.fired("hello") == [(-300, -300)]
    assert sale.fired("say") == []
    assert sale.state.the.status == "armed"


def test_nothing_runs_before_it_is_armed() -> None:
    sale = Sale(sheet(WARMUP, segment(PROMPT)))
    sale.advance(START + 10 * MINUTE)
    assert not sale.of("cue.fired", "segment.started", "cue.skipped")


def test_the_start_as_it_happened_moves_what_hangs_on_it_and_no_clock_time() -> None:
    clock = {"id": "eight", "at": "15:09", "prompt": "host", "text": "九分"}
    sale = Sale(sheet(segment(PROMPT, clock)))
    sale.do("owner", "show.arm")
    sale.advance(START + 5 * MINUTE)
    sale.do("owner", "show.start")
    sale.advance(START + 30 * MINUTE)
    assert sale.fired("say") == [(7 * 60, 7 * 60)]
    assert sale.fired("eight") == [(9 * 60, 9 * 60)]


def test_auto_start_starts_by_the_clock_and_an_overlong_warmup_does_not_push_the_show_back() -> None:
    warmup = segment(id="warmup", at="-10m", lasts="30m")
    sale = Sale(sheet(warmup, segment(PROMPT, at="0s"), auto_start=True))
    sale.do("owner", "show.arm")
    sale.advance(START + 10 * MINUTE)
    assert sale.state.the.started_at == START
    assert sale.state.segments["warmup"].status == "ended"
    assert sale.state.segments["warmup"].end == START
    assert sale.fired("say") == [(120, 120)]


class TestAnEarlyStart:
    def started_early(self) -> Sale:
        before = {"id": "before", "at": "-1m", "prompt": "host", "text": "一分钟"}
        later = {"id": "later", "at": "15:03", "prompt": "host", "text": "三分"}
        warm = segment(
            {"id": "hello", "at": "+9m", "prompt": "host", "text": "准备"}, later, id="warmup", at="-10m", lasts="10m"
        )
        sale = Sale(sheet(warm, segment(before, PROMPT)))
        sale.do("owner", "show.arm")
        sale.advance(START - 5 * MINUTE)
        sale.do("controller", "show.start")
        return sale

    def test_skips_the_cues_before_the_start(self) -> None:
        sale = self.started_early()
        assert {(e.cue, e.why) for e in sale.of("cue.skipped")} == {
            ("hello", "show_started"),
            ("before", "show_started"),
        }

    def test_skips_the_end_of_a_segment_that_never_ran(self) -> None:
        link = {**LINK, "at": "end"}
        sale = Sale(
            sheet(
                segment(link, {**LINK, "id": "after", "at": "end +20s"}, id="warmup", at="-10m", lasts="10m"),
                segment(PROMPT),
            )
        )
        sale.advance(START - 20 * MINUTE)
        sale.do("owner", "show.arm")
        sale.do("controller", "show.start")
        sale.advance(START)
        assert {(e.cue, e.why) for e in sale.of("cue.skipped")} == {("link", "show_started"), ("after", "show_started")}

    def test_ends_a_running_warmup_whose_end_s_cues_go_now(self) -> None:
        warm = segment({**PROMPT, "id": "end", "at": "end"}, id="warmup", at="-10m", lasts="10m")
        sale = Sale(sheet(warm, segment(PROMPT)))
        sale.do("owner", "show.arm")
        sale.advance(START - 5 * MINUTE)
        sale.do("controller", "show.start")
        sale.advance(START)
        assert sale.fired("end") == [(-300, -300)]

    def test_keeps_days_and_clock_times(self) -> None:
        sale = self.started_early()
        sale.advance(START + 10 * MINUTE)
        assert sale.fired("later") == [(180, 180)]
        assert sale.fired("say") == [(-180, -180)]

    def test_skips_what_is_held_before_the_start_too(self) -> None:
        sale = Sale(sheet(WARMUP, segment(PROMPT)))
        sale.do("owner", "show.arm")
        sale.advance(START - 8 * MINUTE)
        sale.do("controller", "cue.hold", cue="hello")
        sale.do("controller", "show.start")
        assert sale.cue("hello").why == "show_started"

    def test_leaves_alone_what_is_announced(self) -> None:
        warm = segment({**LINK, "at": "+5m"}, id="warmup", at="-10m", lasts="10m")
        sale = Sale(sheet(warm, segment(PROMPT)))
        sale.do("owner", "show.arm")
        sale.advance(START - 5 * MINUTE - SECOND)
        sale.do("controller", "show.start")
        sale.advance(START)
        assert sale.fired("link") == [(-300, -300)]


class TestAPause:
    def test_moves_what_hangs_on_the_show_by_its_length(self) -> None:
        sale = Sale(sheet(segment(PROMPT, LINK))).live()
        sale.advance(START + MINUTE)
        sale.do("controller", "show.pause")
        sale.advance(START + 11 * MINUTE)
        assert not sale.of("cue.fired")
        sale.do("controller", "show.resume")
        sale.advance(START + 30 * MINUTE)
        assert sale.fired("say") == sale.fired("link") == [(12 * 60, 12 * 60)]
        assert [e.at for e in sale.of("segment.ended")] == [START + 15 * MINUTE]

    def test_withdraws_what_is_announced_and_the_release_is_the_same_run_with_the_next_attempt(self) -> None:
        sale = Sale(sheet(segment(LINK))).live()
        sale.advance(START + 2 * MINUTE - SECOND)
        sale.do("controller", "show.pause")
        assert {d.status for d in sale.deliveries().values()} == {"withdrawn"}
        sale.advance(START + 3 * MINUTE)
        sale.do("controller", "show.resume")
        sale.advance(START + 5 * MINUTE)
        assert [e.run for e in sale.of("cue.announced")] == [sale.cue("link").run] * 2
        assert {d.attempt for d in sale.deliveries().values()} == {2}
        assert [e.at - START for e in sale.of("cue.fired")] == [3 * MINUTE + SECOND]

    def test_lets_cues_of_a_clock_time_wait_and_then_follow_late(self) -> None:
        early = {"id": "early", "at": "15:02", "prompt": "host", "text": "x", "late": "skip after 30s"}
        close = {"id": "close", "at": "15:09:45", "prompt": "host", "text": "x", "late": "skip after 30s"}
        sale = Sale(sheet(segment(early, close, lasts="20m"))).live()
        sale.advance(START + MINUTE)
        sale.do("controller", "show.pause")
        sale.advance(START + 10 * MINUTE)
        sale.do("controller", "show.resume")
        sale.advance(START + 11 * MINUTE)
        assert sale.cue("early").why == "late"
        assert sale.fired("close") == [(600, 585)]

    def test_goes_on_for_what_was_promised_to_the_audience(self) -> None:
        sale = Sale().live()
        sale.do("controller", "coupon.drop", coupon="c20", groups="all")
        sale.advance(START + 10 * SECOND)
        sale.do("controller", "show.pause")
        assert "code" in sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")
        sale.do("r1", "question.raise", group="g1", text="包邮吗")
        sale.do("shop", "order.report", order="o1", status="paid", amount=100)

    def test_is_neither_made_nor_ended_twice(self) -> None:
        sale = Sale().live()
        assert sale.refused("controller", "show.resume") == "stale"
        sale.do("controller", "show.pause")
        assert sale.refused("controller", "show.pause") == "stale"


def test_a_shift_moves_what_is_to_come_and_withdraws_what_is_announced() -> None:
    sale = Sale(
        sheet(segment(LINK), segment({"id": "then", "at": "start", "prompt": "host", "text": "x"}, id="next"))
    ).live()
    sale.advance(START + 2 * MINUTE - SECOND)
    sale.do("controller", "show.shift", by_ms=MINUTE)
    assert [e.why for e in sale.of("cue.withdrawn")] == ["shifted"]
    sale.advance(START + 20 * MINUTE)
    assert sale.fired("link") == [(180, 180)]
    assert sale.fired("then") == [(360, 360)]


def test_a_shift_before_the_start_moves_the_start() -> None:
    sale = Sale(sheet(WARMUP, segment(PROMPT)))
    sale.do("owner", "show.shift", by_ms=5 * MINUTE)
    assert sale.state.the.start == START + 5 * MINUTE
    sale.do("owner", "show.arm")
    sale.advance(START)
    assert sale.fired("hello") == [(0, 0)]


class TestAHalt:
    def test_withdraws_all_that_has_not_left_and_stops_every_drop(self) -> None:
        sale = Sale(sheet(segment({**LINK, "id": "first", "at": "+1m"}, LINK, PROMPT, lasts="10m"))).live()
        sale.advance(START + MINUTE)
        sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent")
        sale.do("controller", "show.halt", reason="断流")
        assert [d.status for d in sale.deliveries().values()] == ["sent", "withdrawn", "withdrawn"]
        for kind, fields in (
            ("coupon.drop", {"coupon": "c20", "groups": "all"}),
            ("link.drop", {"link": "room", "groups": "all"}),
            ("message.send", {"content": "x", "groups": "all"}),
            ("checkin.open", {}),
            ("cue.fire", {"cue": "link"}),
            ("delivery.retry", {"delivery": "d2"}),
        ):
            assert sale.refused("controller", kind, **fields) in {"too_early", "stale"}
        sale.advance(START + 3 * MINUTE)
        assert sale.fired("link") == []
        assert sale.fired("say") == [(120, 120)]

    def test_ends_with_the_late_rule_for_what_came_due_meanwhile(self) -> None:
        soon = {**LINK, "id": "soon", "at": "+2m50s"}
        sale = Sale(sheet(segment(LINK, soon, lasts="10m"))).live()
        sale.advance(START + MINUTE)
        sale.do("owner", "show.halt")
        sale.advance(START + 3 * MINUTE)
        sale.do("owner", "show.unhalt")
        sale.advance(START + 4 * MINUTE)
        assert sale.cue("link").status == "waiting"
        assert sale.fired("soon") == [(182, 170)]

    def test_is_told_stale_when_it_is_halted_already(self) -> None:
        sale = Sale().live()
        assert sale.refused("owner", "show.unhalt") == "stale"
        sale.do("owner", "show.halt")
        assert sale.refused("controller", "show.halt") == "stale"

    def test_lets_nothing_be_sent_again_or_moved(self) -> None:
        sale = Sale(sheet(segment({**LINK, "at": "+1m"}), unknown="resend")).live()
        sale.advance(START + MINUTE)
        sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="rejected")
        sale.do("controller", "show.halt")
        assert sale.refused("controller", "delivery.retry", delivery="d1") == "too_early"
        assert sale.refused("controller", "delivery.move", delivery="d1", relay="r2") == "too_early"
        assert sale.refused("controller", "delivery.move", delivery="d2", relay="r2") == "too_late"
        sale.do("r2", "delivery.report", delivery="d3", attempt=1, outcome="unknown")
        assert sale.deliveries()["g3"].status == "unknown"


class TestTheEnd:
    AFTER = segment({"id": "thanks", "at": "start", "do": "message.send", "groups": "all", "text": "谢谢"},
                    id="after", kind="aftercare", lasts="1h")  # fmt: skip

    def test_leaves_only_aftercare_to_come(self) -> None:
        late = {"id": "late", "at": "15:20", "prompt": "host", "text": "x"}
        sale = Sale(
            sheet(segment(PROMPT, late, {"id": "tail", "at": "end +30s", "prompt": "host", "text": "x"}), self.AFTER)
        ).live()
        sale.advance(START + 5 * MINUTE + SECOND)
        assert sale.state.segments["intro"].status == "ended"
        sale.do("controller", "show.end")
        sale.advance(START + 60 * MINUTE)
        assert {c: sale.cue(c).why for c in ("late", "tail")} == {"late": "show_ended", "tail": "show_ended"}
        assert sale.cue("thanks").status == "fired"
        assert sale.state.segments["after"].status == "running"

    def test_comes_only_by_hand(self) -> None:
        sale = Sale(sheet(segment(PROMPT), self.AFTER)).live()
        sale.advance(START + 600 * MINUTE)
        assert sale.state.the.status == "live"
        assert sale.refused("controller", "segment.next") == "too_late"
        assert sale.cue("thanks").status == "planned"

    def test_lets_triggers_of_the_aftercare_run_and_no_others(self) -> None:
        during = {"id": "during", "when": "messages >= 1", "prompt": "host", "text": "x"}
        after = {"id": "then", "when": "messages >= 1", "prompt": "support", "text": "x"}
        sale = Sale(sheet(segment(during), segment(after, id="after", kind="aftercare", lasts="1h"))).live()
        sale.advance(START + 6 * MINUTE)
        sale.do("owner", "show.end")
        sale.advance(START + 7 * MINUTE)
        sale.do("r1", "group.observe", group="g1", what="message", text="好")
        assert not sale.fired("during")
        assert sale.fired("then")

    def test_takes_observations_and_orders_until_it_is_closed(self) -> None:
        sale = Sale().live()
        sale.do("owner", "show.end")
        sale.do("r1", "group.observe", group="g1", what="joined", member="m1")
        sale.do("shop", "order.report", order="o1", status="paid", amount=100)


def test_a_closed_sale_takes_refunds_codes_that_are_good_and_late_facts_and_nothing_else() -> None:
    sale = Sale(sheet(segment(LINK))).live()
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 3 * MINUTE)
    code = sale.do("r1", "coupon.claim", coupon="c20", member="m1")["code"]
    sale.do("shop", "order.report", order="o1", status="paid", amount=100)
    sale.do("r1", "question.raise", group="g1", text="包邮吗")
    sale.do("owner", "show.end")
    sale.do("owner", "show.close")
    for who, kind, fields in (
        ("r1", "group.observe", {"group": "g1", "what": "joined"}),
        ("r1", "question.raise", {"group": "g1", "text": "还有吗"}),
        ("support", "question.take", {"question": "q1"}),
        ("host", "note.add", {"text": "x"}),
        ("host", "person.ready", {}),
        ("controller", "prompt.send", {"to": "host", "text": "x"}),
        ("controller", "group.freeze", {"group": "g1"}),
        ("controller", "coupon.stop", {"coupon": "c20"}),
        ("controller", "cue.skip", {"cue": "link"}),
        ("audience", "link.click", {"link": "room"}),
        ("r1", "coupon.claim", {"coupon": "c20", "member": "m2"}),
        ("shop", "order.report", {"order": "o1", "status": "shipped"}),
        ("owner", "show.halt", {}),
    ):
        assert sale.refused(who, kind, **fields) == "too_late", kind
    sale.do("shop", "order.report", order="o1", status="refunded", amount=40)
    assert sale.state.figures["sale"].sales_net == 60
    sale.do("shop", "coupon.redeem", code=code, order="o1")
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent")
    assert sale.state.deliveries["d1"].left_late
    assert sale.do("r1", "coupon.claim", coupon="c20", member="m1") == {"code": code, "left": 9, "again": True}
    assert not {c.status for c in sale.state.cues.values()} & {"planned", "held", "waiting", "announced"}
    sale.relay("r1", here=False)


def test_an_early_start_is_refused_twice() -> None:
    sale = Sale().live()
    with pytest.raises(Exception, match="stale"):
        sale.do("owner", "show.start")


def test_what_is_planned_before_the_start_is_over_with_it_though_a_day_before_would_still_run() -> None:
    """The clock times of the days before keep their date: started at another hour, they lie over the warm-up."""
    days = segment(id="days", at="D-1 10:00", lasts="3d")
    opening = segment(id="opening", lasts="5m")
    sale = Sale(sheet(days, WARMUP, opening)).live()
    assert sale.state.the.segment == "opening"
    assert [s.status for s in sale.state.segments.values()] == ["ended", "skipped", "running"]
    assert sale.cue("hello").status == "skipped"
