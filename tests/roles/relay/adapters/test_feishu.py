"""Feishu's custom bots against their double."""

from __future__ import annotations

from typing import ClassVar

import pytest

from roles.relay.adapters.base import Content
from roles.relay.adapters.feishu import sign
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.feishu import HOOK, FeishuDouble


def test_the_signature_is_feishus() -> None:
    assert sign("test", 1_700_000_000) == "eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg="


class TestFeishu(AdapterContract):
    double: ClassVar[type[Double]] = FeishuDouble

    @pytest.mark.parametrize(("code", "status", "word", "says"), [
        (11232, 200, "retry", "11232"), (19021, 200, "disabled", "`secret`"), (19022, 200, "disabled", "address"),
        (19024, 200, "rejected", "keyword"), (9499, 400, "rejected", "9499"), (99991400, 400, "retry", "99991400"), (424242, 500, "unknown", "HTTP 500"), (19001, 200, "disabled", "hook"),
        (424242, 200, "rejected", "424242"),
    ])  # fmt: skip
    async def test_an_error_has_a_code(self, code: int, status: int, word: str, says: str) -> None:
        outcome = await self.told(
            Answer({"code": code, "msg": f"said {HOOK} at https://open.feishu.cn/{HOOK}"}, status)
        )
        assert outcome.word == word
        assert says in (outcome.why or "")
        assert outcome.everyone == (word == "retry")

    async def test_too_many_requests_has_the_code_of_bad_ones_and_is_told_by_its_words(self) -> None:
        outcome = await self.told(Answer({"code": 9499, "msg": "too many request", "data": {}}))
        assert (outcome.word, outcome.everyone) == ("retry", True)

    async def test_a_clock_that_is_two_hours_off_is_said(self, double_: FeishuDouble) -> None:
        double_.clock_off_s = 7200.0
        async with self.opened(double_.base) as adapter:
            outcome = await self.send(adapter, Content(text="上链接"))
        assert outcome.word == "disabled"
        assert "behind" in (outcome.why or "")

    async def test_a_coupon_and_an_announcement_are_cards_with_a_button_for_each_address(
        self, double_: FeishuDouble
    ) -> None:
        other = "https://sale.example/l/other"
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text=f"满100减20 {LINK}", coupon=LINK))
            outcome = await self.send(
                adapter, Content(text=f"今晚八点 {LINK}", link=LINK, images=(other,), as_="announcement")
            )
            await self.send(adapter, Content(text="开抢", mention="所有人,ou_123"))
        card, announced, called = (taken.seen for taken in double_.taken)
        assert card.links == (LINK,)
        assert announced.links == (LINK, other)
        assert "今晚八点" in announced.text
        assert "pictures" in (outcome.why or "")
        assert called.pings == ("all", "ou_123")

    async def test_five_a_second_is_a_window_of_its_own(self, double_: FeishuDouble) -> None:
        async with self.opened(double_.base) as adapter:
            assert (5, 1.0) in {(limit.count, limit.per_s) for limit in adapter.settings.limits()}

    async def test_the_whole_address_may_stand_for_the_hook(self, double_: FeishuDouble) -> None:
        async with self.opened(double_.base, hook=f"{double_.base}/open-apis/bot/v2/hook/{HOOK}") as adapter:
            assert (await self.send(adapter, Content(text="上链接"))).word == "sent"
