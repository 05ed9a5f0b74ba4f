"""The relay kit: what others build their own relays with. Whatever is named in `__all__` stays.

Two ways. Where a platform can be called and answers, write an `Adapter` (one class with `send`) and run it with
`dropcue relay` or with an `Agent`. Where you do everything yourself (a queue of your own, a phone farm, people), use
`Relay`: it hands you each delivery at its instant, and you tell what became of it.

Either way the agent does the rest: it follows the sale's clock, holds the lease, keeps rate windows, records "sending"
on disk before anything leaves, keeps reports over broken lines so that each counts once, and comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from coordinator.errors import CannotStart
from roles.relay.adapters.base import (
    Adapter,
    Content,
    CredentialSettings,
    Delivery,
    GroupSettings,
    Outcome,
    Prepared,
    Route,
    Routes,
)
from roles.relay.agent import Agent, Timing
from roles.relay.errors import DiskFailed, RelayRefused
from roles.relay.hands import TELL_WITHIN_S, Hands
from roles.relay.sending.windows import Limit
from roles.relay.wire.line import Answer

__all__ = [
    "Adapter",
    "Agent",
    "Answer",
    "CannotStart",
    "Content",
    "CredentialSettings",
    "Delivery",
    "DiskFailed",
    "GroupSettings",
    "Limit",
    "Outcome",
    "Prepared",
    "Relay",
    "RelayRefused",
    "Route",
    "Routes",
]

_A_WEEK_S = 7 * 24 * 3600.0  # the hands have a limit of their own, which begins when a delivery is taken


class Relay:
    """A relay of one sale whose platform is your own program.

        async with Relay(url, token, data=Path("relay-data")) as relay:
            async for delivery in relay.deliveries():
                ...
                await relay.sent(delivery, platform_id="m-1")

    `data` is a folder that only this process uses: it makes sure that nothing is sent twice over a restart or a crash.
    None keeps everything in memory. `per_minute` has the kit keep a rate window of the platform for you. A delivery
    of which nothing is told within `tell_within_s` is reported as `unknown`; a later word still counts.

    Entering waits for the first welcome and goes on trying where the coordinator cannot be reached; it raises
    `RelayRefused` where the coordinator does not want this token, `CannotStart` where the folder is taken. Leaving
    waits until what was told has been taken, for some seconds; the rest stands in the folder and is told next time.
    """

    def __init__(
        self,
        coordinator: str,
        token: str,
        *,
        data: Path | None,
        sale: str | None = None,
        per_minute: int | None = None,
        tell_within_s: float = TELL_WITHIN_S,
        timing: Timing | None = None,
    ) -> None:
        self._hands = Hands(per_minute, tell_within_s)
        self._agent = Agent(
            coordinator,
            token,
            Routes({}, self._hands),
            sale=sale,
            data=data,
            timing=replace(timing or Timing(), answer_within=_A_WEEK_S),
        )
        self._hands.may_leave, self._hands.seconds_until = self._agent.may_leave, self._agent.seconds_until
        self._running: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Relay(sale={self.sale!r})"

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._agent.run())
        self._running.add_done_callback(lambda _: self._hands.close_all())
        connected = asyncio.create_task(self._agent.connected.wait())
        try:
            await asyncio.wait({self._running, connected}, return_when=asyncio.FIRST_COMPLETED)
            if self._running.done():
                self._running.result()
        except asyncio.CancelledError:
            await self._stop()
            raise
        finally:
            connected.cancel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        self._agent.stop()
        self._hands.close_all()
        if self._running is not None:
            await asyncio.wait({self._running})
            if not self._running.cancelled():
                self._running.exception()  # whoever waits for deliveries was told

    # -- deliveries

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Each delivery at the instant at which it is to leave, to whoever asks first; ends with the relay.

        "Sending" stands on the disk when it comes, the lease holds, and it was not withdrawn. Tell what became of it
        with one of the methods below. Wait for none before you ask for the next: a drop reaches all groups at one
        instant. Raises `RelayRefused` or `DiskFailed` where that ended the relay.
        """
        while (delivery := await self._hands.next()) is not None:
            yield delivery
        if self._running is not None and self._running.done() and not self._running.cancelled():
            self._running.result()

    def may_send(self, delivery: Delivery) -> bool:
        """The last look, for those who do not send at once: the lease holds, and nobody took it back meanwhile.

        Where it is false, do not send, and say `waiting`: it comes again if it is still to leave.
        """
        return self._agent.may_leave(delivery.id, delivery.attempt)

    def awaited(self) -> list[Delivery]:
        """What waits for a person, as the coordinator has it: also what was handed to them before a restart."""
        found = [
            {"id": i} | d | {"sale": self.sale}
            for i, d in self.state.get("deliveries", {}).items()
            if d.get("status") == "awaiting"
        ]
        return [msgspec.convert(d, Delivery) for d in found if d.get("relay") == self.name]

    async def sent(self, delivery: Delivery, *, platform_id: str | None = None, sent_at: int | None = None) -> None:
        """The platform said yes, or a person did; `sent_at` in the sale's time, now by default."""
        at = self.now() if sent_at is None else sent_at
        await self._tell(delivery, Outcome("sent", platform_id=platform_id, sent_at=at))

    async def waiting(self, delivery: Delivery, until: int, why: str | None = None) -> None:
        """Nothing left: the platform's window is full. It comes again at `until` (the sale's time), if it still may."""
        await self._tell(delivery, Outcome.waiting(until, why))

    async def awaiting(self, delivery: Delivery, why: str) -> None:
        """A person has to act. Tell `sent`, `rejected` … when they have, however long it takes, over restarts too."""
        await self._tell(delivery, Outcome.awaiting(why))

    async def retry(self, delivery: Delivery, after_ms: int, why: str) -> None:
        """It is certainly not there, and the platform asks to come again: the next attempt comes after `after_ms`."""
        await self._tell(delivery, Outcome.retry(after_ms, why))

    async def rejected(self, delivery: Delivery, why: str) -> None:
        """It is certainly not there, and the platform will never take it."""
        await self._tell(delivery, Outcome.rejected(why))

    async def disabled(self, delivery: Delivery, why: str) -> None:
        """It is certainly not there, nor will anything be until somebody mends the channel."""
        await self._tell(delivery, Outcome.disabled(why))

    async def expired(self, delivery: Delivery) -> None:
        """It is certainly not there, and too late. What expires before it is handed out is told by the kit."""
        await self._tell(delivery, Outcome.expired())

    async def unknown(self, delivery: Delivery, why: str) -> None:
        """It may or may not be there. It never comes again by itself: the sale's policy decides."""
        await self._tell(delivery, Outcome.unknown(why))

    async def _tell(self, delivery: Delivery, outcome: Outcome) -> None:
        """Told twice counts once. Until the report is on the disk, a moment later, a crash makes it `unknown`."""
        if self._hands.tell(delivery, outcome):
            return
        if outcome.word == "waiting":
            raise ValueError(f"{delivery.id} has an end already; it does not wait")
        await self._agent.became(delivery.id, delivery.attempt, outcome)

    # -- what groups say and do

    async def observe(self, group: str, what: str, **fields: Any) -> Answer:
        """Tells what happened in a group: `group.observe` with `member`, `text`, `name` … as docs/events.md has them.

        Kept over broken lines, and counted once. A refusal is an answer (`ok` is false), not an exception.
        """
        [answer] = await self.give([{"kind": "group.observe", "group": group, "what": what, **fields}])
        return answer

    async def give(self, commands: Iterable[dict[str, Any]]) -> list[Answer]:
        """Any commands that a relay may give, such as `question.raise`; their answers, in order. See `Agent.observe`."""
        return await self._agent.observe(commands)

    def pseudonym(self, namespace: str, person: str) -> str:
        """The member that stands for a person of a platform in this sale. The person cannot be found from it."""
        return self._agent.pseudonym(namespace, person)

    # -- the sale

    @property
    def sale(self) -> str:
        """The sale's id."""
        return self._agent.sale

    @property
    def name(self) -> str:
        """This relay's name, as its token has it."""
        return str(self._agent.welcome.get("name", ""))

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        """The sale as this relay is shown it: topic, id, entity. It is the relay's own: read it, do not change it."""
        return self._agent.state

    def now(self) -> int:
        """The sale's time, ms."""
        return self._agent.now()
