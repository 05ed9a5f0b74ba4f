"""What the page says of a coupon and its reader, on the sale's own time."""

from __future__ import annotations

from coordinator.gateway.landing.standing import Shown, shown, standing
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale


def out(coupon: str = "c20", **more: object) -> tuple[Sale, str]:
    """A live sale with a coupon that is out, and its page's key in g1."""
    sale = Sale().live()
    sale.do("controller", "coupon.drop", coupon=coupon, groups="all", **more)
    sale.advance(START + 2 * SECOND)
    return sale, sale.deliveries()["g1"].content.coupon.rpartition("/")[2]


def page(sale: Sale, key: str, member: str | None = "m1", speed: float = 1.0) -> Shown:
    return shown(sale.state, key, sale.state.keys[key], member, sale.now, speed, "zh")


def test_a_code_is_good_for_its_time_then_over_and_used_when_it_was_redeemed() -> None:
    sale, key = out()
    assert (page(sale, key).code, page(sale, key).may_claim) == (None, True)
    code = sale.do("audience", "coupon.claim", coupon="c20", group="g1")["code"]
    mine = page(sale, key)
    assert (mine.code, mine.may_claim, mine.code_is) == (code, False, "good")
    assert mine.until == sale.now + 2 * HOUR
    assert (mine.clock(mine.until), mine.span(mine.until)) == ("17:00", "2:00:00")
    assert page(sale, key, "m2").codes == ()
    sale.advance(sale.now + 2 * HOUR + 1)
    assert page(sale, key).code_is == "lapsed"
    again, other = out()
    used = again.do("audience", "coupon.claim", coupon="c20", group="g1")["code"]
    again.do("shop", "coupon.redeem", code=used, order="o1")
    assert page(again, other).code_is == "redeemed"


def test_another_day_is_named_and_a_rehearsals_speed_is_reckoned_with() -> None:
    sale, key = out()
    shown_now = page(sale, key, speed=20.0)
    assert shown_now.clock(sale.now + 20 * HOUR) == "10-27 11:00"
    assert shown_now.span(sale.now + 20 * MINUTE) == "1:00"
    assert shown_now.span(sale.now - 1) == "0:00"


def test_how_it_stands_is_what_a_claim_would_be_told() -> None:
    sale = Sale().live()
    sale.do("controller", "coupon.drop", coupon="vip5", groups="all")
    key = sale.deliveries()["g1"].content.coupon.rpartition("/")[2]
    assert standing(sale.state, sale.state.keys[key], sale.now) == "early"
    sale.advance(START + 2 * SECOND)
    assert standing(sale.state, sale.state.keys[key], sale.now) == "open"
    for member in ("m1", "m2", "m3"):
        sale.do("r1", "coupon.claim", coupon="vip5", member=member, group="g1")
    assert standing(sale.state, sale.state.keys[key], sale.now) == "out"
    sale.do("controller", "coupon.stop", coupon="vip5")
    assert standing(sale.state, sale.state.keys[key], sale.now) == "stopped"
    sale.do("owner", "show.end")
    sale.do("owner", "show.close")
    assert standing(sale.state, sale.state.keys[key], sale.now) == "closed"


def test_a_drops_part_of_the_total_is_what_its_pages_give_out() -> None:
    sale, key = out(quantity=2)
    assert (page(sale, key).left, page(sale, key).of) == (2, 2)
    sale.do("r1", "coupon.claim", coupon="c20", member="m8", group="g1")
    sale.do("r1", "coupon.claim", coupon="c20", member="m9", group="g2")
    assert (page(sale, key).left, page(sale, key).standing) == (0, "out")
