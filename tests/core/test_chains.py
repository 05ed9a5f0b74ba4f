"""Chains 接龙: only members join, each once; full before the deadline it unlocks, else it has failed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Actor, Refusal
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def opened(by: str = "controller", **more: Any) -> Sale:
    """A chain of three for the pan, open for ten minutes since two seconds after the start."""
    sale = Sale().live()
    fields = {"product": "pan", "target": 3, "until": 10 * MINUTE, **more}
    sale.do(by, "chain.open", from_=None, **fields)
    sale.advance(START + 2 * SECOND)
    return sale


def join(sale: Sale, *members: str, group: str = "g1") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for member in members:
        result = sale.do("r1", "chain.join", member=member, group=group)
    return result


class TestOpening:
    def test_goes_into_the_groups_with_its_terms_and_stands_open_from_then_on(self) -> None:
        sale = opened(unlocks={"price": 9900})
        chain = sale.state.chains["chain1"]
        assert (chain.status, chain.target, chain.count) == ("open", 3, 0)
        assert chain.until == START + 2 * SECOND + 10 * MINUTE
        text = sale.deliveries()["g1"].content.text
        assert "不粘锅" in text
        assert "满 3 人" in text
        assert "¥99" in text
        assert "10 分钟" in text
        assert set(sale.deliveries()) == {"g1", "g2", "g3"}

    def test_an_instant_is_taken_as_it_is(self) -> None:
        until = START + 5 * MINUTE
        sale = opened(until=until)
        assert sale.state.chains["chain1"].until == until
        assert "298 秒" in sale.deliveries()["g1"].content.text

    def test_two_presses_within_one_blink_are_one_chain(self) -> None:
        sale = Sale().live()
        fields = {"product": "pan", "target": 3, "until": MINUTE}
        sale.do("controller", "chain.open", from_=None, **fields)
        assert sale.refused("controller", "chain.open", from_=None, **fields) == "stale"
        sale.advance(START + 2 * SECOND)
        assert sale.refused("cheer", "chain.open", from_=None, **fields) == "stale"
        assert sale.refused("cheer", "chain.open", from_="chain1", **fields) == "stale"
        assert len(sale.of("chain.opened")) == 1

    def test_another_product_may_have_one_of_its_own_meanwhile(self) -> None:
        sale = opened()
        sale.do("cheer", "chain.open", product="knife", target=2, until=MINUTE, groups=["g2"], from_=None)
        sale.advance(START + 4 * SECOND)
        assert sale.do("r1", "chain.join", member="m1", group="g1")["chain"] == "chain1"
        assert sale.do("r1", "chain.join", member="m1", group="g2")["chain"] == "chain2"

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"product": "no"}, "unknown"),
            ({"until": START - MINUTE}, "invalid"),
            ({"until": START + SECOND}, "invalid"),  # over before it opens
            ({"unlocks": {}}, "invalid"),
            ({"unlocks": {"coupon": "c20", "price": 1}}, "invalid"),
            ({"unlocks": {"coupon": "no"}}, "unknown"),
            ({"groups": "nonsense"}, "invalid"),
            ({"groups": "tier:none"}, "invalid"),
            ({"text": "全国最佳的锅"}, "blocked"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, fields: dict[str, Any], code: str) -> None:
        sale = Sale().live()
        assert (
            sale.refused("controller", "chain.open", **{"product": "pan", "target": 3, "until": MINUTE, **fields})
            == code
        )

    def test_a_cheer_member_opens_in_the_groups_they_serve(self) -> None:
        sale = Sale().live()
        mei = Actor("cheer", "mei", ("g1",))
        fields = {"product": "pan", "target": 3, "until": MINUTE}
        assert sale.refused(mei, "chain.open", groups="all", **fields) == "forbidden"
        sale.do(mei, "chain.open", groups=["g1"], **fields)


class TestJoining:
    def test_the_list_grows_and_the_answer_says_how_far_it_is(self) -> None:
        sale = opened()
        assert join(sale, "m1", "m2") == {"chain": "chain1", "count": 2, "target": 3}
        assert [m.member for m in sale.state.chains["chain1"].members] == ["m1", "m2"]

    def test_a_member_joins_once(self) -> None:
        sale = opened()
        join(sale, "m1")
        assert sale.refused("r1", "chain.join", member="m1", group="g2") == "already"
        assert sale.refused("audience", "chain.join") == "already"

    def test_a_person_joins_once_by_whatever_name(self) -> None:
        sale = opened()
        join(sale, "m1")
        sale.do("r1", "member.link", a="m1", b="phone")
        assert sale.refused("r1", "chain.join", member="phone", group="g1") == "already"

    def test_nobody_joins_for_another_and_nobody_without_a_name(self) -> None:
        sale = opened()
        assert sale.refused("audience", "chain.join", member="m2") == "forbidden"
        assert sale.refused("r1", "chain.join", group="g1") == "invalid"
        for role in ("controller", "cheer", "cohost"):
            assert sale.refused(role, "chain.join", member="m1") == "forbidden"

    def test_the_team_fills_none_in(self) -> None:
        sale = opened()
        assert sale.refused("r1", "chain.join", member="mei", group="g1") == "forbidden"

    def test_a_group_it_did_not_go_into_is_not_asked(self) -> None:
        sale = opened(groups=["g1"])
        assert sale.refused("r1", "chain.join", member="m1", group="g2") == "forbidden"
        assert sale.refused("r1", "chain.join", member="m1", group="g3") == "forbidden"  # not this relay's
        assert sale.refused("r1", "chain.join", member="m1", group="g9") == "unknown"

    def test_before_it_opens_it_is_too_early(self) -> None:
        sale = Sale().live()
        assert sale.refused("r1", "chain.join", member="m1") == "too_early"
        sale.do("controller", "chain.open", product="pan", target=3, until=MINUTE)
        assert sale.refused("r1", "chain.join", member="m1", group="g1") == "too_early"
        assert sale.refused("r1", "chain.join", member="m1", chain="chain1") == "unknown"

    def test_a_full_one_takes_nobody_more(self) -> None:
        sale = opened()
        join(sale, "m1", "m2", "m3")
        assert sale.refused("r1", "chain.join", member="m4", group="g1") == "too_late"
        assert sale.refused("r1", "chain.join", member="m1", group="g1") == "already"
        assert sale.state.chains["chain1"].count == 3

    def test_a_pause_and_a_halt_keep_nobody_from_joining(self) -> None:
        sale = opened()
        sale.do("controller", "show.pause")
        join(sale, "m1")
        sale.do("controller", "show.resume")
        sale.do("controller", "show.halt", reason="断流")
        join(sale, "m2")


class TestFull:
    def test_it_sets_the_price_in_the_same_append_and_tells_the_groups(self) -> None:
        sale = opened(unlocks={"price": 9900}, groups=["g1", "g2"])
        join(sale, "m1", "m2")
        mark = len(sale.events)
        join(sale, "m3")
        assert sale.since(mark)[:3] == ["chain.joined", "chain.completed", "product.repriced"]
        assert sale.state.products["pan"].price == 9900
        told = sale.deliveries("drop2")
        assert set(told) == {"g1", "g2"}
        assert "¥99" in told["g1"].content.text

    def test_its_coupon_is_locked_until_then_and_goes_into_its_groups_with_it(self) -> None:
        sale = opened(unlocks={"coupon": "c20"})
        sale.do("controller", "coupon.drop", coupon="c20", groups="all")
        sale.advance(START + 5 * SECOND)
        assert sale.refused("r1", "coupon.claim", coupon="c20", member="m1", group="g1") == "too_early"
        join(sale, "m1", "m2", "m3")
        assert sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")["left"] == 9
        sale.advance(START + 8 * SECOND)
        assert sale.state.coupons["c20"].drop == "drop3"
        assert "满100减20" in sale.deliveries("drop3")["g3"].content.text
        assert sale.deliveries("drop3")["g3"].content.coupon

    def test_a_coupon_that_a_cue_of_the_sheet_unlocks_is_locked_before_the_chain_opens(self) -> None:
        cue = {
            "at": "+2m",
            "do": "chain.open",
            "product": "pan",
            "target": 2,
            "until": "10m",
            "unlocks": {"coupon": "c20"},
        }
        sale = Sale(sheet(segment(cue))).live()
        sale.do("controller", "coupon.drop", coupon="c20", groups="all")
        sale.advance(START + 3 * SECOND)
        assert sale.refused("r1", "coupon.claim", coupon="c20", member="m1") == "too_early"

    def test_a_coupon_that_members_have_cannot_be_locked(self) -> None:
        sale = Sale().live()
        sale.do("controller", "coupon.drop", coupon="c20", groups="all")
        sale.advance(START + 3 * SECOND)
        sale.do("r1", "coupon.claim", coupon="c20", member="m1")
        fields = {"product": "pan", "target": 3, "until": MINUTE, "unlocks": {"coupon": "c20"}}
        assert sale.refused("controller", "chain.open", **fields) == "invalid"

    def test_in_a_halt_it_is_full_and_the_controller_is_told_that_the_groups_are_not(self) -> None:
        sale = opened()
        join(sale, "m1", "m2")
        sale.do("controller", "show.halt", reason="断流")
        join(sale, "m3")
        assert sale.state.chains["chain1"].status == "completed"
        assert len(sale.state.drops) == 1
        assert "成团" in sale.of("prompt.sent")[-1].text


class TestTheDeadline:
    def test_one_that_is_not_full_has_failed_and_unlocks_nothing(self) -> None:
        sale = opened(unlocks={"price": 9900})
        join(sale, "m1", "m2")
        sale.advance(START + 10 * MINUTE + 2 * SECOND - 1)
        assert sale.state.chains["chain1"].status == "open"
        sale.advance(START + 10 * MINUTE + 2 * SECOND)
        failed = sale.of("chain.failed")[0]
        assert (failed.count, failed.target, failed.why) == (2, 3, "deadline")
        assert sale.state.products["pan"].price == 12900
        assert sale.refused("r1", "chain.join", member="m3", group="g1") == "too_late"

    def test_its_members_are_free_for_the_next(self) -> None:
        sale = opened()
        join(sale, "m1")
        sale.do("controller", "chain.close", from_="chain1")
        assert sale.of("chain.failed")[0].why == "closed"
        sale.do("controller", "chain.open", product="pan", target=3, until=MINUTE, from_=None)
        sale.advance(START + 5 * SECOND)
        assert join(sale, "m1")["chain"] == "chain2"

    def test_a_join_that_comes_at_the_deadline_is_too_late_though_nobody_noticed_it_yet(self) -> None:
        sale = opened()
        sale.now = START + 10 * MINUTE + 2 * SECOND
        assert sale.refused("r1", "chain.join", member="m1", group="g1") == "too_late"

    def test_it_holds_over_a_pause_and_an_absence(self) -> None:
        sale = opened()
        sale.do("controller", "show.pause")
        sale.away(START + 20 * MINUTE)
        assert sale.state.chains["chain1"].status == "failed"

    def test_who_closes_it_is_told_when_another_was_quicker(self) -> None:
        sale = opened()
        sale.do("cheer", "chain.close", from_="chain1")
        assert sale.refused("controller", "chain.close", from_="chain1") == "stale"
        assert sale.refused("controller", "chain.close") == "stale"
        assert sale.refused("controller", "chain.close", chain="chain9") == "unknown"


class TestInASheet:
    def test_its_cue_opens_it_and_another_closes_it(self) -> None:
        cues = [
            {
                "id": "open",
                "at": "start",
                "do": "chain.open",
                "target": 5,
                "until": "3m",
                "unlocks": {"price": "99.00"},
            },
            {"id": "close", "at": "+2m", "do": "chain.close"},
        ]
        sale = Sale(sheet(segment(*cues, product="pan"))).live()
        sale.advance(START + SECOND)
        chain = sale.state.chains["chain1"]
        assert (chain.product, chain.target, chain.unlocks and chain.unlocks.price) == ("pan", 5, 9900)
        assert chain.until == sale.cue("open").fired_at + 3 * MINUTE
        sale.advance(START + 2 * MINUTE)
        assert chain.status == "failed"
        assert sale.fired("close") == [(120, 120)]

    def test_conditions_hang_on_it(self) -> None:
        cues = [
            {"id": "open", "at": "start", "do": "chain.open", "target": 2, "until": "3m"},
            {"id": "near", "when": "chain missing <= 1 and chain open", "prompt": "host", "text": "还差一位"},
            {"id": "done", "when": "chain done", "prompt": "host", "text": "成团"},
            {"id": "failed", "when": "chain failed", "prompt": "host", "text": "没成"},
        ]
        sale = Sale(sheet(segment(*cues, product="pan"))).live()
        sale.advance(START + SECOND)
        join(sale, "m1")
        assert [sale.cue(c).status for c in ("near", "done")] == ["fired", "planned"]
        join(sale, "m2")
        assert [sale.cue(c).status for c in ("done", "failed")] == ["fired", "planned"]

    def test_a_cue_that_comes_while_one_is_open_opens_no_second(self) -> None:
        cue = {"id": "open", "at": "+1m", "do": "chain.open", "product": "pan", "target": 5, "until": "3m"}
        sale = Sale(sheet(segment(cue))).live()
        sale.do("controller", "chain.open", product="pan", target=3, until=10 * MINUTE)
        sale.advance(START + 2 * MINUTE)
        assert list(sale.state.chains) == ["chain1"]


@settings(max_examples=60, deadline=None)
@given(
    target=st.integers(1, 6),
    steps=st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0, 0, 1, 30, 200]), st.booleans()), max_size=30),
)
def test_a_chain_is_never_above_its_target_and_never_complete_below_it(
    target: int, steps: list[tuple[int, int, bool]]
) -> None:
    sale = Sale(check=False).live()
    sale.do("controller", "chain.open", product="pan", target=target, until=10 * MINUTE, unlocks={"price": 100})
    sale.advance(START + 2 * SECOND)
    for member, wait, closes in steps:
        sale.advance(sale.now + wait * SECOND)
        try:
            if closes and member == 0:
                sale.do("controller", "chain.close")
            else:
                sale.do("r1", "chain.join", member=f"m{member}", group=("g1", "g2")[member % 2])
        except Refusal:
            pass
        chain = sale.state.chains["chain1"]
        assert chain.count == len(chain.members) == len({m.member for m in chain.members}) <= target
        assert (chain.status == "completed") == (chain.count == target)
        assert (sale.state.products["pan"].price == 100) == (chain.status == "completed")
    sale.check()


def test_a_chain_that_names_no_target_is_the_trade_s_chain_of_five() -> None:
    cue = {"id": "c", "at": "start", "do": "chain.open", "product": "pan", "until": "5m", "lead": "0s"}
    sale = Sale(sheet(segment(cue, lasts="20m"))).live()
    sale.advance(START + SECOND)
    sale.do("controller", "chain.open", product="knife", until=MINUTE, groups="all")
    sale.advance(START + 4 * SECOND)
    assert [c.target for c in sale.state.chains.values()] == [5, 5]
    assert "满 5 人" in sale.state.deliveries["d1"].content.text
