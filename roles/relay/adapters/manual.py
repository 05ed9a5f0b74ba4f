"""The platform `manual`: a person posts it by hand, and says so on the poster's page.

The relay shows what is to be posted, as the platform `console` does, and leaves it to a person: `awaiting`. Whoever is a
poster of the group takes it over there. A group that is always posted by hand needs no relay: its `relay` is the poster.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.console import Console

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared
from roles.relay.adapters.console import ConsoleAdapter, ConsoleCredential


class ManualAdapter(ConsoleAdapter):
    """Shows everything at once; nothing is sent. `silent: true` does not show either."""

    platform: ClassVar[str] = "manual"

    def __init__(
        self, name: str, settings: ConsoleCredential, data: Path | None, *, screen: Console | None = None
    ) -> None:
        super().__init__(name, settings, None, screen=screen)  # what nobody has posted is not kept as sent

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        await super().send(group, content, prepared)
        return Outcome.awaiting("a person posts it by hand, and says so on the poster's page")
