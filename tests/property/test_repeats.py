"""A command that is sent twice counts once: at once, later, and after the service was killed.

The conductor is the real one; its journal is a list in memory that keeps the promises of `journal.base`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.clock import Clock
from coordinator.conductor import Answer, Conductor
from coordinator.core import CLOCK, Actor
from coordinator.core.state import encode
from coordinator.errors import Conflict
from coordinator.journal.base import CommandKey, End, Entry, Flush, Journal, SaleExists
from coordinator.runsheet import load_plan
from roles.permissions import may
from tests.core.driver import ACTORS, SECOND, START, sheet
from tests.property.steps import NAMES, commands


class Stopped(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> int:
        return self.at

    def delay(self, instant: int) -> float:
        return 0.0 if instant <= self.at else 3600.0


class ListJournal(Journal):
    """One sale's events in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.keys: list[CommandKey] = []

    async def create(self, sale: str) -> None:
        if self.entries:
            raise SaleExists(sale, len(self.entries))

    async def sales(self) -> list[str]:
        return ["kitchen"]

    async def append(self, sale: str, flush: Flush) -> None:
        if flush.first != len(self.entries) + 1:
            raise Conflict(sale, flush.first - 1, len(self.entries))
        private = dict(flush.private)
        await asyncio.sleep(0)
        for n, body in enumerate(flush.bodies, flush.first):
            self.entries.append(Entry(n, bytes(body), private.get(n)))
        self.keys += flush.commands

    async def end(self, sale: str) -> End:
        return End(len(self.entries), b"", "0123456789abcdef")

    async def read(self, sale: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        return self.entries[after : after + limit]

    async def commands(self, sale: str) -> AsyncIterator[CommandKey]:
        for key in list(self.keys):
            yield key

    async def find(self, sale: str, sender: str, command: str) -> int | None:
        return next((n for s, c, n in self.keys if (s, c) == (sender, command)), None)

    async def erase(self, sale: str, seqs: Sequence[int]) -> None:
        raise NotImplementedError

    async def verify(self, sale: str) -> int:
        return len(self.entries)

    async def save_snapshot(self, sale: str, seq: int, data: bytes) -> None: ...

    async def snapshot(self, sale: str) -> tuple[int, bytes] | None:
        return None

    async def close(self) -> None: ...


class Service:
    """A conductor that can be killed and opened again on its journal."""

    def __init__(self) -> None:
        self.journal, self.clock = ListJournal(), Stopped()
        self.conductor: Conductor

    async def open(self) -> None:
        clock: Callable[[Any], Clock] = lambda _: self.clock  # noqa: E731 - the one clock of this test
        self.conductor = Conductor("kitchen", self.journal, permissions=may, make_clock=clock, public="https://d.example")
        await self.conductor.open()

    async def again(self) -> None:
        await self.conductor.close()
        await self.open()

    async def do(self, who: Actor, fields: dict[str, Any]) -> Answer:
        return await self.conductor.do(who, fields)

    @property
    def sale(self) -> Any:
        """What `steps.commands` looks at."""

        class Now:
            state = self.conductor.state
            now = self.clock.at

        return Now


Sent = tuple[Actor, dict[str, Any], Answer]


async def scenario(steps: list[tuple[str, int, int, str]]) -> None:
    service = Service()
    await service.open()
    plan, as_read, _ = load_plan(sheet(segment_of_drops()), "sheet", None, START)
    await service.do(CLOCK, {"kind": "sale.create", "sale": "kitchen", "plan": plan, "sheet": as_read})
    for n, (kind, who) in enumerate((("show.arm", "owner"), ("show.start", "owner"))):
        assert (await service.do(ACTORS[who], {"kind": kind, "id": f"s{n}"})).ok
    for kind, fields in (("coupon.drop", {"coupon": "c20", "groups": "all"}), ("link.drop", {"link": "room", "groups": "all"})):
        assert (await service.do(ACTORS["controller"], {"kind": kind, "id": kind, **fields})).ok
    service.clock.at += 3 * SECOND
    service.conductor.wake()
    sent: list[Sent] = []
    for n, (name, a, b, how) in enumerate(steps):
        who, kind, fields = commands(service.sale, name, a, b, [])
        actor = ACTORS[who] if isinstance(who, str) else who
        if actor is CLOCK:
            continue
        body = {"kind": kind, "id": f"i{n}", **{k: v for k, v in fields.items() if v is not None}}
        service.clock.at += a
        first = await service.do(actor, body)
        if first.ok:
            sent.append((actor, body, first))
        if how == "killed":
            await service.again()
        elif how == "together":
            await together(service, actor, body)
        if first.ok and how != "once":
            await repeated(service, (actor, body, first))
    for each in sent:
        await repeated(service, each)
    await service.again()
    for each in sent:
        await repeated(service, each)
    assert len({(s, i) for s, i, _ in service.journal.keys}) == len(service.journal.keys)
    await service.conductor.close()


async def repeated(service: Service, given: Sent) -> None:
    """The same id again: the same answer, and nothing happens. The same id with another body: invalid."""
    actor, body, first = given
    state = await service.conductor.settled()
    before, events = encode(state), len(service.journal.entries)
    again = await service.do(actor, body)
    if await service.journal.find("kitchen", actor.sender, body["id"]) is not None:
        assert again.ok
        assert again.result == first.result, body
        other = await service.do(actor, {**body, "surprise": 1})
        assert (other.ok, other.code) == (False, "invalid")
        assert len(service.journal.entries) == events
        assert encode(await service.conductor.settled()) == before


async def together(service: Service, actor: Actor, body: dict[str, Any]) -> None:
    """A whole frame of the same command with a new id: one of them at most takes effect."""
    fresh = {**body, "id": body["id"] + "x"}
    answers = await asyncio.gather(*[service.do(actor, fresh) for _ in range(3)])
    written = [k for k in service.journal.keys if k[1] == fresh["id"]]
    assert len(written) <= 1
    if written:
        assert all(a.ok for a in answers)
        assert len({str(a.result) for a in answers}) == 1


def segment_of_drops() -> dict[str, Any]:
    cue = {"id": "c", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "all"}
    return {"id": "intro", "kind": "interaction", "lasts": "30m", "cues": [cue]}


GIVEN = sorted({n for n in NAMES if n not in {"wait", "away", "edit"}})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(GIVEN), st.integers(0, 59), st.integers(0, 59), st.sampled_from(["once", "twice", "twice", "together", "killed"])
    ),
    min_size=8, max_size=20,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=40)
def test_a_repeated_command_changes_nothing_and_is_told_the_same(steps: list[tuple[str, int, int, str]]) -> None:
    asyncio.run(scenario(steps))
