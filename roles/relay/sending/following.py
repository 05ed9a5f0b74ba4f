"""What a person does with a message that was handed to them, as the platform tells it later.

Once it is not this relay's to see to any more (a poster took it over, it was withdrawn, its text was made anew), or its
time is over, the person is not to send it: it is taken back from them, where the platform can do so, and where it
cannot, that is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from roles.relay.adapters.base import Adapter, AnyAdapter, Outcome, Routes
from roles.relay.sending.attempts import ANSWER_WITHIN_S, Attempts
from roles.relay.sending.log import HandedOver, Report, SendLog

log = structlog.get_logger("relay")

_OPEN = frozenset({"requested", "held", "awaiting", "unknown"})


class Follower:
    """Asks the platforms that can tell, `every_s` and whenever `look` is called; what they say is reported.

    `sale` names the sale that is served, empty before there is one; `stands` gives a delivery as the relay is shown it;
    `me` is the relay's name; `seconds_until` an instant of the sale; `tell` gives a report that need not outlive the relay.
    What is not shown may be another process's to see to, and is left alone.
    """

    def __init__(
        self,
        attempts: Attempts,
        store: SendLog,
        routes: Routes,
        *,
        sale: Callable[[], str],
        me: Callable[[], str],
        stands: Callable[[str], Mapping[str, Any] | None],
        seconds_until: Callable[[float], float],
        tell: Callable[[Report], None],
        every_s: float,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._attempts, self._store, self._routes = attempts, store, routes
        self._sale, self._me, self._stands, self._seconds_until, self._tell = sale, me, stands, seconds_until, tell
        self._every_s, self._answer_within_s = every_s, answer_within_s
        self._left = asyncio.Event()
        self._over_in: float | None = None  # seconds until the first of those that wait is over
        self._tried: set[tuple[str, int]] = set()  # to take back; again not before the next round
        self._said: set[tuple[str, int]] = set()  # of which it was told that they stay open
        adapters = routes.adapters.values()
        self.has_work = any(type(each).follow is not Adapter.follow for each in adapters)

    def look(self) -> None:
        """Something may have been taken from this relay."""
        self._left.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        if not self.has_work:
            return
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        while True:
            self._left.clear()
            ask_at = asked_at + self._every_s
            over_at = ask_at if self._over_in is None else min(ask_at, loop.time() + self._over_in)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(over_at):
                    await self._left.wait()
            if everything := loop.time() >= ask_at:
                asked_at = loop.time()
            await self._pass(everything=everything)

    async def _pass(self, *, everything: bool) -> None:
        sale = self._sale()
        self._over_in = None
        for task in await self._store.handed_over(sale) if sale else ():
            if sale != self._sale():
                return
            adapter = self._routes.adapters.get(task.credential)
            if adapter is None or type(adapter).follow is Adapter.follow:
                continue
            now = self._stands(task.delivery) or {}
            left = now.get("left_open") or {}
            mine = now.get("relay") == self._me() and now.get("status") in _OPEN
            over_in = self._left_of(task, now) if mine else None
            taken = left.get("relay") == self._me() and task.attempt <= int(left.get("attempt", 0))
            if taken or (over_in is not None and over_in <= 0):
                if everything or (task.delivery, task.attempt) not in self._tried:
                    await self._take_back(task, adapter, over=not taken)
                continue
            if over_in is not None:
                self._over_in = over_in if self._over_in is None else min(self._over_in, over_in)
            if everything and mine:
                route = self._routes.to(str(now.get("group")))
                if route is not None:
                    await self._became(task, await self._asked(task, adapter.follow(route.group, task.platform_id)))

    def _left_of(self, task: HandedOver, now: Mapping[str, Any]) -> float | None:
        """Seconds until this attempt may not be sent any more; None where another one stands."""
        expires_at = now.get("expires_at")
        if now.get("attempt") != task.attempt or not isinstance(expires_at, int):
            return None
        return self._seconds_until(expires_at)

    async def _take_back(self, task: HandedOver, adapter: AnyAdapter, *, over: bool) -> None:
        key = task.delivery, task.attempt
        self._tried.add(key)
        outcome = await self._asked(task, adapter.take_back(task.platform_id))
        if outcome is not None and outcome.word == "rejected" and over:
            outcome = Outcome("expired", why=f"its time was over: {outcome.why}")
        if outcome is None or outcome.word != "awaiting":
            await self._became(task, outcome)
        elif key not in self._said:
            self._said.add(key)
            log.warning("a task stays open at the platform", delivery=task.delivery, why=outcome.why)
            fields = outcome.fields() | {"platform_id": task.platform_id}
            self._tell(Report.make(task.delivery, task.attempt, fields, nth="stays-open"))

    async def _became(self, task: HandedOver, outcome: Outcome | None) -> None:
        if outcome is not None:
            await self._attempts.became(task.delivery, task.attempt, outcome)

    async def _asked(self, task: HandedOver, asking: Awaitable[Outcome | None]) -> Outcome | None:
        try:
            async with asyncio.timeout(
                self._answer_within_s
            ):  # one that never answers must not keep the others waiting
                outcome = await asking
        except Exception as error:  # the text can quote an address with its key
            log.warning("what became of a message cannot be asked", delivery=task.delivery, why=type(error).__name__)
            return None
        return outcome if isinstance(outcome, Outcome) else None
