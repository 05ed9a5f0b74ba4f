"""Triggered cues: on the edge from false to true, once, at most four deep, in the append of their cause."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core.kernel import MAX_TRIGGER_DEPTH, Refusal
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def when(condition: str, id_: str = "t", **more: Any) -> dict[str, Any]:
    return {"id": id_, "when": condition, "prompt": "host", "text": "还剩 {coupon.left} 张", **more}


def live(*cues: dict[str, Any], **more: Any) -> Sale:
    return Sale(sheet(segment(*cues, lasts="60m"), **more)).live()


def say(sale: Sale, times: int = 1) -> None:
    for _ in range(times):
        sale.do("r1", "group.observe", group="g1", what="message", text="好")


def test_it_fires_on_the_edge_once_in_the_append_of_its_cause() -> None:
    sale = live(when("messages >= 2"))
    batches: list[list[str]] = []
    sale.after.append(lambda decided: batches.append([str(e.__struct_config__.tag) for e in decided.events]))
    say(sale, 4)
    assert batches == [
        ["group.message"],
        ["group.message", "cue.fired", "prompt.sent"],
        ["group.message"],
        ["group.message"],
    ]
    assert sale.of("cue.fired")[0].by == "relay:r1"


def test_its_text_holds_the_live_figure() -> None:
    sale = live(when("coupon c20 left <= 90%"))
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * SECOND)
    sale.do("r1", "coupon.claim", coupon="c20", member="m1")
    assert sale.of("prompt.sent")[0].text == "还剩 9 张"


def test_again_after_fires_on_a_later_edge_once_its_time_has_passed_with_a_run_of_its_own() -> None:
    sale = live(when("product pan stock < 20", **{"again after": "5m"}))
    for minute, stock in ((1, 10), (2, 30), (3, 10), (4, 30), (7, 10), (8, 5)):
        sale.advance(START + minute * MINUTE)
        sale.do("controller", "product.restock", product="pan", stock=stock)
    assert [e.at - START for e in sale.of("cue.fired")] == [MINUTE, 7 * MINUTE]
    assert len({e.run for e in sale.of("cue.fired")}) == 2


def test_a_condition_is_looked_at_from_its_segment_s_start_on() -> None:
    sale = Sale(sheet(segment(), segment(when("messages >= 1"), id="next"))).live()
    say(sale)
    assert not sale.of("cue.fired")
    sale.advance(START + 5 * MINUTE)
    assert sale.fired("t") == [(300, 300)]


def test_a_pause_makes_no_edge_and_loses_none() -> None:
    once = when("messages >= 1", "again", **{"again after": "1s"})
    sale = live(once, when("messages >= 3", "later"))
    say(sale, 2)
    sale.advance(START + MINUTE)
    sale.do("controller", "show.pause")
    say(sale)
    assert not sale.fired("later")
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "show.resume")
    assert len(sale.fired("again")) == 1
    assert sale.fired("later") == [(120, 120)]


def test_a_drop_whose_condition_came_true_in_a_halt_goes_when_it_is_over() -> None:
    sale = live({"id": "t", "when": "messages >= 1", "do": "link.drop", "link": "room", "groups": "all"})
    sale.do("owner", "show.halt")
    say(sale)
    sale.advance(START + MINUTE)
    assert not sale.of("cue.announced")
    sale.do("owner", "show.unhalt")
    sale.advance(START + 2 * MINUTE)
    assert sale.fired("t") == [(62, 62)]


def test_one_that_a_pause_withdrew_goes_after_it() -> None:
    sale = live({"id": "t", "when": "messages >= 1", "do": "link.drop", "link": "room", "groups": "all"})
    say(sale)
    sale.do("controller", "show.pause")
    sale.advance(START + MINUTE)
    sale.do("controller", "show.resume")
    sale.advance(START + 2 * MINUTE)
    assert sale.fired("t") == [(62, 62)]
    assert {d.attempt for d in sale.deliveries().values()} == {2}


def test_cues_set_each_other_off_four_deep_and_no_deeper() -> None:
    """Each opens a show of a product, and the next waits for the sale's figures to be looked at again."""
    chain = [{"id": "c0", "when": "messages >= 1", "do": "product.show", "product": "pan"}]
    sale = live(*chain)
    say(sale)
    assert sale.fired("c0")

    from coordinator.core import conditions
    from coordinator.core.plan import CuePlan, Late

    # A sheet has few things that a cue changes and a condition reads: the loop is made of coupons that are stopped.
    deep = MAX_TRIGGER_DEPTH + 2
    coupons = [{"id": f"k{i}", "kind": "amount", "title": "x", "off": "1.00", "quantity": 5} for i in range(deep + 1)]
    cues = [{"id": f"t{i}", "when": "messages >= 1" if i == 0 else f"coupon k{i} left <= 100%", "do": "coupon.stop",
             "coupon": f"k{i + 1 if i < deep else 0}"} for i in range(deep)]  # fmt: skip
    sale = live(coupons=coupons)
    for i, cue in enumerate(cues):
        plan = CuePlan(
            id=cue["id"],
            do="coupon.stop",
            when=cue["when"],
            fields={"coupon": cue["coupon"]},
            late=Late(rule="fire", within=0),
        )
        assert conditions.parse(plan.when or "")
        sale.do(
            "controller", "cue.add", cue=f"t{i}", when=cue["when"], do="coupon.stop", fields={"coupon": cue["coupon"]}
        )
    mark = len(sale.events)
    say(sale)
    assert sale.since(mark) == ["group.message", *["cue.fired", "coupon.stopped"] * MAX_TRIGGER_DEPTH]


