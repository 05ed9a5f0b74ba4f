"""DingTalk's custom robots against their double."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from roles.relay.adapters.base import Content
from roles.relay.adapters.dingtalk import sign
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.dingtalk import TOKEN, DingtalkDouble


def test_the_signature_is_dingtalks() -> None:
    assert sign("SECtest", 1_700_000_000_000) == "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D"


class TestDingtalk(AdapterContract):
    double: ClassVar[type[Double]] = DingtalkDouble

    @pytest.mark.parametrize(("body", "word", "after_ms", "says"), [
        ({"errcode": 310000, "errmsg": "keywords not in content, more: [https://ding]"}, "rejected", None, "keyword"),
        ({"errcode": 310000, "errmsg": "sign not match"}, "disabled", None, "`secret`"),
        ({"errcode": 310000, "errmsg": "invalid timestamp"}, "disabled", None, "`secret`"),
        ({"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"}, "disabled", None, "address"),
        ({"errcode": 310000, "errmsg": "words never seen"}, "disabled", None, "310000"),
        ({"errcode": 130101, "errmsg": "send too fast"}, "retry", 600_000, "130101"),
        ({"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}, "retry", 5_000, "held back"),
        ({"errcode": 300005, "errmsg": "token is not exist"}, "disabled", None, "token"),
        ({"errcode": -1, "errmsg": "系统繁忙"}, "retry", None, "-1"),
        ({"errcode": 430103, "errmsg": "含有不合适的图片"}, "rejected", None, "430103"),
        ({"errcode": 460101, "errmsg": "message is too long"}, "rejected", None, "460101"),
    ], ids=repr)  # fmt: skip
    async def test_an_error_comes_with_http_200(
        self, body: dict[str, Any], word: str, after_ms: int | None, says: str
    ) -> None:
        outcome = await self.told(Answer(body))
        assert (outcome.word, outcome.after_ms) == (word, after_ms)
        assert says.replace("held back", "back") in (outcome.why or "")

    async def test_a_clock_that_is_two_hours_off_is_said(self, double_: DingtalkDouble) -> None:
        double_.clock_off_s = -7200.0
        async with self.opened(double_.base) as adapter:
            outcome = await self.send(adapter, Content(text="上链接"))
        assert outcome.word == "disabled"
        assert (
            "7200 s ahead" in (outcome.why or "")
            or "7199 s ahead" in (outcome.why or "")
            or "7201" in (outcome.why or "")
        )

    async def test_who_was_too_fast_is_held_back_and_the_whole_robot_rests(self) -> None:
        async with DingtalkDouble(limit=1) as double, self.opened(double.base) as adapter:
            said = [await self.send(adapter, Content(text="上链接")) for _ in range(3)]
        assert [outcome.after_ms for outcome in said] == [None, 600_000, 5_000]
        assert all(outcome.everyone for outcome in said[1:])

    async def test_pictures_coupons_and_mentions_go_as_dingtalk_shows_them(self, double_: DingtalkDouble) -> None:
        picture = "https://img.example/pan.jpg"
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text=f"新品\n上链接 {LINK}", link=LINK, images=(picture,)))
            await self.send(adapter, Content(text=f"满100减20 {LINK}", coupon=LINK))
            await self.send(adapter, Content(text="开抢", mention="all, 13800138000"))
        shown, card, called = (taken.seen for taken in double_.taken)
        assert shown.pictures == 1
        assert LINK in shown.links
        assert card.links == (LINK,)
        assert "满100减20" in card.text
        assert called.pings == ("all", "13800138000")

    async def test_a_picture_whose_address_has_brackets_is_shown(self, double_: DingtalkDouble) -> None:
        """It was left out, and nothing said so."""
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text="新品", images=("https://img.example/pan(1).jpg",)))
        assert double_.taken[0].seen.pictures == 1
        assert "https://img.example/pan%281%29.jpg" in double_.taken[0].body["markdown"]["text"]

    async def test_a_robot_without_a_secret_is_not_signed(self, double_: DingtalkDouble) -> None:
        double_.tokens[TOKEN] = None
        async with self.opened(double_.base, secret=None) as adapter:
            assert (await self.send(adapter, Content(text="上链接"))).word == "sent"
