"""The page for who connects what sees groups: its examples are run."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from roles.relay.config import load
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
