"""A platform that is somebody's own program: deliveries are handed out at their instant, and their end is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from roles.relay.adapters.base import Adapter, Content, CredentialSettings, Delivery, GroupSettings, Outcome, Prepared

TELL_WITHIN_S = 15.0  # so long after it was handed out, a delivery of which nothing was told is `unknown`

STOPPED = "the relay stopped before it was told what became of it"
TAKEN_BACK = "it could not leave when it was asked for"


@dataclass(slots=True, eq=False)
class Handed:
    """A delivery between the outbox and the program; `taken` when it is the program's to send."""

    delivery: Delivery
    told: asyncio.Future[Outcome]
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class Hands(Adapter[CredentialSettings, GroupSettings]):
    """The adapter of `kit.Relay`. What was not taken yet has not left: it can be taken back, and can expire."""

    platform: ClassVar[str] = "kit"

    def __init__(self, per_minute: int | None, tell_within_s: float) -> None:
        super().__init__("kit", CredentialSettings(platform="kit", per_minute=per_minute), None)
        self._tell_within_s = tell_within_s
        self._queue: deque[Handed] = deque()
        self._out: dict[tuple[str, int], Handed] = {}
        self._more = asyncio.Event()
        self._closed = False
        self.may_leave: Callable[[str, int], bool] = lambda _id, _attempt: True
        self.seconds_until: Callable[[float], float] = lambda _at: 0.0

    async def send(self, group: GroupSettings, content: Content, prepared: Prepared = None) -> Outcome:
        raise NotImplementedError("deliveries are handed out whole")

    async def deliver(self, group: GroupSettings, delivery: Delivery, prepared: Prepared = None) -> Outcome:  # noqa: ARG002 - it serves all
        handed = Handed(delivery, asyncio.get_running_loop().create_future())
        if self._closed:
            return Outcome.waiting(delivery.fire_at)
        self._out[delivery.id, delivery.attempt] = handed
        self._queue.append(handed)
        self._more.set()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self.seconds_until(delivery.expires_at))):
                    await handed.taken.wait()
            if not handed.taken.is_set():
                self._queue.remove(handed)
                return Outcome.expired()
            async with asyncio.timeout(self._tell_within_s):
                return await handed.told
        except TimeoutError:
            return Outcome.unknown(f"nothing was told within {self._tell_within_s:g} s")
        finally:
            del self._out[delivery.id, delivery.attempt]

    async def next(self) -> Delivery | None:
        """The next delivery that may leave now; None once the relay has ended."""
        while not self._closed:
            while self._queue:
                handed = self._queue.popleft()
                delivery = handed.delivery
                handed.taken.set()
                if self.may_leave(delivery.id, delivery.attempt):
                    return delivery
                handed.told.set_result(Outcome.waiting(delivery.fire_at, TAKEN_BACK))
            self._more.clear()
            await self._more.wait()
        return None

    def tell(self, delivery: Delivery, outcome: Outcome) -> bool:
        """What became of a delivery that is out; False where it is not out any more."""
        handed = self._out.get((delivery.id, delivery.attempt))
        if handed is None or handed.told.done():
            return False
        handed.told.set_result(outcome)
        return True

    def close_all(self) -> None:
        """Nothing is handed out any more. What was not taken did not leave; of the rest nobody will tell."""
        self._closed = True
        for handed in self._out.values():
            if not handed.told.done():
                taken = handed.taken.is_set()
                handed.told.set_result(Outcome.unknown(STOPPED) if taken else Outcome.waiting(0))
                handed.taken.set()
        self._queue.clear()
        self._more.set()
