"""Laws that hold for the figures of any sale."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Refusal
from replay.metrics.figure import Figure, quantile
from replay.metrics.funnels import TOPICS
from replay.review import review_tables
from tests.replay.stage import MINUTE, Stage
from tests.replay.test_known_sale import tables

MEMBERS = st.sampled_from(["ann", "bob", "carl", "dora", None])
GROUPS = st.sampled_from(["g1", "g2"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("joined"), GROUPS, MEMBERS),
        st.tuples(st.just("left"), GROUPS, MEMBERS),
        st.tuples(st.just("message"), GROUPS, MEMBERS),
        st.tuples(st.just("click"), GROUPS, MEMBERS),
        st.tuples(st.just("claim"), st.just("g1"), MEMBERS),
        st.tuples(st.just("placed"), st.integers(0, 4), MEMBERS),
        st.tuples(st.just("paid"), st.integers(0, 4), MEMBERS),
        st.tuples(st.just("refunded"), st.integers(0, 4), MEMBERS),
        st.tuples(st.just("ask"), GROUPS, MEMBERS),
        st.tuples(st.just("answer"), st.integers(1, 3), MEMBERS),
    ),
    max_size=40,
)


def play(steps: list[tuple[Any, ...]]) -> Stage:
    s = Stage().live().until(2 * MINUTE)
    s.sent()
    drop = next(d.id for d in s.state.drops.values() if d.kind == "link")
    for what, where, member in steps:
        s.until(s.now - s.state.the.start + 1_000)
        try:
            match what:
                case "joined" | "left" | "message":
                    s.do(
                        "relay",
                        "group.observe",
                        group=where,
                        what=what,
                        member=member,
                        text="嗯" if what == "message" else None,
                    )
                case "click":
                    s.do("relay", "link.click", link=s.key(drop, where), member=member)
                case "claim":
                    s.do("relay", "coupon.claim", coupon="c20", group=where, member=member)
                case "ask":
                    s.do("relay", "question.raise", group=where, member=member, text="多少钱?")
                case "answer":
                    s.do("support", "question.answer", question=f"q{where}", content="129 元")
                case _:
                    s.order(f"o{where}", what, 100 * where, member)
        except Refusal:
            continue
    return s


def by_scope(figures: list[Figure]) -> dict[tuple[str, str], dict[str, Any]]:
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for f in figures:
        key = next(iter(f.scope.items())) if f.scope else ("", "")
        out.setdefault(key, {})[f.name] = f.value
    return out


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_sale_obeys_the_laws_of_its_figures(steps: list[tuple[Any, ...]]) -> None:
    review = review_tables(tables(play(steps)))
    scopes = by_scope(review.figures)
    for (topic, _), f in scopes.items():
        if topic in {"", *TOPICS}:
            for chain in (
                ("link_reach", "link_clicked_members", "link_ordered_members", "link_paid_members"),
                ("coupon_reach", "coupon_claimed_members", "coupon_redeemed_members"),
                ("clicks", "link_clicked_members"), ("claims", "redemptions"), ("link_orders", "link_orders_paid"),
                ("orders_created", "orders_paid"), ("orders_paid", "buyers"), ("sales_paid", "sales_net"),
            ):  # fmt: skip
                known = [f[name] for name in chain if f.get(name) is not None]
                assert known == sorted(known, reverse=True), (topic, chain, known)
        if f.get("joins") is not None and "net_growth" in f:
            assert f["joins"] - f["leaves"] == f["net_growth"]
        if f.get("questions") is not None:
            assert f["answered"] <= f["questions"]
        if f.get("people") is not None and f.get("members") is not None:
            assert f["people"] <= f["members"]
    for figure in review.figures:
        if (
            figure.unit == "ratio"
            and figure.value is not None
            and figure.name not in {"conversion_orders", "target_sales", "target_buyers"}
        ):
            assert 0 <= figure.value <= 1, figure
        if figure.denominator:
            assert figure.value == figure.numerator / figure.denominator


@given(st.lists(st.integers(), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_a_measured_value_that_its_share_does_not_exceed(values: list[int], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values)
    assert all(sum(v <= lower for v in values) < share * len(values) for lower in values if lower < found)
