"""A console that speaks the contract alone: its state is the welcome's, with each change set or deleted.

It comes back whenever its line ends, with its position, and gives each command with the same id until it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.simulation.loop import Process
from tests.simulation.network import ClientEnd, Network

Json = dict[str, Any]

WELCOME_SECONDS = 5.0
PING_SECONDS = 1.0
SILENT_SECONDS = 3.0
BUSY_SECONDS = 0.5


class Console:
    def __init__(
        self,
        process: Process,
        network: Network,
        token: str,
        role: str,
        person: str,
        *,
        ahead: bool,
        chance: random.Random,
    ) -> None:
        self.process, self._network, self._token, self._chance = process, network, token, chance
        self.role, self.person, self.ahead = role, person, ahead
        self.sender = f"{role}:{person}"
        self.state: dict[str, dict[str, Any]] = {}
        self.position: str | None = None
        self.open: dict[str, Json] = {}
        """Commands that are not answered yet."""
        self.given: dict[str, Json] = {}
        self.done: dict[str, list[Any]] = {}
        """Id → the results it was told, one for each time it was done."""
        self.refused: dict[str, list[str]] = {}
        self.seen: dict[tuple[int, str], Json] = {}
        """(number, incarnation of the position it came with) → the event it was told."""
        self.wrong: list[str] = []
        """What it was told that nobody may be told."""
        self.welcomes: list[bool] = []
        """Of each, whether it recovered."""
        self._line: ClientEnd | None = None
        self._heard = 0.0
        self._pings = self._last = 0

    @property
    def connected(self) -> bool:
        return self._line is not None

    def do(self, id_: str, command: Json) -> None:
        """Gives a command, over as many lines as it takes."""
        self.given[id_] = self.open[id_] = {"op": "do", "id": id_, **command}
        self.process.call(self._give, id_)

    def _give(self, id_: str) -> None:
        if self._line is not None and id_ in self.open:
            self.process.start(self._send(self._line, self.open[id_]))

    async def run(self) -> None:
        while True:
            with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
                await self._serve(await self._network.connect())
            self._line = None
            await asyncio.sleep(0.05 + self._chance.random() * 0.4)

    async def _serve(self, line: ClientEnd) -> None:
        try:
            hello: Json = {"op": "hello", "token": self._token, "ahead": self.ahead}
            if self.position is not None:
                hello["position"] = self.position
            await line.send(json.dumps(hello).encode())
            async with asyncio.timeout(WELCOME_SECONDS):
                first = json.loads(await line.recv())
            if first["op"] != "welcome":
                return
            self._welcomed(first)
            self._line, self._heard = line, self.process.loop.now
            asking = self.process.start(self._ask(line))
            try:
                for command in list(self.open.values()):
                    await line.send(json.dumps(command).encode())
                while True:
                    self._take(json.loads(await line.recv()))
            finally:
                asking.cancel()
        finally:
            line.abort()

    async def _ask(self, line: ClientEnd) -> None:
        with contextlib.suppress(ConnectionClosed):
            while self.process.loop.now - self._heard < SILENT_SECONDS:
                self._pings += 1
                await line.send(b'{"op":"ping","sent":%d}' % self._pings)
                await asyncio.sleep(PING_SECONDS)
            line.abort()

    async def _send(self, line: ClientEnd, frame: Json) -> None:
        with contextlib.suppress(ConnectionClosed):
            await line.send(json.dumps(frame).encode())

    # ------------------------------------------------------------ what it is told
    def _welcomed(self, frame: Json) -> None:
        self.welcomes.append(frame["recovered"])
        if frame["recovered"]:
            if self.position is None:
                self.wrong.append("recovered without a position")
        else:
            self._anew(frame)
        self.position = frame["position"]

    def _anew(self, frame: Json) -> None:
        """A snapshot may lie behind what it replaces: another node has not read so far."""
        self.state, self.position, self._last = frame["state"], frame["position"], number(frame["position"])

    def _take(self, frame: Json) -> None:
        self._heard = self.process.loop.now
        match frame["op"]:
            case "events":
                self._moved(frame["position"])
                for event in frame["events"]:
                    self._event(event, frame["position"])
                for topic, entities in frame["changes"].items():
                    known = self.state.setdefault(topic, {})
                    for id_, entity in entities.items():
                        if entity is None:
                            known.pop(id_, None)
                        else:
                            known[id_] = entity
            case "snapshot":
                self._anew(frame)
            case "done":
                self._done(frame)
            case "refused":
                self._refused(frame)

    def _moved(self, position: str) -> None:
        if self.position is not None and number(position) <= number(self.position):
            self.wrong.append(f"its position went from {self.position} to {position} without a snapshot")
        self.position = position

    def _event(self, event: Json, position: str) -> None:
        key = (event["seq"], position.partition(".")[0])
        if event["seq"] <= self._last:
            self.wrong.append(f"number {event['seq']} was told after {self._last}")
        if event.get("cmd") in self.done and not any(seq == event["seq"] for seq, _ in self.seen):
            self.wrong.append(f"{event['cmd']} was done before its event {event['seq']} was there")
        self.seen[key], self._last = event, event["seq"]

    def _done(self, frame: Json) -> None:
        if frame["id"] not in self.given:
            self.wrong.append(f"it was told what another was to be told: {frame}")
            return
        self.open.pop(frame["id"], None)
        self.done.setdefault(frame["id"], []).append(frame.get("result"))

    def _refused(self, frame: Json) -> None:
        id_ = frame["id"]
        if id_ not in self.given:
            self.wrong.append(f"it was told what another was to be told: {frame}")
        elif frame["code"] == "busy":
            wait = frame["details"]["retry_ms"] / 1000 + self._chance.random() * BUSY_SECONDS
            self.process.loop.call_later(wait, self._give, id_)
        elif self.open.pop(id_, None) is not None:
            self.refused.setdefault(id_, []).append(frame["code"])
        elif id_ in self.done:
            self.wrong.append(f"{id_} was done and then refused: {frame['code']} {frame['message']}")


def number(position: str) -> int:
    """The number that a position names: for tests alone, it is opaque to others."""
    return int(position.split(".")[1])
