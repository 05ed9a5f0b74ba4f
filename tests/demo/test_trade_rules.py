"""Each of the trade's rules can be broken, and then says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.demo.trade_rules import MINUTE, RULES, broken

SHEET: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "coupons": [{"id": "c", "quantity": 1, "valid": "2h"}],
    "links": [{"id": "room"}],
    "products": [{"id": "pan", "url": "https://shop.example/pan"}],
    "segments": [{"id": "s", "kind": "product", "cues": [{"id": "l", "at": "end", "do": "link.drop"}]}],
}
NIGHT = 1_792_998_000_000 + 8 * 60 * MINUTE  # 23:00 in Shanghai


def e(kind: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at, "seq": 1, **fields}


def claim(at: int = 1, **more: Any) -> dict[str, Any]:
    return e("coupon.claimed", at, **{"coupon": "c", "member": "m", "code": "A", **more})


def request(delivery: str, **more: Any) -> dict[str, Any]:
    return e(
        "delivery.requested",
        **{
            "delivery": delivery,
            "drop": delivery,
            "group": "g",
            "attempt": 1,
            "fire_at": 0,
            "content": {"text": "上链接"},
            **more,
        },
    )


BROKEN: dict[str, list[dict[str, Any]]] = {
    "a_cue_fires_once": [e("cue.fired", cue="x", run="r1")] * 2,
    "a_coupon_is_never_over_claimed": [e("coupon.dropped", coupon="c"), claim(), claim(code="B", member="n")],
    "what_is_claimed_has_been_dropped_and_what_is_redeemed_is_still_good": [
        e("coupon.dropped", coupon="c"), claim(), e("coupon.redeemed", 121 * MINUTE, code="A"),
    ],
    "the_same_content_does_not_come_twice_within_ten_minutes": [
        request("d1"), e("delivery.sent", delivery="d1", sent_at=1),
        request("d2"), e("delivery.sent", delivery="d2", sent_at=9 * MINUTE),
    ],
    "a_product_has_three_minutes_and_its_link_comes_at_the_end_in_all_groups_together": [
        e("segment.started", segment="s"), e("segment.ended", 4 * MINUTE, segment="s"), e("cue.fired", 4 * MINUTE, cue="l", run="r"),
    ],
    "no_text_says_what_the_law_forbids_or_whom_to_call": [request("d1", content={"text": "全国最·佳"})],
    "links_open_what_stands_in_the_sheet": [e("link.dropped", link="elsewhere", drop="drop1")],
    "no_two_of_the_team_are_given_the_same_words": [e("task.assigned", cue="x", text="好用吗", who=w) for w in ("mei", "tao")],
    "a_chain_is_filled_by_members_alone_and_ends_in_time": [
        e("chain.opened", chain="k", target=2, until=9), e("chain.joined", chain="k", member="m"), e("chain.completed", chain="k"),
    ],
    "a_draw_has_its_rules_first_and_draws_from_who_entered": [e("draw.opened", draw="d", quantity=1, until=9)],
    "a_member_has_one_turn_in_a_game": [e("poll.voted", poll="p", member="m")] * 2,
    "a_member_is_written_to_once_a_day_and_never_at_night": [e("followup.sent", NIGHT, member="m")],
    "only_paid_orders_are_shown": [e("showcase.added", order="o")],
    "a_question_that_waits_is_told_of": [e("question.raised", question="q"), e("show.closed", 4 * MINUTE)],
    "what_goes_out_was_announced_its_lead_before": [
        e("cue.announced", 5000, cue="x", run="r"), e("cue.fired", 5500, cue="x", run="r", drop="drop1"),
    ],
}  # fmt: skip


def test_each_rule_has_a_journal_that_breaks_it() -> None:
    assert [f.__name__ for f in RULES] == list(BROKEN)


@pytest.mark.parametrize("name", BROKEN)
def test_a_journal_that_breaks_a_rule_is_found_and_breaks_no_other(name: str) -> None:
    found = broken(BROKEN[name], SHEET)
    assert found
    assert {each.partition(":")[0] for each in found} == {name}
