"""Tasks are dealt evenly over who is here and the groups they serve; no two people are given the same words."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Refusal
from coordinator.core.questions import normalised
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet

TEAM = [
    {"person": "li", "role": "controller"}, {"person": "chen", "role": "support"}, {"person": "mei", "role": "cheer"},
    {"person": "an", "role": "cheer"}, {"person": "bo", "role": "cheer", "groups": "tier:vip"},
]  # fmt: skip


def cheered(*here: str, **more: Any) -> Sale:
    sale = Sale(sheet(segment(lasts="3h"), **{"team": TEAM, **more})).live()
    for person in here:
        come(sale, person)
    return sale


def come(sale: Sale, person: str, *, here: bool = True, groups: tuple[str, ...] | None = None) -> None:
    sale.do(
        "clock",
        "presence.person",
        person=person,
        role="cheer",
        here=here,
        groups=None if groups is None else list(groups),
    )


def given_to(sale: Sale) -> dict[str, int]:
    return dict(Counter(t.who for t in sale.state.tasks.values()))


class TestWho:
    def test_each_who_is_here_gets_one_in_a_group_of_their_own(self) -> None:
        sale = cheered("mei", "an")
        sale.do("controller", "task.assign", who="cheer", text="{好|真好|太好}用")
        assert [(t.who, t.group) for t in sale.state.tasks.values()] == [("mei", "g1"), ("an", "g2")]

    def test_who_is_not_here_gets_none_while_others_are(self) -> None:
        sale = cheered("an")
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{好|真好|太好}用")
        assert given_to(sale) == {"an": 3}

    def test_where_nobody_is_here_yet_the_sheet_says_who(self) -> None:
        sale = cheered()
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{好|真好|太好}用")
        assert set(given_to(sale)) == {"mei", "an", "bo"}

    def test_a_group_goes_to_one_who_serves_it_and_has_had_the_fewest(self) -> None:
        sale = cheered("mei", "an", "bo")
        for text in ("{a|b|c}1", "{a|b|c}2"):
            sale.do("controller", "task.assign", who="cheer", groups="all", text=text)
        assert given_to(sale) == {"mei": 2, "an": 2, "bo": 2}
        assert {t.group for t in sale.state.tasks.values() if t.who == "bo"} == {"g1"}

    def test_the_groups_of_a_token_are_those_it_names(self) -> None:
        sale = cheered("mei")
        come(sale, "an", groups=("g3",))
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{a|b|c|d}")
        assert {t.who for t in sale.state.tasks.values() if t.group == "g3"} == {"an"}
        assert all(t.group == "g3" for t in sale.state.tasks.values() if t.who == "an")

    def test_a_token_that_names_no_group_serves_none_and_is_dealt_nothing(self) -> None:
        sale = cheered("mei")
        come(sale, "an", groups=())
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{a|b|c|d}")
        sale.do("controller", "task.assign", who="cheer", text="{e|f|g|h}")
        assert set(given_to(sale)) == {"mei"}
        come(sale, "an")  # another one of theirs leaves it to the sheet
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{i|j|k|l}")
        assert "an" in given_to(sale)

    def test_who_comes_late_is_not_given_all_of_what_comes_next(self) -> None:
        sale = cheered("mei")
        for n in range(4):
            sale.do("controller", "task.assign", who="cheer", groups="group:g2", text=f"第 {n} 句")
        come(sale, "an")
        for n in range(4, 8):
            sale.do("controller", "task.assign", who="cheer", groups="group:g2", text=f"第 {n} 句")
        assert given_to(sale) == {"mei": 6, "an": 2}

    def test_a_frozen_group_gets_none(self) -> None:
        sale = cheered("mei")
        sale.do("controller", "group.freeze", group="g1")
        sale.do("controller", "task.assign", who="cheer", groups="all", text="{a|b|c}")
        assert {t.group for t in sale.state.tasks.values()} == {"g2", "g3"}

    def test_a_cue_deals_over_its_groups(self) -> None:
        cue = {"at": "+10s", "task": "cheer", "groups": "tier:vip | tier:fan", "text": ["{a|b}{c|d}"], "within": "2m"}
        sale = Sale(sheet(segment(cue), team=TEAM)).live()
        sale.advance(START + 10 * SECOND)
        assert [t.group for t in sale.state.tasks.values()] == ["g1", "g3"]
        assert {t.due_at for t in sale.state.tasks.values()} == {START + 10 * SECOND + 2 * MINUTE}


class TestWords:
    def test_that_run_out_are_not_given_twice_and_the_controller_is_told(self) -> None:
        sale = cheered("mei", "an")
        sale.do("controller", "task.assign", who="cheer", text="只有一句")
        assert given_to(sale) == {"mei": 1}
        [short] = sale.of("task.short")
        assert (short.missing, short.people) == (1, ["an"])
        assert [p.to for p in sale.of("prompt.sent")] == ["controller"]

    def test_of_one_person_are_no_other_ones_all_through_the_sale(self) -> None:
        sale = cheered("mei")
        sale.do("controller", "task.assign", who="mei", text="这锅真好")
        come(sale, "mei", here=False)
        come(sale, "an")
        assert sale.refused("controller", "task.assign", who="cheer", text="这锅, 真好!") == "exhausted"

    def test_may_be_said_by_the_same_person_in_another_group_and_in_the_same_one_after_ten_minutes(self) -> None:
        sale = cheered("mei")
        sale.do("controller", "task.assign", who="cheer", groups="group:g1 | group:g2", text="这锅真好")
        assert given_to(sale) == {"mei": 2}
        assert sale.refused("controller", "task.assign", who="cheer", group="g1", text="这锅真好") == "exhausted"
        sale.advance(sale.now + 10 * MINUTE)
        sale.do("controller", "task.assign", who="cheer", group="g1", text="这锅真好")

    def test_that_are_not_posted_may_be_the_same_for_all(self) -> None:
        sale = cheered("mei", "an")
        sale.do("controller", "task.assign", who="cheer", what="do", text="去看货")
        assert given_to(sale) == {"mei": 1, "an": 1}
        sale.do("controller", "task.assign", who="support", text="看一下评论")
        assert [t.what for t in sale.state.tasks.values()] == ["do", "do", "do"]

    def test_thanks_name_the_groups_owner(self) -> None:
        groups = [{"id": "g1", "owner": "王姐", "tier": "vip", "relay": "r1"}, {"id": "g2", "relay": "r1"}]
        sale = cheered("mei", groups=groups)
        sale.do("controller", "task.assign", who="cheer", groups="all", what="thank")
        first, second = sale.state.tasks.values()
        assert ("群主王姐的" in first.text, second.text.count("群主"), first.text != second.text) == (True, 1, True)

    def test_of_a_sheet_need_not_be_written_for_thanks(self) -> None:
        cue = {"at": "+10s", "task": "cheer", "what": "thank"}
        sale = Sale(sheet(segment(cue), team=TEAM)).live()
        sale.advance(START + 10 * SECOND)
        assert len({normalised(t.text) for t in sale.state.tasks.values()}) == 3

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"who": "cheer"}, "invalid"),
            ({"who": "cheer", "text": "x", "group": "g1", "groups": "all"}, "invalid"),
            ({"who": "cheer", "text": "x", "groups": "tier:none"}, "invalid"),
            ({"who": "cheer", "text": "x", "groups": "tier"}, "invalid"),
            ({"who": "nobody", "text": "x"}, "unknown"),
        ],
    )
    def test_and_groups_are_asked_for(self, fields: dict[str, Any], code: str) -> None:
        assert cheered("mei").refused("controller", "task.assign", **fields) == code


class TestPosts:
    """What the relay sees of the team's own accounts."""

    def test_the_words_of_a_task_seen_in_its_group_are_the_task_done(self) -> None:
        sale = cheered("mei")
        sale.do("controller", "task.assign", who="cheer", group="g1", text="这锅真好")
        sale.do("r1", "group.observe", group="g1", what="message", member="m9", staff="mei", text="这锅真好!")
        task = sale.state.tasks["t1"]
        assert (task.status, task.done_by) == ("done", "mei")
        assert (sale.state.figures["sale"].messages, sale.state.figures["sale"].people) == (0, 0)

    def test_the_same_words_from_a_second_account_are_told(self) -> None:
        sale = cheered("mei", "an")
        for staff in ("mei", "mei", "an"):
            sale.do("r1", "group.observe", group="g1", what="message", staff=staff, text="买过, 真不错")
        [again] = sale.of("post.repeated")
        assert (again.person, again.other) == ("an", "mei")

    def test_words_that_another_account_has_posted_are_not_posted_again(self) -> None:
        sale = cheered("mei")
        sale.do("controller", "task.assign", who="mei", text="买过, 真不错")
        sale.do("r1", "group.observe", group="g1", what="message", staff="an", text="买过真不错")
        assert sale.refused("cheer", "task.done", task="t1") == "blocked"
        assert sale.refused("controller", "task.assign", who="cheer", text="买过 真不错") == "exhausted"


