"""What Telegram tells of its groups: once, whatever is cut, repeated, moved or malformed on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from roles.relay.adapters.telegram import TelegramAdapter, TelegramCredential, TelegramGroup
from roles.relay.receiving.intake import Intake
from roles.relay.receiving.server import Receiving
from roles.relay.receiving.telegram import TelegramUpdates
from tests.client import token
from tests.roles.relay.conftest import FakeCoordinator
from tests.roles.relay.doubles.base import PAGE, Answer
from tests.roles.relay.doubles.telegram import CHAT, TOKEN, TelegramDouble, message
from tests.roles.relay.receiving.listening import listening
from tests.server import InProcess
from tests.sheet import sheet

HOOK_SECRET = "hook-secret-1"


def bot(base: str, data: Path | None, **more: Any) -> TelegramAdapter:
    settings = {"platform": "telegram", "base": base, "bot_token": TOKEN, "receive": "poll", **more}
    return TelegramAdapter("tg", TelegramCredential.model_validate(settings), data)


def group(chat: int | str = CHAT) -> TelegramGroup:
    return TelegramGroup(id="g1", credential="tg", chat_id=chat)


@asynccontextmanager
async def hearing(
    double: TelegramDouble, url: str, data: Path, access: str = "secret-token", **more: Any
) -> AsyncIterator[tuple[Receiving, TelegramAdapter]]:
    """A relay that hears what the double's bot is told."""
    adapter = bot(double.base, data, **more)

    def prepared(receiving: Receiving) -> None:
        receiving.sources.append(TelegramUpdates(adapter, [group()], receiving.intake, again_s=0.01))

    async with listening(url, access, data, prepared=prepared) as (receiving, sender):
        if adapter.settings.receive == "webhook":
            double.webhook, double.secret = f"{sender.url}/telegram/tg", HOOK_SECRET
        yield receiving, adapter


def told(coordinator: FakeCoordinator) -> list[tuple[str, str | None]]:
    return [(c.get("what", c["kind"]), c.get("text")) for c in coordinator.taken.values()]


async def test_words_in_a_telegram_group_reach_the_screens_as_a_members_message_and_a_card(
    room: InProcess, tmp_path: Path
) -> None:
    sale = await room.sale(sheet(), live=True)
    owner, support = await room.join(sale, "owner", "boss"), await room.join(sale, "support", "chen")
    async with TelegramDouble() as double, hearing(double, room.url, tmp_path, token("relay", "r1", sale, ["g1"])):
        double.says("燃气灶能用吗? 我电话 13812345678")
        await owner.until(lambda: any(e["kind"] == "question.raised" for e in owner.events))
        await support.until(lambda: support.state["questions"])
    said = next(e for e in owner.events if e["kind"] == "group.message")
    assert (said["text"], said["name"]) == ("燃气灶能用吗? 我电话 138****5678", "Xiao Wang")
    assert said["member"] not in {"12345", "telegram:12345"}
    assert "12345:" not in json.dumps(owner.events)


