"""A person counts once, under whatever pseudonyms and whenever it became known that they are one: live and in the review."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core.state import decode, encode
from replay.review import review_tables
from tests.replay.stage import MINUTE, Stage
from tests.replay.test_known_sale import tables, value

NAMES = ("phone", "chat", "shop", "other")
MEMBERS = st.sampled_from(NAMES)
GROUPS = st.sampled_from(["g1", "g2"])
LIVE = ("messages", "people", "joins", "leaves", "members", "buyers", "orders_paid", "sales_paid")
REVIEW = ("people", "members", "members_start", "buyers", "leave_rate", "interaction_rate", "conversion_buyers",
          "aarrr_activation", "repeat_rate", "order_value_per_buyer")  # fmt: skip

DONE = st.tuples(st.sampled_from(["joined", "left", "message", "buy"]), GROUPS, MEMBERS)
LINK = st.tuples(MEMBERS, MEMBERS).filter(lambda pair: pair[0] != pair[1])


def played(steps: list[tuple[str, str, str]], links: list[tuple[int, tuple[str, str]]]) -> Stage:
    """The steps in their order; each link before the step of its number, or after all."""
    s = Stage().live().until(2 * MINUTE)
    for n, (what, group, member) in enumerate([*steps, ("", "", "")]):
        for at, (a, b) in links:
            if min(at, len(steps)) == n:
                s.do("relay", "member.link", a=a, b=b)
        s.until(s.now - s.state.the.start + 1_000)
        if what == "buy":
            s.order(f"o{n}", "paid", 100, member)
        elif what:
            text = f"第 {n} 句" if what == "message" else None
            s.do("relay", "group.observe", group=group, what=what, member=member, text=text)
    return s


def counted(s: Stage) -> dict[str, Any]:
    assert encode(tables(s).state) == encode(s.state), "another state comes from the same events"
    assert encode(decode(encode(s.state))) == encode(s.state)
    live = {f"live {name}": getattr(s.state.figures["sale"], name) for name in LIVE}
    review = review_tables(tables(s))
    return live | {name: value(review, name) for name in REVIEW}


@settings(max_examples=60, deadline=None)
@given(st.lists(DONE, max_size=12), st.lists(st.tuples(st.integers(0, 12), LINK), min_size=1, max_size=3))
def test_when_pseudonyms_were_linked_makes_no_figure_another(
    steps: list[tuple[str, str, str]], links: list[tuple[int, tuple[str, str]]]
) -> None:
    first = counted(played(steps, [(0, pair) for _, pair in links]))
    assert counted(played(steps, links)) == first
    assert counted(played(steps, [(len(steps), (b, a)) for _, (a, b) in reversed(links)])) == first


def test_one_who_joined_two_groups_spoke_and_bought_under_two_names_is_one_person() -> None:
    steps = [("joined", "g1", "phone"), ("joined", "g2", "chat"), ("message", "g1", "phone"), ("message", "g2", "chat"),
             ("buy", "", "phone"), ("buy", "", "chat")]  # fmt: skip
    apart, one = counted(played(steps, [])), counted(played(steps, [(6, ("phone", "chat"))]))
    assert (apart["live people"], apart["live members"], apart["live buyers"]) == (2, 32, 2)
    assert (one["live people"], one["live members"], one["live buyers"]) == (1, 31, 1)
    assert (apart["people"], apart["members"], apart["buyers"]) == (2, 32, 2)
    assert (one["people"], one["members"], one["buyers"]) == (1, 31, 1)
    assert one["repeat_rate"] == 1


def test_a_figure_counts_by_the_links_that_are_known_at_its_number() -> None:
    s = played([("message", "g1", "phone"), ("message", "g1", "chat")], [])
    assert s.state.figures["sale"].people == 2
    assert value(review_tables(tables(s)), "people") == 2
    s.do("relay", "member.link", a="phone", b="chat")
    assert s.state.figures["sale"].people == 1
    assert value(review_tables(tables(s)), "people") == 1


def test_who_leaves_one_of_two_groups_is_still_a_member() -> None:
    s = played([("joined", "g1", "phone"), ("joined", "g2", "chat"), ("left", "g1", "phone")], [(0, ("phone", "chat"))])
    assert s.state.figures["sale"].members == 31
    s.do("relay", "group.observe", group="g2", what="left", member="chat")
    assert s.state.figures["sale"].members == 30
