"""The close of a sale that still owes its members something: it is told before, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Refusal
from coordinator.core.kernel import Override
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet
from tests.core.test_gifts import COUPONS

OVER = Override(("OWED",), "the organiser draws it tomorrow")


def ended(*opened: tuple[str, dict[str, Any]], over: bool = True) -> Sale:
    """A sale in which a controller has opened these; the show has ended, where it is over."""
    sale = Sale(sheet(segment(lasts="60m"), coupons=COUPONS)).live()
    for kind, fields in opened:
        sale.do("controller", kind, **fields)
    sale.advance(START + 2 * SECOND)
    if over:
        sale.do("controller", "show.end")
    return sale


DRAW = ("draw.open", {"prizes": [{"coupon": "c20"}], "until": MINUTE})
PACKET = ("redpacket.announce", {"amount": 5000, "count": 10, "groups": "all", "who": "mei"})
QUIZ = ("quiz.open", {"question": "质保几年?", "answer": "七年", "winners": 3, "coupon": "c20", "groups": "all"})


def owed(sale: Sale) -> list[dict[str, Any]]:
    with pytest.raises(Refusal) as caught:
        sale.do("controller", "show.close", settled=True)
    assert caught.value.code == "blocked"
    details = dict(caught.value.details or {})
    assert details["rules"] == ["OWED"]
    assert len(details["owed"]) == details["in_all"]
    found: list[dict[str, Any]] = details["owed"]
    return found


def test_a_sale_that_owes_nothing_closes_at_one_press() -> None:
    sale = ended()
    assert not [e for e in sale.of("prompt.sent") if "关场" in e.text]
    assert sale.do("controller", "show.close", settled=True) == {}


def test_who_does_not_ask_closes_it_and_is_told_what_it_owes() -> None:
    sale = ended(DRAW)
    answer = sale.do("controller", "show.close")
    assert [o["draw"] for o in answer["owed"]] == ["draw1"]
    assert sale.state.the.status == "closed"


def test_a_draw_that_is_not_drawn_is_named_at_the_end_and_at_the_close() -> None:
    sale = ended(DRAW)
    told = sale.of("prompt.sent")[-1]
    assert (told.to, told.urgency) == ("controller", "high")
    assert told.zh == "关场前要了结: 抽奖 满100减20 还没开奖, 已有 0 人参加"
    assert told.en == "Before the close: the draw of 满100减20 is not drawn, 0 in it"
    assert [(o["draw"], o.get("entries", 0)) for o in owed(sale)] == [("draw1", 0)]


def test_a_red_packet_that_was_announced_is_named_until_it_is_sent() -> None:
    sale = ended(PACKET)
    assert [(o["redpacket"], o["amount"], o["who"]) for o in owed(sale)] == [("redpacket1", 5000, "mei")]
    sale.do("cheer", "redpacket.done", redpacket="redpacket1", proof="https://d.example/proof.png")
    sale.do("controller", "show.close", settled=True)


def test_winners_without_their_coupon_are_counted_and_who_had_theirs_is_not() -> None:
    sale = ended(QUIZ, over=False)
    for n in range(3):
        sale.do("r1", "quiz.answer", member=f"m{n}", group="g1", answer="七年")
    sale.do("controller", "show.end")
    assert [(o["game"], o["members"]) for o in owed(sale)] == [("quiz1", 1)]


def test_a_cap_is_no_debt() -> None:
    sale = ended(QUIZ, over=False)
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 5 * SECOND)
    sale.do("r1", "coupon.claim", coupon="c20", member="m1", group="g1")
    sale.do("r1", "quiz.answer", member="m1", group="g1", answer="七年")
    assert sale.state.not_given["quiz1"] == {"m1": "capped"}
    sale.do("controller", "show.end")
    sale.do("controller", "show.close", settled=True)


def test_who_closes_over_it_is_named_with_the_reason() -> None:
    sale = ended(DRAW)
    sale.do("owner", "show.close", settled=True, override=OVER)
    closed = sale.of("show.closed")[0]
    assert (closed.by, closed.override) == ("owner:boss", OVER)


def test_another_rule_is_not_this_one() -> None:
    sale = ended(DRAW)
    with pytest.raises(Refusal):
        sale.do("owner", "show.close", settled=True, override=Override(("DUP",), "no matter"))


class TestAfterTheClose:
    def closed(self, *entries: str) -> Sale:
        sale = ended(DRAW, PACKET, over=False)
        for member in entries:
            sale.do("r1", "draw.enter", member=member, group="g1")
        sale.do("controller", "show.end")
        sale.do("controller", "show.close", override=OVER)
        return sale

    def test_nobody_enters_and_the_draw_is_run_all_the_same(self) -> None:
        sale = self.closed("m1", "m2")
        assert sale.of("draw.closed")[0].entries == 2
        assert sale.refused("r1", "draw.enter", member="m3", group="g1") == "too_late"
        sent = len(sale.state.deliveries)
        said = sale.do("controller", "draw.run", draw="draw1")
        assert [w["member"] for w in said["winners"]] == [sale.of("coupon.claimed")[0].member]
        assert len(sale.state.deliveries) == sent, "nothing goes into groups any more"

    def test_the_code_that_was_won_is_redeemed_once_until_its_own_end(self) -> None:
        """It was given, and shown on the draw's page, and the shop was told that the sale is closed."""
        sale = self.closed("m1")
        sale.do("controller", "draw.run", draw="draw1")
        won = sale.of("coupon.claimed")[0]
        lines = [{"product": "pan", "quantity": 1}]
        assert sale.do("shop", "coupon.redeem", code=won.code, order="A-1", lines=lines)["off"] == 2000
        assert sale.do("shop", "coupon.redeem", code=won.code, order="A-1", lines=lines)["again"]
        assert sale.refused("shop", "coupon.redeem", code=won.code, order="A-2", lines=lines) == "already"

    def test_a_draw_that_is_over_or_never_was_is_too_late(self) -> None:
        sale = self.closed("m1")
        sale.do("controller", "draw.run", draw="draw1")
        for name in ("draw1", "draw9", None):
            assert sale.refused("controller", "draw.run", draw=name) == "too_late"

    def test_a_red_packet_is_told_as_sent_and_is_a_cost(self) -> None:
        sale = self.closed()
        sale.do("cheer", "redpacket.done", redpacket="redpacket1", proof="https://d.example/proof.png")
        assert sale.state.redpackets["redpacket1"].sent_by == "mei"


