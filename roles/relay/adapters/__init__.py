"""The platforms a relay can speak. A new one is a file here and its line in `PLATFORMS`."""

from __future__ import annotations

from roles.relay.adapters.base import AnyAdapter
from roles.relay.adapters.console import ConsoleAdapter

PLATFORMS: dict[str, type[AnyAdapter]] = {adapter.platform: adapter for adapter in (ConsoleAdapter,)}