class TestDeadlines:
    def test_a_task_that_is_not_done_in_time_is_overdue_and_can_still_be_done(self) -> None:
        sale = cheered("mei", cheer={"within": "5m"})
        sale.do("controller", "task.assign", who="mei", text="x", within=MINUTE)
        sale.do("controller", "task.assign", who="mei", text="y")
        sale.advance(START + 2 * MINUTE)
        assert [(e.task, e.at) for e in sale.of("task.overdue")] == [("t1", START + MINUTE)]
        sale.do("cheer", "task.done", task="t1")
        sale.advance(START + 10 * MINUTE)
        assert [e.task for e in sale.of("task.overdue")] == ["t1", "t2"]
        assert (sale.state.tasks["t1"].status, sale.state.tasks["t1"].overdue) == ("done", True)


class TestGoldenHours:
    def test_a_minute_counts_once_for_each_and_once_for_all(self) -> None:
        sale = cheered("mei", "an")
        for n, who in enumerate(("mei", "mei", "an")):
            sale.do("controller", "task.assign", who=who, text=f"第 {n} 句")
            sale.do("cheer" if who == "mei" else "an", "task.done", task=f"t{n + 1}")
        sale.advance(START + MINUTE)
        sale.do("r1", "group.observe", group="g1", what="message", staff="an", text="热闹")
        sale.do("r1", "group.observe", group="g1", what="message", staff="chen", text="客服不算")
        sale.do("r1", "group.observe", group="g1", what="message", member="m1", text="成员不算")
        [hour] = sale.state.golden.values()
        assert (hour.start, hour.end, hour.target, hour.minutes, hour.by) == (START, None, 20, 2, {"mei": 1, "an": 2})
        assert sale.state.figures["sale"].golden_minutes == 2

    def test_a_chain_that_a_cheer_member_opened_and_an_order_that_they_showed_are_interplay(self) -> None:
        sale = cheered("mei")
        sale.do("cheer", "chain.open", product="pan", target=5, until=sale.now + HOUR, groups="all")
        assert sale.state.golden["show"].by == {}  # it is not in the groups yet
        sale.advance(sale.now + 2 * MINUTE)
        assert sale.state.golden["show"].by == {"mei": 1}
        lines = [{"product": "pan", "quantity": 1, "price": 12900}]
        sale.do("shop", "order.report", order="o1", status="paid", member="m1", lines=lines, amount=12900)
        sale.do("controller", "showcase.add", order="o1", group="g1")
        assert sale.state.golden["show"].by == {"mei": 1}
        sale.do("cheer", "showcase.add", order="o1", group="g2")
        assert sale.state.golden["show"].by == {"mei": 2}

    def test_without_hours_in_the_sheet_the_show_is_one(self) -> None:
        sale = Sale(sheet(segment(lasts="3h"), team=TEAM))
        post = {"group": "g1", "what": "message", "staff": "mei"}
        sale.do("r1", "group.observe", text="早", **post)
        sale.live()
        sale.do("r1", "group.observe", text="开始了", **post)
        sale.advance(START + MINUTE)
        sale.do("owner", "show.end")
        sale.do("r1", "group.observe", text="散了", **post)
        hour = sale.state.golden["show"]
        assert (hour.start, hour.end, hour.by) == (START, START + MINUTE, {"mei": 1})

    def test_the_sheets_own_are_at_a_clock_time_or_hang_on_the_start(self) -> None:
        golden = [{"at": "15:30", "lasts": "30m"}, {"at": "+10m", "lasts": "15m", "minutes": 5}]
        sale = cheered("mei", golden=golden)
        sale.do("controller", "show.shift", by_ms=5 * MINUTE)
        one, other = sale.state.golden.values()
        assert (one.start, one.end, one.target) == (START + 30 * MINUTE, START + 60 * MINUTE, 20)
        assert (other.start, other.end, other.target) == (START + 15 * MINUTE, START + 30 * MINUTE, 5)
        sale.advance(START + 16 * MINUTE)
        sale.do("r1", "group.observe", group="g1", what="message", staff="mei", text="来了")
        assert [h.minutes for h in sale.state.golden.values()] == [0, 1]


