"""The console platform, and the command that runs a relay with it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from roles.relay.adapters.base import Content, GroupSettings, Routes
from roles.relay.adapters.console import ConsoleAdapter, ConsoleCredential, kept_in, read_kept
from roles.relay.agent import Agent

ROOT = Path(__file__).parents[3]


def group(id_: str) -> GroupSettings:
    return GroupSettings(id=id_, credential="screen")


async def test_it_shows_one_block_for_a_drop_and_keeps_every_message(tmp_path):
    seen = io.StringIO()
    heard = []
    adapter = ConsoleAdapter(
        "screen",
        ConsoleCredential(platform="console"),
        tmp_path,
        heard=lambda g, content: heard.append((g, content.text)),
        screen=Console(file=seen, width=120),
    )
    await adapter.open()
    content = Content(text="[bold]不粘锅[/bold] 上链接\x1b[2J", link="http://h/l/K", as_="announcement")
    for n in range(200):
        assert (await adapter.send(group(f"g{n}"), content)).word == "sent"
    await adapter.close()
    shown = seen.getvalue()
    assert "[bold]不粘锅[/bold] 上链接" in shown, "what was said is not markup"
    assert "\x1b" not in shown
    assert "http://h/l/K" in shown
    assert "192 more groups" in shown
    kept = read_kept(tmp_path)
    assert [k.group for k in kept] == [f"g{n}" for n in range(200)] == [g for g, _ in heard]
    assert kept[0].content == content


async def test_silent_it_only_keeps(tmp_path, capsys):
    adapter = ConsoleAdapter("screen", ConsoleCredential(platform="console", silent=True), tmp_path)
    await adapter.open()
    await adapter.send(group("g1"), Content(text="hello"))
    await adapter.close()
    assert capsys.readouterr().out == ""
    assert [k.content.text for k in read_kept(tmp_path)] == ["hello"]


async def test_a_built_in_relay_serves_every_group_in_memory(coordinator, quick):
    heard = []
    settings = ConsoleCredential(platform="console", silent=True)
    adapter = ConsoleAdapter("builtin", settings, None, heard=lambda g, c: heard.append((g, c.text)))
    agent = Agent(coordinator.url, "t", Routes({}, adapter), everything=True, timing=quick)
    work = asyncio.create_task(agent.run())
    await agent.connected.wait()
    await coordinator.announce(coordinator.delivery("d1", group="any", relay="wecom-main"))
    await coordinator.sent("d1")
    agent.stop()
    await work
    assert heard == [("any", "text of d1")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_runs_until_it_is_told_to_stop(coordinator, tmp_path, number):
    config = tmp_path / "relay.yaml"
    config.write_text(
        f"coordinator: {coordinator.url}\ntoken: ${{T}}\ncredentials: {{screen: {{platform: console}}}}\n"
        "groups: {g1: {credential: screen}}\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coordinator.cli", "relay", "--config", str(config),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT), "T": "SECRET-TOKEN"},
    )  # fmt: skip
    await coordinator.until(lambda: coordinator.sockets)
    await coordinator.announce(coordinator.delivery("d1"))
    await coordinator.sent("d1")
    process.send_signal(number)
    async with asyncio.timeout(20):
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert "text of d1" in said.decode()
    assert "SECRET" not in said.decode()
    assert coordinator.hellos[0]["token"] == "SECRET-TOKEN"
    assert kept_in(tmp_path / "relay-data").exists()
