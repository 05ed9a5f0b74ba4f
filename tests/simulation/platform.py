"""The chat platform behind the relays: it keeps what reached it, and who had been told what by then."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any, ClassVar

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared, Routes
from roles.relay.agent import Agent
from tests.simulation.loop import Process, VirtualLoop

Json = dict[str, Any]
OPEN = ("requested", "held")


@dataclass
class Call:
    """A message that a relay gave to the platform."""

    at: float
    relay: str
    delivery: str
    attempt: int
    answer: str


@dataclass
class Platform:
    """All groups of the sale, as their members see them."""

    loop: VirtualLoop
    chance: random.Random
    calls: list[Call] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    retries = 0.0  # of a hundred calls, how many are told to come again
    doubts = 0.0  # how many are not answered clearly


class SimulatedAdapter(Adapter[CredentialSettings, GroupSettings]):
    platform: ClassVar[str] = "simulated"

    def __init__(self, relay: RelayProcess) -> None:
        super().__init__("robot", CredentialSettings(platform="simulated"), None)
        self._relay = relay

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        relay, platform = self._relay, self._relay.platform
        delivery, attempt = relay.asked.get((group.id, content.link or content.coupon or content.text), ("?", 0))
        told = relay.withdrawn.get(delivery)
        if told is not None and told[0] >= attempt and told[1] < platform.loop.now:
            platform.wrong.append(
                f"{platform.loop.now:.3f} {relay.name} sends {delivery} attempt {attempt}, and was told at {told[1]:.3f} not to"
            )
        chance = platform.chance.random() * 100
        answer = (
            "retry" if chance < platform.retries else "doubt" if chance < platform.retries + platform.doubts else "sent"
        )
        platform.calls.append(Call(platform.loop.now, relay.name, delivery, attempt, answer))
        await asyncio.sleep(platform.chance.random() * (0.3 if answer != "doubt" else 3.0))
        if answer == "retry":
            return Outcome.retry(300, "too fast")
        if answer == "doubt":
            return Outcome.unknown("the line broke")
        return Outcome.sent(f"m{len(platform.calls)}")


class RelayProcess:
    """A relay's process, over all its starts. What it was told stands here, as its own process read it.

    `name` is the process's, and the folder's: two processes may have one token, and so be one `relay`.
    """

    def __init__(self, name: str, relay: str, token: str, sale: str, platform: Platform) -> None:
        self.name, self.relay, self.token, self.sale, self.platform = name, relay, token, sale, platform
        self.process: Process | None = None
        self.agent: Agent | None = None
        self.asked: dict[tuple[str, str], tuple[str, int]] = {}
        """(group, what only this message has) → delivery and its last attempt that this relay was asked for."""
        self.withdrawn: dict[str, tuple[int, float]] = {}
        """Delivery → the attempt up to which it was told not to send, and when."""
        self._last: dict[str, int] = {}  # delivery → the last attempt it was asked for

    def start(self, process: Process) -> None:
        self.process = process
        self.withdrawn.clear()  # another process: it is told again
        self._last.clear()
        self.agent = Agent("http://dropcue.example", self.token, Routes({}, SimulatedAdapter(self)), sale=self.sale)
        process.start(self._run(self.agent))

    async def _run(self, agent: Agent) -> None:
        try:
            await agent.run()
        except Exception as e:  # a relay comes back for ever: whatever ends it is a fault
            if self.process is not None and not self.process.dead:
                self.platform.wrong.append(f"{self.platform.loop.now:.3f} {self.name} ended: {e!r}")

    # ------------------------------------------------------------ what it is told
    def read(self, frame: bytes) -> None:
        said = json.loads(frame)
        match said.get("op"):
            case "welcome" | "snapshot" if "state" in said:
                there = said["state"].get("deliveries", {})
                for id_ in self._last:
                    if id_ not in there:
                        self._not_to_send(id_, self._last[id_])
                for id_, entity in there.items():
                    self._stands(id_, entity)
            case "events":
                for event in said["events"]:
                    if event["kind"] == "delivery.requested" and event.get("relay") == self.relay:
                        self._asked(event["delivery"], event)
                    elif event["kind"] == "delivery.withdrawn":
                        self._not_to_send(event["delivery"], event["attempt"])
                for id_, entity in said["changes"].get("deliveries", {}).items():
                    if entity is None:
                        self._not_to_send(id_, self._last.get(id_, 0))
                    else:
                        self._stands(id_, entity)

    def _stands(self, id_: str, entity: Json) -> None:
        if entity["status"] in OPEN and entity.get("relay") == self.relay:
            self._asked(id_, entity)
        elif entity["status"] != "unknown":
            self._not_to_send(id_, entity["attempt"])

    def _asked(self, id_: str, of: Json) -> None:
        content, attempt = of["content"], of["attempt"]
        self._last[id_] = max(attempt, self._last.get(id_, 0))
        key = (of["group"], content.get("link") or content.get("coupon") or content.get("text", ""))
        self.asked[key] = (id_, self._last[id_])
        before = self.withdrawn.get(id_)
        if before is not None and before[0] <= attempt:
            del self.withdrawn[id_]

    def _not_to_send(self, id_: str, attempt: int) -> None:
        before = self.withdrawn.get(id_)
        if before is None or attempt > before[0]:
            self.withdrawn[id_] = (attempt, self.platform.loop.now)
