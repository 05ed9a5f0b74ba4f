"""Links, clicks and sign-in rounds."""

from __future__ import annotations

import pytest

from coordinator.core import Actor
from coordinator.core.clicks import CLICK_COUNTS_MS, Seen
from tests.core.driver import SECOND, START, Sale


def test_a_link_is_out_when_its_cue_has_fired_and_a_click_counts_for_its_drop_and_group() -> None:
    sale = Sale().live()
    sale.do("controller", "link.drop", link="room", groups="all")
    key = sale.deliveries()["g2"].content.link.rpartition("/")[2]
    assert sale.refused("audience", "link.click", link=key) == "too_early"
    sale.advance(START + 2 * SECOND)
    sale.do("audience", "link.click", link=key)
    clicked = sale.of("link.clicked")[0]
    assert (clicked.drop, clicked.group, clicked.member, clicked.link) == ("drop1", "g2", "m1", "room")
    assert (sale.state.drops["drop1"].clicks, sale.state.links["room"].clicks, sale.state.figures["sale"].clicks) == (
        1,
        1,
        1,
    )
    assert [e.link for e in sale.of("link.dropped")] == ["room"]


def test_a_click_may_name_the_link_or_the_product_itself() -> None:
    sale = Sale().live()
    sale.do("audience", "link.click", link="room")
    sale.do("audience", "link.click", link="pan")
    assert [(e.link, e.product) for e in sale.of("link.clicked")] == [("room", None), (None, "pan")]
    assert sale.refused("audience", "link.click", link="elsewhere") == "unknown"


def test_a_member_clicks_and_asks_for_themselves() -> None:
    sale = Sale().live()
    assert sale.refused("audience", "link.click", link="room", member="m2") == "forbidden"
    assert sale.refused("audience", "question.raise", group="g1", text="有货吗", member="m2") == "forbidden"
    sale.do("audience", "question.raise", group="g1", text="有货吗")
    assert [e.member for e in sale.of("question.raised")] == ["m1"]


def test_a_product_s_link_is_its_own() -> None:
    sale = Sale().live()
    sale.do("controller", "link.drop", product="pan", groups="tier:vip", text="{product} {price} {link}")
    content = sale.deliveries()["g1"].content
    assert content.text == f"不粘锅 ¥129 {content.link}"
    sale.advance(START + 2 * SECOND)
    assert [(e.link, e.product) for e in sale.of("link.dropped")] == [(None, "pan")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"groups": "all"}, "invalid"),
        ({"link": "room", "product": "pan", "groups": "all"}, "invalid"),
        ({"link": "no", "groups": "all"}, "unknown"),
        ({"product": "no", "groups": "all"}, "unknown"),
    ],
)
def test_a_drop_names_one_thing_that_is_there(fields: dict[str, str], code: str) -> None:
    assert Sale().live().refused("controller", "link.drop", **fields) == code


def test_two_presses_of_a_link_within_one_blink_are_one_drop() -> None:
    sale = Sale().live()
    for fields in ({"link": "room"}, {"product": "pan"}):
        sale.do("controller", "link.drop", **fields, groups="all", from_=None)
        assert sale.refused("controller", "link.drop", **fields, groups="all", from_=None) == "stale"


def out(what: str = "room", groups: str = "all") -> tuple[Sale, dict[str, str]]:
    """A live sale with a link that is out, and its addresses' keys by group."""
    sale = Sale().live()
    sale.do("controller", "link.drop", **{"product" if what == "pan" else "link": what}, groups=groups)
    sale.advance(START + 2 * SECOND)
    return sale, {g: d.content.link.rpartition("/")[2] for g, d in sale.deliveries().items()}


class TestAClick:
    def test_counts_once_in_a_minute_for_a_member_and_an_address(self) -> None:
        sale, keys = out()
        for after in (0, 1, 59_999):
            sale.advance(START + 2 * SECOND + after)
            sale.do("audience", "link.click", link=keys["g1"])
        assert sale.do("audience", "link.click", link=keys["g1"]) == {"again": True}
        assert len(sale.of("link.clicked")) == 1
        sale.do("audience", "link.click", link=keys["g2"])
        sale.do(Actor("audience", "m2"), "link.click", link=keys["g1"])
        assert len(sale.of("link.clicked")) == 3
        sale.advance(START + 2 * SECOND + CLICK_COUNTS_MS)
        sale.do("audience", "link.click", link=keys["g1"])
        assert sale.state.drops["drop1"].clicks == sale.state.figures["sale"].clicks == 4

    def test_by_nobody_who_is_known_counts_each_time(self) -> None:
        sale, keys = out()
        for _ in range(3):
            sale.do("clock", "link.click", link=keys["g1"])
        assert sale.state.drops["drop1"].clicks == 3

    def test_is_remembered_for_its_minute_and_not_for_ever(self) -> None:
        seen = Seen()
        for minute in range(10):
            for member in range(50):
                at = minute * CLICK_COUNTS_MS + member
                assert not seen.lately(f"k m{member}", at)
                seen.note(f"k m{member}", at)
                assert seen.lately(f"k m{member}", at + CLICK_COUNTS_MS - 1)
        assert len(seen.now) + len(seen.before) == 100
        seen.note("k m0", 100 * CLICK_COUNTS_MS)
        assert len(seen.now) + len(seen.before) == 1


