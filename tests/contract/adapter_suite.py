"""What every adapter of a chat platform must keep. A test subclasses it and names the platform's double."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec
import pytest

from roles.relay.adapters import PLATFORMS
from roles.relay.adapters.base import AnyAdapter, Content, Delivery, GroupSettings, Held, Outcome
from tests.roles.relay.doubles import base
from tests.roles.relay.doubles.base import CUT_AFTER, CUT_BEFORE, PAGE, Answer, Double

EXPIRED = Path(base.__file__).parent / "expired.pem"
LINK = "https://sale.example/l/Kq3_x-9aBz"
HOSTILE = (
    '@all <@all> <!channel> <!everyone> <at user_id="all">所有人</at> @everyone <@U123> [点我](https://evil.example/x) '
    '<a href="https://evil.example/y">y</a> <https://evil.example/z|shop>'
)
# In every platform's words at once: something went wrong that has no name here.
UNKNOWN_CODE = {
    "errcode": 50001,
    "errmsg": "internal",
    "code": 50001,
    "msg": "internal",
    "message": "internal",
    "ok": False,
}

PICTURE = ("https://img.example/1.png",)
# What somebody writes, and some markup takes for its own.
WRITTEN = (
    "# 500g*2袋+300g*3袋\n> 第二条", "*今晚* _八点_ ~原价~ `c20`", "**买一送一** __限量__ ~~199~~", r"\*不粘锅\* C:\_价_\ 满100\-20",
    "- 第一\n- 第二\n+ 第三\n1. 第四\n2) 第五", "价格\n---\n129\n===", "&lt;b&gt; A&amp;B &#42;", ":fire: 20:00: 开抢 a_b_c",
    "    四个空格", "||谁|| <#123> <:x:1>",
)  # fmt: skip


def as_written(text: str) -> str:
    """Without what nobody sees the difference of: unseen breaks, wide signs, blanks and lines."""
    for wide, sign in (("\u200b", ""), ("\uff0a", "*"), ("\uff3f", "_"), ("\uff40", "`")):
        text = text.replace(wide, sign)
    return " ".join(text.split())


async def settled(double: Double) -> None:
    """Until a held request has its connection, or would long have been there: another one has made its way meanwhile."""
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.head(double.base + "/"):
                pass


class AdapterContract:
    """Subclass it as `TestMyPlatform`."""

    double: ClassVar[type[Double]]

    @asynccontextmanager
    async def opened(self, base: str, **more: Any) -> AsyncIterator[AnyAdapter]:
        kind = PLATFORMS[self.double.platform]
        settings = kind.credential_settings.model_validate(self.double.settings(base) | more)
        adapter = kind("bot", settings, None)
        await adapter.open()
        try:
            yield adapter
        finally:
            await adapter.close()

    async def send(self, adapter: AnyAdapter, content: Content) -> Outcome:
        """As the outbox does: prepared, made ready, and let go at its instant."""
        group = adapter.group_settings.model_validate({"id": "g1", "credential": "bot", **self.double.group})
        delivery = Delivery(id="d1", attempt=1, group="g1", content=content, fire_at=0, expires_at=1, sale="s1")
        prepared = await adapter.prepare(group, content)
        outcome = await adapter.deliver(group, delivery, adapter.hold(group, delivery, prepared) or prepared)
        self.tells_nothing(repr(outcome), repr(adapter), repr(adapter.settings))
        assert "127.0.0.1" not in (outcome.why or "")
        return outcome

    def tells_nothing(self, *texts: str) -> None:
        for text in texts:
            assert not any(secret in text for secret in self.double.secrets), text

    async def told(self, answer: Answer) -> Outcome:
        """What becomes of a message that is answered so."""
        async with self.double() as double, self.opened(double.base) as adapter:
            double.next.append(answer)
            return await self.send(adapter, Content(text="上链接"))

    @pytest.fixture
    async def double_(self) -> AsyncIterator[Double]:
        async with self.double() as running:
            yield running

    # -- what arrives

    async def test_a_text_with_its_link_arrives_as_it_was_written(self, double_: Double) -> None:
        text = f"3, 2, 1, 上链接 {LINK} 🎉"
        async with self.opened(double_.base) as adapter:
            outcome = await self.send(adapter, Content(text=text, link=LINK))
        assert outcome.word == "sent"
        assert [taken.seen.text for taken in double_.taken] == [text]
        assert LINK in double_.taken[0].seen.links

    async def test_a_link_that_the_text_does_not_have_is_added(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            assert (await self.send(adapter, Content(text="上链接", link=LINK))).word == "sent"
        assert LINK in double_.taken[0].seen.links

    @pytest.mark.parametrize("content", [
        Content(text="不粘锅 " * 9_000, link=LINK),
        Content(text=f"{LINK} " + "👩‍👩‍👧‍👦" * 9_000, link=LINK),
        Content(text="é" * 30_000 + LINK, coupon=LINK, as_="announcement"),
    ], ids=["long", "families", "announcement"])  # fmt: skip
    async def test_what_is_too_long_is_cut_with_its_link_whole_and_says_so(
        self, double_: Double, content: Content
    ) -> None:
        async with self.opened(double_.base) as adapter:
            outcome = await self.send(adapter, content)
        assert outcome.word == "sent"
        assert "cut" in (outcome.why or "")
        assert LINK in double_.taken[0].seen.links

    async def test_an_address_longer_than_the_platform_takes_is_rejected_without_a_call(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            outcome = await self.send(adapter, Content(text="x", link="https://sale.example/" + "a" * 60_000))
        assert outcome.word == "rejected"
        assert double_.calls == 0

    @pytest.mark.parametrize("as_", ["message", "announcement"])
    async def test_what_somebody_wrote_calls_nobody_and_hides_no_address(self, double_: Double, as_: str) -> None:
        async with self.opened(double_.base) as adapter:
            assert (await self.send(adapter, Content(text=HOSTILE, link=LINK, as_=as_))).word == "sent"
        seen = double_.taken[0].seen
        assert seen.pings == ()
        assert LINK in seen.links
        for link in seen.links:
            assert link == LINK or link in HOSTILE, "an address is only where it can be read"
        shown = seen.text.replace("\u200b", "")
        assert "evil.example/x" in shown

    @pytest.mark.parametrize("how", [{}, {"as_": "announcement"}, {"coupon": LINK}, {"images": PICTURE}, {"images": PICTURE, "link": LINK}],
                             ids=["message", "announcement", "coupon", "picture", "picture and link"])  # fmt: skip
    @pytest.mark.parametrize("written", WRITTEN)
    async def test_signs_that_markdown_would_take_are_shown(
        self, double_: Double, how: dict[str, Any], written: str
    ) -> None:
        """Two stars in a text went, and with them what was bought: 500g2袋+300g3袋."""
        async with self.opened(double_.base) as adapter:
            assert (await self.send(adapter, Content(text=written, **how))).word == "sent"
        assert as_written(written) in as_written("\n".join(double_.texts))

    @pytest.mark.parametrize(("how", "as_"), [("coupon", "message"), ("link", "message"), ("link", "announcement")])
    async def test_an_address_that_was_typed_beside_the_link_can_be_pressed_too(
        self, double_: Double, how: str, as_: str
    ) -> None:
        typed = "https://shop.example/pan_1(2)"
        content = Content(
            text=f"满100减20\n详情 {typed} 见", as_=as_, images=("https://img.example/1.png",), **{how: LINK}
        )
        async with self.opened(double_.base) as adapter:
            for each in (content, msgspec.structs.replace(content, images=())):
                double_.limit = 9
                assert (await self.send(adapter, each)).word == "sent"
        for taken in double_.taken:
            if taken.seen.text:  # a picture may follow by itself
                shown = [link.replace("%28", "(").replace("%29", ")") for link in taken.seen.links]
                assert LINK in shown
                assert any(link == typed or typed.startswith(link) for link in shown)

    async def test_signs_that_are_not_seen_turn_nothing_around(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            await self.send(adapter, Content(text=f"不粘锅\u202e\x00 {LINK}", link=LINK))
        assert double_.taken[0].seen.text == f"不粘锅 {LINK}"

    # -- what is certain

    async def test_a_reason_as_long_as_its_writer_liked_does_not_hold_the_relay_up(self) -> None:
        words = "a." * 100_000
        answer = Answer({"errcode": 7, "errmsg": words, "code": 7, "msg": words, "ok": False, "error_code": 400,
                         "description": words, "message": words, "outcome": "rejected", "why": words}, 200)  # fmt: skip
        outcome = await self.told(answer)
        assert outcome.word != "sent"
        assert len(outcome.why or "") < 300

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_nobody_is_followed_elsewhere(self, double_: Double, status: int) -> None:
        async with self.double() as elsewhere, self.opened(double_.base) as adapter:
            double_.next.append(Answer("", status, {"Location": elsewhere.base + "/"}))
            outcome = await self.send(adapter, Content(text="上链接"))
            assert elsewhere.calls == 0
        assert outcome.word == "disabled"

    @pytest.mark.parametrize("answer", [
        Answer({}), Answer([]), Answer("null"), Answer({"errmsg": "ok"}), Answer({"code": "0"}), Answer({"errcode": "0"}),
        Answer({"errcode": False, "code": False}), Answer({"ok": "true"}), Answer(""), Answer("okay"), Answer('{"errcode":0'),
        PAGE, Answer({"status": "fine"}), Answer("[" * 10_000), Answer("\ufeff"), Answer({"StatusCode": None}),
    ], ids=repr)  # fmt: skip
    async def test_what_is_not_the_platforms_yes_is_never_sent(self, answer: Answer) -> None:
        outcome = await self.told(answer)
        assert outcome.word in ("unknown", "rejected", "retry", "disabled")
        assert outcome.why

    @pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", UNKNOWN_CODE], ids=["page", "code"])
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_fault_behind_the_platforms_door_leaves_it_open(self, status: int, body: object) -> None:
        """A code that nobody knows counted as a refusal: another relay could have sent it a second time."""
        assert (await self.told(Answer(body, status))).word == "unknown"

    async def test_a_cut_leaves_it_open_and_is_not_tried_again(self, double_: Double) -> None:
        double_.limit = 9
        async with self.opened(double_.base) as adapter:
            for cut in (CUT_BEFORE, CUT_AFTER):
                double_.next.append(cut)
                assert (await self.send(adapter, Content(text="上链接"))).word == "unknown"
        assert double_.calls == 2
        assert len(double_.taken) == 1

    @pytest.mark.parametrize(("said", "after_ms"), [("3", 3000), ("0.5", 500), ("1.25", 1250)])
    async def test_too_many_requests_is_tried_again_when_the_platform_says(self, said: str, after_ms: int) -> None:
        for body in ("slow down", UNKNOWN_CODE):
            outcome = await self.told(Answer(body, 429, {"Retry-After": said}))
            assert (outcome.word, outcome.after_ms) == ("retry", after_ms)

    @pytest.mark.parametrize(
        "said", ["Mon, 01 Jan 9999 00:00:00 GMT", f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT", "9" * 30, "soon", ""]
    )
    async def test_a_time_to_come_again_that_is_none_keeps_nothing_for_ever(self, said: str) -> None:
        outcome = await self.told(Answer("slow down", 429, {"Retry-After": said}))
        assert outcome.word == "retry"
        assert 0 < (outcome.after_ms or 1000) <= 86_400_000

    async def test_a_platform_that_cannot_be_reached_has_not_taken_it(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            async with self.opened(f"http://127.0.0.1:{port}") as adapter:
                outcome = await self.send(adapter, Content(text="上链接"))
        assert (outcome.word, outcome.reached) == ("retry", False)

    async def test_a_name_that_is_nowhere_has_not_taken_it(self) -> None:
        async with self.opened("https://no-such-platform.invalid") as adapter:
            outcome = await self.send(adapter, Content(text="上链接"))
        assert (outcome.word, outcome.reached) == ("retry", False)
        assert "name" in (outcome.why or "") or "reached" in (outcome.why or "")

    async def test_a_certificate_that_has_expired_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(EXPIRED))  # trusted, so that nothing but its date is wrong
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(EXPIRED)
        async with self.double(tls=tls) as double, self.opened(double.base) as adapter:
            outcome = await self.send(adapter, Content(text="上链接"))
        assert outcome.word == "disabled"
        assert "expired" in (outcome.why or "")
        assert double.calls == 0

    async def test_an_address_that_would_show_the_key_is_refused(self) -> None:
        kind = PLATFORMS[self.double.platform]
        with pytest.raises(ValueError, match="https") as wrong:
            kind.credential_settings.model_validate(self.double.settings("http://far.example"))
        self.tells_nothing(*(e["msg"] for e in wrong.value.errors()))  # type: ignore[attr-defined]

    async def test_beyond_its_window_it_is_asked_to_wait_and_the_default_limit_keeps_it_there(self) -> None:
        async with self.double(limit=1) as double, self.opened(double.base) as adapter:
            assert (await self.send(adapter, Content(text="one"))).word == "sent"
            outcome = await self.send(adapter, Content(text="two"))
            assert outcome.word == "retry"
            groups = adapter.settings.group_limits()
            assert outcome.everyone or groups, "it is the credential that has to rest, or the group where it is counted"
            assert outcome.after_ms is None or outcome.after_ms > 0
            limits = (*adapter.settings.limits(), *groups)
            assert any(limit.count <= self.double.count and limit.per_s == self.double.per_s for limit in limits)
        assert double.over == 1

    async def test_a_key_that_is_revoked_on_the_way_disables_the_channel_in_plain_words(self, double_: Double) -> None:
        double_.limit = 9
        async with self.opened(double_.base) as adapter:
            assert (await self.send(adapter, Content(text="one"))).word == "sent"
            double_.revoked = True
            outcome = await self.send(adapter, Content(text="two"))
        assert outcome.word == "disabled"
        assert len((outcome.why or "").split()) >= 5

    # -- made ready ahead

    def held(self, adapter: AnyAdapter, content: Content) -> tuple[GroupSettings, Delivery, Held]:
        group = adapter.group_settings.model_validate({"id": "g1", "credential": "bot", **self.double.group})
        delivery = Delivery(id="d1", attempt=1, group="g1", content=content, fire_at=0, expires_at=1, sale="s1")
        held = adapter.hold(group, delivery, None)
        assert held is not None
        return group, delivery, held

    async def test_what_is_made_ready_has_not_left_before_it_is_let_go(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            group, delivery, held = self.held(adapter, Content(text="上链接", link=LINK))
            await settled(double_)
            assert double_.calls == 0
            assert (await adapter.deliver(group, delivery, held)).word in ("sent", "awaiting")
            assert double_.calls == 1
            held.cancel()  # it has ended: nothing happens

    async def test_what_is_taken_back_when_it_was_made_ready_never_leaves(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            *_, held = self.held(adapter, Content(text="上链接"))
            await settled(double_)
            held.cancel()
            assert (await self.send(adapter, Content(text="另一条"))).word in ("sent", "awaiting")
            assert double_.calls == 1
        assert "上链接" not in double_.texts[0]

    async def test_a_connection_that_is_closed_while_it_waits_costs_nothing(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            group, delivery, held = self.held(adapter, Content(text="上链接"))
            await settled(double_)
            await double_.close()
            await double_.open()
            await settled(double_)
            assert (await adapter.deliver(group, delivery, held)).word in ("sent", "awaiting")
        assert double_.calls == 1

    # -- warm

    async def test_it_finds_its_connection_warm(self, double_: Double) -> None:
        async with self.opened(double_.base) as adapter:
            async with asyncio.timeout(20):
                while not double_.touched:
                    await asyncio.sleep(0.005)  # the double does not tell of it
            before = double_.touched
            assert (await self.send(adapter, Content(text="上链接"))).word == "sent"
        assert before >= 1