async def test_who_comes_goes_is_put_out_and_likes_is_told(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    other = {"id": 99, "is_bot": False, "first_name": "Li"}
    async with TelegramDouble() as double, hearing(double, coordinator.url, tmp_path):
        double.happens(
            message=message() | {"new_chat_members": [other, {"id": 5, "is_bot": True, "first_name": "bot"}]}
        )
        double.happens(message=message() | {"left_chat_member": message()["from"]})
        double.happens(message=message() | {"left_chat_member": other})
        double.happens(message_reaction={
            "chat": {"id": CHAT}, "message_id": 7, "user": other, "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        })  # fmt: skip
        double.happens(message=message() | {"photo": [{"file_id": "x"}], "caption": "晒单"})
        double.happens(message=message() | {"sticker": {"emoji": "👍"}})
        double.says("another chat", chat=-42)
        await coordinator.until(lambda: len(coordinator.taken) == 6)
    assert told(coordinator) == [
        ("joined", None), ("left", None), ("removed", None), ("liked", None), ("message", "晒单"), ("message", "[sticker]"),
    ]  # fmt: skip
    joined, left, removed, liked, *_ = coordinator.taken.values()
    assert joined["member"] == removed["member"] == liked["member"] != left["member"]


async def test_a_restart_neither_loses_nor_doubles(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    async with TelegramDouble() as double:
        async with hearing(double, coordinator.url, tmp_path):
            double.says("one")
            await coordinator.until(lambda: len(coordinator.taken) == 1)
        double.says("two")  # while nobody listens
        double.updates.append(double.updates[-1])  # and given twice
        async with hearing(double, coordinator.url, tmp_path):
            double.says("three")
            await coordinator.until(lambda: len(coordinator.taken) == 3)
    assert [text for _, text in told(coordinator)] == ["one", "two", "three"]
    assert double.polls[-1]["offset"] > 1000


async def test_a_webhook_of_somebody_else_is_said_in_plain_words_and_polling_goes_on_when_it_is_gone(
    coordinator: FakeCoordinator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with TelegramDouble() as double:
        double.webhook = "https://elsewhere.example/"
        async with hearing(double, coordinator.url, tmp_path):
            await double.until(lambda: len(double.polls) >= 3)
            double.webhook = ""
            double.says("one")
            await coordinator.until(lambda: coordinator.taken)
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("a webhook is set for this bot") == 1
    assert TOKEN not in shown.out + shown.err


async def test_answers_that_are_none_are_asked_again(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    async with TelegramDouble() as double:
        for odd in (PAGE, Answer(""), Answer([]), Answer({"ok": True, "result": 7}), Answer({"ok": True}), Answer("[" * 10_000),
                    Answer({"ok": False, "error_code": 401, "description": "Unauthorized"}), Answer("bad gateway", 502)):  # fmt: skip
            double.poll_answers.append(odd)
        async with hearing(double, coordinator.url, tmp_path):
            double.says("one")
            await coordinator.until(lambda: coordinator.taken)
    assert told(coordinator) == [("message", "one")]


async def test_who_answers_at_once_that_there_is_nothing_is_asked_with_pauses(
    coordinator: FakeCoordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway before Telegram that did not hold the poll was asked thousands of times a second."""
    async with TelegramDouble() as double:
        double.poll_answers.extend([Answer({"ok": True, "result": []})] * 3)
        source = TelegramUpdates(bot(double.base, None), [group()], cast(Intake, None))
        monkeypatch.setattr(source, "_offset", _nought)
        async with aiohttp.ClientSession() as http:
            goes_on = [await source._poll(http) for _ in range(3)]
    assert goes_on == [False] * 3


async def _nought() -> int:
    return 0


async def test_an_administrator_without_a_name_speaks_as_the_group_and_can_be_named_one_of_the_team(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with TelegramDouble() as double:
        adapter = bot(double.base, tmp_path)

        def prepared(receiving: Receiving) -> None:
            receiving.sources.append(TelegramUpdates(adapter, [group()], receiving.intake, again_s=0.01))

        staff = {"telegram": {str(CHAT): "mei"}}
        async with listening(coordinator.url, "secret-token", tmp_path, prepared=prepared, staff=staff):
            as_the_group = message(1087968824, "Group") | {"sender_chat": {"id": CHAT, "title": "VIP 1"}}
            double.happens(message=as_the_group | {"text": "有人要链接吗?"})
            await coordinator.until(lambda: coordinator.taken)
    [said] = coordinator.taken.values()
    assert (said["kind"], said["staff"], said["name"]) == ("group.observe", "mei", "VIP 1")


HOSTILE: list[dict[str, Any]] = [
    {"message": None}, {"message": []}, {"message": {}}, {"message": {"chat": None}}, {"message": {"chat": {"id": [1]}}},
    {"message": {"chat": {"id": CHAT}, "text": 7}}, {"message": {"chat": {"id": CHAT}, "text": "x", "from": "me"}},
    {"message": {"chat": {"id": CHAT}, "text": "x", "from": {"id": {}}}}, {"message": {"chat": {"id": CHAT}, "new_chat_members": 3}},
    {"message": {"chat": {"id": CHAT}, "new_chat_members": [None]}}, {"my_chat_member": {"chat": {"id": CHAT}}},
    {"message_reaction": {"chat": {"id": CHAT}, "new_reaction": 1, "old_reaction": None}}, {"poll": {"id": "1"}}, {"future_kind": {}},
    {"message": {"chat": {"id": CHAT}, "migrate_to_chat_id": "there"}}, {"message": message() | {"text": "\ud800\x00"}},
    {"message": message() | {"date": 10**30, "text": "x"}},
]  # fmt: skip


async def test_hostile_updates_are_passed_over_and_what_comes_after_is_told(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    async with TelegramDouble() as double:
        for update in HOSTILE:
            double.happens(**update)
        double.updates.insert(0, {"update_id": "first"})
        double.updates.insert(1, {"update_id": 10**400})
        double.happens(message=message() | {"text": "长" * 100_000, "from": {"id": 1, "first_name": "n" * 5000}})
        async with hearing(double, coordinator.url, tmp_path):
            double.says("after")
            await coordinator.until(lambda: ("message", "after") in told(coordinator))
    long = next(c for c in coordinator.taken.values() if len(c.get("text") or "") > 1000)
    assert (len(long["text"]), len(long["name"])) == (20_000, 200)


async def test_updates_are_asked_for_at_telegram_alone_wherever_an_answer_leads(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    """Whoever stands between could have told the sale what nobody said."""
    async with TelegramDouble() as double, TelegramDouble() as other:
        other.says("what nobody said")
        for status in (302, 307):
            double.poll_answers.append(Answer("", status, {"Location": f"{other.base}/bot{TOKEN}/getUpdates"}))
        async with hearing(double, coordinator.url, tmp_path):
            double.says("one")
            await coordinator.until(lambda: coordinator.taken)
        assert other.polls == []
    assert told(coordinator) == [("message", "one")]


async def test_a_public_group_is_known_by_its_name_however_it_is_written(tmp_path: Path) -> None:
    updates = TelegramUpdates(bot("http://127.0.0.1:1", None), [group("@Kitchen_VIP")], cast(Intake, None))
    named = message() | {"chat": {"id": -5, "type": "supergroup", "username": "kitchen_vip"}, "text": "在吗"}
    assert [seen.text for seen in updates.read({"message": named})] == ["在吗"]


async def test_a_bot_that_is_put_out_disables_its_group_until_it_is_back(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    def change(status: str, **more: bool) -> dict[str, Any]:
        return {"chat": {"id": CHAT, "type": "supergroup"}, "new_chat_member": {"status": status, **more}}

    async with TelegramDouble() as double, hearing(double, coordinator.url, tmp_path) as (_, adapter):
        double.happens(my_chat_member=change("kicked"))
        await coordinator.until(lambda: len(coordinator.taken) == 1)
        assert "was removed" in adapter.gone[CHAT]
        double.happens(my_chat_member=change("member"))
        await coordinator.until(lambda: len(coordinator.taken) == 2)
        assert adapter.gone == {}
        double.happens(my_chat_member=change("restricted", is_member=False, can_send_messages=True))
        await coordinator.until(lambda: len(coordinator.taken) == 3)
    assert told(coordinator) == [("unreachable", None), ("reachable", None), ("unreachable", None)]


async def test_a_group_that_becomes_a_supergroup_is_followed(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    async with TelegramDouble() as double, hearing(double, coordinator.url, tmp_path) as (_, adapter):
        double.happens(message=message() | {"migrate_to_chat_id": -100777})
        double.happens(message=message(chat=-100777) | {"migrate_from_chat_id": CHAT})
        double.says("in the new one", chat=-100777)
        await coordinator.until(lambda: coordinator.taken)
        assert adapter.chat(group()) == -100777
    assert told(coordinator) == [("message", "in the new one")]
    assert bot("http://127.0.0.1:1", tmp_path).chat(group()) == -100777


async def test_a_webhook_is_set_and_each_update_counts_once(coordinator: FakeCoordinator, tmp_path: Path) -> None:
    hook = {"receive": "webhook", "webhook_secret": HOOK_SECRET}
    async with TelegramDouble() as double:
        async with hearing(double, coordinator.url, tmp_path, **hook):
            update = double.says("one")
            assert await asyncio.gather(double.call(update), double.call(update)) == [200, 200]
            assert await double.call(update, secret="wrong") == 401
            assert await double.call(b"{", secret=None) == 422
            assert await double.call({"message": {}}) == 422
            assert await double.call({"update_id": 1, "message": 7}) == 200
        async with hearing(double, coordinator.url, tmp_path, **hook):
            assert await double.call(update) == 200
            assert await double.call(double.says("two")) == 200
            await coordinator.until(lambda: len(coordinator.taken) == 2)
    assert [text for _, text in told(coordinator)] == ["one", "two"]


async def test_the_relay_asks_telegram_to_call_it_where_it_is_told_to(
    coordinator: FakeCoordinator, tmp_path: Path
) -> None:
    hook = {"receive": "webhook", "webhook_secret": HOOK_SECRET, "webhook": "https://relay.example/telegram/tg"}
    async with TelegramDouble() as double:
        adapter = bot(double.base, tmp_path, **hook)

        def prepared(receiving: Receiving) -> None:
            receiving.sources.append(TelegramUpdates(adapter, [group()], receiving.intake, again_s=0.01))

        async with listening(coordinator.url, "secret-token", tmp_path, prepared=prepared):
            await double.until(lambda: double.webhook)
        assert (double.webhook, double.secret) == ("https://relay.example/telegram/tg", HOOK_SECRET)
