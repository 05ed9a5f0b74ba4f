"""WeCom's group robots against their double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from roles.relay.adapters import http
from roles.relay.adapters.base import Content
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import CUT_BEFORE, Answer, Double
from tests.roles.relay.doubles.wecom import KEY, WecomDouble


class TestWecom(AdapterContract):
    double: ClassVar[type[Double]] = WecomDouble

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

    async def test_a_coupon_is_a_card_and_a_link_with_a_picture_an_article(self, double_: Double) -> None:
        picture = "https://img.example/pan.jpg"
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text=f"满100减20\n今晚有效 {LINK}", coupon=LINK))
            await self.send(adapter, Content(text=f"不粘锅\n上链接 {LINK}", link=LINK, images=(picture,)))
            await self.send(adapter, Content(text="满" * 200, coupon=LINK))
        card, article, text = double_.taken
        assert card.body["template_card"]["main_title"]["title"] == "满100减20"
        assert (card.seen.links, article.seen.links) == ((LINK,), (LINK,))
        assert article.seen.pictures == 1
        assert text.body["msgtype"] == "text", "nothing is cut where a plain text holds it whole"
        assert LINK in text.seen.links

    async def test_pictures_are_fetched_ahead_once_and_follow_their_text(self, double_: Double) -> None:
        async with pictures() as (base, asked), self.opened(double_.base, private_pictures=True) as adapter:
            content = Content(text="新品", images=(f"{base}/ok.png", f"{base}/big.png", f"{base}/page.png"))
            outcome = await self.send(adapter, content)
            await self.send(adapter, content)
        assert adapter.places(None, content) == 4
        assert outcome.word == "sent"
        assert "addresses" in (outcome.why or "")
        text, picture = double_.taken[:2]
        assert text.seen.links == (f"{base}/big.png", f"{base}/page.png")
        assert picture.seen.pictures == 1
        assert sorted(asked) == ["big.png", "ok.png", "page.png"]

    async def test_a_picture_that_does_not_follow_is_said_and_the_text_stays_sent(self, double_: Double) -> None:
        async with pictures() as (base, _), self.opened(double_.base, private_pictures=True) as adapter:
            double_.next += [None, CUT_BEFORE]
            outcome = await self.send(adapter, Content(text="新品", images=(f"{base}/ok.png",)))
        assert outcome.word == "sent"
        assert "did not follow" in (outcome.why or "")

    async def test_a_text_that_is_there_is_sent_however_slow_its_pictures_are(
        self, double_: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slow answer and slow pictures together took longer than the relay waits: what was there counted as unknown."""
        monkeypatch.setattr(http, "FOLLOWED_UNTIL_S", 0.2)
        async with pictures() as (base, _), self.opened(double_.base, private_pictures=True) as adapter:
            double_.next += [None, Answer({"errcode": 0}, wait=asyncio.Event())]
            content = Content(text="新品", images=(f"{base}/ok.png", f"{base}/ok.png?2"))
            outcome = await self.send(adapter, content)
        assert (outcome.word, outcome.why) == ("sent", "a picture did not follow: no answer")

    async def test_a_picture_in_a_private_network_is_not_fetched_unless_the_credential_allows_it(
        self, double_: Double
    ) -> None:
        """Whoever may write a message could have had this machine call what only its own network reaches."""
        async with pictures() as (base, asked), self.opened(double_.base) as adapter:
            named = base.replace("127.0.0.1", "localhost")
            outcome = await self.send(adapter, Content(text="新品", images=(f"{base}/ok.png", f"{named}/ok.png")))
        assert asked == []
        assert outcome.word == "sent"
        assert "pictures went as addresses" in (outcome.why or "")


@asynccontextmanager
async def pictures() -> AsyncIterator[tuple[str, list[str]]]:
    """A place that has one good picture, one that is too large, and a page that is none."""
    asked: list[str] = []
    bodies = {
        "ok.png": b"\x89PNG\r\n\x1a\n" + b"x" * 1000,
        "big.png": b"\x89PNG\r\n\x1a\n" + b"x" * (2 << 20),
        "page.png": b"<html>",
    }

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.match_info["name"])
        return web.Response(body=bodies[request.match_info["name"]])

    app = web.Application()
    app.router.add_get("/{name}", answer)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}", asked
