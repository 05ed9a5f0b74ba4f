"""A relay whose platform never answers; it says so when it is called. Run as a program by the tests, to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared, Routes
from roles.relay.agent import Agent


class Stuck(Adapter[CredentialSettings, GroupSettings]):
    platform = "stuck"

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        print("sending", group.id, content.text, file=sys.stderr, flush=True)
        await asyncio.Event().wait()
        return Outcome.sent()


adapter = Stuck("stuck", CredentialSettings(platform="stuck"), None)
asyncio.run(Agent(sys.argv[1], "t", Routes({}, adapter), data=Path(sys.argv[2])).run())
