"""The platform `manual`: the relay shows what is to be posted, and a person posts it."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from roles.relay.adapters.base import Content, GroupSettings
from roles.relay.adapters.console import ConsoleCredential, kept_in
from roles.relay.adapters.manual import ManualAdapter


async def test_it_shows_what_is_to_be_posted_and_leaves_it_to_a_person(tmp_path: Path) -> None:
    shown = io.StringIO()
    adapter = ManualAdapter("hand", ConsoleCredential(platform="manual"), tmp_path, screen=Console(file=shown))
    await adapter.open()
    outcome = await adapter.send(GroupSettings(id="g1", credential="hand"), Content(text="早上好"))
    await adapter.close()
    assert outcome.word == "awaiting"
    assert "早上好" in shown.getvalue()
    assert not kept_in(tmp_path).exists(), "what nobody has posted is not kept as sent"
