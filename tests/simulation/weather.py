"""What nodes have to put up with on their way to the store and to each other, just now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.store import NOBODY, Way, unavailable

T = TypeVar("T")

GIVE_UP_SECONDS = 1.0  # so long a node waits for an answer of the store


class Weather:
    """Of the whole store, and of the bus. Chances are of one request or message."""

    def __init__(self, loop: VirtualLoop, chance: random.Random, note: Callable[[str], None]) -> None:
        self.loop, self.chance, self.note = loop, chance, note
        self.clear_up()

    def clear_up(self) -> None:
        """From here on everything arrives, once and in order."""
        self.stalled_until = 0.0
        self.lost = self.unanswered = self.late = 0.0  # requests that never arrive, answers that do not, both late
        self.unheard = self.twice = self.disorder = 0.0  # messages of the bus
        self.cut: set[str] = set()  # nodes that do not reach the store, nor each other

    def way(self, process: Process) -> NodesWay:
        return NodesWay(self, process)


class NodesWay:
    """The troubles of one node's way to the store."""

    def __init__(self, weather: Weather, process: Process) -> None:
        self._weather, self._process = weather, process
        self._said: dict[int, float] = {}  # listener → when the last message reaches it

    def carry(self, what: str, thing: Callable[[], T], answer: asyncio.Future[T]) -> None:
        weather, loop, chance = self._weather, self._weather.loop, self._weather.chance
        name = self._process.name
        late = chance.random() < weather.late
        lost = chance.random() < weather.lost
        unanswered = chance.random() < weather.unanswered

        def land() -> None:
            if weather.stalled_until > loop.now:
                loop.call_at(weather.stalled_until + chance.random() * 0.01, land, context=NOBODY)
                return
            if lost or name in weather.cut:
                weather.note(f"store {name} {what}: lost")
                return
            try:
                result = thing()
            except Exception as e:
                weather.note(f"store {name} {what}: {type(e).__name__}")
                tell: tuple[T | None, Exception | None] = (None, e)
            else:
                weather.note(f"store {name} {what}" + (": no answer" if unanswered else ""))
                tell = (result, None)
            if not unanswered:
                loop.call_later(_moment(chance), self._tell, answer, *tell, context=NOBODY)

        wait = GIVE_UP_SECONDS + chance.random() * 2 if late else _moment(chance)
        loop.call_later(wait, land, context=NOBODY)
        loop.call_later(
            GIVE_UP_SECONDS, self._tell, answer, None, unavailable("no answer in time"), context=NOBODY
        )  # fmt: skip

    def _tell(self, answer: asyncio.Future[T], result: T, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
            answer.exception()  # whoever asked may be no more
        else:
            answer.set_result(result)

    def say(self, hear: Callable[[], None], channel: str, listener: Way) -> None:
        weather, loop, chance = self._weather, self._weather.loop, self._weather.chance
        name = self._process.name
        if name in weather.cut or chance.random() < weather.unheard:
            weather.note(f"bus {name} to {channel}: lost")
            return
        when = loop.now + _moment(chance)
        if chance.random() < weather.disorder:
            when += chance.random()
        else:
            when = self._said[id(listener)] = max(when, self._said.get(id(listener), 0.0))
        for _ in range(2 if chance.random() < weather.twice else 1):
            loop.call_at(when, self._hear, hear, listener, context=NOBODY)
            when += chance.random() * 0.2

    def _hear(self, hear: Callable[[], None], listener: Way) -> None:
        process = listener.owner
        if process is not None and not process.dead and process.name not in self._weather.cut:
            hear()


def _moment(chance: random.Random) -> float:
    """How long something is on its way: mostly a millisecond, now and then much longer."""
    return chance.expovariate(2000) if chance.random() < 0.98 else chance.random() * 0.1
