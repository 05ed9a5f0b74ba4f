"""The page for who connects what sees groups: its examples are run."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from roles.relay.config import load
from roles.relay.errors import ConfigError
from tests.roles.relay.conftest import FakeCoordinator
from tests.roles.relay.receiving.listening import SECRET, listening
from tests.server import ROOT

PAGE = (ROOT / "docs" / "relays-receiving.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


async def test_what_the_examples_send_is_taken(tmp_path: Path) -> None:
    coordinator = FakeCoordinator()
    await coordinator.start()
    try:
        async with listening(coordinator.url, "token", tmp_path) as (_, sender):
            code: dict[str, object] = {}
            exec(block("python"), code)  # noqa: S102 - the page's own example
            seen = [
                {"group": "g1", "what": "message", "person": "wecom:a", "text": "包邮吗?"},
                {"group": "g2", "what": "left"},
            ]
            assert await asyncio.to_thread(code["observe"], sender.url, SECRET, seen) == {"taken": 2}  # type: ignore[arg-type]
            env = {**os.environ, "URL": sender.url, "SECRET": SECRET, "ID": "from-a-shell"}
            shell = await asyncio.create_subprocess_exec(
                "sh", "-ec", block("sh"), env=env, stdout=asyncio.subprocess.PIPE
            )
            assert (await shell.communicate())[0] == b'{"taken":1}'
            await coordinator.until(lambda: len(coordinator.taken) == 5)
    finally:
        await coordinator.stop()
    asked = [c["text"] for c in coordinator.taken.values() if c["kind"] == "question.raise"]
    assert asked == ["包邮吗?", "燃气灶能用吗?"]


def test_the_settings_that_it_shows_can_be_used(tmp_path: Path) -> None:
    rest = (
        "coordinator: http://127.0.0.1:8700\ntoken: t\ncredentials:\n  screen: {platform: console}\n"
        "groups:\n  g1: {credential: screen}\n"
    )
    path = tmp_path / "relay.yaml"
    path.write_text(rest + block("yaml"), "utf-8")
    config = load(path, {"INLET_SECRET": SECRET})
    assert config.inlet is not None
    assert config.inlet.secrets == [SECRET]
    assert config.staff["telegram"] == {"12345": "mei"}
    assert config.receiving.groups == ("g7",)


def test_the_telegram_settings_that_it_shows_can_be_used(tmp_path: Path) -> None:
    telegram = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
    path = tmp_path / "relay.yaml"
    rest = "coordinator: http://127.0.0.1:8700\ntoken: t\ngroups:\n  g1: {credential: tg, chat_id: -1001}\n"
    environment = {"TG_TOKEN": "1:a", "TG2_TOKEN": "2:b", "TG2_HOOK": "letters-8"}
    path.write_text(rest + telegram + "inlet: {}\n", "utf-8")
    assert set(load(path, environment).routes.adapters) == {"tg"}
    path.write_text(rest + telegram, "utf-8")
    with pytest.raises(ConfigError, match=r"credentials\.tg2\.receive: is called from outside; add `inlet:`"):
        load(path, environment)
