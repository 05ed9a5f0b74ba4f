"""The signed way in: what comes is kept before it is answered, counts once, and is told as a pseudonym with words masked."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import CannotStart
from roles.relay.adapters.base import Routes
from roles.relay.agent import Agent
from roles.relay.receiving import intake, server
from roles.relay.receiving.inbox import FILE_NAME
from roles.relay.receiving.seen import Seen
from roles.relay.receiving.server import Receiving
from roles.relay.receiving.settings import InletSettings, ReceivingSettings
from tests.roles.relay.receiving.listening import SECRET, listening

TOKEN = "secret-token"
SAID = {"group": "g1", "what": "message", "person": "wecom:wmABC", "name": "小王", "text": "我的电话 13812345678"}


def observed(coordinator: Any, *whats: str) -> list[dict[str, Any]]:
    return [c for c in coordinator.taken.values() if c["kind"] == "group.observe" and (not whats or c["what"] in whats)]


async def test_a_message_becomes_an_observation_with_a_pseudonym_and_no_number(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        answer = await sender.post(SAID)
        assert (answer.status, answer.json) == (200, {"taken": 1})
        await coordinator.until(lambda: observed(coordinator))
    [told] = observed(coordinator)
    assert told["text"] == "我的电话 138****5678"
    assert told["name"] == "小王"
    assert told["group"] == "g1"
    assert len(told["member"]) == 20
    assert "wmABC" not in json.dumps(list(coordinator.taken.values()))


async def test_the_same_person_is_one_member_in_all_groups_and_another_is_another(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        await sender.post([SAID, SAID | {"group": "g2"}, SAID | {"person": "qq:wmABC"}, SAID | {"person": None}])
        await coordinator.until(lambda: len(observed(coordinator)) == 4)
    a, b, c, d = observed(coordinator)
    assert a["member"] == b["member"] != c["member"]
    assert "member" not in d


@pytest.mark.parametrize(
    ("what", "more", "tells"),
    [
        ("joined", {"channel": "海报"}, {"what": "joined", "channel": "海报"}),
        ("left", {}, {"what": "left"}),
        ("removed", {"count": 3}, {"what": "removed", "count": 3}),
        ("liked", {}, {"what": "liked"}),
        ("asked", {"about": "c20"}, {"what": "asked", "about": "c20"}),
    ],
)
async def test_who_comes_goes_likes_and_asks_is_told(coordinator, tmp_path, what, more, tells):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        assert (await sender.post({"group": "g1", "what": what, "person": "qq:1"} | more)).status == 200
        await coordinator.until(lambda: observed(coordinator))
    [told] = observed(coordinator)
    assert tells.items() <= told.items()


async def test_a_question_becomes_a_card_and_a_request_a_repeat(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        await sender.post(
            [SAID | {"text": "燃气灶能用吗?"}, SAID | {"text": "链接再发一下可以吗"}, SAID | {"text": "好的"}]
        )
        await coordinator.until(lambda: len(observed(coordinator)) == 4)
    assert [(c["kind"], c.get("what"), c.get("text")) for c in coordinator.taken.values()] == [
        ("group.observe", "message", "燃气灶能用吗?"),
        ("question.raise", None, "燃气灶能用吗?"),
        ("group.observe", "message", "链接再发一下可以吗"),
        ("group.observe", "asked", None),
        ("group.observe", "message", "好的"),
    ]


async def test_the_team_is_told_from_members_by_id_and_by_name(coordinator, tmp_path):
    staff = {"wecom": {"wmABC": "mei"}, "names": {"官方小美": "mei"}}
    async with listening(coordinator.url, TOKEN, tmp_path, staff=staff) as (_, sender):
        question = SAID | {"text": "有人要链接吗?"}
        by_name = question | {"person": "qq:7", "name": "官方小美"}
        await sender.post(
            [question, by_name, question | {"person": "qq:8", "staff": "chen"}, question | {"person": "qq:9"}]
        )
        await coordinator.until(lambda: len(coordinator.taken) == 5)
    assert [c.get("staff") for c in observed(coordinator)] == ["mei", "mei", "chen", None]
    assert sum(c["kind"] == "question.raise" for c in coordinator.taken.values()) == 1  # the team asks for effect


async def test_names_and_questions_may_be_left_out_by_setting(coordinator, tmp_path):
    settings = ReceivingSettings(names=False, questions=False)
    async with listening(coordinator.url, TOKEN, tmp_path, settings=settings) as (_, sender):
        await sender.post(SAID | {"text": "包邮吗?"})
        await sender.post({"group": "g1", "what": "joined"})
        await coordinator.until(lambda: len(coordinator.taken) == 2)
    assert "小王" not in json.dumps(list(coordinator.taken.values()), ensure_ascii=False)


# ---------------------------------------------------------------- what is wrong with it
async def test_an_id_that_came_before_counts_once_also_after_a_restart(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        first, second = await asyncio.gather(sender.post(SAID, "one"), sender.post(SAID, "one"))
        assert {first.status, second.status} == {200}
        assert sorted([first.json.get("again", False), second.json.get("again", False)]) == [False, True]
        await coordinator.until(lambda: observed(coordinator))
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        assert (await sender.post(SAID, "one")).json == {"taken": 1, "again": True}
        other = await sender.post(SAID | {"text": "another"}, "one")
        assert (other.status, other.json["details"]) == (409, {"field": "webhook-id"})
        await sender.post({"group": "g2", "what": "left"})
        await coordinator.until(lambda: observed(coordinator, "left"))
    assert len(observed(coordinator, "message")) == 1


@pytest.mark.parametrize(
    ("late_s", "headers", "field", "says"),
    [
        (301, {}, "webhook-timestamp", "more than 5 minutes ago"),
        (-301, {}, "webhook-timestamp", "more than 5 minutes ahead"),
        (0, {"webhook-signature": "v1,AAAA"}, "webhook-signature", "none of the secrets"),
        (0, {"webhook-signature": "nonsense"}, "webhook-signature", "none of the secrets"),
        (0, {"webhook-timestamp": "yesterday"}, "webhook-timestamp", "no number of seconds"),
        (0, {"webhook-id": ""}, "webhook-id", "is missing"),
        (0, {"webhook-id": "another"}, "webhook-signature", "none of the secrets"),
    ],
)
async def test_what_is_not_signed_well_is_turned_away_with_the_header_that_is_wrong(
    coordinator, tmp_path, late_s, headers, field, says
):
    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, sender):
        answer = await sender.post(SAID, late_s=late_s, **headers)
        assert (answer.status, answer.json["code"], answer.json["details"]) == (401, "forbidden", {"field": field})
        assert says in answer.json["message"]
        assert receiving.inbox.waiting == 0


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"hello", 422, "no JSON"),
        (b"\xff\xfe", 422, "not UTF-8"),
        (b'"\\ud800"', 422, "no JSON"),
        (b"[" * 100_000, 422, "no JSON"),
        (b"1", 422, "item 0"),
        ([SAID] * 1001, 422, "at most 1000"),
        (SAID | {"group": "g9"}, 422, "no group g9; it has g1, g2"),
        (SAID | {"what": "shouted"}, 422, "item 0"),
        ({"group": "g1", "what": "message"}, 422, "needs its text"),
        (SAID | {"text": 7}, 422, "item 0"),
        (SAID | {"text": "x\x00"}, 422, "item 0"),
        (SAID | {"text": "长" * 20_001}, 422, "item 0"),
        (SAID | {"mood": "good"}, 422, "item 0"),
        (SAID | {"count": True}, 422, "item 0"),
        (b'{"group":"g1","text":"' + b"x" * 5_000_000 + b'"}', 413, "at most"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_plain_words_and_the_relay_goes_on(
    coordinator, tmp_path, body, status, says
):
    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, sender):
        answer = await sender.post(body)
        assert (answer.status, answer.json["code"]) == (status, "invalid")
        assert says in answer.json["message"]
        assert receiving.inbox.waiting == 0
        assert (await sender.post(SAID)).status == 200


async def test_what_is_good_of_a_list_is_taken_and_the_rest_is_named(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        answer = await sender.post([SAID, SAID | {"group": "g9"}, SAID | {"text": None}])
        assert answer.status == 200
        assert answer.json["taken"] == 1
        assert [(r["item"], r["field"]) for r in answer.json["refused"]] == [(1, "group"), (2, "text")]
        await coordinator.until(lambda: observed(coordinator))
        assert (await sender.post(SAID, path="/elsewhere")).status == 404


async def test_a_refused_body_may_be_mended_and_sent_with_its_id(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        assert (await sender.post(SAID | {"group": "g9"}, "one")).status == 422
        assert (await sender.post(SAID, "one")).json == {"taken": 1}


async def test_a_body_that_is_packed_or_cut_off_is_told_so_and_fills_no_log(coordinator, tmp_path, caplog):
    """A few unsigned bytes unfolded into hundreds of megabytes and held up the relay's drops for seconds."""
    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, sender):
        packed = await sender.post(gzip.compress(b"a" * 50_000_000), **{"Content-Encoding": "gzip"})
        assert (packed.status, packed.json["details"]) == (415, {"field": "Content-Encoding"})
        _, writer = await asyncio.open_connection("127.0.0.1", int(receiving.url.rpartition(":")[2]))
        writer.write(b"POST /observe HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()
        assert (await sender.post(SAID)).status == 200
    assert "Traceback" not in caplog.text


async def test_a_thousand_long_messages_are_read_with_room_for_what_is_due(coordinator, tmp_path, monkeypatch):
    """They took the relay's loop for a second, in which nothing was sent and no ping was answered."""
    monkeypatch.setattr(intake, "READ_S", 0.0)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, _):
        seen = [Seen.model_validate(SAID | {"text": "1 3" * 300})] * 50
        asking = asyncio.create_task(others())
        await receiving.intake.take(seen)
        asking.cancel()
    assert turns >= len(seen)


