"""WeCom's group robots against their double."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from roles.relay.adapters.base import Content
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.wecom import KEY, WecomDouble


class TestWecom(AdapterContract):
    platform: ClassVar[str] = "wecom"
    double: ClassVar[type[Double]] = WecomDouble
    secrets: ClassVar[tuple[str, ...]] = (KEY,)

    def settings(self, base: str) -> dict[str, Any]:
        return {"base": base, "key": KEY}

    @pytest.mark.parametrize(("code", "word", "after_ms"), [
        (45009, "retry", 60_000), (45033, "retry", 60_000), (-1, "retry", None), (93000, "disabled", None),
        (40058, "rejected", None), (40008, "rejected", None), (987654, "rejected", None),
    ])  # fmt: skip
    async def test_an_error_comes_with_http_200(self, code: int, word: str, after_ms: int | None) -> None:
        outcome = await self.told(Answer({"errcode": code, "errmsg": f"hint {KEY} https://x.example/{KEY}"}))
        assert (outcome.word, outcome.after_ms) == (word, after_ms)
        assert str(code) in (outcome.why or "")

    async def test_a_mention_calls_those_it_names_and_an_announcement_is_marked(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text="开抢", mention="all, zhangsan, 13800138000"))
            await self.send(adapter, Content(text="今晚八点", link=LINK, as_="announcement"))
        first, second = double_.taken
        assert first.seen.pings == ("all", "zhangsan", "13800138000")
        assert second.body["msgtype"] == "markdown"
        assert "今晚八点" in second.seen.text
