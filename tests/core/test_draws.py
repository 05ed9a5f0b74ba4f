"""Draws 抽奖: frozen rules, a seed committed to, entries once, winners that anybody can draw again."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core import drawing, lots
from roles import streams
from tests.core.driver import MINUTE, SECOND, START, Sale, refolded, segment, sheet

CUP = {"name": "保温杯", "quantity": 2, "worth": 7900}


def opened(by: str = "cohost", of: dict[str, Any] | None = None, **more: Any) -> Sale:
    """A draw of two cups, open for ten minutes since two seconds after the start."""
    sale = Sale(of).live()
    sale.do(by, "draw.open", from_=None, **{"prizes": [CUP], "until": 10 * MINUTE, **more})
    sale.advance(START + 2 * SECOND)
    return sale


def enter(sale: Sale, *members: str, group: str = "g1") -> None:
    for member in members:
        sale.do("r1", "draw.enter", member=member, group=group)


def run(sale: Sale) -> Any:
    sale.advance(START + 10 * MINUTE + 2 * SECOND)
    sale.do("cohost", "draw.run", draw="draw1", from_="draw1")
    return sale.of("draw.drawn")[0]


class TestOpening:
    def test_the_rules_go_into_the_groups_and_are_frozen_in_the_event(self) -> None:
        sale = opened(collect="直播后三天内找客服小陈", organiser="某某厨具")
        e = sale.of("draw.opened")[0]
        assert (e.quantity, e.until, e.prizes[0].worth) == (2, START + 2 * SECOND + 10 * MINUTE, 7900)
        text = sale.deliveries()["g1"].content.text
        for said in ("保温杯 2 份", "10 分钟", "客服小陈", "某某厨具"):
            assert said in text

    def test_what_is_not_said_of_them_has_a_default(self) -> None:
        e = opened().of("draw.opened")[0]
        assert e.collect
        assert e.organiser == "厨房专场"
        assert e.eligible.by == "entry"

    @pytest.mark.parametrize(
        ("prizes", "quantity", "expected"),
        [
            ("红包", 5, [("红包", 5)]),
            (["红包"], None, [("红包", 1)]),
            ([{"name": "锅"}, {"name": "铲", "quantity": 3}], 4, [("锅", 1), ("铲", 3)]),
            (["锅", "铲"], 2, [("锅", 1), ("铲", 1)]),
        ],
    )
    def test_prizes_are_written_short_or_one_by_one(self, prizes: Any, quantity: int | None, expected: Any) -> None:
        e = opened(prizes=prizes, **({"quantity": quantity} if quantity else {})).of("draw.opened")[0]
        assert [(p.name, p.quantity) for p in e.prizes] == expected
        assert e.quantity == sum(n for _, n in expected)

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"prizes": ["锅", "铲"], "quantity": 3}, "invalid"),
            ({"prizes": [{"name": "车", "worth": 50_000_01}]}, "blocked"),
            ({"until": START - MINUTE}, "invalid"),
            ({"eligible": {"by": "claim", "coupon": "no"}}, "unknown"),
            ({"eligible": {"by": "order", "product": "no"}}, "unknown"),
            ({"eligible": {"groups": "(("}}, "invalid"),
            ({"groups": "tier:none"}, "invalid"),
            ({"prizes": "国家级好锅"}, "blocked"),
        ],
    )
    def test_rules_that_do_not_hold_are_refused(self, fields: dict[str, Any], code: str) -> None:
        sale = Sale().live()
        assert sale.refused("cohost", "draw.open", **{"prizes": [CUP], "until": MINUTE, **fields}) == code

    def test_a_prize_of_just_the_limit_may_be_drawn_and_nobody_overrules_more(self) -> None:
        opened(prizes=[{"name": "车", "worth": 50_000_00}])

    def test_two_presses_within_one_blink_are_one_draw(self) -> None:
        sale = Sale().live()
        sale.do("cohost", "draw.open", prizes=[CUP], until=MINUTE, from_=None)
        assert sale.refused("controller", "draw.open", prizes=[CUP], until=MINUTE, from_=None) == "stale"
        sale.advance(START + 2 * SECOND)
        assert sale.refused("controller", "draw.open", prizes=[CUP], until=MINUTE, from_=None) == "stale"


class TestTheSeed:
    def test_is_committed_to_at_the_opening_and_revealed_by_the_drawing(self) -> None:
        sale = opened()
        commit = sale.of("draw.opened")[0].commit
        enter(sale, "m1")
        drawn = run(sale)
        assert sha256(drawn.seed.encode()).hexdigest() == commit
        assert sale.state.draws["draw1"].seed == drawn.seed
        assert sale.state.seeds == {}

    def test_is_shown_to_nobody_before(self) -> None:
        sale = opened()
        seed = sale.state.seeds["draw1"]
        sealed = sale.of("draw.sealed")[0]
        assert streams.of_event(sale.state, sealed) == ()
        assert "seed" in type(sealed).PRIVATE
        assert all(seed not in repr(e) for e in sale.events if e is not sealed)

    def test_without_it_nothing_is_drawn(self) -> None:
        sale = opened()
        sale.state.seeds.clear()  # as after its erasure
        sale.now = START + 11 * MINUTE
        assert sale.refused("cohost", "draw.run", draw="draw1") == "too_late"


class TestEntering:
    def test_is_once_a_member_until_the_close(self) -> None:
        sale = opened()
        enter(sale, "m1")
        assert sale.refused("r1", "draw.enter", member="m1", group="g2") == "already"
        assert sale.refused("audience", "draw.enter") == "already"
        sale.now = START + 10 * MINUTE + 2 * SECOND
        assert sale.refused("r1", "draw.enter", member="m2", group="g1") == "too_late"
        sale.advance(sale.now)
        assert sale.of("draw.closed")[0].entries == 1
        assert sale.refused("r1", "draw.enter", member="m2", group="g1") == "too_late"

    def test_before_it_opens_is_too_early(self) -> None:
        sale = Sale().live()
        assert sale.refused("r1", "draw.enter", member="m1") == "too_early"
        assert sale.refused("r1", "draw.enter", member="m1", draw="draw7") == "unknown"

    def test_a_person_is_in_it_once_by_whatever_name_also_where_that_is_found_out_later(self) -> None:
        sale = opened(prizes="红包", quantity=5)
        sale.do("r1", "member.link", a="m1", b="phone")
        enter(sale, "m1", "m2")
        assert sale.refused("r1", "draw.enter", member="phone", group="g1") == "already"
        enter(sale, "m3")
        sale.do("r1", "member.link", a="m2", b="m3")
        drawn = run(sale)
        assert {w.member for w in drawn.winners} == {"m1", "m2"}
        sale.do("r1", "member.link", a="m1", b="m2")
        assert drawing.entries_of(sale.state, "draw1") == ["m1", "m2"]  # as it was drawn

    def test_needs_a_name_and_is_nobody_else_s_doing(self) -> None:
        sale = opened()
        assert sale.refused("r1", "draw.enter", group="g1") == "invalid"
        assert sale.refused("audience", "draw.enter", member="m2") == "forbidden"
        assert sale.refused("cohost", "draw.enter", member="m2") == "forbidden"

    def test_the_team_is_left_out(self) -> None:
        team = [{"person": "wu", "role": "cohost", "member": "a1b2"}]
        sale = opened(of=sheet(segment(), team=team))
        for member in ("wu", "a1b2"):
            assert sale.refused("r1", "draw.enter", member=member, group="g1") == "forbidden"

    def test_only_the_groups_that_the_rules_name_take_part(self) -> None:
        sale = opened(eligible={"groups": "tier:vip"})
        assert sale.refused("r1", "draw.enter", member="m1", group="g2") == "forbidden"
        assert sale.refused("audience", "draw.enter") == "forbidden"  # nobody knows of which group
        enter(sale, "m1")

    def test_by_a_comment_whoever_writes_while_it_is_open_is_in(self) -> None:
        sale = Sale().live()
        say = {"group": "g1", "what": "message", "text": "在"}
        sale.do("r1", "group.observe", member="m0", **say)
        sale.do("cohost", "draw.open", prizes=[CUP], until=MINUTE, eligible="comment")
        sale.advance(START + 2 * SECOND)
        for member in ("m1", "m1", "m2", "wu"):
            sale.do("r1", "group.observe", member=member, **say)
        sale.do("r1", "group.observe", **say)
        assert sale.refused("r1", "draw.enter", member="m3", group="g1") == "forbidden"
        sale.advance(START + 2 * MINUTE)
        sale.do("r1", "group.observe", member="m9", **say)
        assert drawing.entries_of(sale.state, "draw1") == ["m1", "m2"]
        assert sale.state.draws["draw1"].count == 2

    def test_by_a_paid_order_of_the_product(self) -> None:
        sale = opened(eligible={"by": "order", "product": "pan"})
        for n, (product, status) in enumerate([("pan", "paid"), ("knife", "paid"), ("pan", "placed")]):
            lines = [{"product": product, "quantity": 1, "price": 100}]
            sale.do("shop", "order.report", order=f"o{n}", status=status, member=f"m{n}", amount=100, lines=lines)
        assert drawing.entries_of(sale.state, "draw1") == ["m0"]

    def test_by_a_claim_of_the_coupon(self) -> None:
        sale = opened(eligible={"by": "claim", "coupon": "vip5"})
        for coupon in ("c20", "vip5"):
            sale.do("controller", "coupon.drop", coupon=coupon, groups="all")
        sale.advance(START + 5 * SECOND)
        sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")
        sale.do("r1", "coupon.claim", coupon="vip5", member="m2", group="g1")
        assert drawing.entries_of(sale.state, "draw1") == ["m2"]


class TestRunning:
    def test_waits_for_the_close_because_the_rules_are_frozen(self) -> None:
        sale = opened()
        enter(sale, "m1")
        assert sale.refused("cohost", "draw.run", draw="draw1") == "too_early"

    def test_is_once(self) -> None:
        sale = opened()
        enter(sale, "m1", "m2", "m3")
        run(sale)
        assert sale.refused("controller", "draw.run", draw="draw1", from_="draw1") == "stale"
        assert sale.refused("controller", "draw.run", draw="draw1") == "stale"
        assert sale.refused("controller", "draw.run", draw="draw9") == "unknown"
        assert len(sale.of("draw.drawn")) == 1

    def test_gives_the_prizes_in_the_order_of_the_rules_nobody_two_and_tells_the_groups(self) -> None:
        sale = opened(prizes=[{"name": "锅"}, {"name": "铲", "quantity": 2}], groups=["g1", "g2"])
        enter(sale, *(f"member{i:02}" for i in range(20)))
        drawn = run(sale)
        assert [w.prize for w in drawn.winners] == ["锅", "铲", "铲"]
        assert len({w.member for w in drawn.winners}) == 3
        told = sale.deliveries("drop2")
        assert set(told) == {"g1", "g2"}
        assert drawn.seed in told["g1"].content.text
        assert "锅" in told["g1"].content.text

    def test_with_fewer_entries_than_prizes_all_win_and_the_rest_is_left(self) -> None:
        sale = opened(prizes="红包", quantity=5)
        enter(sale, "m1", "m2")
        drawn = run(sale)
        assert {w.member for w in drawn.winners} == {"m1", "m2"}
        assert (drawn.entries, drawn.left) == (2, 3)

    def test_with_none_nobody_wins(self) -> None:
        drawn = run(opened())
        assert (drawn.winners, drawn.left) == ([], 2)

    def test_by_a_cue_at_its_close(self) -> None:
        cues = [
            {"id": "open", "at": "start", "do": "draw.open", "prizes": "红包", "quantity": 2, "until": "2m"},
            {"id": "early", "at": "+1m", "do": "draw.run"},
            {"id": "run", "at": "+2m", "do": "draw.run"},
        ]
        sale = Sale(sheet(segment(*cues))).live()
        sale.advance(START + 10 * SECOND)
        enter(sale, "m1")
        sale.advance(START + 2 * MINUTE)
        assert [e.at for e in sale.of("draw.drawn")] == [START + 2 * MINUTE]
        assert "没截止" in next(e.text for e in sale.of("prompt.sent") if e.cue == "early")

    def test_by_a_cue_that_waits_for_entries_or_the_close(self) -> None:
        cues = [
            {"id": "open", "at": "start", "do": "draw.open", "prizes": "红包", "until": "2m"},
            {"id": "lively", "when": "draw entries >= 2", "prompt": "host", "text": "很多人了"},
            {"id": "run", "when": "draw closed", "do": "draw.run"},
        ]
        sale = Sale(sheet(segment(*cues))).live()
        sale.advance(START + SECOND)
        enter(sale, "m1", "m2")
        assert sale.cue("lively").status == "fired"
        sale.advance(START + 3 * MINUTE)
        assert sale.state.draws["draw1"].status == "drawn"

    def test_what_was_drawn_can_be_checked_by_anybody(self) -> None:
        sale = opened()
        enter(sale, *"abcdefg")
        drawn = run(sale)
        order = sorted("gfedcba", key=lambda m: sha256(f"{drawn.seed}:{m}".encode()).hexdigest())
        assert [w.member for w in drawn.winners] == order[:2]


class TestTheCheck:
    """What `dropcue verify` says of winners that are not the seed's."""

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({}, None),
            ({"winners": ("swap",)}, "the seed gives"),
            ({"winners": ()}, "has 0 winners; the seed gives 2"),
            ({"seed": "another"}, "not the one that was committed to"),
            ({"entries": 4}, "drawn from 4 entries, the record has 5"),
        ],
    )
    def test_names_what_is_wrong(self, wrong: dict[str, Any], said: str | None) -> None:
        sale = opened()
        enter(sale, *"abcde")
        sale.advance(START + 11 * MINUTE)
        before = [*sale.events]
        sale.do("cohost", "draw.run", draw="draw1")
        drawn = sale.of("draw.drawn")[0]
        if wrong.get("winners") == ("swap",):
            wrong = {"winners": list(reversed(drawn.winners))}
        found = drawing.fault(refolded(before), msgspec.structs.replace(drawn, **wrong))
        assert (found is None) if said is None else said in (found or "")


