"""Triggered cues: on the edge from false to true, once, at most four deep, in the append of their cause."""

from __future__ import annotations

from typing import Any

from coordinator.core.kernel import MAX_TRIGGER_DEPTH
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
