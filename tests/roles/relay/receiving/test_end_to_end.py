"""From somebody's words in a group to the screens, over a real control room and, at the end, a real relay process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from roles.relay.receiving.settings import ReceivingSettings
from tests.client import token
from tests.roles.relay.conftest import PATIENCE_S
from tests.roles.relay.receiving.listening import SECRET, Sender, listening
from tests.server import ROOT, InProcess
from tests.sheet import sheet

ASKED = {
    "group": "g1",
    "what": "message",
    "person": "wecom:wmABC",
    "name": "小王",
    "text": "电磁炉能用吗? 打我电话 13812345678",
}


async def test_words_in_a_group_are_a_message_a_card_and_no_number_on_the_screens(
    room: InProcess, tmp_path: Path
) -> None:
    sale = await room.sale(sheet(), live=True)
    owner, support = await room.join(sale, "owner", "boss"), await room.join(sale, "support", "chen")
    async with listening(room.url, token("relay", "r1", sale, ["g1", "g2"]), tmp_path) as (_, sender):
        assert (await sender.post([ASKED, ASKED | {"group": "g2", "person": "wecom:wmXYZ"}])).json == {"taken": 2}
        await owner.until(lambda: sum(e["kind"] == "question.raised" for e in owner.events) == 2)
        await support.until(lambda: any(q["count"] == 2 for q in support.state["questions"].values()))
    said = [e for e in owner.events if e["kind"] == "group.message"]
    assert [e["text"] for e in said] == ["电磁炉能用吗? 打我电话 138****5678"] * 2
    assert said[0]["by"] == "relay:r1"
    assert said[0]["member"] != said[1]["member"]
    assert "wmABC" not in json.dumps([owner.events, owner.state, support.state])


async def test_support_reaches_a_member_whose_contact_the_relay_handed_in(room: InProcess, tmp_path: Path) -> None:
    sale = await room.sale(sheet(), live=True)
    owner = await room.join(sale, "owner", "boss")
    settings = ReceivingSettings(contacts=True)
    async with listening(room.url, token("relay", "r1", sale, ["g1"]), tmp_path, settings=settings) as (
        receiving,
        sender,
    ):
        await sender.post(ASKED | {"contact": "wx: xiaowang-1988"})
        await owner.until(lambda: any(e["kind"] == "group.message" for e in owner.events))
        member = next(e["member"] for e in owner.events if e["kind"] == "group.message")
        async with asyncio.timeout(PATIENCE_S):
            while await receiving.inbox.contacts(sale, 1):
                await asyncio.sleep(0.01)
    told = await room.do(sale, "support", "member.reveal", member=member, why="回电")
    assert told.json["result"]["contact"] == "wx: xiaowang-1988"
    assert "xiaowang-1988" not in json.dumps(await room.events(sale))


class RelayProcess:
    """`dropcue relay` in a process of its own, that can be killed."""

    def __init__(self, folder: Path, url: str, sale: str) -> None:
        folder.mkdir(exist_ok=True)
        self.config = folder / "relay.yaml"
        self._url, self._token = url, token("relay", "r1", sale, ["g1", "g2"])

    async def start(self) -> Sender:
        self.config.write_text(
            f"coordinator: {self._url}\ntoken: {self._token}\ninlet: {{port: 0, secret: '${{INLET}}'}}\n"
            "credentials:\n  screen: {platform: console, silent: true}\n"
            "groups:\n  g1: {credential: screen}\n  g2: {credential: screen}\n"
        )
        env = {**os.environ, "INLET": SECRET}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coordinator.cli", "relay", "--config", str(self.config),
            cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert self.process.stdout is not None
        said = b""
        async with asyncio.timeout(PATIENCE_S):
            while b"the inlet listens" not in said:
                line = await self.process.stdout.readline()
                assert line, said.decode()
                said += line
        self._reading = asyncio.create_task(self._drain())
        # At each start another one: the one that it had may be somebody else's by now.
        found = re.search(rb"http://127\.0\.0\.1:\d+", said.splitlines()[-1])
        assert found is not None, said.decode()
        return Sender(found[0].decode())

    async def _drain(self) -> None:
        assert self.process.stdout is not None
        while await self.process.stdout.read(65536):
            pass

    async def end(self, how: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(how)
        await self.process.wait()
        await self._reading


async def test_nothing_that_was_answered_is_lost_and_nothing_counts_twice_over_kills_of_the_relay(
    room: InProcess, tmp_path: Path
) -> None:
    sale = await room.sale(sheet(), live=True)
    owner = await room.join(sale, "owner", "boss")
    relay = RelayProcess(tmp_path / "relay", room.url, sale)
    sender = await relay.start()
    taken: set[str] = set()
    stop = asyncio.Event()

    async def talk() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            body: Any = {"group": "g1", "what": "message", "person": f"qq:{n % 7}", "text": f"message {n}"}
            while not stop.is_set():
                try:
                    if (await sender.post(body, f"id-{n}")).status == 200:
                        taken.add(f"message {n}")
                        break
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.05)

    talking = asyncio.create_task(talk())
    try:
        for kill in range(3):
            async with asyncio.timeout(PATIENCE_S):
                while len(taken) < 10 * (kill + 1):
                    await asyncio.sleep(0.01)
            await relay.end(signal.SIGKILL)
            sender = await relay.start()
    finally:
        stop.set()
        await talking

    def texts() -> list[str]:
        return [e["text"] for e in owner.events if e["kind"] == "group.message"]

    await owner.until(lambda: taken <= set(texts()))
    await relay.end(signal.SIGTERM)
    assert len(texts()) == len(set(texts()))
    assert len(taken) >= 30