STEPS = st.lists(
    st.tuples(st.sampled_from(["deal", "deal", "each", "come", "go", "done", "post", "wait"]), st.integers(0, 30)),
    min_size=4,
    max_size=30,
)


@given(STEPS)
@settings(max_examples=120)
def test_no_two_ever_have_the_same_words_and_nobody_who_is_away_is_dealt_to(steps: list[tuple[str, int]]) -> None:
    sale = Sale(sheet(segment(lasts="3h"), team=TEAM), check=False).live()
    names = ("mei", "an", "bo")
    for name, n in steps:
        before = len(sale.state.tasks)
        here = {p.person for p in sale.state.people.values() if p.role == "cheer" and p.here}
        who = names[n % 3]
        try:
            if name in {"come", "go"}:
                come(sale, who, here=name == "come")
            elif name == "wait":
                sale.advance(sale.now + n * MINUTE)
            elif name == "done":
                sale.do("cheer", "task.done", task=f"t{n}")
            elif name == "post":
                sale.do(
                    "r1", "group.observe", group="g1", what="message", staff=who, text=f"{'一二三'[n % 3]}句{n // 10}"
                )
            else:
                text = f"{{一|二|三}}句{n // 10}"
                more = {"groups": ("all", "tier:vip", "tier:fan")[n % 3]} if name == "deal" else {}
                sale.do("controller", "task.assign", who="cheer", text=text, **more)
        except Refusal:
            pass
        for task in list(sale.state.tasks.values())[before:]:
            assert not here or task.who in here
    sale.check()
    owners: dict[str, set[str]] = {}
    for task in sale.state.tasks.values():
        owners.setdefault(normalised(task.text), set()).add(task.who)
    assert all(len(who) == 1 for who in owners.values()), "two people have the same words"
    where: dict[tuple[str, str | None], list[int]] = {}
    for task in sale.state.tasks.values():
        where.setdefault((normalised(task.text), task.group), []).append(task.at)
    for at in where.values():
        assert all(b - a >= 10 * MINUTE for a, b in pairwise(at)), "the same words in a group too soon"


@given(st.lists(st.sampled_from(["all", "tier:vip", "tier:member", "tier:fan", "tier:vip | tier:fan"]), max_size=25))
@settings(max_examples=60)
def test_who_serve_the_same_groups_have_had_as_many_as_each_other(selectors: list[str]) -> None:
    sale = Sale(sheet(segment(lasts="3h"), team=TEAM[:4]), check=False).live()
    for person in ("mei", "an"):
        come(sale, person)
    for n, groups in enumerate(selectors):
        sale.do("controller", "task.assign", who="cheer", groups=groups, text=f"第 {n} 轮 {{一|二|三}}")
        had = Counter(t.who for t in sale.state.tasks.values())
        assert abs(had["mei"] - had["an"]) <= 1
