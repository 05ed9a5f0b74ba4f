"""From a press on the controller's screen through a real service, a real relay and its YAML file to the platforms' doubles."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from roles.relay.agent import Agent, Timing
from roles.relay.config import load
from tests.client import PATIENCE_S, token
from tests.roles.relay.doubles.base import CUT_AFTER, PAGE, Answer, Double
from tests.roles.relay.doubles.dingtalk import DingtalkDouble
from tests.roles.relay.doubles.feishu import FeishuDouble
from tests.roles.relay.doubles.slack import SlackDouble
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.doubles.wecom_customer import WecomCustomerDouble
from tests.server import ROOT, InProcess
from tests.sheet import sheet

PATIENT = Timing()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[InProcess]:
    room = InProcess(tmp_path / "data")
    await room.start()
    yield room
    await room.stop()


@asynccontextmanager
async def relay(
    room: InProcess, sale: str, folder: Path, doubles: Mapping[str, Double], timing: Timing = PATIENT
) -> AsyncIterator[Agent]:
    """A relay with a credential and a group for each double, from a configuration file as people write it."""
    environment = {"T": token("relay", "r1", sale)}
    lines = [f"coordinator: {room.url}", f"sale: {sale}", "token: ${T}", "credentials:"]
    for group, double in doubles.items():
        settings = double.settings(double.base)
        environment |= {f"{group}_{key}": value for key, value in settings.items()}
        entry = ", ".join(f'{key}: "${{{group}_{key}}}"' for key in settings)
        lines.append(f"  bot-{group}: {{{entry}}}")
    lines.append("groups:")
    for group, double in doubles.items():
        lines.append(f"  {group}: {json.dumps({'credential': f'bot-{group}', **double.group})}")
    file = folder / "relay.yaml"
    file.write_text("\n".join(lines))
    config = load(file, environment)
    agent = Agent(
        config.coordinator,
        config.token.get_secret_value(),
        config.routes,
        sale=config.sale,
        data=config.data,
        timing=timing,
    )
    work = asyncio.create_task(agent.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await agent.connected.wait()
        yield agent
    finally:
        agent.stop()
        async with asyncio.timeout(PATIENCE_S):
            await work


def groups_of(doubles: Mapping[str, Double]) -> list[dict[str, Any]]:
    return [{"id": g, "name": g, "tier": "vip", "relay": "r1", "members": 9} for g in doubles]


# What each platform may say, and what becomes of the delivery.
ANSWERS: dict[str, tuple[type[Double], Answer, str]] = {
    "w45009": (WecomDouble, Answer({"errcode": 45009, "errmsg": "api freq out of limit"}), "held"),
    "w93000": (WecomDouble, Answer({"errcode": 93000, "errmsg": "invalid webhook url"}), "failed"),
    "w40058": (WecomDouble, Answer({"errcode": 40058, "errmsg": "content exceed max length"}), "failed"),
    "wnew": (WecomDouble, Answer({"errcode": 777, "errmsg": "never seen"}), "failed"),
    "wnone": (WecomDouble, Answer({}), "unknown"),
    "wpage": (WecomDouble, PAGE, "unknown"),
    "wcut": (WecomDouble, CUT_AFTER, "unknown"),
    "d310000": (DingtalkDouble, Answer({"errcode": 310000, "errmsg": "keywords not in content"}), "failed"),
    "dsign": (DingtalkDouble, Answer({"errcode": 310000, "errmsg": "sign not match"}), "failed"),
    "d1111": (DingtalkDouble, Answer({"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}), "held"),
    "f11232": (
        FeishuDouble,
        Answer({"code": 11232, "msg": "frequency limited"}, headers={"Retry-After": "60"}),
        "held",
    ),
    "f19021": (FeishuDouble, Answer({"code": 19021, "msg": "sign match fail"}), "failed"),
    "fnone": (FeishuDouble, Answer({"StatusMessage": "success"}), "unknown"),
    "s410": (SlackDouble, Answer("channel_is_archived", 410), "failed"),
    "s429": (SlackDouble, Answer("rate_limited", 429, {"Retry-After": "30"}), "held"),
    "s502": (SlackDouble, Answer("<html>", 502), "unknown"),
}


async def test_what_a_platform_did_not_say_yes_to_is_never_recorded_as_sent(room, tmp_path, capfd):
    async with AsyncExitStack() as stack:
        doubles: dict[str, Double] = {}
        for group, (kind, answer, _) in ANSWERS.items():
            doubles[group] = await stack.enter_async_context(kind())
            doubles[group].always = answer
        doubles["well"] = await stack.enter_async_context(WecomDouble())
        sale = await room.sale(sheet(groups=groups_of(doubles), lead="0s"), live=True)
        await stack.enter_async_context(relay(room, sale, tmp_path, doubles))
        li = await room.join(sale, "controller")
        await li.do("message.send", content="今晚八点开抢", groups="all")
        there = {group: word for group, (_, _, word) in ANSWERS.items()} | {"well": "sent"}
        await li.until(lambda: {d["group"]: d["status"] for d in li.state["deliveries"].values()} == there)
        whys = {d["group"]: d["why"] for d in li.state["deliveries"].values()}
        # A channel that does not work is not asked again and again by itself.
        assert doubles["w93000"].calls == 1
        events = await room.events(sale)
    assert {e["delivery"] for e in events if e["kind"] == "delivery.sent"} == {
        d["id"] for d in li.state["deliveries"].values() if d["group"] == "well"
    }
    assert all(whys[group] for group in ANSWERS)
    everything = json.dumps(events) + "".join(capfd.readouterr())
    for double in doubles.values():
        assert not any(secret in everything for secret in double.secrets)


@pytest.mark.parametrize("taken", ["by a poster", "by the controller"])
async def test_an_employees_task_at_wecom_ends_when_somebody_takes_it_away(room, tmp_path, taken):
    """A poster took over what WeCom's employee had: the task stayed on the employee's phone, and the group had it twice."""
    groups = [{"id": "g1", "name": "客户群", "relay": ["r1", "hui"], "members": 9}]
    team = [*sheet()["team"], {"person": "hui", "role": "poster"}]
    async with WecomCustomerDouble() as double:
        sale = await room.sale(sheet(groups=groups, team=team, lead="0s"), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}):
            li, hui = await room.join(sale, "controller"), await room.join(sale, "poster", "hui")
            await li.done("message.send", content="今晚八点开抢", groups="all")
            await li.until(lambda: li.state["deliveries"].get("d1", {}).get("status") == "awaiting")
            if taken == "by a poster":
                await hui.done("delivery.hand", delivery="d1")
            else:
                await li.done("delivery.withdraw", delivery="d1")
            ended = await li.event("delivery.failed", delivery="d1", attempt=1)
            assert "taken back in WeCom" in ended["why"]
            await li.until(lambda: not li.state["deliveries"]["d1"].get("left_open"))
            status = li.state["deliveries"]["d1"]["status"]
        assert double.cancelled == ["msg1"]
    assert status == ("awaiting" if taken == "by a poster" else "withdrawn")


async def test_a_platform_that_asked_to_wait_gets_it_when_it_said_and_once(room, tmp_path):
    async with WecomDouble() as double:
        double.next.append(Answer("slow down", 429, {"Retry-After": "0.5"}))
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s"), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}):
            li = await room.join(sale, "controller")
            await li.do("message.send", content="今晚八点开抢", groups="all")
            await li.until(lambda: [d["status"] for d in li.state["deliveries"].values()] == ["sent"])
        [retried] = [e for e in await room.events(sale) if e["kind"] == "delivery.retried"]
    assert retried["after_ms"] == 500
    assert double.calls == 2
    assert len(double.taken) == 1
    assert double.taken[0].at_ms >= retried["at"] + 400


async def test_a_platform_that_comes_back_gets_what_it_could_not_be_given(room, tmp_path):
    async with WecomDouble() as double:
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s"), live=True)
        await double.close()
        async with relay(room, sale, tmp_path, {"g1": double}):
            li = await room.join(sale, "controller")
            await li.do("message.send", content="今晚八点开抢", groups="all")
            await li.until(lambda: sum(e["kind"] == "delivery.retried" for e in li.events) == 2)
            await double.open()
            await li.until(lambda: [d["status"] for d in li.state["deliveries"].values()] == ["sent"])
        waits = [e["after_ms"] for e in await room.events(sale) if e["kind"] == "delivery.retried"]
    assert 500 <= waits[0] <= 1000 <= waits[1] <= 2000, "each pause is longer"
    assert len(double.taken) == 1


async def test_what_cannot_be_given_is_tried_ever_more_seldom_and_expires(room, tmp_path):
    cue = {"at": "+1s", "do": "message.send", "groups": "all", "text": "上链接", "late": "fire within 4s"}
    async with WecomDouble() as double:
        await double.close()
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s", cues=[cue]), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}):
            li = await room.join(sale, "controller")
            await li.until(lambda: [d["status"] for d in li.state["deliveries"].values()] == ["expired"])
        events = await room.events(sale)
    [asked] = [e for e in events if e["kind"] == "delivery.requested"]
    [expired] = [e for e in events if e["kind"] == "delivery.expired"]
    assert expired["at"] >= asked["expires_at"]
    assert 1 <= sum(e["kind"] == "delivery.retried" for e in events) <= 4


async def test_a_platform_that_does_not_answer_leaves_it_open(room, tmp_path):
    async with WecomDouble() as double:
        never = asyncio.Event()
        double.next.append(Answer(wait=never, take=True))
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s"), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}, Timing(answer_within=0.3)):
            li = await room.join(sale, "controller")
            await li.do("message.send", content="今晚八点开抢", groups="all")
            await li.until(lambda: [d["status"] for d in li.state["deliveries"].values()] == ["unknown"])
        never.set()
    assert double.calls == 1
    assert "no answer" in next(iter(li.state["deliveries"].values()))["why"]


async def test_a_key_that_is_revoked_on_the_way_is_said_once(room, tmp_path, capfd):
    async with WecomDouble() as double:
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s", unknown="leave"), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}):
            li = await room.join(sale, "controller")
            for n, word in enumerate(["sent", "failed", "failed", "sent"]):
                double.revoked = word == "failed"
                await li.do("message.send", content=f"第 {n} 条", groups="all")
                await li.until(lambda n=n: len(li.state["deliveries"]) == n + 1)
                await li.until(
                    lambda: not {d["status"] for d in li.state["deliveries"].values()} & {"requested", "held"}
                )
            words = [d["status"] for d in sorted(li.state["deliveries"].values(), key=lambda d: int(d["id"][1:]))]
            whys = {d["why"] for d in li.state["deliveries"].values() if d["status"] == "failed"}
    assert words == ["sent", "failed", "failed", "sent"]
    assert len(whys) == 1
    said = "".join(capfd.readouterr())
    assert said.count("a channel does not work") == 1
    assert said.count("a channel works again") == 1


async def test_a_double_runs_in_a_process_of_its_own_and_its_log_outlives_a_kill(room, tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.roles.relay.doubles", "wecom", "--port-file", str(tmp_path / "port"),
        "--log", str(tmp_path / "log"), "--keys", "other", cwd=ROOT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(3 * PATIENCE_S):
            while not (tmp_path / "port").exists():
                await asyncio.sleep(0.02)
        double = WecomDouble()
        double.base = (tmp_path / "port").read_text()
        sale = await room.sale(sheet(groups=groups_of({"g1": double}), lead="0s"), live=True)
        async with relay(room, sale, tmp_path, {"g1": double}):
            li = await room.join(sale, "controller")
            await li.do("message.send", content="今晚八点开抢", groups="all")
            await li.until(lambda: [d["status"] for d in li.state["deliveries"].values()] == ["sent"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    [line] = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["text"] == "今晚八点开抢"
