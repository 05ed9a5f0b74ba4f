"""Sends an audience's commands through the relay: in order, in frames that fit, counted, nothing dropped silently."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from coordinator.demo.wire import Answer, Command, RelayLink, fits

MAX_TRIES = 30  # with the pauses below about a minute: longer than a restart of the service takes
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0

Pause = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Tally:
    """What was answered. `accepted` by what was done, `refused` by (what, code), `unanswered` where no answer ever came."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    retried: int = 0

    def refuse(self, what: str, code: str, message: str) -> None:
        self.refused[what, code] += 1
        self.examples.setdefault(code, message)

    @property
    def refusals(self) -> int:
        return sum(self.refused.values())

    def lines(self) -> list[str]:
        """What did not go through, for people; empty where all did."""
        out = []
        for (what, code), n in sorted(self.refused.items()):
            said = self.examples.get(code, "")
            out.append(f"refused: {n} x {what}, {code}" + (f" (the first: {said})" if said else ""))
        out.extend(f"no answer: {n} x {what}; the relay stayed away" for what, n in sorted(self.unanswered.items()))
        return out


def what_of(command: Command) -> str:
    """`joined`, `left`, `message` for an observation, else the command's kind."""
    return str(command["what"]) if command.get("kind") == "group.observe" else str(command["kind"])


async def send_all(relay: RelayLink, commands: list[Command], tally: Tally, *, pause: Pause = asyncio.sleep) -> None:
    """Sends the commands in their order and counts each answer once.

    `busy` and a relay that is away are tried again with the same ids, so nothing counts twice; what comes after in the
    list waits meanwhile. What has no answer after a minute is counted as unanswered.
    """
    waiting = list(commands)
    tries = 0
    while waiting:
        n = fits(waiting)
        frame, pause_s = waiting[:n], min(FIRST_PAUSE_S * 2**tries, LONGEST_PAUSE_S)
        try:
            answers = list(await relay.observe(frame))
        except (OSError, TimeoutError):
            answers = []
        again = _counted(frame, answers, tally)
        waiting = again + waiting[n:]
        if not again:
            tries = 0
            continue
        tries = 1 if len(again) < len(frame) else tries + 1
        tally.retried += len(again)
        if tries >= MAX_TRIES:
            for command in waiting:
                tally.unanswered[what_of(command)] += 1
            return
        await pause(max(pause_s, _retry_s(answers)))


def _counted(frame: list[Command], answers: list[Answer], tally: Tally) -> list[Command]:
    """Counts what is settled and gives back, in order, what must be sent again."""
    by_id = {answer.get("id"): answer for answer in answers}
    again = []
    for command in frame:
        answer = by_id.get(command["id"])
        if answer is None or (not answer.get("ok") and answer.get("code") == "busy"):
            again.append(command)
        elif answer.get("ok"):
            tally.accepted[what_of(command)] += 1
        else:
            tally.refuse(what_of(command), str(answer.get("code", "?")), str(answer.get("message", "")))
    return again


def _retry_s(answers: list[Answer]) -> float:
    waits = [(answer.get("details") or {}).get("retry_ms", 0) for answer in answers if not answer.get("ok")]
    return min(max((w for w in waits if isinstance(w, int | float)), default=0) / 1_000, LONGEST_PAUSE_S)
