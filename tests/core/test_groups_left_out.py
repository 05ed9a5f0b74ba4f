"""A group that a later sheet leaves out keeps its past, and is sent nothing more: what was meant for it too goes to the others.

A hand's cue names its groups one by one. Where one of them was left out since, the selection failed: a chain could not be
completed, a draw not be run, a keyword not be written, and each was told of a fault inside the service.
"""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

KEYWORD = {"id": "time", "words": ["几点"], "text": "晚上八点"}


def left_out(sale: Sale, **more: Any) -> Sale:
    """The sheet is replaced by one without g3."""
    without = sheet(segment(lasts="20m"), **more)
    without["groups"] = [g for g in without["groups"] if g["id"] != "g3"]
    sale.replace(without)
    return sale


def reached(sale: Sale) -> set[str]:
    """The groups of the last drop."""
    return set(list(sale.state.drops.values())[-1].groups)


def test_a_chain_is_completed_and_a_draw_is_run_and_the_others_are_told() -> None:
    sale = Sale(sheet(segment(lasts="20m"))).live()
    sale.do("controller", "chain.open", product="pan", target=1, until=10 * MINUTE, groups="all")
    sale.do("cohost", "draw.open", prizes="小铲子", until=MINUTE, groups="all")
    sale.advance(START + 3 * SECOND)
    sale.do("r2", "draw.enter", member="m1", group="g3")
    left_out(sale)
    sale.do("r1", "chain.join", member="m2", group="g1")
    assert sale.state.chains["chain1"].status == "completed"
    assert reached(sale) == {"g1", "g2"}
    sale.advance(START + 2 * MINUTE)
    assert [w["member"] for w in sale.do("cohost", "draw.run")["winners"]] == ["m1"]
    assert reached(sale) == {"g1", "g2"}


def test_a_press_that_was_held_is_released_into_the_others() -> None:
    sale = Sale(sheet(segment(lasts="20m"))).live()
    sale.do("controller", "message.send", content="稍等", groups=["g1", "g3"])
    sale.do("controller", "cue.hold", cue="hand-1")
    left_out(sale)
    sale.do("controller", "cue.release", cue="hand-1")
    assert reached(sale) == {"g1"}


def test_what_is_said_there_is_taken_and_nothing_goes_there() -> None:
    sale = Sale(sheet(segment(lasts="20m"), keywords=[KEYWORD])).live()
    sale.do("r2", "question.raise", group="g3", member="m1", text="包邮吗")
    sale.do("shop", "order.report", order="o1", status="paid", member="m1", amount=100)
    left_out(sale, keywords=[KEYWORD])
    sale.do("r2", "group.observe", group="g3", what="message", member="m1", text="几点")
    sale.do("support", "question.answer", question="q1", content="包邮", to="all")
    assert sale.refused("cheer", "showcase.add", order="o1", group="g3", content="广告: 谢谢晒单") == "too_early"
    assert sale.state.drops == {}
    assert sale.state.questions["q1"].status == "answered"


def test_a_cheer_member_shows_orders_in_the_groups_they_serve() -> None:
    mei = [{"person": "mei", "role": "cheer", "groups": "group:g1"}, {"person": "lin", "role": "host"}]
    sale = Sale(sheet(segment(lasts="20m"), team=mei)).live()
    sale.do("shop", "order.report", order="o1", status="paid", member="m1", amount=100)
    assert sale.refused("cheer", "showcase.add", order="o1", group="g2") == "forbidden"
    assert sale.do("cheer", "showcase.add", order="o1", group="g1") == {"showcase": "show-1"}
