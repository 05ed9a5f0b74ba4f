"""A small sale whose every figure was computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.journal import codec
from coordinator.journal.base import Entry
from replay.review import Review, review_tables
from replay.tables import Tables
from tests.replay.stage import MINUTE, START, Stage


def tables(stage: Stage) -> Tables:
    made = Tables(stage.state.sale)
    entries = []
    for event in stage.events:
        body, private = codec.encode(event)
        entries.append(Entry(event.seq, body, private))
    made.take(entries)
    made.finish()
    return made


def value(review: Review, name: str, **scope: str) -> Any:
    found = [f for f in review.figures if f.name == name and (f.scope or {}) == scope]
    assert len(found) == 1, (name, scope, len(found))
    return found[0].value


def a_known_sale() -> Stage:
    s = Stage()
    see = lambda **fields: s.do("relay", "group.observe", **fields)  # noqa: E731 - a word for what follows
    s.do("controller", "show.arm")
    s.until(0)
    s.do("controller", "show.start")
    # g1 has 10 heads, g2 has 20. ann is one of g1's heads: she speaks without having joined.
    see(group="g1", what="message", member="ann", text="你好")
    see(group="g1", what="message", member="ann", text="你好")  # a repeat, but her first was valid
    see(group="g2", what="joined", member="bob", channel="poster")
    see(group="g1", what="joined", member="bob")  # the same person, in a second group
    see(group="g2", what="joined", count=3)  # three whom nobody can name
    see(group="g2", what="left", member="carl")
    s.until(30_000)
    see(group="g2", what="message", member="dora", text="[微笑][强]")  # only stickers
    s.do("relay", "question.raise", group="g1", member="ann", text="多少钱?")
    s.do("relay", "question.raise", group="g2", member="bob", text="多少钱？")
    s.do("relay", "question.raise", group="g2", member="bob", text="包邮吗")
    s.until(MINUTE)  # the link fires in both groups: heads g1 11, g2 23
    s.sent(late_ms=250)
    s.do("support", "question.answer", question="q1", content="129 元")
    drop = next(d.id for d in s.state.drops.values() if d.kind == "link")
    k1, k2 = s.key(drop, "g1"), s.key(drop, "g2")
    s.do("relay", "link.click", link=k1, member="ann")
    s.do("relay", "link.click", link=k1, member="ann")  # a reload: it counts no more
    s.do("relay", "link.click", link=k2, member="bob")
    s.do("relay", "link.click", link=k2)  # nobody knows who
    lines = [{"product": "pan", "quantity": 2, "price": 12_900}]
    s.order("o1", "placed", 25_800, "ann", link=k1, lines=lines)
    s.order("o1", "paid", 25_800, "ann")
    s.order("o2", "placed", 12_900, "bob")  # names no link: bob's last click led to it
    s.order("o3", "placed", 5_900, "ann", lines=[{"product": "knife", "quantity": 1, "price": 5_900}])
    s.order("o3", "paid", 5_900, "ann")
    s.order("o4", "paid", 1_000, "eve")  # clicked nothing
    s.order("o3", "refunded", 1_000)
    s.until(2 * MINUTE + 500)  # the coupon fires in g1
    s.sent(late_ms=50)
    code = s.do("relay", "coupon.claim", coupon="c20", member="ann", group="g1")["code"]
    s.do("relay", "coupon.claim", coupon="c20", member="bob", group="g1")
    s.do("shop", "coupon.redeem", code=code, order="o1")
    s.do("relay", "link.click", link=k1, member="ann")  # she came back
    s.do("controller", "audience.report", viewers=40)
    s.do("relay", "channel.expose", channel="poster", count=50)
    s.until(3 * MINUTE)
    return s


@pytest.fixture(scope="module")
def review() -> Review:
    return review_tables(tables(a_known_sale()))


WHOLE_SALE = {
    "joins": 5, "leaves": 1, "removed": 0, "net_growth": 4,
    "members_start": 30, "members": 34,  # 30 heads + bob + three
    "leave_rate": 1 / 34, "leave_rate_base": 1 / 35,
    "messages": 3, "people": 2, "messages_per_member": 3 / 34, "interaction_rate": 1 / 34,
    "peak_minute": START, "peak_minute_messages": 3,
    "reach": 34, "link_reach": 34,  # g1: 10 + bob; g2: 20 + bob + three - carl
    "clicks": 4, "link_clicked_members": 2, "click_rate": 2 / 34,
    "link_orders": 3, "link_ordered_members": 2, "link_orders_paid": 2, "link_paid_members": 1,
    "coupon_reach": 11, "claims": 2, "coupon_claimed_members": 2, "redemptions": 1, "coupon_redeemed_members": 1,
    "coupon_orders": 0, "coupon_orders_paid": 0,  # o1 names its link, which goes before its code
    "orders_flagged": 0, "orders_unattributed": 1 / 4, "sales_unattributed": 1_000 / 32_700,
    "claim_rate": 2 / 11, "redeem_rate": 0.5, "discount": 2_000,
    "orders_created": 4, "orders_paid": 3, "buyers": 2,
    "sales_created": 25_800 + 12_900 + 5_900 + 1_000, "sales_paid": 32_700, "sales_net": 31_700,
    "orders_without_member": 0, "conversion_buyers": 2 / 34, "conversion_orders": 3 / 34,
    "order_value_per_buyer": 32_700 / 2, "order_value_per_order": 32_700 / 3, "items_per_order": 1.5,
    "arpu": 32_700 / 34, "repeat_rate": 0.5, "gpm": 32_700 * 1000 / 34,
    "refund_rate": 0, "refund_rate_partial": 1 / 3, "refund_rate_amount": 1_000 / 32_700,
    "target_sales": 32_700 / 50_000, "target_buyers": 0.5,
    "questions": 3, "answered": 2, "response_p50_ms": 30_000, "response_p90_ms": None, "response_within_180s": 2 / 3,
    "late_fired_p50_ms": 0, "late_fired_p99_ms": 0, "late_sent_p50_ms": 50, "late_sent_p99_ms": 250,
    "join_rate": 1 / 50, "stream_peak": 40, "stream_views": None, "cost": None, "retention_d1": None, "retention_d7": None, "retention_d30": None, "roas": None, "roi": None,
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_SALE)
def test_a_figure_of_the_whole_sale_is_the_one_computed_by_hand(review: Review, name: str) -> None:
    expected = WHOLE_SALE[name]
    assert value(review, name) == (None if expected is None else pytest.approx(expected, rel=1e-12))


@pytest.mark.parametrize(
    ("name", "scope", "expected"),
    [
        ("joins", {"channel": "poster"}, 1),
        ("members", {"group": "g1"}, 11),
        ("members", {"group": "g2"}, 24),
        ("clicks", {"group": "g1"}, 2),
        ("link_clicked_members", {"group": "g2"}, 1),
        ("link_reach", {"tier": "vip"}, 11),
        ("clicks", {"product": "pan"}, 4),
        ("link_orders_paid", {"cue": "pan-link"}, 2),
        ("link_ordered_members", {"drop": "drop1"}, 2),
        ("attributed_orders", {"rule": "link"}, 1),
        ("attributed_orders", {"rule": "click"}, 1),
        ("attributed_sales", {"group": "g1"}, 31_700),
        ("attributed_sales", {"tier": "vip"}, 31_700),
        ("attributed_sales", {"product": "pan"}, 31_700),
        ("attributed_orders", {"cue": "pan-link"}, 2),
        ("claims", {"coupon": "c20"}, 2),
        ("coupon_reach", {"cue": "pan-coupon"}, 11),
        ("sales_paid", {"group": "g1"}, 31_700),
        ("orders_created", {"group": "g2"}, 1),
        ("response_p50_ms", {"person": "chen"}, 30_000),
        ("late_sent_p50_ms", {"cue": "pan-coupon"}, 50),
        ("segment_late", {"segment": "pan-intro"}, 0),
        ("segment_length_real", {"segment": "pan-intro"}, 3 * MINUTE),
        ("segment_length_real", {"segment": "qa"}, None),
    ],
)
def test_a_figure_of_a_part_is_the_one_computed_by_hand(
    review: Review, name: str, scope: dict[str, str], expected: float | None
) -> None:
    assert value(review, name, **scope) == expected


def test_the_review_agrees_with_the_live_counters() -> None:
    stage = a_known_sale()
    review, live = review_tables(tables(stage)), stage.state.figures["sale"]
    for name in (
        "joins",
        "leaves",
        "messages",
        "people",
        "clicks",
        "claims",
        "redemptions",
        "discount",
        "buyers",
        "sales_paid",
        "sales_net",
        "orders_paid",
    ):
        assert value(review, name) == getattr(live, name), name


def test_figures_are_provisional_until_the_sale_is_closed() -> None:
    stage = a_known_sale()
    open_yet = review_tables(tables(stage))
    assert {f.state for f in open_yet.figures} == {"provisional", "not_available"}
    stage.do("controller", "show.end")
    stage.do("controller", "show.close")
    closed = review_tables(tables(stage))
    assert {f.state for f in closed.figures} == {"settled", "not_available"}


def test_what_is_missing_has_no_value_and_says_why(review: Review) -> None:
    data = review.as_object()
    for f in data["figures"]:
        assert (f["value"] is None) == (f["state"] == "not_available"), f
        assert f["definition"]
        assert f["source"]
    named = {m["name"] for m in data["missing"]}
    assert {"roas", "roi", "cost", "stream_views", "retention_d7", "response_p90_ms"} <= named
    assert all(m["why"]["en"] and m["why"]["zh"] for m in data["missing"])


def test_a_sale_in_which_nothing_happened_has_no_averages() -> None:
    review = review_tables(tables(Stage(relay=False)))
    for name in (
        "messages",
        "joins",
        "people",
        "interaction_rate",
        "reach",
        "order_value_per_buyer",
        "repeat_rate",
        "peak_minute",
    ):
        assert value(review, name) is None, name
    assert value(review, "orders_created") == 0
    assert value(review, "members") == 30


def test_a_sale_without_events_has_a_review_that_says_nothing() -> None:
    review = review_tables(Tables("none"))
    assert review.as_object() == {"sale": "none", "from": 0, "to": 0, "figures": [], "findings": [], "missing": []}


def test_a_sale_without_orders_says_that_the_shop_may_be_missing() -> None:
    review = review_tables(tables(Stage().live()))
    assert "shop" in review.findings[0].en
    assert value(review, "buyers") == 0
    assert value(review, "order_value_per_order") is None


def test_reported_views_and_costs_make_sales_per_thousand_and_the_return_on_cost() -> None:
    stage = a_known_sale()
    stage.do("controller", "audience.report", views=2_000)
    stage.do("owner", "cost.report", what="红包", amount=10_000)
    stage.do("owner", "cost.report", what="货", amount=5_000)
    review = review_tables(tables(stage))
    assert value(review, "gpm") == 32_700 * 1000 / 2_000
    assert "views of the stream" in next(f.source for f in review.figures if f.name == "gpm")
    assert "potential reach" in next(f.source for f in review_tables(tables(a_known_sale())).figures if f.name == "gpm")
    assert value(review, "roas") == 32_700 / 15_000
    assert value(review, "roi") == (31_700 - 15_000) / 15_000
    assert value(review, "cost", what="货") == 5_000
    assert value(review, "join_rate", channel="poster") == 1 / 50


def test_two_pseudonyms_of_one_person_are_one_in_funnels_and_among_buyers() -> None:
    stage = a_known_sale()
    stage.do("shop", "member.link", a="ann", b="eve")
    review = review_tables(tables(stage))
    assert (value(review, "buyers"), stage.state.figures["sale"].buyers, value(review, "repeat_rate")) == (1, 1, 1)
    stage.do("shop", "member.link", a="ann", b="bob")
    assert value(review_tables(tables(stage)), "link_clicked_members") == 1


def test_a_rehearsals_punctuality_is_of_the_wall_clock() -> None:
    stage = Stage()
    stage.events[0].rehearsal = 20.0  # type: ignore[attr-defined] - the first event is sale.created
    stage.live().until(MINUTE)
    stage.sent(late_ms=2_000)
    assert value(review_tables(tables(stage)), "late_sent_p50_ms") == 100


def test_a_segment_that_was_extended_shows_plan_revision_and_run() -> None:
    stage = Stage().live().until(MINUTE)
    stage.do("controller", "segment.extend", by_ms=30_000)
    stage.until(5 * MINUTE)
    review = review_tables(tables(stage))
    assert value(review, "segment_length_planned", segment="pan-intro") == 180_000
    assert value(review, "segment_length_revised", segment="pan-intro") == 210_000
    assert value(review, "segment_length_real", segment="pan-intro") == 210_000
    assert value(review, "segment_over", segment="pan-intro") == 30_000
    assert value(review, "segment_late", segment="qa") == 30_000
