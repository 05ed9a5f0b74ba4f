"""Commands that are kept until they are answered, over as many connections as it takes.

The ids make it safe: a command that was taken before the line broke is answered again, and counts once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from roles.relay.wire.line import FRAME_BYTES, MANY_COMMANDS, Answer, Line

# When the coordinator is busy and does not say for how long.
BUSY_MS = 250


@dataclass(slots=True)
class Letter:
    id: str
    body: msgspec.Raw
    answer: asyncio.Future[Answer]
    size: int = field(default=0)


class Post:
    """A queue of commands in order. One `many` is on its way at a time; what comes meanwhile is the next one."""

    def __init__(self) -> None:
        self._letters: dict[str, Letter] = {}
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, commands: Iterable[dict[str, Any]]) -> list[asyncio.Future[Answer]]:
        """Takes commands, each with its `id`. One that is already waiting is not taken twice; its future is shared.

        Raises ValueError for a command that no frame can hold.
        """
        futures = []
        for command in commands:
            letter = self._letters.get(command["id"])
            if letter is None:
                body = msgspec.json.encode(command)
                if len(body) > FRAME_BYTES:
                    raise ValueError(f"command {command['id']} has {len(body)} bytes; a frame holds {FRAME_BYTES}")
                future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
                letter = self._letters[command["id"]] = Letter(command["id"], msgspec.Raw(body), future, len(body))
            futures.append(letter.answer)
        if self._letters:
            self._empty.clear()
            self._more.set()
        return futures

    async def carry(self, line: Line) -> None:
        """Gives everything over this line, and what comes later, until the line ends: raises its `LineLost`."""
        while True:
            await self._more.wait()
            batch = self._batch()
            if not batch:
                self._more.clear()
                continue
            answers = await line.many([letter.body for letter in batch], [letter.id for letter in batch])
            wait_ms = 0
            for letter, answer in zip(batch, answers, strict=True):
                if answer.code in {"busy", "capped"}:
                    wait_ms = max(wait_ms, int((answer.details or {}).get("retry_ms") or BUSY_MS))
                    continue
                self._letters.pop(letter.id, None)
                if not letter.answer.done():
                    letter.answer.set_result(answer)
            if not self._letters:
                self._empty.set()
            if wait_ms:
                await asyncio.sleep(wait_ms / 1000)

    async def emptied(self) -> None:
        """Waits until everything was answered."""
        await self._empty.wait()

    def give_up(self, error: Callable[[], BaseException]) -> None:
        """Nothing will be carried any more: whoever waits for an answer is told so."""
        for letter in self._letters.values():
            if not letter.answer.done():
                letter.answer.set_exception(error())
                letter.answer.exception()  # nobody has to be waiting
        self._letters.clear()
        self._empty.set()

    def _batch(self) -> list[Letter]:
        batch: list[Letter] = []
        room = FRAME_BYTES
        for letter in self._letters.values():
            if len(batch) == MANY_COMMANDS or letter.size + 1 > room:
                break
            room -= letter.size + 1
            batch.append(letter)
        return batch