class TestCodesAfterTheClose:
    LINES: tuple[dict[str, Any], ...] = ({"product": "pan", "quantity": 1},)

    def claimed(self, **coupon: Any) -> tuple[Sale, str]:
        """A sale that is closed, and a code that was claimed before."""
        coupons = [{"id": "c", "kind": "amount", "title": "C", "off": "5.00", "quantity": 10, **coupon}]
        sale = Sale(sheet(segment(lasts="60m"), coupons=coupons)).live()
        sale.do("controller", "coupon.drop", coupon="c", groups="all")
        sale.advance(START + 3 * SECOND)
        code = sale.do("r1", "coupon.claim", coupon="c", member="m1", group="g1")["code"]
        sale.do("controller", "show.end")
        sale.do("controller", "show.close")
        return sale, code

    def redeem(self, sale: Sale, code: str) -> str | None:
        try:
            sale.do("shop", "coupon.redeem", code=code, order="A-1", lines=list(self.LINES))
        except Refusal as no:
            return no.code
        return None

    def test_they_are_good_for_the_time_that_their_member_was_told(self) -> None:
        sale, code = self.claimed(valid="2h")
        sale.advance(START + 119 * MINUTE)
        assert self.redeem(sale, code) is None
        assert sale.state.coupons["c"].redeemed == 1

    def test_and_no_longer(self) -> None:
        sale, code = self.claimed(valid="2h")
        sale.advance(START + 121 * MINUTE)
        assert self.redeem(sale, code) == "too_late"

    def test_or_until_the_coupon_ends(self) -> None:
        for minutes, said in ((29, None), (31, "too_late")):
            sale, code = self.claimed(until="+30m")
            sale.advance(START + minutes * MINUTE)
            assert self.redeem(sale, code) == said

    def test_one_that_has_no_end_of_its_own_ends_with_the_sale(self) -> None:
        sale, code = self.claimed()
        sale.advance(START + MINUTE)
        assert self.redeem(sale, code) == "too_late"

    def test_but_not_one_that_was_won_after_it(self) -> None:
        sale = Sale(
            sheet(
                segment(lasts="60m"),
                coupons=[{"id": "c20", "kind": "amount", "title": "C", "off": "5.00", "quantity": 10}],
            )
        )
        sale.live()
        sale.do("controller", DRAW[0], **DRAW[1])
        sale.advance(START + 2 * SECOND)
        sale.do("r1", "draw.enter", member="m1", group="g1")
        sale.do("controller", "show.end")
        sale.do("controller", "show.close", override=OVER)
        sale.advance(START + MINUTE)
        sale.do("controller", "draw.run", draw="draw1")
        sale.advance(START + 60 * MINUTE)
        assert self.redeem(sale, sale.of("coupon.claimed")[0].code) is None