def test_what_is_held_is_not_set_off() -> None:
    sale = live(when("messages >= 1"))
    sale.do("controller", "cue.hold", cue="t")
    say(sale)
    assert sale.cue("t").status == "held"


# ---------------------------------------------------------------- time alone
def test_a_segment_that_runs_over_sets_a_cue_off_on_time_without_any_event() -> None:
    sale = Sale(sheet(segment(when("segment over by 30s"), advance="manual"), segment(id="next"))).live()
    sale.advance(START + 5 * MINUTE + 29_999)
    assert not sale.of("cue.triggered", "cue.fired")
    sale.advance(START + 10 * MINUTE)
    assert [(e.at - START, e.by) for e in sale.of("cue.triggered", "cue.fired")] == [(330_000, "clock")] * 2
    assert sale.of("cue.fired")[0].late_ms == 0


def test_an_extension_puts_it_off_and_the_end_of_the_segment_puts_an_end_to_it() -> None:
    sale = Sale(sheet(segment(when("segment over by 30s"), advance="manual"), segment(id="next"))).live()
    sale.advance(START + 5 * MINUTE)
    sale.do("controller", "segment.extend", by_ms=MINUTE)
    sale.advance(START + 6 * MINUTE + 20 * SECOND)
    sale.do("controller", "segment.next")
    sale.advance(START + 9 * MINUTE)
    assert not sale.of("cue.fired")


def test_a_question_that_waits_too_long_is_told_when_it_has_waited_so_long() -> None:
    sale = live(when("question oldest > 60s", **{"again after": "1s"}))
    sale.advance(START + 10 * SECOND)
    sale.do("r1", "question.raise", group="g1", member="m1", text="包邮吗")
    sale.advance(START + 40 * SECOND)
    sale.do("r1", "question.raise", group="g1", member="m2", text="几天到")
    sale.advance(START + 65 * SECOND)
    sale.do("support", "question.take", question="q1")
    sale.do("support", "question.close", question="q1")
    sale.advance(START + 3 * MINUTE)
    assert [e.at - START for e in sale.of("cue.fired")] == [100_001]
    sale.do("support", "question.close", question="q2")
    sale.do("r1", "question.raise", group="g1", member="m3", text="有货吗")
    sale.advance(START + 5 * MINUTE)
    assert [e.at - START for e in sale.of("cue.fired")] == [100_001, 3 * MINUTE + 60_001]


def test_what_time_made_true_while_the_service_was_away_goes_when_it_is_back() -> None:
    sale = Sale(sheet(segment(when("segment over by 30s"), advance="manual"))).live()
    sale.away(START + 7 * MINUTE)
    assert [e.at - START for e in sale.of("cue.fired")] == [7 * MINUTE]


def test_a_pause_does_not_run_a_segment_over() -> None:
    sale = Sale(sheet(segment(when("segment over by 30s"), advance="manual"))).live()
    sale.advance(START + 4 * MINUTE)
    sale.do("controller", "show.pause")
    sale.advance(START + 14 * MINUTE)
    sale.do("controller", "show.resume")
    assert not sale.of("cue.fired")
    sale.advance(START + 20 * MINUTE)
    assert [e.at - START for e in sale.of("cue.fired")] == [15 * MINUTE + 30 * SECOND]


def test_a_condition_that_time_makes_false_and_true_again_has_an_edge_each_time() -> None:
    """A silence is broken by a message, without any event at the moment when the silence began to count."""
    sale = live(when("group g1 quiet < 10s and not group g1 quiet < 5s", **{"again after": "1s"}))
    for second in (0, 30, 60):
        sale.advance(START + second * SECOND)
        say(sale)
    sale.advance(START + 100 * SECOND)
    assert [(e.at - START) // 1000 for e in sale.of("cue.fired")] == [5, 35, 65]


def test_a_fall_that_time_alone_made_is_seen_by_the_next_event() -> None:
    sale = live(when("group g1 quiet < 10s", **{"again after": "1s"}))
    for second in (0, 5, 60):
        sale.advance(START + second * SECOND)
        say(sale)
    assert [(e.at - START) // 1000 for e in sale.of("cue.fired")] == [0, 60]


# ---------------------------------------------------------------- what happens
def test_what_happens_sets_a_cue_off_each_time_that_the_sheet_lets_it() -> None:
    sale = live(when("member joined", **{"again after": "1m"}), when("member joined and group g1 joins >= 3", "third"))
    for second in (0, 10, 70, 80):
        sale.advance(START + second * SECOND)
        sale.do("r1", "group.observe", group="g1", what="joined", member=f"m{second}")
    assert [(e.cue, (e.at - START) // 1000) for e in sale.of("cue.fired")] == [("t", 0), ("t", 70), ("third", 70)]


def test_orders_of_a_product_are_counted_once_each() -> None:
    sale = live(when("orders of pan >= 2"))
    lines = [{"product": "pan", "quantity": 3, "price": 12900}]
    for status in ("placed", "paid", "shipped"):
        sale.do("shop", "order.report", order="o1", status=status, amount=38700, lines=lines)
    assert sale.state.products["pan"].orders == 1
    sale.do("shop", "order.report", order="o2", status="placed", amount=38700, lines=lines)
    assert sale.of("cue.fired")[0].by == "shop:shop"


# ---------------------------------------------------------------- added in the show
def test_a_condition_is_checked_when_its_cue_is_added() -> None:
    sale = live()
    for condition, code, position in (("messages > many", "invalid", 11), ("coupon c9 left < 3", "unknown", 7)):
        with pytest.raises(Refusal) as refused:
            sale.do("controller", "cue.add", when=condition, do="prompt.send", fields={"to": "host"}, text="x")
        assert (refused.value.code, refused.value.details) == (code, {"field": "when", "position": position})