# ---------------------------------------------------------------- nothing is lost
async def test_what_comes_while_the_coordinator_is_away_waits_on_disk_and_is_told_once(coordinator, tmp_path):
    port = coordinator.port
    await coordinator.stop()
    async with listening(f"http://127.0.0.1:{port}", TOKEN, tmp_path) as (receiving, sender):
        for n in range(20):
            assert (await sender.post(SAID | {"text": f"message {n}"}, f"id{n}")).status == 200
        assert receiving.inbox.waiting == 20
    kept = sqlite3.connect(tmp_path / FILE_NAME).execute("select body from observations").fetchall()
    assert len(kept) == 20
    async with listening(f"http://127.0.0.1:{port}", TOKEN, tmp_path) as (receiving, sender):
        assert (await sender.post(SAID | {"text": "message 0"}, "id0")).json == {"taken": 1, "again": True}
        await coordinator.start()
        await coordinator.until(lambda: len(observed(coordinator)) == 20)
        assert [c["text"] for c in observed(coordinator)] == [f"message {n}" for n in range(20)]
    assert sqlite3.connect(tmp_path / FILE_NAME).execute("select count(*) from observations").fetchone() == (0,)


async def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_ids(coordinator, tmp_path):
    cut = []

    async def once(socket: Any, frame: dict[str, Any]) -> bool:
        for command in frame["commands"]:
            coordinator.take(command)
        if cut:
            return True
        cut.append(frame)
        socket.transport.abort()
        return False

    coordinator.on_many = once
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        await sender.post(SAID)
        await coordinator.until(lambda: coordinator.repeats)
    assert len(observed(coordinator)) == 1


