"""Links, clicks and sign-in rounds."""

from __future__ import annotations

import pytest

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
        assert sale.refused("controller", "checkin.close") == "stale"

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
