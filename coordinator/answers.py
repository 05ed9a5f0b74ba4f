"""What commands are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from coordinator.core import Actor, Refusal


class Answer(msgspec.Struct, omit_defaults=True):
    """What a command is told. `seq` is the number at which it is true."""

    id: str | None
    ok: bool
    seq: int = 0
    result: dict[str, Any] | None = None
    code: str = ""
    message: str = ""
    details: dict[str, Any] | None = None


Reply = Callable[[list[Answer]], None]
Submit = Callable[[Actor, Sequence[Any], Reply, int], None]


async def answers_to(submit: Submit, actor: Actor, commands: Sequence[Any], size: int = 0) -> list[Answer]:
    """Gives commands, and waits for their answers. Who stops waiting takes nothing back, and holds up nobody."""
    future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()

    def reply(answers: list[Answer]) -> None:
        if not future.done():
            future.set_result(answers)

    submit(actor, commands, reply, size)
    return await future


def refused(id_: str | None, refusal: Refusal, seq: int = 0) -> Answer:
    details = dict(refusal.details) if refusal.details else None
    return Answer(id=id_, ok=False, seq=seq, code=refusal.code, message=refusal.message, details=details)


def busy(why: str, retry_ms: int) -> Refusal:
    """Nothing is wrong with the command: it may be given again, with the same id, after this time."""
    return Refusal("busy", why, {"retry_ms": retry_ms})