async def test_more_than_there_is_room_for_is_turned_away_with_a_time_to_come_again(coordinator, tmp_path):
    port = coordinator.port
    await coordinator.stop()
    settings = ReceivingSettings(keep=2)
    async with listening(f"http://127.0.0.1:{port}", TOKEN, tmp_path, settings=settings) as (_, sender):
        assert (await sender.post([SAID, SAID])).status == 200
        full = await sender.post(SAID, "later")
        assert (full.status, full.headers["Retry-After"]) == (503, "30")
        await coordinator.start()
        await coordinator.until(lambda: len(observed(coordinator)) == 2)
        answer = full
        while answer.status == 503:
            answer = await sender.post(SAID, "later")
        assert answer.json == {"taken": 1}


async def test_a_disk_that_takes_nothing_is_told_as_busy_and_not_as_taken(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, sender):
        commit = receiving.inbox._disk._commit

        def full(_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        receiving.inbox._disk._commit = full
        answer = await sender.post(SAID, "one")
        assert (answer.status, answer.json["code"]) == (503, "busy")
        receiving.inbox._disk._commit = commit
        assert (await sender.post(SAID, "one")).json == {"taken": 1}
        await coordinator.until(lambda: observed(coordinator))


async def test_an_inbox_whose_disk_fails_ends_no_relay_and_is_told_again_when_it_works(
    coordinator, tmp_path, monkeypatch, capsys
):
    """What was told could not be forgotten: the relay ended, and with it the drops of all its groups."""
    monkeypatch.setattr(server, "DISK_AGAIN_S", 0.01)
    async with listening(coordinator.url, TOKEN, tmp_path) as (receiving, sender):
        commit = receiving.inbox._disk._commit

        def full_when_it_forgets(statements: Any) -> None:
            if any(sql.startswith("delete from observations") for sql, _ in statements):
                raise sqlite3.OperationalError("database or disk is full")
            commit(statements)

        receiving.inbox._disk._commit = full_when_it_forgets
        assert (await sender.post(SAID, "one")).json == {"taken": 1}
        await coordinator.until(lambda: coordinator.repeats)
        receiving.inbox._disk._commit = commit
        assert (await sender.post(SAID, "two")).json == {"taken": 1}
        await coordinator.until(lambda: len(observed(coordinator)) == 2)
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("the inbox's disk fails") == 1


async def test_what_another_sale_left_behind_is_not_told_to_this_one(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        await coordinator.until(lambda: coordinator.sockets)
        coordinator.on_many = _silent
        await sender.post(SAID)
    coordinator.on_many, coordinator.sale = None, "s2"
    async with listening(coordinator.url, TOKEN, tmp_path) as (_, sender):
        await sender.post({"group": "g1", "what": "left"})
        await coordinator.until(lambda: observed(coordinator))
    assert [c["what"] for c in observed(coordinator)] == ["left"]


async def _silent(_: Any, __: Any) -> bool:
    return False


async def test_an_address_that_is_taken_is_said_with_what_to_do(coordinator, tmp_path):
    async with listening(coordinator.url, TOKEN, tmp_path / "a") as (receiving, _):
        taken = int(receiving.url.rpartition(":")[2])
        agent = Agent(coordinator.url, TOKEN, Routes({}), data=tmp_path / "b")
        second = Receiving(
            agent, coordinator=coordinator.url, token=TOKEN, data=tmp_path / "b", groups=frozenset(),
            inlet=InletSettings(port=taken),
        )  # fmt: skip
        with pytest.raises(CannotStart, match="cannot listen on"):
            await second.run()


async def test_nothing_is_kept_where_others_can_read_it(coordinator, tmp_path: Path):
    async with listening(coordinator.url, TOKEN, tmp_path):
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
    assert SECRET not in repr(InletSettings(secret=SECRET))  # type: ignore[arg-type]


def test_a_secret_that_is_none_is_said_with_how_to_make_one():
    with pytest.raises(ValueError, match="openssl rand"):
        InletSettings(secret="letmein")  # type: ignore[arg-type]