@given(st.lists(st.text(min_size=1, max_size=8), max_size=30), st.integers(0, 12), st.randoms())
def test_the_same_entries_in_any_order_and_number_give_the_same_winners(
    entries: list[str], places: int, rng: Any
) -> None:
    shuffled = entries + entries[: len(entries) // 2]
    rng.shuffle(shuffled)
    won = lots.winners_of("seed", entries, places)
    assert lots.winners_of("seed", shuffled, places) == won
    assert len(won) == len(set(won)) == min(places, len(set(entries)))
    assert set(won) <= set(entries)


def test_every_entry_wins_as_often_as_another() -> None:
    """Over many seeds; the bounds are eight standard deviations."""
    entries, draws = [f"m{i}" for i in range(10)], 5_000
    won = [lots.winners_of(f"s{n}", entries, 1)[0] for n in range(draws)]
    for entry in entries:
        assert abs(won.count(entry) - draws / 10) < 8 * (draws * 0.09) ** 0.5


def test_the_clock_alone_draws_nothing() -> None:
    sale = opened()
    sale.advance(START + 30 * MINUTE)
    assert sale.of("draw.drawn") == []
    assert sale.state.draws["draw1"].status == "closed"


class TestPrizesAndTheLaw:
    """PRIZE: the limit, and what members must be able to read."""

    def test_what_a_draw_does_not_say_is_warned_of_and_goes(self) -> None:
        found = opened().of("cue.announced")[-1].check.found
        assert [f.term for f in found if f.rule == "PRIZE"] == ["兑奖方式", "主办方"]
        assert opened(collect="三天内找客服", organiser="某某厨具").of("cue.announced")[-1].check.found == ()

    def test_an_override_does_not_raise_the_limit(self) -> None:
        cue = {
            "do": "draw.open",
            "at": START + MINUTE,
            "fields": {"prizes": [{"name": "车", "worth": 50_000_01}], "until": MINUTE},
        }
        assert Sale().live().refused("controller", "cue.add", **cue) == "blocked"
