"""Hundreds who lose their lines in one instant: all come back, miss nothing, and nobody is told that they had left."""

from __future__ import annotations

import asyncio
import random
import signal
from typing import Any

from tests.client import PATIENCE_S, Client, Closed, token
from tests.server import ServerProcess
from tests.sheet import sheet

CONSOLES = 300
ROLES = ("host", "cohost", "support", "cheer", "cheer", "cheer")
BACK_S = 0.3  # a console's first wait, where nobody told it another one


class Console:
    """A console that comes back, as Dropcue's own does."""

    def __init__(self, server: ServerProcess, sale: str, role: str, person: str) -> None:
        self.server, self.role, self.person = server, role, person
        self.token = token(role, person, sale)
        self.client: Client
        self.recovered: list[bool] = []
        self.told: list[int] = []  # how many ms it was told to wait

    async def come(self, **position: Any) -> None:
        while True:
            try:
                self.client = await Client.join(self.server.url, self.token, **position)
            except Closed as closed:
                await self._wait(closed.bye)
                continue
            except (OSError, TimeoutError):
                await self._wait(None)
                continue
            self.recovered.append(self.client.welcome["recovered"])
            return

    async def _wait(self, bye: Any) -> None:
        assert bye is None or bye["retry"], bye
        ms = (bye or {}).get("retry_ms")
        if ms is not None:
            self.told.append(ms)
        await asyncio.sleep(ms / 1000 if ms is not None else BACK_S * random.uniform(0.5, 1))

    async def come_back(self) -> None:
        """After its line has ended, from where it was."""
        await self.client.end()
        await self._wait(self.client.bye)
        await self.come(position=self.client.position, state=self.client.state)


async def crowd(server: ServerProcess, sale: str) -> list[Console]:
    consoles = [Console(server, sale, ROLES[n % len(ROLES)], f"p{n}") for n in range(CONSOLES)]
    for n in range(0, CONSOLES, 50):
        await asyncio.gather(*(console.come() for console in consoles[n : n + 50]))
    last = consoles[-1].client
    await last.until(lambda: sum(p.get("here", False) for p in last.state["people"].values()) >= CONSOLES)
    return consoles


async def storm(server: ServerProcess, how: str) -> list[Console]:
    sale = await server.sale(sheet(lead="0s"), live=True)
    writer = await server.join(sale)
    consoles = await crowd(server, sale)
    notes = [(await writer.done("note.add", text=f"before {n}"))["note"] for n in range(20)]
    coming = [asyncio.create_task(console.come_back()) for console in consoles]
    match how:
        case "kill":
            await server.kill()
            await server.start()
        case "stop":
            server.signal(signal.SIGTERM)
            await asyncio.gather(*(console.client.end() for console in consoles))
            await server.kill()
            await server.start()
        case "cut":
            for console in consoles:
                console.client.cut()
    async with asyncio.timeout(3 * PATIENCE_S):
        writer = await server.join(sale, "owner", "boss")
        notes += [(await writer.done("note.add", text=f"meanwhile {n}"))["note"] for n in range(20)]
        await asyncio.gather(*coming)
    notes += [(await writer.done("note.add", text="after"))["note"]]
    for console in consoles:
        client = console.client
        await client.until(lambda client=client: notes[-1] in client.state["notes"], 3 * PATIENCE_S)
        assert [n for n in notes if n not in client.state["notes"]] == []
        assert console.recovered[-1], "what was missed is little: it need not be sent a snapshot"
        own = [e["seq"] for e in client.events]
        assert own == sorted(set(own)), "a number came twice, or in another order"
    for role in dict.fromkeys(ROLES):
        console = next(c for c in consoles if c.role == role)
        fresh = (await server.state(sale, role, console.person))["state"]
        await console.client.until(lambda c=console, fresh=fresh: c.client.state == fresh)
    left = [e["person"] for e in await server.events(sale) if e["kind"] == "person.left"]
    assert [p for p in left if p.startswith("p")] == [], "who comes back has never left"
    for console in consoles:
        console.client.cut()
    return consoles


async def test_after_a_kill_all_come_back_from_where_they_were(server: ServerProcess) -> None:
    await storm(server, "kill")


async def test_after_a_stop_each_comes_back_at_the_moment_that_it_was_told(server: ServerProcess) -> None:
    consoles = await storm(server, "stop")
    told = [console.told[0] for console in consoles]
    assert len(set(told)) > CONSOLES / 4, "they would all come back at once"


async def test_after_a_cut_of_all_lines_all_come_back_from_where_they_were(server: ServerProcess) -> None:
    await storm(server, "cut")
