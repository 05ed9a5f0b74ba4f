"""Selectors: which groups a drop means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core import selectors
from coordinator.core.selectors import MAX_DEPTH, MAX_LENGTH, SelectorError, UnknownGroupsError, parse, select


@dataclass(frozen=True)
class Group:
    id: str
    tier: str = ""
    stage: str = ""
    org: str = ""
    tags: tuple[str, ...] = ()


GROUPS = (
    Group("g1", tier="vip", stage="member", org="浙江/杭州/西湖", tags=("kitchen",)),
    Group("g2", tier="member", stage="member", org="浙江/杭州", tags=("kitchen", "baking")),
    Group("g3", tier="fan", stage="lead", org="浙江/杭州湾"),
    Group("g-12", tier="fan", stage="lead", org="江苏/苏州", tags=("new & hot", "大（促）")),
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("all", ["g1", "g2", "g3", "g-12"]),
        ("tier:vip", ["g1"]),
        ("stage:lead", ["g3", "g-12"]),
        ("tag:kitchen", ["g1", "g2"]),
        ("group:g-12", ["g-12"]),
        ("!tier:fan", ["g1", "g2"]),
        ("!!tier:fan", ["g3", "g-12"]),
        ("tier:vip | tag:baking", ["g1", "g2"]),
        ("tag:kitchen&!tier:vip", ["g2"]),
        ("!(tier:vip | tier:fan)", ["g2"]),
        ('tag:"new & hot"', ["g-12"]),
        ("tag:“大（促）”", ["g-12"]),
        ("（tier：vip ｜ tier：fan） ＆ ！stage：lead", ["g1"]),
        ("  tier : vip  ", ["g1"]),
    ],
)
def test_a_selector_means_these_groups_in_the_order_of_the_sale(text: str, ids: list[str]) -> None:
    assert select(text, GROUPS) == ids


def test_not_binds_before_and_and_and_before_or() -> None:
    assert select("tier:vip | tier:fan & tag:kitchen", GROUPS) == ["g1"]
    assert select("(tier:vip | tier:fan) & tag:kitchen", GROUPS) == ["g1"]
    assert select("!tier:fan & tag:baking | group:g3", GROUPS) == ["g2", "g3"]


def test_a_place_holds_the_places_within_it_and_no_other_of_a_longer_name() -> None:
    assert select("org:浙江/杭州", GROUPS) == ["g1", "g2"]
    assert select("org:/浙江/", GROUPS) == ["g1", "g2", "g3"]


def test_a_list_of_ids_is_taken_in_the_order_of_the_sale_and_each_once() -> None:
    assert select(["g3", "g1", "g3"], GROUPS) == ["g1", "g3"]
    assert select([], GROUPS) == []


def test_an_unknown_id_in_a_list_is_refused_by_name() -> None:
    with pytest.raises(UnknownGroupsError, match="g9") as raised:
        select(["g1", "g9"], GROUPS)
    assert raised.value.ids == ("g9",)


def test_a_selector_that_was_good_once_never_fails_when_its_group_is_gone() -> None:
    assert select("group:g9 | tier:vip", GROUPS) == ["g1"]
    assert parse("group:g9 | tier:vip").group_ids == {"g9"}


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("   ", 3),
        ("tier:", 4),
        ("tier", 0),
        ("vip", 0),
        ("tier:vip &", 10),
        ("tier:vip tier:fan", 9),
        ("(tier:vip", 0),
        ("tier:vip)", 8),
        ("& tier:vip", 0),
        ("city:x", 0),
        ('tag:"open', 3),
        ("all | ()", 7),
    ],
)
def test_a_fault_names_its_position_and_what_to_do(text: str, position: int) -> None:
    with pytest.raises(SelectorError, match="at character") as raised:
        parse(text)
    assert raised.value.position == position


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(SelectorError, match="list of ids"):
        parse("all" + " " * MAX_LENGTH)
    assert parse("(" * MAX_DEPTH + "all" + ")" * MAX_DEPTH).matches(GROUPS[0])
    with pytest.raises(SelectorError, match="flatter"):
        parse("(" * (MAX_DEPTH + 1) + "all" + ")" * (MAX_DEPTH + 1))
    assert parse("!" * 996 + "all").matches(GROUPS[0])


@pytest.mark.parametrize("wrong", [None, 7, {"a": 1}, [7], [None]])
def test_what_is_no_text_and_no_list_of_texts_is_refused(wrong: object) -> None:
    with pytest.raises((SelectorError, TypeError)):
        select(wrong, GROUPS)  # type: ignore[arg-type]
    with pytest.raises(SelectorError):
        parse(wrong)  # type: ignore[arg-type]


def test_reading_the_same_text_again_costs_nothing() -> None:
    assert parse("tier:vip & tag:kitchen") is parse("tier:vip & tag:kitchen")
    assert selectors._parsed.cache_info().maxsize is not None


atoms = st.sampled_from(["all", "tier:vip", "tier:fan", "stage:lead", "org:浙江", "tag:kitchen", "group:g2"])
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map(lambda a: f"!({a})"),
        st.tuples(inner, st.sampled_from(["&", "|"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    ),
    max_leaves=6,
)
groups = st.builds(
    Group,
    id=st.sampled_from(["g1", "g2"]),
    tier=st.sampled_from(["vip", "fan", ""]),
    stage=st.sampled_from(["lead", ""]),
    org=st.sampled_from(["浙江/杭州", "江苏", ""]),
    tags=st.sampled_from([(), ("kitchen",)]),
)


@given(expressions, expressions, groups)
def test_selectors_obey_the_laws_of_logic(a: str, b: str, group: Group) -> None:
    def holds(text: str) -> bool:
        return parse(text).matches(group)

    assert holds(f"!({a})") is not holds(a)
    assert holds(f"({a}) & ({b})") is (holds(a) and holds(b))
    assert holds(f"({a}) | ({b})") is (holds(a) or holds(b))
    assert holds(f"!(({a}) & ({b}))") is holds(f"!({a}) | !({b})")
    assert holds(f"({a}) & all") is holds(a)


@given(st.text(max_size=80) | st.text(alphabet='alltiervp:&|!() "', max_size=60))
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    position: int | None = 0
    try:
        parse(text).matches(GROUPS[0])
    except SelectorError as error:
        position = error.position
    assert position is not None
    assert 0 <= position <= len(text)


# ---------------------------------------------------------------- city, county, grid
PLACES = tuple(
    Group(f"{city}{county}{grid}", org="/".join(part for part in (city, county, grid) if part))
    for city, county, grid in (
        ("杭州", "", ""), ("杭州", "西湖", ""), ("杭州", "西湖", "文一"), ("杭州", "西湖", "文一路"), ("杭州", "余杭", "文一"),
        ("嘉兴", "南湖", "文一"), ("", "", ""),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("org:杭州", ["杭州", "杭州西湖", "杭州西湖文一", "杭州西湖文一路", "杭州余杭文一"]),
        ("org:杭州/西湖", ["杭州西湖", "杭州西湖文一", "杭州西湖文一路"]),
        ("org:杭州/西湖/文一", ["杭州西湖文一"]),
        ("org:杭州/西湖/", ["杭州西湖", "杭州西湖文一", "杭州西湖文一路"]),
        ("org:西湖", []),
        ("org:杭", []),
        ("org:杭州 & !org:杭州/西湖", ["杭州", "杭州余杭文一"]),
        ("!org:杭州", ["嘉兴南湖文一", ""]),
        ("org:杭州/西湖 | org:嘉兴", ["杭州西湖", "杭州西湖文一", "杭州西湖文一路", "嘉兴南湖文一"]),
    ],
)
def test_a_place_means_itself_and_all_that_lies_within_it(text: str, ids: list[str]) -> None:
    assert select(text, PLACES) == ids


# ---------------------------------------------------------------- laws, over whole selectors
Tree = tuple[Any, ...]
"""("is", text) · ("!", tree) · ("&" or "|", tree, tree)"""

LEAVES = (
    "all",
    "tier:vip",
    "tier:fan",
    "stage:lead",
    "org:浙江",
    "org:浙江/杭州",
    "tag:kitchen",
    'tag:"new & hot"',
    "group:g1",
)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(LEAVES).map(lambda leaf: ("is", leaf)),
    lambda inner: st.one_of(
        inner.map(lambda x: ("!", x)), st.tuples(st.sampled_from("&|"), inner, inner)
    ),
    max_leaves=10,
)  # fmt: skip


def written(tree: Tree, *, spare: bool) -> str:
    """The tree as a selector: with brackets everywhere, or (`spare`) only where the order of binding asks for them."""
    sign, *parts = tree
    if sign == "is":
        return str(parts[0])
    inner = [written(part, spare=spare) for part in parts]
    binds = {"is": 3, "!": 2, "&": 1, "|": 0}
    texts = [
        text if spare and binds[part[0]] >= binds[sign] else f"({text})"
        for part, text in zip(parts, inner, strict=True)
    ]
    return f"!{texts[0]}" if sign == "!" else f" {sign} ".join(texts)


def meant(tree: Tree, group: Group) -> bool:
    sign, *parts = tree
    if sign == "is":
        return parse(str(parts[0])).matches(group)
    answers = [meant(part, group) for part in parts]
    return {"!": not answers[0], "&": all(answers), "|": any(answers)}[sign]


def depth(text: str) -> int:
    deepest = now = 0
    for sign in text:
        now += (sign == "(") - (sign == ")")
        deepest = max(deepest, now)
    return deepest


@given(TREES, st.booleans())
def test_what_is_written_of_a_selector_is_read_as_the_same(tree: Tree, spare: bool) -> None:
    text = written(tree, spare=spare)
    if depth(text) <= MAX_DEPTH and len(text) <= MAX_LENGTH:
        assert select(text, GROUPS) == [g.id for g in GROUPS if meant(tree, g)]


@given(TREES, TREES, TREES)
def test_a_selector_keeps_the_laws_of_sets(a: Tree, b: Tree, c: Tree) -> None:
    def ids(tree: Tree) -> set[str]:
        text = written(tree, spare=True)
        return set(select(text, GROUPS)) if depth(text) <= MAX_DEPTH and len(text) <= MAX_LENGTH else {"too long"}

    def same(one: Tree, other: Tree) -> bool:
        return "too long" in (found := ids(one) | ids(other)) or (
            ids(one) == ids(other) and found <= {g.id for g in GROUPS}
        )

    assert same(("!", ("&", a, b)), ("|", ("!", a), ("!", b)))
    assert same(("!", ("|", a, b)), ("&", ("!", a), ("!", b)))
    assert same(("&", a, ("|", b, c)), ("|", ("&", a, b), ("&", a, c)))
    assert same(("|", a, ("&", b, c)), ("&", ("|", a, b), ("|", a, c)))
    assert same(("!", ("!", a)), a)
    assert same(("&", a, ("!", a)), ("!", ("is", "all")))