def test_a_robot_that_looks_is_counted_apart_and_once_in_a_minute() -> None:
    sale, keys = out()
    for robot in ("telegram", "telegram", "slack"):
        sale.do("clock", "link.preview", link=keys["g1"], robot=robot)
    sale.do("clock", "link.preview", link="nothing", robot="slack")
    assert [(e.robot, e.group, e.drop) for e in sale.of("link.previewed")] == [
        ("telegram", "g1", "drop1"), ("slack", "g1", "drop1")
    ]  # fmt: skip
    drop = sale.state.drops["drop1"]
    assert (drop.previews, drop.clicks, sale.state.figures["sale"].clicks) == (2, 0, 0)


class TestAStop:
    def test_closes_what_is_out_and_keeps_what_has_not_left(self) -> None:
        sale, keys = out()
        sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent")
        sale.do("controller", "link.stop", link="room")
        assert sale.state.drops["drop1"].stopped
        assert sale.refused("audience", "link.click", link=keys["g1"]) == "too_late"
        assert [(e.delivery, e.why) for e in sale.of("delivery.withdrawn")] == [
            ("d2", "link_stopped"),
            ("d3", "link_stopped"),
        ]
        assert sale.refused("controller", "link.stop", link="room") == "stale"

    def test_leaves_other_links_and_later_drops_of_the_same_open(self) -> None:
        sale, keys = out("pan")
        sale.do("controller", "link.stop", product="pan")
        sale.do("controller", "link.drop", product="pan", groups="all", from_="drop1")
        sale.advance(START + 4 * SECOND)
        again = {g: d.content.link.rpartition("/")[2] for g, d in sale.deliveries("drop2").items()}
        sale.do("audience", "link.click", link=again["g1"])
        assert sale.refused("audience", "link.click", link=keys["g1"]) == "too_late"
        assert [d.stopped for d in sale.state.drops.values()] == [True, False]

    def test_is_for_what_is_out(self) -> None:
        sale = Sale().live()
        assert sale.refused("controller", "link.stop", link="room") == "stale"
        sale.do("controller", "link.drop", link="room", groups="all")
        assert sale.refused("controller", "link.stop", link="room") == "stale"
        assert sale.refused("controller", "link.stop", link="no") == "unknown"
        assert sale.refused("controller", "link.stop") == "invalid"
        assert sale.refused("host", "link.stop", link="room") == "forbidden"


class TestASignInRound:
    def open(self) -> Sale:
        sale = Sale().live()
        sale.do("controller", "checkin.open", from_=None)
        sale.advance(START + 2 * SECOND)
        return sale

    def test_is_opened_joined_once_a_member_and_closed(self) -> None:
        sale = self.open()
        sale.do("r1", "checkin.join", member="m1", group="g1")
        assert sale.refused("r1", "checkin.join", member="m1") == "already"
        assert sale.refused("r1", "checkin.join") == "invalid"
        assert sale.state.checkins["checkin1"].count == 1
        sale.do("controller", "checkin.close", from_="checkin1")
        assert sale.refused("r1", "checkin.join", member="m2", checkin="checkin1") == "too_late"
        assert sale.refused("r1", "checkin.join", member="m2") == "too_late"
        assert sale.refused("controller", "checkin.close") == "too_late"

    def test_is_opened_once_though_two_press(self) -> None:
        sale = Sale().live()
        sale.do("controller", "checkin.open", from_=None)
        assert sale.refused("controller", "checkin.open", from_=None) == "stale"
        sale.advance(START + 2 * SECOND)
        assert sale.refused("controller", "checkin.open", from_=None) == "stale"
        assert sale.refused("controller", "checkin.open", from_="checkin1") == "stale"
        assert len(sale.of("checkin.opened")) == 1

    def test_a_member_signs_in_for_themselves(self) -> None:
        sale = self.open()
        assert sale.refused("audience", "checkin.join", member="m2") == "forbidden"
        sale.do("audience", "checkin.join")
        assert sale.state.checkins["checkin1"].members == {"m1"}
